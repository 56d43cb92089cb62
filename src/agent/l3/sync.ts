// What to ask the server, and when: single routers that a message named, or all of them.
// Messages only name routers; what is to be done is always what the server answers afterwards.
import { Backoff } from '../../engine/backoff.ts';
import { DirtyQueue } from '../../engine/dirty-queue.ts';
import type { AgentContext } from '../context.ts';
import { asDict } from '../desired/l3/values.ts';
import { parseRouter } from '../desired/l3/wire.ts';
import type { Routers } from './routers.ts';
import { RouterSource, routerIds } from './rpc.ts';
import { sweep } from './sweep.ts';

const ALL = '*';

export class Sync {
  /** Resolves after the first full pass: every router was asked for and tried, leftovers are gone. */
  readonly synced: Promise<void>;
  private readonly ctx: AgentContext;
  private readonly signal: AbortSignal;
  private readonly routers: Routers;
  private readonly source: RouterSource;
  private readonly queue: DirtyQueue;
  private readonly backoff: Backoff;
  /** HA and distributed ones: never touched, not even when everything else is swept. */
  private readonly unsupported = new Set<string>();
  private readonly complaints = new Map<string, string>();
  private markSynced = (): void => {};

  constructor(ctx: AgentContext, signal: AbortSignal, routers: Routers) {
    this.ctx = ctx;
    this.signal = signal;
    this.routers = routers;
    this.source = new RouterSource(ctx.bus, ctx.config.host);
    this.queue = new DirtyQueue(ctx.clock);
    this.backoff = new Backoff({ firstMs: 500, maxMs: 30_000 }, ctx.random);
    this.synced = new Promise(resolve => {
      this.markSynced = resolve;
    });
  }

  router(id: string): void {
    this.queue.mark(id);
  }

  all(): void {
    this.queue.mark(ALL);
  }

  async run(): Promise<void> {
    while (!this.signal.aborted) {
      const keys = await this.queue.take(this.signal);
      if (keys.length === 0) continue;
      try {
        if (keys.includes(ALL)) await this.full();
        else await this.some(keys);
        this.backoff.reset();
      } catch (error) {
        if (this.signal.aborted) return;
        const ms = this.backoff.next();
        this.ctx.log.warning('the server did not answer; trying again', { error: String(error), retry_ms: ms });
        for (const key of keys) this.queue.mark(key, ms);
      }
    }
  }

  private async full(): Promise<void> {
    const ids = await routerIds(this.ctx.bus, this.ctx.config.host);
    const known = new Set([...this.routers.ids(), ...this.unsupported]);
    const { attempts, answered } = await this.fetch(ids);
    // A router that was asked for and not answered is gone as well; one that the server failed on is left as it is.
    for (const id of known) if (!ids.includes(id)) attempts.push(this.drop(id));
    const keep = new Set([...ids.filter(id => !answered.has(id)), ...this.routers.ids(), ...this.unsupported]);
    attempts.push(...(await sweep(this.ctx, this.routers, keep)));
    void Promise.all(attempts).then(() => this.markSynced());
  }

  private async some(ids: readonly string[]): Promise<void> {
    await this.fetch(ids);
  }

  /** Does not wait for the work itself: a router that is slow to make delays no other one. */
  private async fetch(ids: readonly string[]): Promise<{ attempts: Promise<void>[]; answered: Set<string> }> {
    const attempts: Promise<void>[] = [];
    const answered = new Set<string>();
    const refused = (id: string, error: unknown): void => {
      this.ctx.log.error('the server cannot describe a router', { router_id: id, error: String(error) });
      this.queue.mark(id, 30_000);
    };
    for await (const { asked, routers } of this.source.fetch(ids, refused)) {
      const missing = new Set(asked);
      for (const id of asked) answered.add(id);
      for (const dict of routers) {
        const id = asDict(dict)?.['id'];
        if (typeof id === 'string' && missing.delete(id)) attempts.push(this.take(dict));
        else this.ctx.log.error('the server described a router that was not asked for', { router_id: id });
      }
      for (const id of missing) attempts.push(this.drop(id));
    }
    return { attempts, answered };
  }

  private take(dict: unknown): Promise<void> {
    const { log, config } = this.ctx;
    const parsed = parseRouter(dict);
    switch (parsed.kind) {
      case 'invalid':
        log.error('a router that cannot be read is left as it is', { router_id: parsed.id, why: parsed.why });
        if (parsed.id !== undefined && !this.routers.has(parsed.id)) this.unsupported.add(parsed.id);
        return Promise.resolve();
      case 'unsupported':
        this.complain(parsed.id, parsed.why);
        this.unsupported.add(parsed.id);
        return Promise.resolve();
      case 'down':
        return this.drop(parsed.id);
      case 'router': {
        const { router } = parsed;
        this.unsupported.delete(router.id);
        this.complain(router.id, parsed.complaints.join('; '));
        const compatible = router.gateway !== undefined || (config.l3?.handleInternalOnlyRouters ?? true);
        if (!compatible) log.info('a router without a gateway is not for this agent', { router_id: router.id });
        return compatible ? this.routers.want(router) : this.drop(router.id);
      }
    }
  }

  /** Nothing is done for a router that was never here. */
  private drop(id: string): Promise<void> {
    this.unsupported.delete(id);
    this.complaints.delete(id);
    return this.routers.has(id) ? this.routers.remove(id) : Promise.resolve();
  }

  private complain(id: string, why: string): void {
    if (why !== '' && this.complaints.get(id) !== why) this.ctx.log.warning('not all of a router is realised', { router_id: id, why });
    this.complaints.set(id, why);
  }
}
