// Connections in the words of ovs-dpctl: what it lists, and how one is named to be forgotten.
import type { TrackedConnection } from '../../../contracts/host/datapath.ts';
import { HostRefusal } from '../../../contracts/host/firewall.ts';

const NUMBERS: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  dccp: 33,
  rsvp: 46,
  icmpv6: 58,
  sctp: 132,
  udplite: 136,
};

/** `tcp,orig=(src=…,dst=…,sport=…,dport=…),reply=(…),zone=3,mark=1,protoinfo=(…)`; undefined for what is no such line. */
export function parseConnection(line: string): TrackedConnection | undefined {
  const read = /^([a-z0-9-]+),orig=\(([^)]*)\),reply=\(([^)]*)\)(.*)$/.exec(line.trim());
  if (!read) return undefined;
  const [, protocol = '', original = '', reply = '', rest = ''] = read;
  const there = pairs(original);
  const src = there.get('src');
  const dst = there.get('dst');
  if (src === undefined || dst === undefined) return undefined;
  const more = pairs(rest);
  const replySrc = pairs(reply).get('src');
  const number = (text: string | undefined, name: string): Record<string, number> => (text === undefined ? {} : { [name]: Number(text) });
  return {
    family: src.includes(':') ? 6 : 4,
    protocol: String(NUMBERS[protocol] ?? protocol),
    src,
    dst,
    ...(replySrc === undefined ? {} : { replySrc }),
    ...number(there.get('sport'), 'srcPort'),
    ...number(there.get('dport'), 'dstPort'),
    ...number(there.get('type'), 'icmpType'),
    ...number(there.get('code'), 'icmpCode'),
    ...number(there.get('id'), 'icmpId'),
    zone: Number(more.get('zone') ?? 0),
    mark: Number(more.get('mark') ?? 0),
  };
}

function pairs(text: string): Map<string, string> {
  return new Map([...text.matchAll(/([a-z]+)=([^,()]+)/g)].map(([, key = '', value = '']) => [key, value]));
}

/**
 * Open vSwitch 3.1 ends itself when it is told to forget a connection of ICMPv6, or one of ICMP whose type has no answer: those end by
 * themselves, half a minute after their last packet.
 */
export function canBeNamed({ protocol, icmpType }: TrackedConnection): boolean {
  if (protocol === '58') return false;
  return protocol !== '1' || (icmpType !== undefined && [0, 8, 13, 14, 15, 16, 17, 18].includes(icmpType));
}

/** The whole original tuple. Throws HostRefusal where something is missing. */
export function tupleText(c: TrackedConnection): string {
  const { family, src, dst, protocol, srcPort, dstPort, icmpType, icmpCode, icmpId } = c;
  if (src === undefined || dst === undefined || !/^[0-9]{1,3}$/.test(protocol ?? '') || /[^0-9a-fA-F:.]/.test(src + dst))
    throw new HostRefusal('ovs-vswitchd', `no connection: ${JSON.stringify(c)}`);
  const words = family === 4 ? [`ct_nw_src=${src}`, `ct_nw_dst=${dst}`] : [`ct_ipv6_src=${src}`, `ct_ipv6_dst=${dst}`];
  const given = (name: string, value: number | undefined): string[] => (value === undefined ? [] : [`${name}=${value}`]);
  return [
    ...words,
    `ct_nw_proto=${protocol}`,
    ...given('ct_tp_src', srcPort),
    ...given('ct_tp_dst', dstPort),
    ...given('icmp_type', icmpType),
    ...given('icmp_code', icmpCode),
    ...given('icmp_id', icmpId),
  ].join(',');
}
