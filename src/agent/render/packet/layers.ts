// A packet's headers as data, with the names that os-ken gives them: they are what Neutron's agent writes to its log. What a packet carries is
// left out: it is nobody's business but the tenant's.
import { ipText } from '../../../domain/net/ip.ts';
import { ICMP, ICMPV6, TCP, UDP } from '../security-rules.ts';
import { Bytes } from './bytes.ts';
import { tcpOptions } from './tcp-options.ts';

export type Value = number | string | null | Layer | readonly Layer[];

export interface Layer {
  readonly name: string;
  readonly fields: Readonly<Record<string, Value>>;
}

const VLAN_TYPES = [0x8100, 0x88a8];
const SCTP = 132;

/** From the Ethernet header on, as far as they are whole. */
export function readLayers(data: Uint8Array): Layer[] {
  const b = new Bytes(data);
  const layers: Layer[] = [];
  if (b.left < 14) return layers;
  let ethertype = 0;
  const [dst, src] = [b.mac(), b.mac()];
  ethertype = b.u16();
  layers.push({ name: 'ethernet', fields: { dst, ethertype, src } });
  while (VLAN_TYPES.includes(ethertype) && b.left >= 4) {
    const tci = b.u16();
    ethertype = b.u16();
    layers.push({ name: 'vlan', fields: { cfi: (tci >> 12) & 1, ethertype, pcp: tci >> 13, vid: tci & 0xfff } });
  }
  const read = networkOf[ethertype];
  if (read) layers.push(...read(b));
  return layers;
}

const networkOf: Readonly<Record<number, (b: Bytes) => Layer[]>> = { 2048: ipv4, 2054: arp, 32821: arp, 34525: ipv6 };

function ipv4(b: Bytes): Layer[] {
  if (b.left < 20) return [];
  const first = b.u8();
  const header_length = first & 0xf;
  const [tos, total_length, identification, word, ttl, proto, csum] = [b.u8(), b.u16(), b.u16(), b.u16(), b.u8(), b.u8(), b.u16()];
  const [src, dst] = [ipText(4, b.bits(4)), ipText(4, b.bits(4))];
  const options = 4 * header_length - 20;
  if (options < 0 || b.left < options) return [];
  const option = options === 0 ? null : b.hex(options);
  const [flags, offset] = [word >> 13, word & 0x1fff];
  const fields = {
    csum,
    dst,
    flags,
    header_length,
    identification,
    offset,
    option,
    proto,
    src,
    tos,
    total_length,
    ttl,
    version: first >> 4,
  };
  return [{ name: 'ipv4', fields }, ...(offset === 0 ? transport(proto, b) : [])];
}

const EXTENSIONS: Readonly<Record<number, string>> = { 0: 'hop_opts', 43: 'routing', 44: 'fragment', 60: 'dst_opts' };

function ipv6(b: Bytes): Layer[] {
  if (b.left < 40) return [];
  const word = b.u32();
  const [payload_length, nxt, hop_limit] = [b.u16(), b.u8(), b.u8()];
  const [src, dst] = [ipText(6, b.bits(16)), ipText(6, b.bits(16))];
  const ext_hdrs: Layer[] = [];
  let next = nxt;
  let isFirst = true;
  for (let name = EXTENSIONS[next]; name !== undefined && b.left >= 8; name = EXTENSIONS[next]) {
    const header = extension(name, b);
    ext_hdrs.push(header);
    next = Number(header.fields['nxt']);
    if (name === 'fragment' && header.fields['offset'] !== 0) isFirst = false;
  }
  const [traffic_class, flow_label] = [(word >>> 20) & 0xff, word & 0xfffff];
  const fields = { dst, ext_hdrs, flow_label, hop_limit, nxt, payload_length, src, traffic_class, version: word >>> 28 };
  return [{ name: 'ipv6', fields }, ...(isFirst ? transport(next, b) : [])];
}

function extension(name: string, b: Bytes): Layer {
  const [nxt, size] = [b.u8(), b.u8()];
  if (name === 'fragment') {
    const word = b.u16();
    return { name, fields: { id_: b.u32(), more: word & 1, nxt, offset: word >> 3 } };
  }
  b.skip(Math.min(8 * size + 6, b.left));
  return { name, fields: { nxt, size } };
}

function arp(b: Bytes): Layer[] {
  if (b.left < 28) return [];
  const [hwtype, proto, hlen, plen, opcode] = [b.u16(), b.u16(), b.u8(), b.u8(), b.u16()];
  const [src_mac, src_ip, dst_mac, dst_ip] = [b.mac(), ipText(4, b.bits(4)), b.mac(), ipText(4, b.bits(4))];
  return [{ name: 'arp', fields: { dst_ip, dst_mac, hlen, hwtype, opcode, plen, proto, src_ip, src_mac } }];
}

function transport(protocol: number, b: Bytes): Layer[] {
  switch (protocol) {
    case TCP:
      return b.left < 20 ? [] : [tcp(b)];
    case UDP:
      return b.left < 8 ? [] : [udp(b)];
    case SCTP:
      return b.left < 12 ? [] : [{ name: 'sctp', fields: { src_port: b.u16(), dst_port: b.u16(), vtag: b.u32(), csum: b.u32() } }];
    case ICMP:
      return b.left < 8 ? [] : [icmp('icmp', 'type', b, t => t === 0 || t === 8)];
    case ICMPV6:
      return b.left < 4 ? [] : [icmp('icmpv6', 'type_', b, t => t === 128 || t === 129)];
    default:
      return [];
  }
}

function tcp(b: Bytes): Layer {
  const [src_port, dst_port, seq, ack] = [b.u16(), b.u16(), b.u32(), b.u32()];
  const [word, window_size, csum, urgent] = [b.u16(), b.u16(), b.u16(), b.u16()];
  const offset = word >> 12;
  const option = tcpOptions(b.part(Math.min(Math.max(0, 4 * offset - 20), b.left)));
  return { name: 'tcp', fields: { ack, bits: word & 0x3f, csum, dst_port, offset, option, seq, src_port, urgent, window_size } };
}

const udp = (b: Bytes): Layer => ({ name: 'udp', fields: { src_port: b.u16(), dst_port: b.u16(), total_length: b.u16(), csum: b.u16() } });

const NEIGHBOUR = [135, 136];

function icmp(name: string, typeName: string, b: Bytes, isEcho: (type: number) => boolean): Layer {
  const [type, code, csum] = [b.u8(), b.u8(), b.u16()];
  const data = (): Layer | null => {
    if (isEcho(type) && b.left >= 4) return { name: 'echo', fields: { id: b.u16(), seq: b.u16() } };
    if (name === 'icmp' || !NEIGHBOUR.includes(type) || b.left < 20) return null;
    const res = b.u32() >>> 29;
    return { name: 'nd_neighbor', fields: { dst: ipText(6, b.bits(16)), res } };
  };
  return { name, fields: { code, csum, data: data(), [typeName]: type } };
}
