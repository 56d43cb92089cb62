// One server of a topic: takes messages, drops what is stale, repeated or malformed, runs the handler and replies.
import { type BusServer, RpcFailure } from '../../contracts/bus.ts';
import type { Log } from '../../contracts/log.ts';
import type { Clock } from '../../engine/clock.ts';
import { findHandler } from './dispatch.ts';
import { packReply, type Request, unpackRequest } from './envelope.ts';
import { packFailure } from './failure.ts';
import { RecentIds } from './recent-ids.ts';
import { type Consumer, type Delivery, MessageTooLarge } from './transport.ts';

export interface ListenerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: () => string;
  readonly reply: (queue: string, body: string) => Promise<void>;
  /** Handlers at work at one time, oslo.messaging's `executor_thread_pool_size`; more messages wait where they are queued. */
  readonly concurrency: number;
}

/** Handlers start in the order of the messages, each in a turn of its own; they may finish in any order. */
export class Listener implements Consumer {
  private readonly served: BusServer;
  private readonly options: ListenerOptions;
  private readonly recent = new RecentIds();
  private readonly running = new Set<Promise<void>>();
  private stopped = false;
  /** Set by the owner once subscribed. */
  resume: () => void = () => {};

  constructor(served: BusServer, options: ListenerOptions) {
    this.served = served;
    this.options = options;
  }

  ready(): boolean {
    return !this.stopped && this.running.size < this.options.concurrency;
  }

  take(delivery: Delivery): void {
    const work = Promise.resolve()
      .then(() => this.process(delivery))
      .catch(error => this.options.log.error('bus listener failed', { topic: this.served.topic, error }))
      .finally(() => {
        this.running.delete(work);
        this.resume();
      });
    this.running.add(work);
  }

  /** Takes no more and waits for the handlers at work, but not for ever; 0: for ever. */
  async stop(graceMs: number): Promise<void> {
    this.stopped = true;
    if (graceMs === 0) return void (await Promise.all(this.running));
    const given = new AbortController();
    await Promise.race([Promise.all(this.running), this.options.clock.sleep(graceMs, given.signal)]);
    given.abort();
  }

  private async process(delivery: Delivery): Promise<void> {
    const { log, clock } = this.options;
    const { topic } = this.served;
    if (delivery.expiresAt !== undefined && delivery.expiresAt <= clock.now()) return log.debug('stale call not executed', { topic });
    let request: Request;
    try {
      request = unpackRequest(delivery.body);
    } catch (error) {
      return log.warning('malformed message dropped', { topic, why: String(error) });
    }
    if (this.recent.seen(request.uniqueId)) return log.debug('duplicate message dropped', { topic, method: request.method });
    await this.answer(request);
  }

  private async answer(request: Request): Promise<void> {
    const beat = this.heartbeat(request);
    try {
      const handler = findHandler(this.served.endpoints, request);
      const result = await handler(request.args, request.context);
      beat.abort();
      await this.reply(request, { result });
    } catch (error) {
      beat.abort();
      this.report(request, error);
      await this.reply(request, { failure: packFailure(error) });
    }
  }

  private async reply(request: Request, answer: { result?: unknown; failure?: string; ending?: boolean }): Promise<void> {
    const { msgId, replyQueue } = request;
    if (msgId === undefined || replyQueue === undefined) return;
    // Packing comes first and may throw: a result that is not JSON becomes a failure.
    const body = packReply({ msgId, ...answer, uniqueId: this.options.newId() });
    try {
      await this.options.reply(replyQueue, body);
    } catch (error) {
      if (error instanceof MessageTooLarge && answer.failure === undefined) throw error;
      this.options.log.warning('reply lost', { method: request.method, error: String(error) });
    }
  }

  /** Tells a caller that gave `_timeout` every half of it that the method still runs. */
  private heartbeat(request: Request): AbortController {
    const stop = new AbortController();
    if (request.monitorSeconds === null || request.msgId === undefined) return stop;
    const every = Math.max(100, request.monitorSeconds * 500);
    const beat = async (): Promise<void> => {
      for (;;) {
        await this.options.clock.sleep(every, stop.signal);
        if (stop.signal.aborted || this.stopped) return;
        await this.reply(request, { ending: false });
      }
    };
    void beat();
    return stop;
  }

  private report(request: Request, error: unknown): void {
    const { log } = this.options;
    const about = { topic: this.served.topic, method: request.method, request_id: request.context.request_id };
    if (error instanceof RpcFailure) {
      const quiet =
        error.excType !== 'UnsupportedVersion' && (error.excType !== 'NoSuchMethod' || request.method.endsWith('_ignore_errors'));
      log[quiet ? 'debug' : 'warning']('method refused', { ...about, exception: error.excType, why: error.message });
    } else {
      log.error('method failed', { ...about, error });
    }
  }
}
