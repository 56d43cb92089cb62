// Rules of ports behind Linux bridges in nftables alone. A frame that comes from a guarded port is marked with the port's number while it is a frame,
// and its rules are asked while it is an IP packet that conntrack has seen: what it sends before the bridge, what it gets on the way out.
import { formatCidr } from '../../domain/net/cidr.ts';
import { type IpVersion, ipText } from '../../domain/net/ip.ts';
import { type IpSet, setName, withoutNested } from './ipset.ts';
import type { FirewallInput } from './iptables-bridge.ts';
import { type DesiredNftTable, layoutChain, type NftChain, type NftSet, namedChain } from './nft-tables.ts';
import { perPort } from './per-port.ts';
import { type AddressPair, isHost, type PortSecurity } from './security-port.ts';
import { ICMP, ICMPV6, type PortRange, type Rule } from './security-rules.ts';

/** The upper byte of marks that are ours; below it is a port's number. */
const OURS = 0x4e00_0000;
const MAX = 0xff_ffff;
const isOurs = 'meta mark & 0xff000000 == 0x4e000000';

export const markOf = (number: number): string => `0x${(OURS + number).toString(16)}`;
export const numberOf = (mark: string): number => Number(mark) - OURS;

/** Numbers for these devices and no others; what it had stays, and what another had in the last pass is nobody's in this one. */
export function numbersFor(devices: readonly string[], before: ReadonlyMap<string, number>): Map<string, number> {
  const taken = new Set(before.values());
  let candidate = 1;
  return new Map(
    devices.map(device => {
      const had = before.get(device);
      if (had !== undefined) return [device, had];
      while (taken.has(candidate)) candidate++;
      if (candidate > MAX) throw new Error('no mark is left');
      taken.add(candidate);
      return [device, candidate];
    }),
  );
}

export interface GuardInput {
  readonly input: FirewallInput;
  readonly sets: ReadonlyMap<string, IpSet>;
  readonly numbers: ReadonlyMap<string, number>;
  /** What both tables are called. */
  readonly table: string;
}

/** The chains of one port: two ports with the same rules have the same ones. */
export interface PortRules {
  readonly egress: readonly string[];
  readonly ingress: readonly string[];
}

/** What a permitted packet goes to: it is one like any other from there on. */
const [permitted, permittedChain] = namedChain('permitted', { rules: ['meta mark set 0', 'accept'] });
const permit = `goto ${permitted}`;

const numberless = { kind: 'map', elements: new Map() } as const;
const deviceMap = (to: string): NftSet => ({ ...numberless, declared: `type ifname : ${to};` });

/** Frames: who it is, and whose it will be. */
export function bridgeGuard({ input, numbers, table }: GuardInput): DesiredNftTable {
  const ports = input.filtered.map(port => {
    const number = numbers.get(port.device)!;
    return { device: port.device, number, chain: namedChain('from', { rules: [`meta mark set ${markOf(number)}`, ...sources(port)] }) };
  });
  const sets = new Map<string, NftSet>([
    ['senders', { ...deviceMap('verdict'), elements: new Map(ports.map(p => [quoted(p.device), `goto ${p.chain[0]}`])) }],
    ['numbers', { ...deviceMap('mark'), elements: new Map(ports.map(p => [quoted(p.device), markOf(p.number)])) }],
  ]);
  return { family: 'bridge', name: table, sets, chains: new Map([...bridgeFrame, layoutChain(sets), ...ports.map(p => p.chain)]) };
}

const forget = `${isOurs} meta mark set 0`;

const bridgeFrame: readonly [string, NftChain][] = [
  // Behind the table that judges other frames, and drops those that hide IP.
  namedChain('sender', {
    head: 'type filter hook prerouting priority -290; policy accept;',
    rules: [forget, 'iifname vmap @senders'],
  }),
  // Before br_netfilter shows the packet to the hooks of IP.
  namedChain('receiver', {
    head: 'type filter hook forward priority -200; policy accept;',
    rules: [forget, 'meta mark set oifname map @numbers'],
  }),
];

const sources = perPort((port): readonly string[] => [
  'ether type != { ip, ip6 } accept',
  'ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept',
  'ip6 saddr :: ip6 daddr ff02::/16 icmpv6 type { 131, 135, 143 } accept',
  ...port.pairs.map(p => `ether saddr ${p.mac} ${sourceWord(p)} accept`),
  ...(port.anyAddress ? [`ether saddr ${port.mac} accept`] : []),
  'drop',
]);

function sourceWord({ prefix }: AddressPair): string {
  const ip = prefix.version === 4 ? 'ip' : 'ip6';
  if (prefix.prefix === 0) return `ether type ${ip}`;
  return `${ip} saddr ${isHost(prefix) ? ipText(prefix.version, prefix.network) : formatCidr(prefix)}`;
}

/** Packets: zones, and the rules. */
export function packetGuard({ input, sets: groups, numbers, table }: GuardInput): DesiredNftTable {
  const ports = input.filtered.map(port => {
    const { egress, ingress } = portRules(port);
    const mark = markOf(numbers.get(port.device)!);
    return { mark, egress: namedChain('egress', { rules: egress }), ingress: namedChain('ingress', { rules: ingress }) };
  });
  const zones = input.zones.flatMap(z => (z.zone === undefined ? [] : [[quoted(z.bridge), String(z.zone)] as const]));
  const bridges = (which: (z: FirewallInput['zones'][number]) => boolean): Map<string, string> =>
    new Map(input.zones.filter(which).map(z => [quoted(z.bridge), '']));
  const verdicts = (way: 'egress' | 'ingress'): NftSet => ({
    ...numberless,
    declared: 'type mark : verdict;',
    elements: new Map(ports.map(p => [p.mark, `goto ${p[way][0]}`])),
  });
  const fixed = new Map<string, NftSet>([
    ['zones', { ...numberless, declared: 'typeof iifname : ct zone;', elements: new Map(zones) }],
    ['untracked', { kind: 'set', declared: 'type ifname;', elements: bridges(z => z.zone === undefined) }],
    ['withhost', { kind: 'set', declared: 'type ifname;', elements: bridges(z => z.hostAddresses) }],
    ['egress', verdicts('egress')],
    ['ingress', verdicts('ingress')],
  ]);
  const members = [...groups].map(([name, { family, members: all }]): [string, NftSet] => {
    const declared = `type ipv${family}_addr; flags interval;`;
    return [name, { kind: 'set', declared, elements: elementsOf(all) }];
  });
  return {
    family: 'inet',
    name: table,
    sets: new Map([...fixed, ...members]),
    chains: new Map([[permitted, permittedChain], ...packetFrame, layoutChain(fixed), ...ports.flatMap(p => [p.egress, p.ingress])]),
  };
}

const packetFrame: readonly [string, NftChain][] = [
  // Before conntrack looks, at -200.
  namedChain('zone', {
    head: 'type filter hook prerouting priority -300; policy accept;',
    // The host's own connections on a bridge stay in its own zone.
    rules: ['iifname @withhost fib daddr . iif type local accept', 'ct zone set iifname map @zones', 'iifname @untracked notrack'],
  }),
  ...(
    [
      ['sent', 'prerouting', -150, 'egress'],
      ['received', 'forward', 0, 'ingress'],
    ] as const
  ).map(([kind, hook, priority, map]) =>
    namedChain(kind, {
      head: `type filter hook ${hook} priority ${priority}; policy accept;`,
      rules: ['meta mark & 0xff000000 != 0x4e000000 accept', `meta mark vmap @${map}`, 'drop'],
    }),
  ),
];

/** A member that another one contains is left out: intervals of a set must not overlap. Made once for the same members. */
const kept = new WeakMap<ReadonlySet<string>, ReadonlyMap<string, string>>();

function elementsOf(members: ReadonlySet<string>): ReadonlyMap<string, string> {
  const known = kept.get(members) ?? new Map(withoutNested(members).map(member => [member, '']));
  kept.set(members, known);
  return known;
}

const quoted = (device: string): string => `"${device}"`;

export const portRules = perPort(
  (port): PortRules => ({
    egress: [
      'meta nfproto ipv4 udp sport 68 udp dport 67 '.concat(permit),
      `icmpv6 type { 130, 131, 132, 133, 135, 136, 143 } ${permit}`,
      `meta nfproto ipv6 udp sport 546 udp dport 547 ${permit}`,
      'meta nfproto ipv4 udp sport 67 udp dport 68 drop',
      'meta nfproto ipv6 udp sport 547 udp dport 546 drop',
      ...judged(port, 'egress'),
    ],
    ingress: [`icmpv6 type { 130, 135, 136 } ${permit}`, ...judged(port, 'ingress')],
  }),
);

/** Permissions come before the drop of invalid packets: what a rule permits passes whatever the tracker thinks of it. */
function judged(port: PortSecurity, direction: Rule['direction']): string[] {
  const rules = port.rules.filter(r => r.direction === direction).map(r => `${words(r)} ${permit}`);
  return [
    ...(port.stateful ? [`ct state established,related ${permit}`] : []),
    ...new Set(rules),
    ...(port.stateful ? ['ct state invalid drop'] : []),
    'counter drop',
  ];
}

const familyWord: Readonly<Record<IpVersion, string>> = { 4: 'ip', 6: 'ip6' };

function words(r: Rule): string {
  const ip = familyWord[r.family];
  const out = [`meta nfproto ipv${r.family}`];
  if (r.source) out.push(`${ip} saddr ${formatCidr(r.source)}`);
  if (r.dest) out.push(`${ip} daddr ${formatCidr(r.dest)}`);
  if (r.remoteGroup !== undefined) out.push(`${ip} ${r.direction === 'ingress' ? 'saddr' : 'daddr'} @${setName(r.remoteGroup, r.family)}`);
  if (r.protocol !== undefined) out.push(`meta l4proto ${r.protocol}`);
  if (r.icmp) out.push(icmpWords(r.icmp, r.protocol));
  if (r.sourcePorts) out.push(`th sport ${rangeWord(r.sourcePorts)}`);
  if (r.destPorts) out.push(`th dport ${rangeWord(r.destPorts)}`);
  return out.join(' ');
}

const rangeWord = ({ min, max }: PortRange): string => (min === max ? `${min}` : `${min}-${max}`);

/** By where they are in the header, which the protocol has said already. */
function icmpWords({ type, code }: NonNullable<Rule['icmp']>, protocol: number | undefined): string {
  if (protocol !== ICMP && protocol !== ICMPV6) throw new Error(`ICMP types of protocol ${protocol}`);
  return `@th,0,8 ${type}${code === undefined ? '' : ` @th,8,8 ${code}`}`;
}
