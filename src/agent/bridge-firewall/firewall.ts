// The packet filters of the host: what they hold, and how they come to hold what they should, with no moment in which a denied packet passes.
import type { Host } from '../../contracts/host/host.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import { type BridgeTable, bridgeTableDelta, type Cut, type DesiredBridgeTable, desiredTable } from '../render/nft-bridge.ts';
import { guardMark, hostFamilies, hostGuard } from '../render/nft-host.ts';
import { parseBridgeTable } from '../render/nft-listing.ts';
import type { FirewallPlan } from './firewall-plan.ts';
import type { RuleTables, Shrunk } from './rule-tables.ts';

export interface FirewallGiven {
  readonly host: Host;
  /** What its nftables tables are called. */
  readonly table: string;
  readonly rules: RuleTables;
}

export class Firewall {
  private readonly given: FirewallGiven;
  private bridge: BridgeTable | undefined;
  /** What the tables of the host's own families are. */
  private guard: string | undefined;
  private changes = 0;

  constructor(given: FirewallGiven) {
    this.given = given;
  }

  /** Reads what the kernel holds. */
  async load(): Promise<void> {
    const { host, table, rules } = this.given;
    const [listing, guard] = await Promise.all([
      host.nft.listTable(hostNetns, 'bridge', table),
      host.nft.listTable(hostNetns, 'inet', table),
      rules.load(),
    ]);
    this.bridge = listing === undefined ? undefined : parseBridgeTable(listing);
    this.guard = guardMark(guard);
  }

  /** Bridge → zone of a running host. */
  zones(): ReadonlyMap<string, number> {
    return this.given.rules.zones();
  }

  /** Devices that were let in before this agent began. */
  admitted(): ReadonlySet<string> {
    return this.bridge?.admitted ?? new Set();
  }

  cuts(): ReadonlyMap<string, Cut> {
    return this.bridge?.cuts ?? new Map();
  }

  /**
   * Shut out first, then members, rules, and let in last; where nothing that is let in is plugged in yet, that may be at once.
   * Throws what the rules' tables throw, and HostRefusal; what was refused is as it was.
   */
  async apply(plan: FirewallPlan, plugged: (device: string) => boolean): Promise<Shrunk> {
    const { rules } = this.given;
    await this.shutOut(plan);
    const began = this.changes;
    await rules.prepare(plan);
    const ruled = rules.apply(plan);
    const before = this.admitted();
    if ([...plan.admitted].some(d => !before.has(d) && plugged(d))) await ruled;
    const others = [this.bridgeTable(this.wanted(plan, this.cuts().values())), this.guardHost(plan)];
    await Promise.allSettled([ruled, ...others]);
    await Promise.all(others);
    const shrunk = await ruled;
    await rules.finish(plan);
    return { devices: shrunk.devices, changed: shrunk.changed || this.changes > began };
  }

  /** Replaces the connections that are cut. */
  async cut(plan: FirewallPlan, cuts: Iterable<Cut>): Promise<void> {
    await this.bridgeTable(this.wanted(plan, cuts));
  }

  /** Nothing of it stays: the tables that shut out go last. */
  async remove(): Promise<void> {
    const { host, table, rules } = this.given;
    await rules.remove();
    const there = await Promise.all(
      (['bridge', ...hostFamilies] as const).map(async family =>
        (await host.nft.listTable(hostNetns, family, table)) === undefined ? '' : `delete table ${family} ${table}\n`,
      ),
    );
    const script = there.join('');
    if (script !== '') await host.nft.apply(hostNetns, script);
    this.bridge = undefined;
    this.guard = undefined;
  }

  private wanted(plan: FirewallPlan, cuts: Iterable<Cut>): DesiredBridgeTable {
    const { admitted, foreign, nohost, wires } = plan;
    return desiredTable({ admitted, foreign, nohost, wires, guarded: plan.input.filtered, cuts });
  }

  /** Devices that are to be let in no more lose their way before they lose their rules. */
  private async shutOut(plan: FirewallPlan): Promise<void> {
    const now = this.bridge;
    if (!now || [...now.admitted].every(d => plan.admitted.has(d))) return;
    const admitted = new Set([...now.admitted].filter(d => plan.admitted.has(d)));
    await this.bridgeTable({ ...now, admitted, rules: new Map() });
  }

  /** Stands before a tap is plugged into a new bridge. */
  private async guardHost({ foreign, fragmentZones }: FirewallPlan): Promise<void> {
    const { host, table } = this.given;
    const { mark, script } = hostGuard(table, { foreign, fragmentZones });
    if (this.guard === mark) return;
    await host.nft.apply(hostNetns, script);
    this.guard = mark;
  }

  private async bridgeTable(wanted: DesiredBridgeTable): Promise<void> {
    const script = bridgeTableDelta(this.given.table, this.bridge, wanted);
    if (script === '') return;
    await this.given.host.nft.apply(hostNetns, script);
    this.bridge = wanted;
    this.changes++;
  }
}
