// Rules in nftables alone: two tables, changed in one transaction.
import { HostRefusal, type Nft } from '../../contracts/host/firewall.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import { isOurSet, members, setName } from '../render/ipset.ts';
import { bridgeGuard, numberOf, numbersFor, packetGuard, portRules } from '../render/nft-guard.ts';
import { type ActualNftTable, type DesiredNftTable, held, nftDelta, parseNftTable } from '../render/nft-tables.ts';
import type { PortSecurity } from '../render/security-port.ts';
import type { FirewallPlan } from './firewall-plan.ts';
import { RefusedFor, type RuleTables, type Shrunk } from './rule-tables.ts';

const families = ['bridge', 'inet'] as const;
type Family = (typeof families)[number];
type Tables = Partial<Record<Family, ActualNftTable>>;

export class NftRules implements RuleTables {
  private readonly nft: Nft;
  /** What both tables are called. */
  private readonly table: string;
  private tables: Tables = {};
  /** Ports as they were last realised in this life. */
  private ports = new Map<string, PortSecurity>();

  /** `table` is the name of the agent's other tables. */
  constructor(nft: Nft, table: string) {
    this.nft = nft;
    this.table = `${table}-sg`;
  }

  async load(): Promise<void> {
    const [bridge, inet] = await Promise.all(families.map(family => this.nft.listTable(hostNetns, family, this.table)));
    this.tables = {
      ...(bridge === undefined ? {} : { bridge: parseNftTable(bridge) }),
      ...(inet === undefined ? {} : { inet: withCanonicalMembers(parseNftTable(inet)) }),
    };
  }

  zones(): Map<string, number> {
    return new Map([...(this.tables.inet?.sets.get('zones') ?? [])].map(([bridge, zone]) => [bare(bridge), Number(zone)]));
  }

  async prepare(): Promise<void> {}

  async apply(plan: FirewallPlan): Promise<Shrunk> {
    const wanted = this.wanted(plan);
    const lines = wanted.flatMap(table => nftDelta(this.tables[table.family], table));
    const lostSets = this.lostMembers(wanted);
    if (lines.length > 0) await this.run(lines, wanted, plan.input.filtered);
    const before = this.ports;
    for (const table of wanted) this.tables[table.family] = held(table);
    this.ports = new Map(plan.input.filtered.map(port => [port.device, port]));
    const lost = (port: PortSecurity): boolean => lessThan(before.get(port.device), port) || setsOf(port).some(set => lostSets.has(set));
    return { devices: new Set(plan.input.filtered.filter(lost).map(p => p.device)), changed: lines.length > 0 };
  }

  async finish(): Promise<void> {}

  async remove(): Promise<void> {
    await this.load();
    const script = families.flatMap(f => (this.tables[f] === undefined ? [] : [`delete table ${f} ${this.table}\n`])).join('');
    if (script !== '') await this.nft.apply(hostNetns, script);
    this.tables = {};
    this.ports.clear();
  }

  private wanted({ input, sets }: FirewallPlan): DesiredNftTable[] {
    const marks = this.tables.bridge?.sets.get('numbers') ?? new Map<string, string>();
    const numbers = numbersFor(
      input.filtered.map(p => p.device),
      new Map([...marks].map(([device, mark]) => [bare(device), numberOf(mark)])),
    );
    const given = { input, sets, numbers, table: this.table };
    return [bridgeGuard(given), packetGuard(given)];
  }

  private async run(lines: readonly string[], wanted: readonly DesiredNftTable[], ports: readonly PortSecurity[]): Promise<void> {
    try {
      await this.nft.apply(hostNetns, `${lines.join('\n')}\n`);
    } catch (error) {
      if (!(error instanceof HostRefusal)) throw error;
      const [, what = '', name = ''] = /^add (\w+) \S+ \S+ (\S+)/.exec(lines[(error.line ?? 0) - 1] ?? '') ?? [];
      const guilty = ports.filter(port => (what === 'rule' ? chainsOf(port, wanted).includes(name) : setsOf(port).includes(name)));
      if (guilty.length === 0) throw error;
      throw new RefusedFor(
        guilty.map(p => p.device),
        error.message,
      );
    }
  }

  private lostMembers(wanted: readonly DesiredNftTable[]): Set<string> {
    const inet = wanted.find(t => t.family === 'inet');
    const lost = (name: string, before: ReadonlyMap<string, string>): boolean => {
      const now = inet?.sets.get(name)?.elements;
      return now !== undefined && now !== before && [...before.keys()].some(member => !now.has(member));
    };
    const sets = [...(this.tables.inet?.sets ?? [])].filter(([name]) => isOurSet(name));
    return new Set(sets.filter(([name, before]) => lost(name, before)).map(([name]) => name));
  }
}

const bare = (quoted: string): string => quoted.replace(/^"|"$/g, '');

/** Members as this agent writes them, whatever the tool makes of them. */
function withCanonicalMembers({ chains, sets }: ActualNftTable): ActualNftTable {
  const canonical = [...sets].map(([name, elements]) => {
    if (!isOurSet(name)) return [name, elements] as const;
    const texts = members(name.startsWith('NIPv4') ? 4 : 6, [...elements.keys()]);
    return [name, new Map([...texts].map(text => [text, '']))] as const;
  });
  return { chains, sets: new Map(canonical) };
}

const setsOf = (port: PortSecurity): string[] =>
  port.rules.flatMap(r => (r.remoteGroup === undefined ? [] : [setName(r.remoteGroup, r.family)]));

/** The chains that a port has in either table. */
function chainsOf(port: PortSecurity, wanted: readonly DesiredNftTable[]): string[] {
  const [bridge, inet] = wanted;
  const mark = bridge?.sets.get('numbers')?.elements.get(`"${port.device}"`);
  const found = [
    bridge?.sets.get('senders')?.elements.get(`"${port.device}"`),
    ...(mark === undefined ? [] : ['egress', 'ingress'].map(set => inet?.sets.get(set)?.elements.get(mark))),
  ];
  return found.flatMap(to => to?.replace('goto ', '') ?? []);
}

/** Whether a port may do less than before. */
function lessThan(before: PortSecurity | undefined, now: PortSecurity): boolean {
  if (before === undefined || before === now) return false;
  const [was, is] = [portRules(before), portRules(now)];
  const fewer = (way: 'egress' | 'ingress'): boolean => was[way].some(rule => !is[way].includes(rule));
  return fewer('egress') || fewer('ingress') || before.pairs.some(p => !now.pairs.some(q => samePair(p, q)));
}

const samePair = (a: PortSecurity['pairs'][number], b: PortSecurity['pairs'][number]): boolean =>
  a.mac === b.mac && a.prefix.version === b.prefix.version && a.prefix.network === b.prefix.network && a.prefix.prefix === b.prefix.prefix;
