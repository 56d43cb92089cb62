// Publishes on one channel with confirms, in the order of the calls. Closed by the broker, the next message opens another; what was not
// confirmed is refused.
import type { ConfirmChannel } from 'amqplib';
import { BusUnavailable } from '../../contracts/bus.ts';
import { declareQueue, type ExchangeDeclaration, type QueueDeclaration } from './declarations.ts';
import { contentOf, propertiesOf, textOf } from './message.ts';
import type { AmqpOptions } from './options.ts';

export interface Outgoing {
  /** Absent: the default exchange, where the key is the name of a queue, which has to be there. */
  readonly exchange: ExchangeDeclaration | undefined;
  readonly key: string;
  /** Further keys. */
  readonly others?: readonly string[] | undefined;
  /** Is to be there, so that what nobody consumes yet is kept. */
  readonly queue?: QueueDeclaration | undefined;
  readonly body: string;
  readonly expirationMs: number | undefined;
}

/** So long an exchange that deletes itself counts as there: a crowd of messages asks for it once. */
const assertedMs = 500;

/** `returned`: no such queue, so the broker gave it back. */
export type Outcome = 'handed over' | 'returned';

export class Publisher {
  private readonly open: () => Promise<ConfirmChannel>;
  private readonly compression: AmqpOptions['compression'];
  private opened: Promise<ConfirmChannel> | undefined;
  private asserted = new Map<string, { readonly at: number; readonly done: Promise<unknown> }>();
  /** Settles when all messages so far are sent, or never will be. */
  private sent: Promise<void> = Promise.resolve();
  private why = 'the connection went';
  /** Mandatory messages that are not confirmed, by their text: no property tells them apart. */
  private readonly mandatory = new Map<string, { returned: boolean }>();

  constructor(open: () => Promise<ConfirmChannel>, { compression }: Pick<AmqpOptions, 'compression'>) {
    this.open = open;
    this.compression = compression;
  }

  /** What has to be there for one, or takes long to compress, is not to let the one behind it overtake. */
  async publish(message: Outgoing, signal?: AbortSignal): Promise<Outcome> {
    const { exchange, queue } = message;
    const before = this.sent;
    const sent = Promise.withResolvers<void>();
    this.sent = sent.promise;
    try {
      this.opened ??= this.openChannel();
      const content = contentOf(message.body, this.compression);
      content.catch(() => {});
      const channel = await this.opened;
      if (exchange) await this.assert(channel, exchange);
      if (queue) await this.assertQueue(channel, queue);
      const bytes = await content;
      await before;
      if (signal?.aborted) throw new BusUnavailable('nobody waits for it any more');
      const confirmed = this.send(channel, message, bytes);
      sent.resolve();
      return await confirmed;
    } catch (error) {
      if (error instanceof BusUnavailable) throw error;
      throw new BusUnavailable(`the broker did not take the message: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      sent.resolve();
    }
  }

  private async openChannel(): Promise<ConfirmChannel> {
    try {
      const channel = await this.open();
      this.asserted = new Map();
      channel.on('error', error => {
        this.why = error.message;
      });
      channel.on('close', () => {
        this.opened = undefined;
      });
      channel.on('return', message => {
        const sent = this.mandatory.get(textOf(message));
        if (sent) sent.returned = true;
      });
      return channel;
    } catch (error) {
      this.opened = undefined;
      throw error;
    }
  }

  /** One that deletes itself may be gone again after a while: then the message is refused, as it would be between the two in any case. */
  private assert(channel: ConfirmChannel, { name, type, durable, autoDelete }: ExchangeDeclaration): Promise<unknown> {
    return this.once(`exchange ${name}`, autoDelete ? assertedMs : Number.POSITIVE_INFINITY, () =>
      channel.assertExchange(name, type, { durable, autoDelete }),
    );
  }

  /** Once per connection: who deletes it meanwhile does not want it. */
  private assertQueue(channel: ConfirmChannel, queue: QueueDeclaration): Promise<unknown> {
    return this.once(`queue ${queue.name}`, Number.POSITIVE_INFINITY, () => declareQueue(channel, queue));
  }

  private once(key: string, forMs: number, ask: () => PromiseLike<unknown>): Promise<unknown> {
    const now = performance.now();
    const known = this.asserted.get(key);
    if (known && now - known.at < forMs) return known.done;
    const done = Promise.resolve(ask());
    this.asserted.set(key, { at: now, done });
    // Asked on a channel that went, it says nothing of the next one.
    done.catch(() => {
      if (this.asserted.get(key)?.done === done) this.asserted.delete(key);
    });
    return done;
  }

  private send(channel: ConfirmChannel, { exchange, key, others = [], body, expirationMs }: Outgoing, content: Buffer): Promise<Outcome> {
    const sent = { returned: false };
    if (!exchange) this.mandatory.set(body, sent);
    return new Promise<Outcome>((resolve, reject) => {
      const bcc = others.length > 0 ? { BCC: [...others] } : {};
      const options = { ...propertiesOf(expirationMs, this.compression), ...bcc, mandatory: !exchange };
      channel.publish(exchange?.name ?? '', key, content, options, (error: unknown) => {
        if (error === null) resolve(sent.returned ? 'returned' : 'handed over');
        else reject(new BusUnavailable(`the broker did not confirm the message: ${this.why}`));
      });
    }).finally(() => this.mandatory.delete(body));
  }
}
