// Rules in iptables and ip6tables, with members of remote groups in ipsets.
import { HostRefusal } from '../../contracts/host/firewall.ts';
import type { Host } from '../../contracts/host/host.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import { type IpSet, isOurSet, setDelta, setName } from '../render/ipset.ts';
import { type DesiredTable, parseSave, shrunkChains, tableDelta } from '../render/iptables.ts';
import { type BridgeTables, bridgeTables, noTables, zonesOf } from '../render/iptables-bridge.ts';
import type { AgentNames } from '../render/iptables-names.ts';
import type { PortSecurity } from '../render/security-port.ts';
import type { FirewallPlan } from './firewall-plan.ts';
import { unlessMissing } from './missing-tool.ts';
import { RefusedFor, type RuleTables, type Shrunk } from './rule-tables.ts';

type Tables = Map<string, Map<string, readonly string[]>>;

const families = [4, 6] as const;

export class IptablesRules implements RuleTables {
  private readonly host: Host;
  private readonly names: AgentNames;
  private readonly render: BridgeTables;
  private tables: Record<4 | 6, Tables> = { 4: new Map(), 6: new Map() };
  private sets = new Map<string, IpSet>();
  /** Of the pass that is going on. */
  private sweep = '';
  private shrunkSets: ReadonlySet<string> = new Set();
  private changed = false;

  constructor(host: Host, names: AgentNames) {
    this.host = host;
    this.names = names;
    this.render = bridgeTables(names);
  }

  async load(): Promise<void> {
    const { iptables, ipsets } = this.host;
    const [v4, v6, sets] = await Promise.all([
      iptables.save(hostNetns, 4).catch(unlessMissing('')),
      iptables.save(hostNetns, 6).catch(unlessMissing('')),
      ipsets.list(hostNetns).catch(unlessMissing<Awaited<ReturnType<typeof ipsets.list>>>(new Map())),
    ]);
    this.tables = { 4: parseSave(v4), 6: parseSave(v6) };
    this.sets = new Map(
      [...sets].filter(([name]) => isOurSet(name)).map(([name, s]) => [name, { family: s.family, members: new Set(s.members) }]),
    );
  }

  zones(): Map<string, number> {
    return new Map([...zonesOf(this.names, this.table(6, 'raw')), ...zonesOf(this.names, this.table(4, 'raw'))]);
  }

  async prepare(plan: FirewallPlan): Promise<void> {
    const sets = setDelta(this.sets, plan.sets, true);
    if (sets.before !== '') await this.restoreSets(sets.before, plan);
    for (const [name, set] of plan.sets) this.sets.set(name, set);
    this.sweep = sets.after;
    this.shrunkSets = new Set(sets.shrunk);
    this.changed = sets.before !== '';
  }

  async apply(plan: FirewallPlan): Promise<Shrunk> {
    const tables = families.map(family => this.rules(plan, family));
    await Promise.allSettled(tables);
    const chains = new Set((await Promise.all(tables)).flat());
    const lost = (port: PortSecurity): boolean =>
      this.chainsOf(port).some(chain => chains.has(chain)) || setsOf(port).some(set => this.shrunkSets.has(set));
    return { devices: new Set(plan.input.filtered.filter(lost).map(p => p.device)), changed: this.changed };
  }

  async finish(plan: FirewallPlan): Promise<void> {
    if (this.sweep !== '') await this.restoreSets(this.sweep, plan);
    this.sets = new Map(plan.sets);
  }

  /** Sets that others' rules name stay: another agent of the machine has the same ones. */
  async remove(): Promise<void> {
    await this.load();
    for (const family of families) {
      const text = noTables.map(t => tableDelta(this.table(family, t.table), t, this.names.isOurs, true)).join('');
      if (text !== '') await this.host.iptables.restore(hostNetns, family, text);
    }
    await this.load();
    const rules = families.flatMap(f => [...this.tables[f].values()]).flatMap(chains => [...chains.values()].flat());
    const named = new Set(rules.flatMap(rule => /--match-set (\S+)/.exec(rule)?.[1] ?? []));
    const unused = [...this.sets.keys()].filter(name => !named.has(name));
    if (unused.length > 0) await this.host.ipsets.restore(hostNetns, unused.map(name => `destroy ${name}\n`).join(''));
    this.sets.clear();
  }

  private async restoreSets(text: string, plan: FirewallPlan): Promise<void> {
    try {
      await this.host.ipsets.restore(hostNetns, text);
    } catch (error) {
      if (!(error instanceof HostRefusal)) throw error;
      const set = /^(?:create|add|del|destroy) (\S+)/.exec(lineOf(error, text))?.[1];
      throw refusal(
        error,
        plan.input.filtered.filter(p => set !== undefined && setsOf(p).includes(set)),
      );
    }
  }

  private async rules(plan: FirewallPlan, family: 4 | 6): Promise<string[]> {
    const filter = this.render.filter(plan.input, family);
    const desired = [this.render.raw(plan.input), filter];
    const shrunk = shrunkChains(this.table(family, 'filter'), filter);
    const text = desired.map(t => tableDelta(this.table(family, t.table), t, this.names.isOurs, true)).join('');
    if (text === '') return [];
    this.changed = true;
    try {
      await this.host.iptables.restore(hostNetns, family, text);
    } catch (error) {
      // Tables before the refused one are changed already.
      this.tables[family] = parseSave(await this.host.iptables.save(hostNetns, family));
      if (!(error instanceof HostRefusal)) throw error;
      const chain = /^(?::|-[AIDX] )(\S+)/.exec(lineOf(error, text))?.[1];
      throw refusal(
        error,
        plan.input.filtered.filter(p => chain !== undefined && this.chainsOf(p).includes(chain)),
      );
    }
    for (const t of desired) this.remember(family, t);
    return shrunk;
  }

  private chainsOf({ id }: PortSecurity): string[] {
    return (['ingress', 'egress', 'spoof'] as const).map(kind => this.names.port(kind, id));
  }

  private table(family: 4 | 6, name: string): ReadonlyMap<string, readonly string[]> {
    return this.tables[family].get(name) ?? new Map();
  }

  private remember(family: 4 | 6, desired: DesiredTable): void {
    const { isOurs } = this.names;
    const table = new Map([...this.table(family, desired.table)].filter(([chain]) => !isOurs(chain) || desired.chains.has(chain)));
    for (const [chain, rules] of desired.chains) table.set(chain, rules);
    for (const { chain, rule } of desired.jumps) {
      const rules = table.get(chain) ?? [];
      if (!rules.includes(rule)) table.set(chain, [rule, ...rules]);
    }
    this.tables[family].set(desired.table, table);
  }
}

const setsOf = (port: PortSecurity): string[] =>
  port.rules.flatMap(r => (r.remoteGroup === undefined ? [] : [setName(r.remoteGroup, r.family)]));

/** The line that the tool named, if any. */
const lineOf = (refused: HostRefusal, text: string): string =>
  refused.line === undefined ? '' : (text.split('\n')[refused.line - 1] ?? '');

const refusal = (error: HostRefusal, guilty: readonly PortSecurity[]): Error =>
  guilty.length === 0
    ? error
    : new RefusedFor(
        guilty.map(p => p.device),
        error.message,
      );
