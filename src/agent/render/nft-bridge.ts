// The nftables table of the bridge family: no frame passes a tap before it is admitted, and what a guarded tap says is judged at layer 2.
// It runs before br_netfilter hands IP to iptables, so a frame that is dropped here is neither learned by the bridge nor tracked.
import { fingerprint } from './fingerprint.ts';
import { commonChain, commonRules, spoofRules } from './nft-port.ts';
import { perPort } from './per-port.ts';
import type { PortSecurity } from './security-port.ts';

/** One direction of one TCP connection whose permission is gone, at the tap of the port that may no longer have it. */
export interface Cut {
  readonly way: 'from' | 'to';
  readonly family: 4 | 6;
  readonly device: string;
  /** As seen from the port: `egress` when the port began the connection. */
  readonly began: 'ingress' | 'egress';
  readonly src: string;
  readonly srcPort: number;
  readonly dst: string;
  readonly dstPort: number;
}

/** What the table holds: set members, and for each guarded tap the name of its chain, which is a fingerprint of its rules. */
export interface BridgeTable {
  readonly layout: string;
  readonly admitted: ReadonlySet<string>;
  /** Devices called tap… that are no port's: none of our business. */
  readonly foreign: ReadonlySet<string>;
  /** Devices from which nothing may reach the host itself. */
  readonly nohost: ReadonlySet<string>;
  /** Devices that lead a flat network to its wire. */
  readonly wires: ReadonlySet<string>;
  /** Tap → chain. */
  readonly guarded: ReadonlyMap<string, string>;
  /** Element → the direction in which the connection had begun, which the element carries as its comment. */
  readonly cuts: ReadonlyMap<string, Cut>;
}

export interface DesiredBridgeTable extends BridgeTable {
  /** Chain → statements. */
  readonly rules: ReadonlyMap<string, readonly string[]>;
}

/** A connection that is cut cannot be picked up again by its own later packets for as long as this. */
const CUT_TIMEOUT = '1d';
const CUT_MAX = 65_536;
export const cutSets = ['cut4from', 'cut4to', 'cut6from', 'cut6to'] as const;
type CutSet = (typeof cutSets)[number];

const tuple = (family: 4 | 6): string => {
  const ip = family === 4 ? 'ip' : 'ip6';
  return `${ip} saddr . tcp sport . ${ip} daddr . tcp dport`;
};
/** A first packet (SYN alone) begins a new connection: it is for the rules to judge. */
const midStream = 'tcp flags & (fin|syn|rst|ack) != syn';

/**
 * Where the host has an address on a bridge, its tunnel end would take VXLAN from there too: an instance's own, or what its router brings. The
 * kernel's port and IANA's.
 */
const tunnelled = 'iifname "tap*" udp dport { 4789, 8472 } drop';

/** A flat network is what its wire carries without a tag: the rest is other networks'. */
const tagged = ['vlan id 0-4095', 'ether type { vlan, 0x88a8, 0x9100 }'];
const perTag = (way: 'iifname' | 'oifname'): string => tagged.map(match => `    ${way} @wires ${match} drop\n`).join('');

const frame = `
  set admitted { type ifname; }
  set foreign { type ifname; }
  set nohost { type ifname; }
  set wires { type ifname; }
  map guarded { type ifname : verdict; }
${cutSets.map(s => `  set ${s} { type ifname . ipv${s[3]}_addr . inet_service . ipv${s[3]}_addr . inet_service; flags timeout; size ${CUT_MAX}; }`).join('\n')}
  chain ${commonChain} {
${commonRules.map(r => `    ${r}`).join('\n')}
  }
  chain from-port {
    type filter hook prerouting priority -300; policy accept;
${perTag('iifname')}    iifname "tap*" iifname != @admitted iifname != @foreign drop
    ${midStream} iifname . ${tuple(4)} @cut4from drop
    ${midStream} iifname . ${tuple(6)} @cut6from drop
    iifname vmap @guarded
  }
  chain to-port {
    type filter hook forward priority -300; policy accept;
${perTag('oifname')}    oifname "tap*" oifname != @admitted oifname != @foreign drop
    ${midStream} oifname . ${tuple(4)} @cut4to drop
    ${midStream} oifname . ${tuple(6)} @cut6to drop
  }
  chain to-host {
    type filter hook input priority -300; policy accept;
    iifname @nohost drop
    ${tunnelled}
  }
  chain from-host {
    type filter hook output priority -300; policy accept;
    oifname "tap*" oifname != @admitted oifname != @foreign drop
  }
`;

/** The name of an empty chain: a table with another layout is replaced as a whole. */
const layout = `layout-${fingerprint(frame)}`;

const rendered = perPort((port): { readonly chain: string; readonly rules: readonly string[] } => {
  const rules = spoofRules(port);
  return { chain: `port-${fingerprint([port.device, ...rules].join('\n'))}`, rules };
});

/** One text per element, to compare by. */
export const cutElement = (c: Cut): string => `${setOf(c)} ${keyOf(c)}`;

const setOf = (c: Cut): CutSet => `cut${c.family}${c.way}`;
const keyOf = (c: Cut): string => `"${c.device}" . ${c.src} . ${c.srcPort} . ${c.dst} . ${c.dstPort}`;

export interface BridgeTableInput {
  readonly admitted: Iterable<string>;
  readonly foreign: Iterable<string>;
  readonly nohost: Iterable<string>;
  readonly wires: Iterable<string>;
  readonly guarded: readonly PortSecurity[];
  readonly cuts: Iterable<Cut>;
}

export function desiredTable(input: BridgeTableInput): DesiredBridgeTable {
  const chains = input.guarded.map(port => ({ device: port.device, ...rendered(port) }));
  return {
    layout,
    admitted: new Set(input.admitted),
    foreign: new Set(input.foreign),
    nohost: new Set(input.nohost),
    wires: new Set(input.wires),
    guarded: new Map(chains.map(c => [c.device, c.chain])),
    cuts: new Map([...input.cuts].map(c => [cutElement(c), c])),
    rules: new Map(chains.map(c => [c.chain, c.rules])),
  };
}

/** The script that turns `actual` into `desired` in one transaction, or '' when they agree. `name` is the table's. */
export function bridgeTableDelta(name: string, actual: BridgeTable | undefined, desired: DesiredBridgeTable): string {
  if (actual?.layout !== desired.layout) return whole(name, desired, actual !== undefined);
  const at = `bridge ${name}`;
  const wanted = new Set(desired.guarded.values());
  const had = new Set(actual.guarded.values());
  const lines = [
    ...[...wanted]
      .filter(c => !had.has(c))
      .flatMap(c => [`add chain ${at} ${c}`, ...(desired.rules.get(c) ?? []).map(r => `add rule ${at} ${c} ${r}`)]),
    ...mapDelta(at, actual.guarded, desired.guarded),
    // A tap is let in after its chain is there, and shut out before it is gone; the transaction makes that one moment.
    ...(['admitted', 'foreign', 'nohost', 'wires'] as const).flatMap(set => setDelta(at, set, actual[set], desired[set])),
    ...cutDelta(at, actual.cuts, desired.cuts),
    ...[...had].filter(c => !wanted.has(c)).flatMap(c => [`flush chain ${at} ${c}`, `delete chain ${at} ${c}`]),
  ];
  return lines.map(l => `${l}\n`).join('');
}

function mapDelta(at: string, actual: ReadonlyMap<string, string>, desired: ReadonlyMap<string, string>): string[] {
  const gone = [...actual].filter(([dev, chain]) => desired.get(dev) !== chain).map(([dev]) => `"${dev}"`);
  const fresh = [...desired].filter(([dev, chain]) => actual.get(dev) !== chain).map(([dev, chain]) => `"${dev}" : goto ${chain}`);
  return [
    ...(gone.length > 0 ? [`delete element ${at} guarded { ${gone.join(', ')} }`] : []),
    ...(fresh.length > 0 ? [`add element ${at} guarded { ${fresh.join(', ')} }`] : []),
  ];
}

function setDelta(at: string, set: string, actual: ReadonlySet<string>, desired: ReadonlySet<string>): string[] {
  const quoted = (names: string[]): string => names.map(n => `"${n}"`).join(', ');
  const gone = [...actual].filter(n => !desired.has(n));
  const fresh = [...desired].filter(n => !actual.has(n));
  return [
    ...(gone.length > 0 ? [`delete element ${at} ${set} { ${quoted(gone)} }`] : []),
    ...(fresh.length > 0 ? [`add element ${at} ${set} { ${quoted(fresh)} }`] : []),
  ];
}

/** Elements of the sets with a timeout may be gone by themselves: to delete one it is added first. */
function cutDelta(at: string, actual: ReadonlyMap<string, Cut>, desired: ReadonlyMap<string, Cut>): string[] {
  const add = (c: Cut): string => `add element ${at} ${setOf(c)} { ${keyOf(c)} timeout ${CUT_TIMEOUT} comment "${c.began}" }`;
  const gone = [...actual].filter(([e]) => !desired.has(e)).map(([, c]) => c);
  const fresh = [...desired].filter(([e]) => !actual.has(e)).map(([, c]) => c);
  return [...gone.flatMap(c => [add(c), `delete element ${at} ${setOf(c)} { ${keyOf(c)} }`]), ...fresh.map(add)];
}

function whole(name: string, desired: DesiredBridgeTable, replace: boolean): string {
  const none: ReadonlySet<string> = new Set();
  const empty: BridgeTable = { layout, admitted: none, foreign: none, nohost: none, wires: none, guarded: new Map(), cuts: new Map() };
  return `${replace ? `delete table bridge ${name}\n` : ''}table bridge ${name} {${frame}  chain ${layout} {\n  }\n}\n${bridgeTableDelta(name, empty, desired)}`;
}
