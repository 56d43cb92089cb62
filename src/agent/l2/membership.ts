// Whether an address is one of a remote group's members, for the judge of connections.
import { type Cidr, contains, parseIpPrefix } from '../../domain/net/cidr.ts';
import { type Ip, type IpVersion, ipText } from '../../domain/net/ip.ts';
import type { FlowView } from '../render/security-flows.ts';
import { isHost } from '../render/security-port.ts';

/** `members` answers canonical texts, the same value as long as they are the same. */
export function memberTest(members: (group: string, version: IpVersion) => ReadonlySet<string> | undefined): FlowView['isMember'] {
  const wide = new Map<ReadonlySet<string>, readonly Cidr[]>();
  return (group: string, ip: Ip) => {
    const set = members(group, ip.version);
    if (!set) return false;
    if (set.has(ipText(ip.version, ip.value))) return true;
    const prefixes = wide.get(set) ?? [...set].flatMap(m => parseIpPrefix(m) ?? []).filter(c => !isHost(c));
    wide.set(set, prefixes);
    return prefixes.some(c => contains(c, ip));
  };
}
