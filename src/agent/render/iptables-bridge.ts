// The filter and raw tables of a host whose ports are behind Linux bridges, as Neutron's agent lays them out: who jumps where, and the conntrack zones.
import type { IpVersion } from '../../domain/net/ip.ts';
import type { DesiredTable } from './iptables.ts';
import { type AgentNames, comment, topChain } from './iptables-names.ts';
import { closedChains, portChains } from './iptables-port.ts';
import { perPort } from './per-port.ts';
import type { PortSecurity } from './security-port.ts';

/** A network's bridge on this host, with its conntrack zone; no zone means that its packets are not tracked. */
export interface BridgeZone {
  readonly bridge: string;
  readonly zone: number | undefined;
  /** The host itself has addresses on this bridge: its own connections stay in the host's own zone. */
  readonly hostAddresses: boolean;
  /** A port of the bridge by which Neutron's agent sees that the zone is taken. */
  readonly alias?: string;
}

export interface FirewallInput {
  readonly filtered: readonly PortSecurity[];
  /** Ports whose rules do not compile. */
  readonly closed: readonly { readonly id: string; readonly device: string }[];
  /** Devices of trusted ports and of ports without port security. */
  readonly open: readonly string[];
  readonly zones: readonly BridgeZone[];
}

/** The two tables of one agent. */
export interface BridgeTables {
  filter(input: FirewallInput, family: IpVersion): DesiredTable;
  raw(input: FirewallInput): DesiredTable;
}

export function bridgeTables(names: AgentNames): BridgeTables {
  const chainsOf = {
    4: perPort(port => portChains(names, port, 4)),
    6: perPort(port => portChains(names, port, 6)),
  } as const;
  return {
    filter: (input, family) => filterTable(names, input, port => chainsOf[family](port)),
    raw: input => rawTable(names, input),
  };
}

type ChainsOf = (port: PortSecurity) => ReadonlyMap<string, readonly string[]>;

function filterTable(names: AgentNames, input: FirewallInput, chainsOf: ChainsOf): DesiredTable {
  const { chain, group, fallback } = names;
  const guarded = [...input.filtered, ...input.closed].sort((a, b) => (a.device < b.device ? -1 : 1));
  const open = [...input.open].sort();
  const chains = new Map<string, readonly string[]>([
    [topChain, [`-j ${chain('local')}`]],
    [chain('local'), []],
    [chain('OUTPUT'), []],
    [chain('INPUT'), guarded.map(p => `${physdev('in', p.device)} ${comment('input')} -j ${names.port('egress', p.id)}`)],
    // What goes to a guarded port is judged before what comes from an open one is accepted.
    [chain('FORWARD'), [...guarded.flatMap(p => toGroups(group, p.device)), ...open.flatMap(acceptAll)]],
    [group, [...guarded.flatMap(p => toPort(names, p.device, p.id)), '-j ACCEPT']],
    [fallback, [`${comment('fallback')} -j DROP`]],
  ]);
  for (const port of input.filtered) for (const [name, rules] of chainsOf(port)) chains.set(name, rules);
  for (const port of input.closed) for (const [name, rules] of closedChains(names, port.id)) chains.set(name, rules);
  return {
    table: 'filter',
    chains,
    jumps: [
      { chain: 'INPUT', rule: `-j ${chain('INPUT')}` },
      { chain: 'FORWARD', rule: `-j ${topChain}` },
      { chain: 'FORWARD', rule: `-j ${chain('FORWARD')}` },
      { chain: 'OUTPUT', rule: `-j ${topChain}` },
      { chain: 'OUTPUT', rule: `-j ${chain('OUTPUT')}` },
    ],
  };
}

/** Bridged packets enter with the bridge as their input device, whatever port they came by: one rule is a network's zone. */
function rawTable({ chain }: AgentNames, input: FirewallInput): DesiredTable {
  const zones = [...input.zones].sort((a, b) => (a.bridge < b.bridge ? -1 : 1));
  const rules = zones.flatMap(z => [
    ...(z.hostAddresses ? [`-i ${z.bridge} -m addrtype --dst-type LOCAL --limit-iface-in -j RETURN`] : []),
    ...(z.alias === undefined ? [] : [`${physdev('in', z.alias)} ${toZone(z)}`]),
    `-i ${z.bridge} ${toZone(z)}`,
  ]);
  return {
    table: 'raw',
    chains: new Map([[chain('PREROUTING'), rules]]),
    jumps: [{ chain: 'PREROUTING', rule: `-j ${chain('PREROUTING')}` }],
  };
}

const toZone = ({ zone }: BridgeZone): string => `-j CT ${zone === undefined ? '--notrack' : `--zone ${zone}`}`;

/** What is left of them, when an agent's rules go. */
export const noTables: readonly DesiredTable[] = ['raw', 'filter'].map(table => ({ table, chains: new Map(), jumps: [] }));

/** Bridge → zone, as the raw table of a running host has it. Neutron's agent for Open vSwitch names the bridge's other port (`qvb`). */
export function zonesOf({ chain }: AgentNames, raw: ReadonlyMap<string, readonly string[]>): Map<string, number> {
  const zones = new Map<string, number>();
  for (const rule of raw.get(chain('PREROUTING')) ?? []) {
    const match = /^-i (\S+) .*-j CT --zone (\d+)$/.exec(rule);
    if (match?.[1]) zones.set(match[1].replace(/^qvb/, 'qbr'), Number(match[2]));
  }
  return zones;
}

const physdev = (way: 'in' | 'out', device: string): string => `-m physdev --physdev-${way} ${device}`;
const bridged = (way: 'in' | 'out', device: string): string => `${physdev(way, device)} --physdev-is-bridged`;

const toGroups = (group: string, device: string): string[] => [
  `${bridged('out', device)} ${comment('to-groups')} -j ${group}`,
  `${bridged('in', device)} ${comment('to-groups')} -j ${group}`,
];

const toPort = (names: AgentNames, device: string, id: string): string[] => [
  `${bridged('out', device)} ${comment('to-port')} -j ${names.port('ingress', id)}`,
  `${bridged('in', device)} ${comment('to-port')} -j ${names.port('egress', id)}`,
];

const acceptAll = (device: string): string[] => [
  `${bridged('out', device)} ${comment('open')} -j ACCEPT`,
  `${bridged('in', device)} ${comment('open')} -j ACCEPT`,
];
