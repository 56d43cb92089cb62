// The packet filters of the host: what they hold, and how they come to hold what they should, with no moment in which a denied packet passes.
import { HostRefusal } from '../../contracts/host/firewall.ts';
import type { Host } from '../../contracts/host/host.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import { type IpSet, isOurSet, setDelta } from '../render/ipset.ts';
import { type DesiredTable, parseSave, shrunkChains, tableDelta } from '../render/iptables.ts';
import { filterTable, rawTable, zonesOf } from '../render/iptables-bridge.ts';
import { isOurs } from '../render/iptables-names.ts';
import { type BridgeTable, bridgeTableDelta, type Cut, type DesiredBridgeTable, desiredTable, tableName } from '../render/nft-bridge.ts';
import { guardMark, hostGuard } from '../render/nft-host.ts';
import { parseBridgeTable } from '../render/nft-listing.ts';
import type { FirewallPlan } from './firewall-plan.ts';

type Tables = Map<string, Map<string, readonly string[]>>;

/** What a change took away, for the sake of connections that it had permitted. */
export interface Shrunk {
  /** Chains that lost a rule. */
  readonly chains: ReadonlySet<string>;
  /** Sets that lost a member. */
  readonly sets: ReadonlySet<string>;
  /** Whether anything changed at all. */
  readonly changed: boolean;
}

export class Firewall {
  private readonly host: Host;
  private tables: Record<4 | 6, Tables> = { 4: new Map(), 6: new Map() };
  private sets = new Map<string, IpSet>();
  private bridge: BridgeTable | undefined;
  /** What the tables of the host's own families are. */
  private guard: string | undefined;
  private changes = 0;

  constructor(host: Host) {
    this.host = host;
  }

  /** Reads what the kernel holds. */
  async load(): Promise<void> {
    const { iptables, ipsets, nft } = this.host;
    const [v4, v6, sets, listing, guard] = await Promise.all([
      iptables.save(hostNetns, 4),
      iptables.save(hostNetns, 6),
      ipsets.list(hostNetns),
      nft.listTable(hostNetns, 'bridge', tableName),
      nft.listTable(hostNetns, 'inet', tableName),
    ]);
    this.tables = { 4: parseSave(v4), 6: parseSave(v6) };
    this.sets = new Map(
      [...sets].filter(([name]) => isOurSet(name)).map(([name, s]) => [name, { family: s.family, members: new Set(s.members) }]),
    );
    this.bridge = listing === undefined ? undefined : parseBridgeTable(listing);
    this.guard = guardMark(guard);
  }

  /** Bridge → zone of a running host. */
  zones(): Map<string, number> {
    return new Map([...zonesOf(this.table(6, 'raw')), ...zonesOf(this.table(4, 'raw'))]);
  }

  /** Devices that were let in before this agent began. */
  admitted(): ReadonlySet<string> {
    return this.bridge?.admitted ?? new Set();
  }

  cuts(): ReadonlyMap<string, Cut> {
    return this.bridge?.cuts ?? new Map();
  }

  /**
   * Shut out first, then sets, rules, and let in last; where nothing that is let in is plugged in yet, that may be at once.
   * Throws HostRefusal; what was refused is as it was. Unused sets go at the end, when no rule names them any more.
   */
  async apply(plan: FirewallPlan, plugged: (device: string) => boolean): Promise<Shrunk> {
    await this.shutOut(plan);
    const sets = setDelta(this.sets, plan.sets, true);
    const began = this.changes;
    if (sets.before !== '') await this.restoreSets(sets.before);
    for (const [name, set] of plan.sets) this.sets.set(name, set);
    const rules = [this.rules(plan, 4), this.rules(plan, 6)] as const;
    const before = this.admitted();
    if ([...plan.admitted].some(d => !before.has(d) && plugged(d))) await settle(rules);
    const letIn = this.bridgeTable(this.wanted(plan, this.cuts().values()));
    const shrunk = await settle([...rules, letIn.then(() => []), this.guardHost(plan).then(() => [])]);
    if (sets.after !== '') await this.restoreSets(sets.after);
    this.sets = new Map(plan.sets);
    return {
      chains: new Set(shrunk.flat()),
      sets: new Set(sets.shrunk),
      changed: this.changes > began || sets.before !== '',
    };
  }

  /** Replaces the connections that are cut. */
  async cut(plan: FirewallPlan, cuts: Iterable<Cut>): Promise<void> {
    await this.bridgeTable(this.wanted(plan, cuts));
  }

  private async restoreSets(text: string): Promise<void> {
    try {
      await this.host.ipsets.restore(hostNetns, text);
    } catch (error) {
      throw error instanceof HostRefusal ? new SetRefused(error, text) : error;
    }
  }

  private wanted(plan: FirewallPlan, cuts: Iterable<Cut>): DesiredBridgeTable {
    const { admitted, foreign, nohost } = plan;
    return desiredTable({ admitted, foreign, nohost, guarded: plan.input.filtered, cuts });
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
    const { mark, script } = hostGuard({ foreign, fragmentZones });
    if (this.guard === mark) return;
    await this.host.nft.apply(hostNetns, script);
    this.guard = mark;
  }

  private async bridgeTable(wanted: DesiredBridgeTable): Promise<void> {
    const script = bridgeTableDelta(this.bridge, wanted);
    if (script === '') return;
    await this.host.nft.apply(hostNetns, script);
    this.bridge = wanted;
    this.changes++;
  }

  private async rules(plan: FirewallPlan, family: 4 | 6): Promise<string[]> {
    const desired = [rawTable(plan.input), filterTable(plan.input, family)];
    const shrunk = shrunkChains(this.table(family, 'filter'), desired[1]!);
    const text = desired.map(t => tableDelta(this.table(family, t.table), t, isOurs, true)).join('');
    if (text === '') return [];
    try {
      await this.host.iptables.restore(hostNetns, family, text);
    } catch (error) {
      // Tables before the refused one are changed already.
      this.tables[family] = parseSave(await this.host.iptables.save(hostNetns, family));
      throw error instanceof HostRefusal ? new RulesRefused(error, text) : error;
    }
    for (const t of desired) this.remember(family, t);
    this.changes++;
    return shrunk;
  }

  private table(family: 4 | 6, name: string): ReadonlyMap<string, readonly string[]> {
    return this.tables[family].get(name) ?? new Map();
  }

  private remember(family: 4 | 6, desired: DesiredTable): void {
    const table = new Map([...this.table(family, desired.table)].filter(([chain]) => !isOurs(chain) || desired.chains.has(chain)));
    for (const [chain, rules] of desired.chains) table.set(chain, rules);
    for (const { chain, rule } of desired.jumps) {
      const rules = table.get(chain) ?? [];
      if (!rules.includes(rule)) table.set(chain, [rule, ...rules]);
    }
    this.tables[family].set(desired.table, table);
  }
}

/** Waits for all, also when one fails. */
async function settle<T>(all: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(all);
  return Promise.all(all);
}

const lineOf = (refusal: HostRefusal, text: string): string =>
  refusal.line === undefined ? '' : (text.split('\n')[refusal.line - 1] ?? '');

/** ipset refused a text; `set` is the one that the refused line speaks of, if the tool named a line. */
export class SetRefused extends Error {
  readonly set: string | undefined;

  constructor(refusal: HostRefusal, text: string) {
    super(refusal.message);
    this.name = 'SetRefused';
    this.set = /^(?:create|add|del|destroy) (\S+)/.exec(lineOf(refusal, text))?.[1];
  }
}

/** iptables refused a text; `chain` is the one that the refused line speaks of, if the tool named a line. */
export class RulesRefused extends Error {
  readonly chain: string | undefined;

  constructor(refusal: HostRefusal, text: string) {
    super(refusal.message);
    this.name = 'RulesRefused';
    this.chain = /^(?::|-[AIDX] )(\S+)/.exec(lineOf(refusal, text))?.[1];
  }
}
