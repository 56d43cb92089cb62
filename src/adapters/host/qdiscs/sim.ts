// Simulated queueing disciplines: what was put on devices that are there, and goes with them.
import { HostRefusal } from '../../../contracts/host/firewall.ts';
import type { Netns, Refusal } from '../../../contracts/host/netns.ts';
import type { Qdisc, QdiscChange, Qdiscs } from '../../../contracts/host/qdiscs.ts';
import type { SimLinks } from '../links/sim.ts';
import { type FailOptions, Failures } from '../sim-failures.ts';

export class SimQdiscs implements Qdiscs {
  /** What was asked for, to be counted. */
  readonly applied: QdiscChange[] = [];
  private readonly links: SimLinks;
  private readonly failures = new Failures<'list' | 'apply'>();
  /** By namespace and index of the device. */
  private readonly all = new Map<string, Qdisc[]>();
  private last = 0x8000;

  constructor(links: SimLinks) {
    this.links = links;
  }

  failNext(what: 'list' | 'apply', options: FailOptions = {}): void {
    this.failures.failNext(what, options);
  }

  private check(what: 'list' | 'apply', ns: Netns): void {
    const failure = this.failures.take(what, ns);
    if (failure !== undefined) throw new HostRefusal('tc', failure);
  }

  /** Somebody else's: by namespace and index of the device. */
  put(key: string, qdisc: Qdisc): void {
    this.all.set(key, [...(this.all.get(key) ?? []).filter(q => q.at !== qdisc.at), qdisc]);
  }

  async list(ns: Netns): Promise<readonly Qdisc[]> {
    this.check('list', ns);
    return (await this.links.list(ns)).flatMap(({ name, index }) => {
      const own = (this.all.get(`${ns} ${index}`) ?? []).map(q => ({ ...q, dev: name }));
      return own.some(q => q.at === 'root') ? own : [{ dev: name, kind: 'noqueue', handle: '0:', at: 'root' as const }, ...own];
    });
  }

  async apply(ns: Netns, changes: readonly QdiscChange[]): Promise<readonly Refusal[]> {
    this.check('apply', ns);
    const indexes = new Map((await this.links.list(ns)).map(l => [l.name, l.index]));
    return changes.flatMap((change, index): Refusal[] => {
      const link = indexes.get(change.dev);
      if (link === undefined) return [{ index, reason: `Cannot find device "${change.dev}"` }];
      this.applied.push(change);
      const key = `${ns} ${link}`;
      if (change.do === 'shape') {
        const handle = `${(++this.last).toString(16)}:`;
        this.put(key, { dev: change.dev, kind: 'tbf', handle, at: 'root', shaper: change.shaper });
        return [];
      }
      const there = this.all.get(key) ?? [];
      if (!there.some(q => q.at === change.at)) return [{ index, reason: 'Error: Cannot delete qdisc with handle of zero.' }];
      this.all.set(
        key,
        there.filter(q => q.at !== change.at),
      );
      return [];
    });
  }
}
