// Fields on the wire: OXM and NXM TLVs of matches, headers of subfields (ovs-fields(7), OpenFlow 1.4 §7.2.2).
import { fieldWidth, subfieldBits } from '../../../domain/openflow/action-text.ts';
import type { Subfield } from '../../../domain/openflow/actions.ts';
import { canonicalMatch } from '../../../domain/openflow/canonical.ts';
import { type Field, type FieldName, fieldNames, fieldOf } from '../../../domain/openflow/fields.ts';
import type { Match } from '../../../domain/openflow/match.ts';
import { BadFlow, type Bits, matchBits, ones, spelled } from '../../../domain/openflow/values.ts';
import { Garbled, type Reader, type Writer } from './bytes.ts';

const OXM_OF = 0x8000;
const EXPERIMENTER = 0xffff;
const MATCH_TYPE_OXM = 1;

interface Header {
  /** An experimenter's id where it is above 0xffff. */
  readonly oxmClass: number;
  readonly number: number;
}

function oxmOf(field: Field): Header | undefined {
  if (field.oxm === undefined) return undefined;
  return typeof field.oxm === 'number' ? { oxmClass: OXM_OF, number: field.oxm } : { oxmClass: field.oxm[0], number: field.oxm[1] };
}

const nxmOf = (field: Field): Header | undefined => field.nxm && { oxmClass: field.nxm[0], number: field.nxm[1] };

/** Bytes of a value of so many bits. */
function bytesOf(bits: number): number {
  const bytes = Math.ceil(bits / 8);
  return bytes === 3 ? 4 : bytes;
}

interface Known {
  readonly name: FieldName;
  /** Of the value on the wire. */
  readonly bits: number;
}

const known = new Map<number, Known>();
const keyOf = (oxmClass: number, number: number): number => oxmClass * 128 + number;
for (const name of fieldNames) {
  const field = fieldOf(name);
  const oxm = oxmOf(field);
  const nxm = nxmOf(field);
  if (nxm) known.set(keyOf(nxm.oxmClass, nxm.number), { name, bits: field.bits });
  if (oxm) known.set(keyOf(oxm.oxmClass, oxm.number), { name, bits: matchBits(field) });
}
/** One header for two names: as a match it is in_port, which has another header besides. */
const asMatch = (name: FieldName): FieldName => (name === 'in_port_oxm' ? 'in_port' : name);

/** A TLV of a match, or of set_field, which keeps to the same headers. */
export function writeTlv(w: Writer, name: FieldName, { value, mask }: Bits, exact: boolean): void {
  const field = fieldOf(name);
  const header = oxmOf(field) ?? nxmOf(field);
  if (!header) throw new BadFlow(`${name} is no field of a match`);
  const bytes = bytesOf(matchBits(field));
  const experimenter = header.oxmClass > 0xffff;
  w.u16(experimenter ? EXPERIMENTER : header.oxmClass)
    .u8((header.number << 1) | (exact ? 0 : 1))
    .u8(bytes * (exact ? 1 : 2) + (experimenter ? 4 : 0));
  if (experimenter) w.u32(header.oxmClass);
  w.bits(value, bytes);
  if (!exact) w.bits(mask, bytes);
}

/** What others need stands before them. */
const FIRST: readonly FieldName[] = ['ct_state', 'eth_type', 'nw_proto'];

/** The match with its header, filled up to eight bytes. Throws BadFlow. */
export function writeMatch(w: Writer, match: Match): void {
  const start = w.length;
  w.u16(MATCH_TYPE_OXM).u16(0);
  const found = canonicalMatch(match);
  const write = (name: FieldName, bits: Bits): void => writeTlv(w, name, bits, bits.mask === ones(matchBits(fieldOf(name))));
  for (const name of FIRST) {
    const bits = found.get(name);
    if (bits) write(name, bits);
  }
  for (const [name, bits] of found) if (!FIRST.includes(name)) write(name, bits);
  for (const tlv of match.opaque ?? []) {
    if (!/^([0-9a-f]{2}){4,}$/.test(tlv)) throw new BadFlow(`opaque=${tlv}`);
    w.hex(tlv);
  }
  w.setU16(start + 2, w.length - start);
  w.pad8(start);
}

export function readMatch(r: Reader): Match {
  const type = r.u16();
  const length = r.u16();
  if (type !== MATCH_TYPE_OXM || length < 4) throw new Garbled(`a match of type ${type} and length ${length}`);
  const match = readTlvs(r.part(length - 4));
  r.skip((8 - (length % 8)) % 8);
  return match;
}

function readTlvs(r: Reader): Match {
  const found: { [F in FieldName]?: unknown } = {};
  const opaque: string[] = [];
  while (r.left > 0) {
    const whole = r.copy();
    const before = r.left;
    const field = readTlv(r);
    if (field && found[field.name] === undefined) found[field.name] = spelled(field.name, field.bits);
    else opaque.push(whole.hex(before - r.left));
  }
  return (opaque.length > 0 ? { ...found, opaque } : found) as Match;
}

export interface FoundField {
  readonly name: FieldName;
  readonly bits: Bits;
  readonly masked: boolean;
}

/** Undefined for a field that is not known, or is not as it should be; it is passed over either way. */
export function readTlv(r: Reader): FoundField | undefined {
  const oxmClass = r.u16();
  const word = r.u8();
  const body = r.part(r.u8());
  const real = oxmClass === EXPERIMENTER ? (body.left >= 4 ? body.u32() : -1) : oxmClass;
  const masked = (word & 1) === 1;
  const field = known.get(keyOf(real, word >> 1));
  if (!field) return undefined;
  const bytes = bytesOf(field.bits);
  if (body.left !== bytes * (masked ? 2 : 1)) return undefined;
  const value = body.bits(bytes);
  const mask = masked ? body.bits(bytes) : ones(field.bits);
  if (value > ones(field.bits) || mask > ones(field.bits) || (value & ~mask) !== 0n) return undefined;
  if (mask !== ones(field.bits) && !fieldOf(field.name).maskable) return undefined;
  return { name: asMatch(field.name), bits: widened(field, { value, mask }), masked };
}

/** OpenFlow 1.0's reserved ports are the last of 16 bits. */
function widened({ name, bits }: Known, found: Bits): Bits {
  if (name !== 'in_port' || bits !== 16) return found;
  return { value: wide16(found.value), mask: ones(32) };
}

export const wide16 = (port: bigint): bigint => (port >= 0xff00n ? port + 0xffff0000n : port);

export interface WireSubfield {
  readonly header: number;
  readonly offset: number;
  readonly bits: number;
}

/** A subfield's parts as actions have them. Throws BadFlow. */
export function wireSubfield(subfield: Subfield): WireSubfield {
  const { field: name, offset, bits } = subfieldBits(subfield);
  const field = fieldOf(name);
  const header = nxmOf(field) ?? oxmOf(field);
  if (!header || header.oxmClass > 0xffff) throw new BadFlow(`${name} has no subfields`);
  const bytes = bytesOf(nxmOf(field) ? field.bits : matchBits(field));
  return { header: header.oxmClass * 0x10000 + (header.number << 9) + bytes, offset, bits };
}

/** Undefined for a field that is not known, or for bits that it does not have. */
export function readSubfield(header: number, offset: number, bits: number): Subfield | undefined {
  const field = known.get(keyOf(header >>> 16, (header >>> 9) & 0x7f));
  if (!field || (header & 0x100) !== 0 || bytesOf(field.bits) !== (header & 0xff) || (header & 0x80) !== 0) return undefined;
  const width = fieldWidth(field.name);
  if (bits < 1 || offset + bits > width) return undefined;
  return offset === 0 && bits === width ? field.name : { field: field.name, bits: [offset, offset + bits - 1] };
}
