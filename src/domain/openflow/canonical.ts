// One form for all matches that mean the same, and one order for actions: what a flow's key, its text and its encoding are made of.
import type { Action } from './actions.ts';
import { type FieldName, fieldNames } from './fields.ts';
import type { FieldValue, Match } from './match.ts';
import { type Bits, bitsOf, ones } from './values.ts';

/** In the order of the table of fields. */
export type CanonicalMatch = ReadonlyMap<FieldName, Bits>;

const places = new Map(fieldNames.map((name, i) => [name, i]));

/** Throws BadFlow. Registers in pairs and fours become single ones, a TCI its parts, a DSCP byte its six bits; a mask of zeros is no match. */
export function canonicalMatch(match: Match): CanonicalMatch {
  const found = new Map<FieldName, Bits>();
  for (const [name, value] of Object.entries(match)) {
    if (value === undefined || name === 'opaque') continue;
    for (const [part, bits] of parts(name as FieldName, bitsOf(name as FieldName, value as FieldValue<FieldName>))) {
      const old = found.get(part);
      if (bits.mask !== 0n) found.set(part, old ? { value: old.value | bits.value, mask: old.mask | bits.mask } : bits);
    }
  }
  impliedTag(found);
  return new Map([...found].sort(([a], [b]) => (places.get(a) ?? 0) - (places.get(b) ?? 0)));
}

function parts(name: FieldName, bits: Bits): readonly (readonly [FieldName, Bits])[] {
  if (name.startsWith('x')) return registersOf(name, bits);
  if (name === 'vlan_tci')
    return [
      ['vlan_vid', slice(bits, 0, 13)],
      ['vlan_pcp', slice(bits, 13, 3)],
    ];
  if (name === 'in_port_oxm') return [['in_port', bits]];
  if (name === 'nw_tos') return [['ip_dscp', slice(bits, 2, 6)]];
  return [[name, bits]];
}

/** Of `xreg1` reg2 and reg3, of `xxreg1` reg4 to reg7. */
function registersOf(name: FieldName, bits: Bits): readonly (readonly [FieldName, Bits])[] {
  const count = name.startsWith('xx') ? 4 : 2;
  const first = Number(name.slice(-1)) * count;
  return Array.from({ length: count }, (_, i) => [`reg${first + i}` as FieldName, slice(bits, 32 * (count - 1 - i), 32)]);
}

function slice({ value, mask }: Bits, from: number, width: number): Bits {
  const cut = (n: bigint): bigint => (n >> BigInt(from)) & ones(width);
  return { value: cut(value), mask: cut(mask) };
}

/** Who looks at a tag's priority wants a tag. */
function impliedTag(found: Map<FieldName, Bits>): void {
  if (!found.has('vlan_pcp')) return;
  const vid = found.get('vlan_vid') ?? { value: 0n, mask: 0n };
  if ((vid.mask & 0x1000n) === 0n) found.set('vlan_vid', { value: vid.value | 0x1000n, mask: vid.mask | 0x1000n });
}

const INSTRUCTIONS: readonly Action['do'][] = ['clear_actions', 'write_actions', 'write_metadata', 'goto_table'];

/** In the order in which a switch runs them: a meter, actions as they stand, then the other instructions. */
export function canonicalActions(actions: readonly Action[]): readonly Action[] {
  const place = (a: Action): number => (a.do === 'meter' ? -1 : INSTRUCTIONS.indexOf(a.do) + 1);
  return actions.some(a => place(a) !== 0) ? actions.toSorted((a, b) => place(a) - place(b)) : actions;
}
