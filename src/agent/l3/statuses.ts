// Floating IP statuses on their way to the server: kept until it has taken them, whatever it does meanwhile.
import type { AgentContext } from '../context.ts';
import { serverTarget } from './rpc.ts';
import { Workers } from './workers.ts';

export type FloatingIpStatus = 'ACTIVE' | 'DOWN' | 'ERROR';

export class Statuses {
  private readonly ctx: Pick<AgentContext, 'bus' | 'log'>;
  private readonly due = new Map<string, Map<string, FloatingIpStatus>>();
  private readonly workers: Workers;

  constructor(ctx: AgentContext, signal: AbortSignal) {
    this.ctx = ctx;
    this.workers = new Workers({
      clock: ctx.clock,
      random: ctx.random,
      signal,
      parallel: 8,
      backoff: { firstMs: 500, maxMs: 30_000 },
      work: id => this.send(id),
      onFailure: (id, error) =>
        ctx.log.warning('floating IP statuses were not taken; trying again', { router_id: id, error: String(error) }),
    });
  }

  /** Returns at once; a later status of the same floating IP replaces one that was not sent yet. */
  report(routerId: string, statuses: ReadonlyMap<string, FloatingIpStatus>): void {
    if (statuses.size === 0) return;
    const due = this.due.get(routerId) ?? new Map<string, FloatingIpStatus>();
    for (const [id, status] of statuses) due.set(id, status);
    this.due.set(routerId, due);
    this.workers.mark(routerId);
  }

  private async send(routerId: string): Promise<void> {
    const due = this.due.get(routerId);
    if (!due) return;
    this.due.delete(routerId);
    try {
      const args = { router_id: routerId, fip_statuses: Object.fromEntries(due) };
      await this.ctx.bus.call(serverTarget('1.1'), 'update_floatingip_statuses', args);
      this.workers.forget(routerId);
    } catch (error) {
      this.due.set(routerId, new Map([...due, ...(this.due.get(routerId) ?? [])]));
      throw error;
    }
  }
}
