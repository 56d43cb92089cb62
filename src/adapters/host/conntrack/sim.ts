// Simulated connection tracking: flows that a test puts in, listed and flushed by filter.
import { type Conntrack, type Flow, type FlowFilter, HostRefusal } from '../../../contracts/host/firewall.ts';
import type { Netns } from '../../../contracts/host/netns.ts';
import { vetted } from '../names.ts';
import { type FailOptions, Failures } from '../sim-failures.ts';
import { deleteArgs, matches } from './filter.ts';

export class SimConntrack implements Conntrack {
  private readonly open: (ns: Netns) => void;
  private readonly all = new Map<Netns, Flow[]>();
  private readonly failures = new Failures<'list' | 'flush'>();
  /** Every flush, for tests that look at what was asked. */
  readonly flushed: { readonly ns: Netns; readonly filters: readonly FlowFilter[] }[] = [];

  constructor(open: (ns: Netns) => void) {
    this.open = open;
  }

  failNext(what: 'list' | 'flush', options: FailOptions = {}): void {
    this.failures.failNext(what, options);
  }

  /** A connection begins. Without a zone it is in zone 0. */
  track(ns: Netns, flow: Flow): void {
    this.open(ns);
    this.all.set(ns, [...(this.all.get(ns) ?? []), { zone: 0, ...flow }]);
  }

  async flush(ns: Netns, filters: readonly FlowFilter[]): Promise<number> {
    this.check('flush', ns);
    vetted('conntrack', () => filters.map(deleteArgs));
    this.flushed.push({ ns, filters });
    const flows = this.all.get(ns) ?? [];
    const kept = flows.filter(flow => !filters.some(f => matches(f, flow)));
    this.all.set(ns, kept);
    return flows.length - kept.length;
  }

  async list(ns: Netns, family: 4 | 6, zone?: number): Promise<readonly Flow[]> {
    this.check('list', ns);
    return (this.all.get(ns) ?? []).filter(f => f.family === family && (zone === undefined || f.zone === zone));
  }

  forget(ns: Netns): void {
    this.all.delete(ns);
  }

  private check(what: 'list' | 'flush', ns: Netns): void {
    const failure = this.failures.take(what, ns);
    if (failure !== undefined) throw new HostRefusal('conntrack', failure);
    this.open(ns);
  }
}
