// Ethernet frames byte by byte, as an attacker with a raw socket makes them.

export const bytes = (...parts: (number | readonly number[] | Uint8Array)[]): number[] =>
  parts.flatMap(p => (typeof p === 'number' ? [p] : [...p]));
export const u16 = (n: number): number[] => [(n >> 8) & 0xff, n & 0xff];
export const mac = (text: string): number[] => text.split(':').map(h => Number.parseInt(h, 16));
export const ip4 = (text: string): number[] => text.split('.').map(Number);
export const hex = (frame: readonly number[]): string => Buffer.from(frame).toString('hex');

export function ip6(text: string): number[] {
  const [head = '', tail] = text.split('::');
  const groups = (s: string): number[] => (s === '' ? [] : s.split(':').map(g => Number.parseInt(g, 16)));
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const middle = tail === undefined ? [] : Array<number>(8 - front.length - back.length).fill(0);
  return [...front, ...middle, ...back].flatMap(u16);
}

export const broadcast = 'ff:ff:ff:ff:ff:ff';
export const eth = (dst: string, src: string, type: number, payload: readonly number[]): number[] =>
  bytes(mac(dst), mac(src), u16(type), payload);

function sum(data: readonly number[]): number {
  let total = 0;
  for (let i = 0; i < data.length; i += 2) total += ((data[i] ?? 0) << 8) | (data[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >> 16);
  return ~total & 0xffff;
}

export interface Arp {
  readonly op: number;
  readonly sha: string;
  readonly spa: string;
  readonly tha?: string;
  readonly tpa: string;
  readonly hlen?: number;
}

export const arp = (a: Arp): number[] =>
  bytes(u16(1), u16(0x0800), a.hlen ?? 6, 4, u16(a.op), mac(a.sha), ip4(a.spa), mac(a.tha ?? '00:00:00:00:00:00'), ip4(a.tpa));

/** Text, or bytes as they are. */
type Data = string | readonly number[];
const octets = (data: Data): readonly number[] => (typeof data === 'string' ? [...Buffer.from(data)] : data);

/** An IPv4 packet with its header's checksum; `fragment` is flags and offset as they stand in the header. */
export function ip4packet(src: string, dst: string, protocol: number, payload: readonly number[], id = 0x1234, fragment = 0): number[] {
  const length = u16(20 + payload.length);
  const header = (check: number): number[] => bytes(0x45, 0, length, u16(id), u16(fragment), 64, protocol, u16(check), ip4(src), ip4(dst));
  return bytes(header(sum(header(0))), payload);
}

/** The packet in fragments, the first of `first` bytes and the second of what is left. */
export function fragment4(packet: readonly number[], id: number, first: number): number[][] {
  const address = (at: number): string => packet.slice(at, at + 4).join('.');
  const part = (payload: readonly number[], field: number): number[] =>
    ip4packet(address(12), address(16), packet[9] ?? 0, payload, id, field);
  const payload = packet.slice(20);
  return [part(payload.slice(0, first), 0x2000), part(payload.slice(first), first / 8)];
}

export function udp4(src: string, dst: string, sport: number, dport: number, text: Data): number[] {
  const data = octets(text);
  const length = 8 + data.length;
  const bare = bytes(u16(sport), u16(dport), u16(length), u16(0), data);
  const check = sum(bytes(ip4(src), ip4(dst), 0, 17, u16(length), bare)) || 0xffff;
  return ip4packet(src, dst, 17, bytes(u16(sport), u16(dport), u16(length), u16(check), data));
}

interface Segment {
  readonly sport: number;
  readonly dport: number;
  /** FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32. */
  readonly flags: number;
  readonly data?: Data;
}

export function tcp4(src: string, dst: string, { sport, dport, flags, data = '' }: Segment): number[] {
  const segment = (check: number): number[] =>
    bytes(u16(sport), u16(dport), u16(1), u16(1), u16(1), u16(1), 0x50, flags, u16(1024), u16(check), u16(0), octets(data));
  const bare = segment(0);
  return ip4packet(src, dst, 6, segment(sum(bytes(ip4(src), ip4(dst), 0, 6, u16(bare.length), bare))));
}

/** An ICMPv4 message: type, code, and what follows the checksum. */
export const icmp4 = (type: number, code: number, rest: readonly number[]): number[] => {
  const message = (check: number): number[] => bytes(type, code, u16(check), rest);
  return message(sum(message(0)));
};

/** One fragment for each part; parts but the last are multiples of eight bytes. */
export function fragments6(src: string, dst: string, next: number, id: number, parts: readonly (readonly number[])[]): number[][] {
  let offset = 0;
  return parts.map((part, i) => {
    const field = offset | (i < parts.length - 1 ? 1 : 0);
    offset += part.length;
    return ipv6(src, dst, 44, bytes(next, 0, u16(field), u16(0), u16(id), part));
  });
}

/** Type or length, and payload, of a frame with an LLC header that says SNAP (IEEE 802, RFC 1042). */
export const snap = (type: number, payload: readonly number[], organisation = 0): [length: number, payload: number[]] => {
  const body = bytes(0xaa, 0xaa, 3, 0, 0, organisation, u16(type), payload);
  return [body.length, body];
};

export const ipv6 = (src: string, dst: string, next: number, payload: readonly number[], hops = 255): number[] =>
  bytes(0x60, 0, 0, 0, u16(payload.length), next, hops, ip6(src), ip6(dst), payload);

const checked6 = (src: string, dst: string, proto: number, at: number, data: readonly number[]): number[] => {
  const check = sum(bytes(ip6(src), ip6(dst), 0, 0, u16(data.length), 0, 0, 0, proto, data)) || 0xffff;
  return bytes(data.slice(0, at), u16(check), data.slice(at + 2));
};

export function udp6(src: string, dst: string, sport: number, dport: number, text: Data): number[] {
  const data = octets(text);
  return ipv6(src, dst, 17, checked6(src, dst, 17, 6, bytes(u16(sport), u16(dport), u16(8 + data.length), u16(0), data)), 64);
}

interface Dhcp {
  /** 1 DISCOVER, 2 OFFER, 3 REQUEST, 4 DECLINE, 5 ACK, 7 RELEASE. */
  readonly type: number;
  /** The client, whoever it comes from. */
  readonly chaddr: string;
  readonly ciaddr?: string;
  readonly giaddr?: string;
  readonly requested?: string;
  readonly server?: string;
}

/** A DHCPv4 message: RFC 2131. */
export function dhcp4({ type, chaddr, ciaddr = '0.0.0.0', giaddr = '0.0.0.0', requested, server }: Dhcp): number[] {
  const op = type === 2 || type === 5 ? 2 : 1;
  const head = bytes(op, 1, 6, 0, 0x57, 0x65, 0x66, 0x74, u16(0), u16(0), ip4(ciaddr), ip4('0.0.0.0'), ip4('0.0.0.0'), ip4(giaddr));
  const option = (code: number, value: readonly number[]): number[] => bytes(code, value.length, value);
  const options = bytes(
    option(53, [type]),
    requested === undefined ? [] : option(50, ip4(requested)),
    server === undefined ? [] : option(54, ip4(server)),
    255,
  );
  const message = bytes(head, mac(chaddr), Array<number>(10 + 192).fill(0), 0x63, 0x82, 0x53, 0x63, options);
  return bytes(message, Array<number>(Math.max(0, 300 - message.length)).fill(0));
}

/** An ICMPv6 message with its checksum: type, then what follows the checksum. */
export const icmp6 = (src: string, dst: string, type: number, rest: readonly number[]): number[] =>
  checked6(src, dst, 58, 2, bytes(type, 0, 0, 0, rest));

export const linkOption = (type: 1 | 2, address: string): number[] => bytes(type, 1, mac(address));
export const nonce = bytes(14, 1, 1, 2, 3, 4, 5, 6);

/** Neighbour advertisement, override flag set. */
export const advertisement = (src: string, dst: string, target: string, options: readonly number[]): number[] =>
  icmp6(src, dst, 136, bytes(0x20, 0, 0, 0, ip6(target), options));
export const solicitation = (src: string, dst: string, target: string, options: readonly number[]): number[] =>
  icmp6(src, dst, 135, bytes(0, 0, 0, 0, ip6(target), options));
export const routerAdvertisement = (src: string, dst: string): number[] =>
  icmp6(src, dst, 134, bytes(64, 0, u16(1800), 0, 0, 0, 0, 0, 0, 0, 0));

/** Sends hex frames, one per line of its input; afterwards `sent`. */
export const sender = `
import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
for line in sys.argv[2].split(','):
    s.send(bytes.fromhex(line))
    time.sleep(0.003)
print('sent')
`;

/** Prints every frame that comes in, in hex; a VLAN tag that the kernel took off is put back. */
export const sniffer = `
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.setsockopt(263, 8, 1)
s.bind((sys.argv[1], 0))
print('listening', flush=True)
while True:
    data, anc, flags, addr = s.recvmsg(65536, 256)
    if addr[2] == 4: continue
    for level, kind, cmsg in anc:
        if level == 263 and kind == 8:
            status, length, snaplen, mac, net, tci, tpid = struct.unpack('IIIHHHH', cmsg[:20])
            if status & 16: data = data[:12] + struct.pack('!HH', tpid if status & 64 else 0x8100, tci) + data[12:]
    print(data.hex(), flush=True)
`;
