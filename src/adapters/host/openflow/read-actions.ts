// Actions and instructions from the wire. What is not known, or not as it should be, is kept whole as `opaque`.
import { ipText } from '../../../domain/net/ip.ts';
import type { Action, Ct, LearnSpec, Nat, SetField, Subfield } from '../../../domain/openflow/actions.ts';
import { BadFlow, ones, spelled } from '../../../domain/openflow/values.ts';
import { Garbled, type Reader, Writer } from './bytes.ts';
import { portOf, portOf16 } from './ports.ts';
import { readSubfield, readTlv } from './tlv.ts';
import { ACTION, CONTROLLER, CT_FLAG, INSTRUCTION, LEARN, NAT, NICIRA, NX, REASON_ACTION } from './wire.ts';
import { writeActions, writeInstructions } from './write-actions.ts';

/** One element with a type and a length in front; `read` answers undefined for what it does not know. */
function element<T>(r: Reader, read: (type: number, body: Reader) => T | undefined, opaque: (bytes: string) => T): T {
  const whole = r.copy();
  const type = r.u16();
  const length = r.u16();
  if (length < 8 || length % 8 !== 0) throw new Garbled(`an action of length ${length}`);
  const body = r.part(length - 4);
  return attempt(() => read(type, body)) ?? opaque(whole.hex(length));
}

/** A part that lies about its lengths, or holds what could not be written again, is not known either: its own length has been told. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Garbled || error instanceof BadFlow) return undefined;
    throw error;
  }
}

export function readInstructions(r: Reader): Action[] {
  const out: Action[] = [];
  while (r.left > 0) {
    const found = element<readonly Action[]>(
      r,
      (type, body) => writable(readInstruction(type, body), writeInstructions),
      bytes => [{ do: 'opaque', kind: 'instruction', bytes }],
    );
    out.push(...found);
  }
  return out;
}

function readInstruction(type: number, r: Reader): readonly Action[] | undefined {
  switch (type) {
    case INSTRUCTION.meter:
      return [{ do: 'meter', meter: r.u32() }];
    case INSTRUCTION.apply_actions:
      r.skip(4);
      return readActions(r);
    case INSTRUCTION.clear_actions:
      return [{ do: 'clear_actions' }];
    case INSTRUCTION.write_actions:
      r.skip(4);
      return [{ do: 'write_actions', actions: readActions(r) }];
    case INSTRUCTION.write_metadata: {
      r.skip(4);
      const value = r.u64();
      const mask = r.u64();
      return [mask === ones(64) ? { do: 'write_metadata', value } : { do: 'write_metadata', value, mask }];
    }
    case INSTRUCTION.goto_table:
      return [{ do: 'goto_table', table: r.u8() }];
    default:
      return undefined;
  }
}

export function readActions(r: Reader): Action[] {
  const out: Action[] = [];
  const read = (type: number, body: Reader): Action | undefined => writable(readAction(type, body), (w, a) => writeActions(w, [a]));
  while (r.left > 0) out.push(element<Action>(r, read, bytes => ({ do: 'opaque', kind: 'action', bytes })));
  return out;
}

/** What is written to see whether it can be, and for nothing else. */
const scratch = new Writer();

/** The same again, or BadFlow. */
function writable<T>(found: T | undefined, write: (w: Writer, found: T) => void): T | undefined {
  if (found !== undefined) write(scratch.forget(), found);
  return found;
}

function readAction(type: number, r: Reader): Action | undefined {
  switch (type) {
    case ACTION.output:
      return readOutput(r);
    case ACTION.group:
      return { do: 'group', group: r.u32() };
    case ACTION.push_vlan:
      return { do: 'push_vlan', eth_type: r.u16() };
    case ACTION.pop_vlan:
      return { do: 'pop_vlan' };
    case ACTION.dec_nw_ttl:
      return { do: 'dec_ttl' };
    case ACTION.set_queue:
      return { do: 'set_queue', queue: r.u32() };
    case ACTION.set_field:
      return readSetField(r, false);
    case ACTION.experimenter:
      return r.u32() === NICIRA ? readNicira(r.u16(), r) : undefined;
    default:
      return undefined;
  }
}

function readOutput(r: Reader): Action {
  const port = portOf(r.u32());
  const length = r.u16();
  return port === 'controller' && length !== 0xffff ? { do: 'output', port, max_len: length } : { do: 'output', port };
}

function readSetField(r: Reader, masked: boolean): Action | undefined {
  const found = readTlv(r);
  if (!found || (found.masked && !masked) || !zeros(r)) return undefined;
  return { do: 'set_field', field: found.name, value: spelled(found.name, found.bits) } as SetField;
}

/** Whether only zeros, the filling, are left. */
function zeros(r: Reader): boolean {
  return r.left < 8 && r.bits(r.left) === 0n;
}

function readNicira(subtype: number, r: Reader): Action | undefined {
  switch (subtype) {
    case NX.output_reg: {
      const from = readPacked(r);
      return from === undefined || r.u16() !== 0xffff ? undefined : { do: 'output_reg', from };
    }
    case NX.resubmit:
    case NX.resubmit_table:
    case NX.resubmit_table_ct:
      return readResubmit(subtype, r);
    case NX.reg_load: {
      const to = readPacked(r);
      return to === undefined ? undefined : { do: 'load', value: r.u64(), to };
    }
    case NX.reg_load2:
      return readSetField(r, true);
    case NX.reg_move:
      return readMove(r);
    case NX.stack_push:
    case NX.stack_pop: {
      const offset = r.u16();
      const field = readSubfield(r.u32(), offset, r.u16());
      return field === undefined ? undefined : { do: subtype === NX.stack_push ? 'push' : 'pop', field };
    }
    case NX.learn:
      return readLearn(r);
    case NX.ct:
      return readCt(r);
    case NX.conjunction: {
      const clause = r.u8() + 1;
      const of = r.u8();
      return { do: 'conjunction', id: r.u32(), clause, of };
    }
    case NX.note:
      return { do: 'note', bytes: r.hex(r.left) };
    case NX.clone:
      r.skip(6);
      return { do: 'clone', actions: readActions(r) };
    case NX.ct_clear:
      return { do: 'ct_clear' };
    case NX.pop_queue:
      return { do: 'pop_queue' };
    case NX.exit:
      return { do: 'exit' };
    case NX.controller: {
      const [max_len, id] = [r.u16(), r.u16()];
      return r.u8() === REASON_ACTION ? toController({ id, max_len }) : undefined;
    }
    case NX.controller2:
      return readController(r);
    default:
      return undefined;
  }
}

function readPacked(r: Reader): Subfield | undefined {
  const word = r.u16();
  return readSubfield(r.u32(), word >> 6, (word & 0x3f) + 1);
}

function readResubmit(subtype: number, r: Reader): Action {
  const port = portOf16(r.u16());
  const table = subtype === NX.resubmit ? 255 : r.u8();
  return {
    do: 'resubmit',
    ...(port === 'in_port' ? {} : { port }),
    ...(table === 255 ? {} : { table }),
    ...(subtype === NX.resubmit_table_ct ? { ct: true } : {}),
  };
}

const toController = ({ max_len = 0xffff, ...to }: { id: number; max_len?: number; meter?: number }): Action => ({
  do: 'controller',
  ...to,
  ...(max_len === 0xffff ? {} : { max_len }),
});

/** One with more than an id, a length and a meter is not known. */
function readController(r: Reader): Action | undefined {
  r.skip(6);
  const found: { id: number; max_len?: number; meter?: number } = { id: 0 };
  while (r.left >= 4) {
    const type = r.u16();
    const length = r.u16();
    const property = r.part(length - 4);
    if (type === CONTROLLER.max_len) found.max_len = property.u16();
    else if (type === CONTROLLER.id) found.id = property.u16();
    else if (type === CONTROLLER.meter) found.meter = property.u32();
    else return undefined;
    r.skip(Math.min(r.left, (8 - (length % 8)) % 8));
  }
  return toController(found);
}

function readMove(r: Reader): Action | undefined {
  const bits = r.u16();
  const [fromOffset, toOffset] = [r.u16(), r.u16()];
  const from = readSubfield(r.u32(), fromOffset, bits);
  const to = readSubfield(r.u32(), toOffset, bits);
  return from === undefined || to === undefined ? undefined : { do: 'move', from, to };
}

function readLearn(r: Reader): Action | undefined {
  const [idle, hard, priority] = [r.u16(), r.u16(), r.u16()];
  const cookie = r.u64();
  const flags = r.u16();
  const table = r.u8();
  r.skip(1);
  const [finIdle, finHard] = [r.u16(), r.u16()];
  const specs = readSpecs(r);
  if (!specs || (flags & ~(LEARN.send_flow_rem | LEARN.delete_learned)) !== 0) return undefined;
  return {
    do: 'learn',
    table,
    priority,
    ...(cookie === 0n ? {} : { cookie }),
    ...(idle === 0 ? {} : { idle_timeout: idle }),
    ...(hard === 0 ? {} : { hard_timeout: hard }),
    ...(finIdle === 0 ? {} : { fin_idle_timeout: finIdle }),
    ...(finHard === 0 ? {} : { fin_hard_timeout: finHard }),
    ...((flags & LEARN.send_flow_rem) === 0 ? {} : { send_flow_rem: true }),
    ...((flags & LEARN.delete_learned) === 0 ? {} : { delete_learned: true }),
    specs,
  };
}

function readSpecs(r: Reader): LearnSpec[] | undefined {
  const specs: LearnSpec[] = [];
  while (r.left >= 2) {
    const header = r.u16();
    if (header === 0) break;
    const spec = readSpec(header, r);
    if (!spec) return undefined;
    specs.push(spec);
  }
  return r.left < 8 && r.bits(r.left) === 0n ? specs : undefined;
}

function readSpec(header: number, r: Reader): LearnSpec | undefined {
  const bits = header & LEARN.bits;
  const kind = header & 0x1800;
  const place = (): Subfield | undefined => {
    const field = r.u32();
    return readSubfield(field, r.u16(), bits);
  };
  const from = (header & LEARN.from_value) !== 0 ? r.bits(2 * Math.ceil(bits / 16)) : place();
  if (from === undefined || (header & 0xc000) !== 0) return undefined;
  if (kind === LEARN.to_output) return typeof from === 'bigint' ? undefined : { output: from };
  const to = place();
  if (to === undefined) return undefined;
  return kind === LEARN.to_match ? { match: to, from } : kind === LEARN.to_load ? { load: to, from } : undefined;
}

function readCt(r: Reader): Action | undefined {
  const flags = r.u16();
  const header = r.u32();
  const word = r.u16();
  const zone = header === 0 ? word : readSubfield(header, word >> 6, (word & 0x3f) + 1);
  const table = r.u8();
  r.skip(3);
  const alg = r.u16();
  if (zone === undefined || (header !== 0 && (word & 0x3f) !== 15) || (flags & ~(CT_FLAG.commit | CT_FLAG.force)) !== 0) return undefined;
  const exec: Action[] = [];
  let nat: Nat | undefined;
  while (r.left > 0) {
    const inner = element<Action | Nat>(r, readInner, bytes => ({ do: 'opaque', kind: 'action', bytes }));
    if ('do' in inner) exec.push(inner);
    else if (nat) return undefined;
    else nat = inner;
  }
  return {
    do: 'ct',
    ...((flags & CT_FLAG.commit) === 0 ? {} : { commit: true }),
    ...((flags & CT_FLAG.force) === 0 ? {} : { force: true }),
    ...(zone === 0 ? {} : { zone }),
    ...(table === 255 ? {} : { table }),
    ...(alg === 0 ? {} : { alg }),
    ...(nat ? { nat } : {}),
    ...(exec.length > 0 ? { exec } : {}),
  } satisfies Ct;
}

function readInner(type: number, r: Reader): Action | Nat | undefined {
  const seen = r.copy();
  if (type === ACTION.experimenter && seen.u32() === NICIRA && seen.u16() === NX.nat) return readNat(seen);
  return readAction(type, r);
}

function readNat(r: Reader): Nat | undefined {
  r.skip(2);
  const flags = r.u16();
  const present = r.u16();
  const v6 = (present & (NAT.ipv6_min | NAT.ipv6_max)) !== 0;
  const ip = (flag: number): string[] => ((present & flag) === 0 ? [] : [v6 ? ipText(6, r.bits(16)) : ipText(4, r.bits(4))]);
  const addresses = [...ip(NAT.ipv4_min), ...ip(NAT.ipv4_max), ...ip(NAT.ipv6_min), ...ip(NAT.ipv6_max)];
  const first = (present & NAT.proto_min) === 0 ? undefined : r.u16();
  const last = (present & NAT.proto_max) === 0 ? first : r.u16();
  if (addresses.length > 2 || !zeros(r) || (first === undefined && last !== undefined)) return undefined;
  return {
    ...((flags & NAT.src) === 0 ? {} : { type: 'src' }),
    ...((flags & NAT.dst) === 0 ? {} : { type: 'dst' }),
    ...(addresses.length === 0 ? {} : { addresses: addresses.join('-') }),
    ...(first === undefined || last === undefined ? {} : { ports: [first, last] }),
    ...((flags & NAT.persistent) === 0 ? {} : { persistent: true }),
    ...((flags & NAT.hash) === 0 ? {} : { hash: true }),
    ...((flags & NAT.random) === 0 ? {} : { random: true }),
  };
}
