// Simulated connections of a switch: those that a test puts in, listed and forgotten.
import type { Datapath, TrackedConnection } from '../../../contracts/host/datapath.ts';
import { HostRefusal } from '../../../contracts/host/firewall.ts';
import { type FailOptions, Failures } from '../sim-failures.ts';
import { tupleText } from './tuples.ts';

export class SimDatapath implements Datapath {
  private readonly all = new Map<string, TrackedConnection>();
  private readonly failures = new Failures<'connections' | 'forget'>();

  failNext(what: 'connections' | 'forget', options: FailOptions = {}): void {
    this.failures.failNext(what, options);
  }

  /** A connection begins, or gets another mark. */
  track(connection: TrackedConnection): void {
    this.all.set(keyOf(connection), connection);
  }

  async connections(_type: string, zone: number): Promise<readonly TrackedConnection[]> {
    this.check('connections');
    return [...this.all.values()].filter(c => c.zone === zone);
  }

  async forget(_type: string, connections: readonly TrackedConnection[]): Promise<void> {
    this.check('forget');
    for (const c of connections) this.all.delete(keyOf(c));
  }

  async forgetZone(_type: string, zone: number): Promise<void> {
    this.check('forget');
    for (const [key, c] of this.all) if (c.zone === zone) this.all.delete(key);
  }

  private check(what: 'connections' | 'forget'): void {
    const failure = this.failures.take(what, '');
    if (failure !== undefined) throw new HostRefusal('ovs-vswitchd', failure);
  }
}

const keyOf = (c: TrackedConnection): string => `${c.zone} ${tupleText(c)}`;
