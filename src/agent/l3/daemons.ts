// radvd and the metadata proxy of each router: wanted here, started and watched beside the update path,
// so that a router whose daemon does not start holds up neither its own packets nor another router.
import type { LogFields } from '../../contracts/log.ts';
import type { AgentContext } from '../context.ts';
import { ensureMetadataProxy, metadataProxyAlive, removeMetadataProxy } from '../metadata/proxy.ts';
import { Radvd } from './radvd.ts';
import { Workers } from './workers.ts';

export interface WantedDaemons {
  readonly netns: string;
  /** Empty: none. */
  readonly radvdText: string;
  readonly metadataPort?: number;
}

/** How often the daemons are looked at. */
const WATCH_MS = 1000;

export class Daemons {
  private readonly ctx: AgentContext;
  private readonly signal: AbortSignal;
  private readonly radvd: Radvd;
  private readonly wanted = new Map<string, WantedDaemons | undefined>();
  /** Routers whose daemons stood after the last attempt. */
  private readonly stood = new Set<string>();
  private readonly workers: Workers;

  constructor(ctx: AgentContext, signal: AbortSignal) {
    this.ctx = ctx;
    this.signal = signal;
    this.radvd = new Radvd(ctx);
    this.workers = new Workers({
      clock: ctx.clock,
      random: ctx.random,
      signal,
      // Nearly all of their time is waiting for a daemon to stand.
      parallel: 16,
      backoff: { firstMs: 1000, maxMs: 60_000 },
      work: id => this.work(id),
      onFailure: (id, error, retryMs) =>
        this.warn('a daemon does not stand; trying again', { router_id: id, error: String(error), retryMs }),
    });
  }

  /** Returns at once. */
  want(id: string, wanted: WantedDaemons): void {
    this.wanted.set(id, wanted);
    this.workers.mark(id);
  }

  /** Resolves when they are gone, or when it was tried: a failure is tried again beside. */
  async remove(id: string): Promise<void> {
    this.wanted.set(id, undefined);
    await this.workers.attempt(id);
  }

  /** The device was just plugged: what was advertised before went nowhere. */
  async readvertise(id: string): Promise<void> {
    if (this.wanted.get(id)?.radvdText) await this.radvd.reload(id);
  }

  /** Looks after all of them until the signal aborts. */
  async watch(): Promise<void> {
    while (!this.signal.aborted) {
      await this.ctx.clock.sleep(WATCH_MS, this.signal);
      for (const [id, wanted] of [...this.wanted]) {
        if (this.signal.aborted) return;
        if (wanted && !(await this.stand(id, wanted))) this.workers.mark(id);
      }
    }
  }

  private async stand(id: string, wanted: WantedDaemons): Promise<boolean> {
    // One that never stood is with the workers' back-off, not with this watch.
    if (!this.stood.has(id)) return true;
    const radvd = wanted.radvdText === '' || (await this.radvd.alive(id)) !== undefined;
    const proxy = wanted.metadataPort === undefined || (await metadataProxyAlive(this.ctx, id)) !== undefined;
    if (radvd && proxy) return true;
    this.stood.delete(id);
    this.warn(`${radvd ? 'the metadata proxy' : 'radvd'} died and is started again`, { router_id: id });
    return false;
  }

  private async work(id: string): Promise<void> {
    const wanted = this.wanted.get(id);
    if (!wanted) {
      this.stood.delete(id);
      await Promise.all([this.radvd.remove(id), removeMetadataProxy(this.ctx, id)]);
      if (!this.wanted.get(id)) {
        this.wanted.delete(id);
        this.workers.forget(id);
      }
      return;
    }
    const proxy = wanted.metadataPort === undefined ? removeMetadataProxy(this.ctx, id) : this.proxy(id, wanted.netns, wanted.metadataPort);
    const results = await Promise.allSettled([this.radvd.realise(id, wanted.netns, wanted.radvdText), proxy]);
    const failed = results.find(r => r.status === 'rejected');
    if (failed) throw failed.reason;
    this.stood.add(id);
  }

  private async proxy(id: string, netns: string, bindPort: number): Promise<void> {
    await ensureMetadataProxy(this.ctx, { kind: 'router', id, netns, bindPort });
  }

  private warn(message: string, fields: LogFields): void {
    this.ctx.log.warning(message, fields);
  }
}
