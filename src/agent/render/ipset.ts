// Members of remote groups as ipsets: names, canonical members, and the difference as text for `ipset restore`.
import { type Cidr, formatCidr, mask, parseIpPrefix } from '../../domain/net/cidr.ts';
import { type IpVersion, ipText } from '../../domain/net/ip.ts';
import { isHost } from './security-port.ts';

const NAME_MAX = 29;
/** More members than this in one group of one family are refused by ipset; Neutron stops at 65 536. */
const MAX_MEMBERS = 1_048_576;

/** `NIPv4<group id>`, cut: the same name that Neutron's agent uses. */
export const setName = (group: string, family: IpVersion): string => `NIPv${family}${group}`.slice(0, NAME_MAX);
export const isOurSet = (name: string): boolean => /^NIPv[46][0-9a-f-]{1,24}$/.test(name);

export interface IpSet {
  readonly family: IpVersion;
  readonly members: ReadonlySet<string>;
}

/**
 * Canonical members of one family; what is no address is left out, a /0 is two halves (the kernel has no set element for it). The MAC that may
 * stand behind one is not looked at.
 */
export function members(family: IpVersion, texts: readonly string[]): Set<string> {
  const out = new Set<string>();
  for (const text of texts) {
    const cidr = parseIpPrefix(text.split(' ', 1)[0] ?? '');
    if (cidr?.version !== family) continue;
    for (const part of cidr.prefix === 0 ? halves(family) : [cidr]) out.add(memberText(part));
  }
  return out;
}

/** Those that no other one contains. */
export function withoutNested(all: ReadonlySet<string>): string[] {
  const cidrs = [...all].map(text => ({ text, cidr: parseIpPrefix(text)! }));
  const wide = cidrs.filter(({ cidr }) => !isHost(cidr));
  if (wide.length === 0) return [...all];
  const known = new Map<number, Set<bigint>>();
  for (const { cidr } of wide) known.set(cidr.prefix, (known.get(cidr.prefix) ?? new Set()).add(cidr.network));
  const inside = ({ version, network, prefix }: Cidr): boolean =>
    [...known].some(([shorter, nets]) => shorter < prefix && nets.has(network & mask(version, shorter)));
  return cidrs.filter(({ cidr }) => !inside(cidr)).map(({ text }) => text);
}

const halves = (version: IpVersion): Cidr[] => [
  { version, network: 0n, prefix: 1 },
  { version, network: version === 4 ? 1n << 31n : 1n << 127n, prefix: 1 },
];

const memberText = (c: Cidr): string => (isHost(c) ? ipText(c.version, c.network) : formatCidr(c));

export interface SetDelta {
  /** To restore before the rules change. */
  readonly before: string;
  /** To restore after it: sets that nothing refers to any more. */
  readonly after: string;
  /** Sets that lost a member. */
  readonly shrunk: readonly string[];
}

/** `sweep` false keeps the sets that are not wanted. */
export function setDelta(actual: ReadonlyMap<string, IpSet>, desired: ReadonlyMap<string, IpSet>, sweep: boolean): SetDelta {
  const before: string[] = [];
  const shrunk: string[] = [];
  for (const [name, want] of desired) {
    const has = actual.get(name);
    if (!has) before.push(`create ${name} hash:net family ${want.family === 4 ? 'inet' : 'inet6'} maxelem ${MAX_MEMBERS}`);
    for (const m of want.members) if (!has?.members.has(m)) before.push(`add ${name} ${m}`);
    const gone = has ? [...has.members].filter(m => !want.members.has(m)) : [];
    for (const m of gone) before.push(`del ${name} ${m}`);
    if (gone.length > 0) shrunk.push(name);
  }
  const after = sweep ? [...actual.keys()].filter(name => isOurSet(name) && !desired.has(name)).map(name => `destroy ${name}`) : [];
  return { before: lines(before), after: lines(after), shrunk };
}

const lines = (all: readonly string[]): string => all.map(l => `${l}\n`).join('');
