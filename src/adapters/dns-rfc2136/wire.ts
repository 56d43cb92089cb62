// The wire format of DNS messages (RFC 1035, 2136), as far as updates need it.
import type { DnsChange, DnsRecord } from '../../contracts/dns.ts';
import { parseIp } from '../../domain/net/ip.ts';

export const types = { A: 1, SOA: 6, PTR: 12, AAAA: 28, TSIG: 250 } as const;
export const classes = { IN: 1, NONE: 254, ANY: 255 } as const;
const opcodeUpdate = 5;

export const u16 = (n: number): Buffer => Buffer.from([(n >> 8) & 255, n & 255]);
export const u32 = (n: number): Buffer => Buffer.concat([u16(Math.floor(n / 65_536)), u16(n % 65_536)]);

/** Labels in lower case, uncompressed: also the canonical form that TSIG signs. */
export function nameBytes(name: string): Buffer {
  const labels = name
    .toLowerCase()
    .replace(/\.$/, '')
    .split('.')
    .filter(l => l !== '');
  const parts = labels.map(label => {
    const bytes = Buffer.from(label, 'latin1');
    if (bytes.length > 63) throw new RangeError(`a label of more than 63 bytes in ${name}`);
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  });
  const all = Buffer.concat([...parts, Buffer.from([0])]);
  if (all.length > 255) throw new RangeError(`a name of more than 255 bytes: ${name}`);
  return all;
}

function dataBytes({ type, data }: DnsRecord): Buffer {
  if (type === 'PTR') return nameBytes(data);
  const ip = parseIp(data);
  if (!ip || (ip.version === 4) !== (type === 'A')) throw new RangeError(`${data} is no address of type ${type}`);
  return Buffer.from(ip.value.toString(16).padStart(type === 'A' ? 8 : 32, '0'), 'hex');
}

function rr(name: string, { type, of, ttl, data }: { type: number; of: number; ttl: number; data: Buffer }): Buffer {
  return Buffer.concat([nameBytes(name), u16(type), u16(of), u32(ttl), u16(data.length), data]);
}

const nothing = Buffer.alloc(0);

/** "RRset does not exist": class NONE, no data (RFC 2136, 2.4.3). */
const without = (name: string, type: number): Buffer => rr(name, { type, of: classes.NONE, ttl: 0, data: nothing });

/** "RRset exists (value dependent)": the data, and no time (2.4.2). */
const withOnly = (r: DnsRecord): Buffer => rr(r.name, { type: types[r.type], of: classes.IN, ttl: 0, data: dataBytes(r) });

/** An update of a zone (RFC 2136), without its signature. */
export function updateMessage(id: number, { zone, absent = [], only = [], add = [], remove = [] }: DnsChange, ttl: number): Buffer {
  const prerequisites = [
    ...absent.flatMap(name => [types.A, types.AAAA].map(type => without(name, type))),
    ...only.flatMap(r => [withOnly(r), without(r.name, r.type === 'A' ? types.AAAA : types.A)]),
  ];
  const updates = [
    ...remove.map(r => rr(r.name, { type: types[r.type], of: classes.NONE, ttl: 0, data: dataBytes(r) })),
    ...add.map(r => rr(r.name, { type: types[r.type], of: classes.IN, ttl, data: dataBytes(r) })),
  ];
  const header = [u16(id), u16(opcodeUpdate << 11), u16(1), u16(prerequisites.length), u16(updates.length), u16(0)];
  const question = [nameBytes(zone), u16(types.SOA), u16(classes.IN)];
  return Buffer.concat([...header, ...question, ...prerequisites, ...updates]);
}

const codes: Readonly<Record<number, string>> = {
  1: 'FORMERR',
  2: 'SERVFAIL',
  3: 'NXDOMAIN',
  4: 'NOTIMP',
  5: 'REFUSED',
  6: 'YXDOMAIN',
  7: 'YXRRSET',
  8: 'NXRRSET',
  9: 'NOTAUTH',
  10: 'NOTZONE',
};

export interface Header {
  readonly id: number;
  /** Undefined: done. */
  readonly refusal: string | undefined;
  readonly counts: readonly [number, number, number, number];
}

export function readHeader(message: Buffer): Header {
  if (message.length < 12) throw new RangeError('an answer without a header');
  const code = message.readUInt16BE(2) & 15;
  const count = (at: number): number => message.readUInt16BE(at);
  return {
    id: message.readUInt16BE(0),
    refusal: code === 0 ? undefined : (codes[code] ?? `RCODE ${code}`),
    counts: [count(4), count(6), count(8), count(10)],
  };
}

/** The place behind a name. */
export function skipName(message: Buffer, from: number): number {
  for (let at = from; ; ) {
    const length = message.readUInt8(at);
    if (length === 0) return at + 1;
    if ((length & 0xc0) === 0xc0) return at + 2;
    at += length + 1;
  }
}

/** Where the last record of a message begins, its name left behind, or undefined where there is none. */
export function lastRecord(message: Buffer): { readonly start: number; readonly fixed: number } | undefined {
  const [questions, ...records] = readHeader(message).counts;
  let at = 12;
  for (let i = 0; i < questions; i++) at = skipName(message, at) + 4;
  let last: { start: number; fixed: number } | undefined;
  for (let i = 0; i < records[0] + records[1] + records[2]; i++) {
    const fixed = skipName(message, at);
    last = { start: at, fixed };
    at = fixed + 10 + message.readUInt16BE(fixed + 8);
  }
  return last;
}
