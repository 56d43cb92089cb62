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

/** `returned`: no such queue, so the broker gave it back. */
export type Outcome = 'handed over' | 'returned';

export class Publisher {
  private readonly open: () => Promise<ConfirmChannel>;
  private readonly compression: AmqpOptions['compression'];
  private opened: Promise<ConfirmChannel> | undefined;
  private asserted = new Map<string, Promise<unknown>>();
  /** Settles when the contents of all messages so far are made. */
  private made: Promise<unknown> = Promise.resolve();
  private why = 'the connection went';
  /** Mandatory messages that are not confirmed, by their text: no property tells them apart. */
  private readonly mandatory = new Map<string, { returned: boolean }>();

  constructor(open: () => Promise<ConfirmChannel>, { compression }: Pick<AmqpOptions, 'compression'>) {
    this.open = open;
    this.compression = compression;
  }

  async publish(message: Outgoing, signal?: AbortSignal): Promise<Outcome> {
    const { exchange, queue } = message;
    const content = this.contentInTurn(message.body);
    try {
      this.opened ??= this.openChannel();
      const channel = await this.opened;
      if (exchange) await this.assert(channel, exchange);
      if (queue) await this.assertQueue(channel, queue);
      if (signal?.aborted) throw new BusUnavailable('nobody waits for it any more');
      return await this.send(channel, message, await content);
    } catch (error) {
      if (error instanceof BusUnavailable) throw error;
      throw new BusUnavailable(`the broker did not take the message: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** A long one takes longer to compress than the short one behind it, which is not to overtake it. */
  private contentInTurn(body: string): Promise<Buffer> {
    const inTurn = Promise.all([contentOf(body, this.compression), this.made]).then(([content]) => content);
    this.made = inTurn.catch(() => {});
    return inTurn;
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

  /** One that deletes itself may be gone again each time. */
  private assert(channel: ConfirmChannel, { name, type, durable, autoDelete }: ExchangeDeclaration): Promise<unknown> {
    const known = this.asserted.get(name);
    if (known && !autoDelete) return known;
    const asserted = channel.assertExchange(name, type, { durable, autoDelete });
    this.asserted.set(name, asserted);
    return asserted;
  }

  /** Once per connection: who deletes it meanwhile does not want it. */
  private assertQueue(channel: ConfirmChannel, queue: QueueDeclaration): Promise<unknown> {
    const key = `queue ${queue.name}`;
    const asserted = this.asserted.get(key) ?? declareQueue(channel, queue);
    this.asserted.set(key, asserted);
    return asserted;
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
