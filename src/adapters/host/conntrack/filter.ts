// Flow filters as conntrack's options, and the lines of `conntrack -L` as flows.
import type { Flow, FlowFilter } from '../../../contracts/host/firewall.ts';
import { canonicalIp } from '../../../domain/net/ip.ts';
import { BadWord, integer, ip, word } from '../names.ts';

/** conntrack knows the protocols by its own names; every other one by number. */
const PROTOCOLS: Readonly<Record<string, string>> = {
  tcp: 'tcp',
  udp: 'udp',
  sctp: 'sctp',
  dccp: 'dccp',
  gre: 'gre',
  udplite: 'udplite',
  icmp: 'icmp',
  icmpv6: 'icmpv6',
  'ipv6-icmp': 'icmpv6',
  icmp6: 'icmpv6',
  ah: '51',
  esp: '50',
  egp: '8',
  igmp: '2',
  ipip: '4',
  ospf: '89',
  pgm: '113',
  rsvp: '46',
  vrrp: '112',
  'ipv6-encap': '41',
  'ipv6-frag': '44',
  'ipv6-nonxt': '59',
  'ipv6-opts': '60',
  'ipv6-route': '43',
  '1': 'icmp',
  '6': 'tcp',
  '17': 'udp',
  '33': 'dccp',
  '47': 'gre',
  '58': 'icmpv6',
  '132': 'sctp',
  '136': 'udplite',
};

export const protocolName = (protocol: string): string => PROTOCOLS[protocol] ?? (/^\d{1,3}$/.test(protocol) ? protocol : word(protocol));

export function deleteArgs(filter: FlowFilter): string[] {
  if (filter.protocol === undefined && (filter.srcPort !== undefined || filter.dstPort !== undefined))
    throw new BadWord('port', 'of no protocol');
  const args = ['-D', '-f', filter.family === 4 ? 'ipv4' : 'ipv6'];
  const add = (option: string, value: string | undefined): void => {
    if (value !== undefined) args.push(option, value);
  };
  add('-w', filter.zone === undefined ? undefined : integer(filter.zone, 0, 65_535));
  add('-p', filter.protocol === undefined ? undefined : protocolName(filter.protocol));
  add('-s', filter.src === undefined ? undefined : ip(filter.src));
  add('-d', filter.dst === undefined ? undefined : ip(filter.dst));
  add('--sport', filter.srcPort === undefined ? undefined : integer(filter.srcPort, 0, 65_535));
  add('--dport', filter.dstPort === undefined ? undefined : integer(filter.dstPort, 0, 65_535));
  add('-r', filter.replySrc === undefined ? undefined : ip(filter.replySrc));
  add('-q', filter.replyDst === undefined ? undefined : ip(filter.replyDst));
  return args;
}

const address = (ip: string | undefined): string | undefined => (ip === undefined ? undefined : (canonicalIp(ip) ?? ip));

/** Whether `conntrack -D` with the filter would delete the flow. */
export function matches(filter: FlowFilter, flow: Flow): boolean {
  const fits = <T>(wanted: T | undefined, has: T | undefined): boolean => wanted === undefined || wanted === has;
  return (
    filter.family === flow.family &&
    fits(filter.zone, flow.zone) &&
    fits(filter.protocol && protocolName(filter.protocol), flow.protocol && protocolName(flow.protocol)) &&
    fits(address(filter.src), address(flow.src)) &&
    fits(address(filter.dst), address(flow.dst)) &&
    fits(filter.srcPort, flow.srcPort) &&
    fits(filter.dstPort, flow.dstPort) &&
    fits(address(filter.replySrc), address(flow.replySrc ?? flow.dst)) &&
    fits(address(filter.replyDst), address(flow.replyDst ?? flow.src))
  );
}

/** `tcp 6 599 ESTABLISHED src=… dst=… sport=… dport=… [UNREPLIED] src=… … mark=0 zone=5 use=1`: the first src is the original direction's. */
export function parseFlow(line: string): Flow | undefined {
  const [name = '', number = '', ...words] = line.trim().split(/\s+/);
  const pairs = words.flatMap(w => {
    const [key, value] = w.split('=');
    return key && value !== undefined ? [[key, value] as const] : [];
  });
  const all = (key: string): string[] => pairs.filter(([k]) => k === key).map(([, v]) => v);
  const [src] = all('src');
  if (src === undefined || !/^\d+$/.test(number)) return undefined;
  const count = (key: string, option: string): Record<string, number> => {
    const [value] = all(key);
    return value === undefined ? {} : { [option]: Number(value) };
  };
  const [dst, replyDst] = all('dst');
  const replySrc = all('src')[1];
  return {
    family: src.includes(':') ? 6 : 4,
    protocol: name === 'unknown' ? protocolName(number) : name,
    src,
    ...(dst === undefined ? {} : { dst }),
    ...(replySrc === undefined ? {} : { replySrc }),
    ...(replyDst === undefined ? {} : { replyDst }),
    ...count('sport', 'srcPort'),
    ...count('dport', 'dstPort'),
    ...count('type', 'icmpType'),
    ...count('code', 'icmpCode'),
    zone: Number(all('zone')[0] ?? 0),
  };
}
