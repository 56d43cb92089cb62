// Tells the server which ports can get their addresses: urgent ones first, at most 64 in one call, and only after dnsmasq was told.
import { BusTimeout, RemoteError } from '../../contracts/bus.ts';
import { Backoff } from '../../engine/backoff.ts';
import type { AgentContext } from '../context.ts';
import { URGENT } from '../desired/dhcp/inbox.ts';
import type { DhcpServer } from './server.ts';

const PER_CALL = 64;

export class ReadyPorts {
  private readonly ctx: Pick<AgentContext, 'clock' | 'log'>;
  private readonly server: Pick<DhcpServer, 'ready'>;
  private readonly retry: Backoff;
  private readonly stop = new AbortController();
  private readonly urgent = new Set<string>();
  private readonly others = new Set<string>();
  private sending: Promise<void> | undefined;

  constructor(ctx: Pick<AgentContext, 'clock' | 'log' | 'random'>, server: Pick<DhcpServer, 'ready'>) {
    this.ctx = ctx;
    this.server = server;
    this.retry = new Backoff({ firstMs: 200, maxMs: 30_000 }, ctx.random);
  }

  add(portId: string, priority: number): void {
    if (this.urgent.has(portId)) return;
    if (priority <= URGENT) {
      this.urgent.add(portId);
      this.others.delete(portId);
    } else this.others.add(portId);
    this.sending ??= this.drain();
  }

  forget(portId: string): void {
    this.urgent.delete(portId);
    this.others.delete(portId);
  }

  [Symbol.dispose](): void {
    this.stop.abort();
  }

  private async drain(): Promise<void> {
    // What is added in the same turn goes into the same call.
    await Promise.resolve();
    while (!this.stop.signal.aborted && this.urgent.size + this.others.size > 0) {
      const batch = [...this.urgent, ...this.others].slice(0, PER_CALL);
      const again = new Map(batch.map(id => [id, this.urgent.has(id)]));
      for (const id of batch) this.forget(id);
      const failed = await this.send(batch);
      for (const id of failed) (again.get(id) ? this.urgent : this.others).add(id);
      if (failed.length > 0) await this.ctx.clock.sleep(this.retry.next(), this.stop.signal);
      else this.retry.reset();
    }
    this.sending = undefined;
  }

  /** Answers which ports have to be tried again. One that the server cannot stand does not hold up the others. */
  private async send(batch: readonly string[]): Promise<readonly string[]> {
    try {
      await this.server.ready(batch);
      return [];
    } catch (error) {
      if (!(error instanceof RemoteError)) {
        const level = error instanceof BusTimeout ? 'warning' : 'error';
        this.ctx.log[level]('ports could not be reported as ready', { ports: batch.length, error: String(error) });
        return batch;
      }
      if (batch.length === 1) {
        this.ctx.log.warning('the server refused a ready port', { port_id: batch[0], error: error.message, type: error.excType });
        return [];
      }
      const half = batch.length >> 1;
      return [...(await this.send(batch.slice(0, half))), ...(await this.send(batch.slice(half)))];
    }
  }
}
