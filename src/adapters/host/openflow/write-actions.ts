// Actions and instructions onto the wire: OpenFlow 1.4's own and Nicira's (ovs-actions(7), nicira-ext.h).

import { parseIp } from '../../../domain/net/ip.ts';
import { noteBytes } from '../../../domain/openflow/action-text.ts';
import type { Action, Ct, Nat, SetField } from '../../../domain/openflow/actions.ts';
import { canonicalActions } from '../../../domain/openflow/canonical.ts';
import { type FieldName, fieldOf } from '../../../domain/openflow/fields.ts';
import { BadFlow, bitsOf, matchBits, ones } from '../../../domain/openflow/values.ts';
import type { Writer } from './bytes.ts';
import { closed, nicira, number, packed, wide } from './elements.ts';
import { port16, portNumber } from './ports.ts';
import { wireSubfield, writeTlv } from './tlv.ts';
import { ACTION, CONTROLLER, CT_FLAG, INSTRUCTION, NAT, NX, REASON_ACTION } from './wire.ts';
import { writeLearn } from './write-learn.ts';

/** Instructions, in the order of a switch. Throws BadFlow. */
export function writeInstructions(w: Writer, actions: readonly Action[]): void {
  const list = canonicalActions(actions);
  const plain = list.filter(a => !isInstruction(a));
  let applied = false;
  for (const a of list) {
    if (isInstruction(a)) writeInstruction(w, a);
    else if (!applied) {
      applied = true;
      writeActionsOf(w, INSTRUCTION.apply_actions, plain);
    }
  }
}

type Instruction = Extract<Action, { do: 'meter' | 'clear_actions' | 'write_actions' | 'write_metadata' | 'goto_table' | 'opaque' }>;

const INSTRUCTIONS: readonly Action['do'][] = ['meter', 'clear_actions', 'write_actions', 'write_metadata', 'goto_table'];

const isInstruction = (a: Action): a is Instruction => INSTRUCTIONS.includes(a.do) || (a.do === 'opaque' && a.kind === 'instruction');

function writeInstruction(w: Writer, a: Instruction): void {
  switch (a.do) {
    case 'meter':
      w.u16(INSTRUCTION.meter)
        .u16(8)
        .u32(number('meter', a.meter, 0xffffffff));
      return;
    case 'clear_actions':
      w.u16(INSTRUCTION.clear_actions).u16(8).zeros(4);
      return;
    case 'write_actions':
      writeActionsOf(w, INSTRUCTION.write_actions, a.actions);
      return;
    case 'write_metadata': {
      const mask = wide(a.mask ?? ones(64), 64);
      w.u16(INSTRUCTION.write_metadata)
        .u16(24)
        .zeros(4)
        .u64(wide(a.value, 64) & mask)
        .u64(mask);
      return;
    }
    case 'goto_table':
      w.u16(INSTRUCTION.goto_table)
        .u16(8)
        .u8(number('table', a.table, 254))
        .zeros(3);
      return;
    case 'opaque':
      w.hex(opaqueBytes(a.bytes));
  }
}

function writeActionsOf(w: Writer, instruction: number, actions: readonly Action[]): void {
  const start = w.length;
  w.u16(instruction).u16(0).zeros(4);
  writeActions(w, actions);
  closed(w, start);
}

export function writeActions(w: Writer, actions: readonly Action[]): void {
  for (const a of actions) writeAction(w, a);
}

function opaqueBytes(bytes: string): string {
  if (!/^([0-9a-f]{16})+$/.test(bytes)) throw new BadFlow(`opaque bytes ${bytes}`);
  return bytes;
}

function writeAction(w: Writer, a: Action): void {
  switch (a.do) {
    case 'output':
      w.u16(ACTION.output)
        .u16(16)
        .u32(portNumber(a.port))
        .u16(a.port === 'controller' ? number('max_len', a.max_len ?? 0xffff, 0xffff) : 0)
        .zeros(6);
      return;
    case 'group':
      w.u16(ACTION.group)
        .u16(8)
        .u32(number('group', a.group, 0xffffffff));
      return;
    case 'push_vlan':
      w.u16(ACTION.push_vlan)
        .u16(8)
        .u16(number('eth_type', a.eth_type, 0xffff))
        .zeros(2);
      return;
    case 'pop_vlan':
      w.u16(ACTION.pop_vlan).u16(8).zeros(4);
      return;
    case 'dec_ttl':
      w.u16(ACTION.dec_nw_ttl).u16(8).zeros(4);
      return;
    case 'set_queue':
      w.u16(ACTION.set_queue)
        .u16(8)
        .u32(number('queue', a.queue, 0xffffffff));
      return;
    case 'set_field':
      writeSetField(w, a);
      return;
    case 'opaque':
      w.hex(opaqueBytes(a.bytes));
      return;
    case 'meter':
    case 'clear_actions':
    case 'write_actions':
    case 'write_metadata':
    case 'goto_table':
      throw new BadFlow(`${a.do} is no action of a list`);
    default:
      writeNicira(w, a);
  }
}

type NiciraAction = Extract<
  Action,
  {
    do:
      | 'output_reg'
      | 'resubmit'
      | 'load'
      | 'move'
      | 'push'
      | 'pop'
      | 'learn'
      | 'ct'
      | 'ct_clear'
      | 'conjunction'
      | 'pop_queue'
      | 'note'
      | 'exit'
      | 'clone'
      | 'controller';
  }
>;

function writeNicira(w: Writer, a: NiciraAction): void {
  switch (a.do) {
    case 'output_reg':
      nicira(w, NX.output_reg, () => {
        const s = wireSubfield(a.from);
        w.u16(packed(s.offset, s.bits)).u32(s.header).u16(0xffff).zeros(6);
      });
      return;
    case 'resubmit':
      writeResubmit(w, a);
      return;
    case 'controller':
      writeController(w, a);
      return;
    case 'load':
      writeLoad(w, a);
      return;
    case 'move':
      writeMove(w, a);
      return;
    case 'push':
    case 'pop':
      nicira(w, a.do === 'push' ? NX.stack_push : NX.stack_pop, () => {
        const s = wireSubfield(a.field);
        w.u16(s.offset).u32(s.header).u16(s.bits).zeros(6);
      });
      return;
    case 'learn':
      writeLearn(w, a);
      return;
    case 'ct':
      writeCt(w, a);
      return;
    case 'conjunction':
      writeConjunction(w, a);
      return;
    case 'note':
      nicira(w, NX.note, () => w.hex(noteBytes(a.bytes)));
      return;
    case 'clone':
      nicira(w, NX.clone, () => writeActions(w.zeros(6), a.actions));
      return;
    case 'ct_clear':
    case 'pop_queue':
    case 'exit':
      nicira(w, NX[a.do], () => w.zeros(6));
  }
}

function writeSetField(w: Writer, a: SetField): void {
  const bits = bitsOf(a.field, a.value as never);
  const exact = bits.mask === ones(matchBits(fieldOf(a.field)));
  if (!exact) {
    nicira(w, NX.reg_load2, () => writeTlv(w, a.field, bits, false));
    return;
  }
  const start = w.length;
  w.u16(ACTION.set_field).u16(0);
  writeTlv(w, a.field, bits, true);
  w.pad8(start);
  closed(w, start);
}

function writeResubmit(w: Writer, a: Extract<Action, { do: 'resubmit' }>): void {
  const port = port16(a.port ?? 'in_port');
  if (a.table === undefined && !a.ct) {
    nicira(w, NX.resubmit, () => w.u16(port).zeros(4));
    return;
  }
  nicira(w, a.ct ? NX.resubmit_table_ct : NX.resubmit_table, () =>
    w
      .u16(port)
      .u8(a.table === undefined ? 255 : number('table', a.table, 254))
      .zeros(3),
  );
}

/** As OVS writes it itself: the short form where there is no meter. */
function writeController(w: Writer, { id, max_len = 0xffff, meter }: Extract<Action, { do: 'controller' }>): void {
  const to = number('controller', id, 0xffff, 1);
  const length = number('max_len', max_len, 0xffff);
  if (meter === undefined) {
    nicira(w, NX.controller, () => w.u16(length).u16(to).u8(REASON_ACTION).zeros(1));
    return;
  }
  const property = (type: number, value: number): unknown => w.u16(type).u16(6).u16(value).zeros(2);
  nicira(w, NX.controller2, () => {
    w.zeros(6);
    if (length !== 0xffff) property(CONTROLLER.max_len, length);
    property(CONTROLLER.id, to);
    w.u16(CONTROLLER.meter)
      .u16(8)
      .u32(number('meter', meter, 0xffff_0000, 1));
  });
}

function writeLoad(w: Writer, a: Extract<Action, { do: 'load' }>): void {
  const to = wireSubfield(a.to);
  if (to.bits > 64) throw new BadFlow('load sets at most 64 bits');
  const value = wide(a.value, to.bits);
  nicira(w, NX.reg_load, () => w.u16(packed(to.offset, to.bits)).u32(to.header).u64(value));
}

function writeMove(w: Writer, a: Extract<Action, { do: 'move' }>): void {
  const from = wireSubfield(a.from);
  const to = wireSubfield(a.to);
  if (from.bits !== to.bits) throw new BadFlow(`move of ${from.bits} bits to ${to.bits}`);
  nicira(w, NX.reg_move, () => w.u16(from.bits).u16(from.offset).u16(to.offset).u32(from.header).u32(to.header));
}

function writeConjunction(w: Writer, a: Extract<Action, { do: 'conjunction' }>): void {
  const of = number('clauses', a.of, 64, 2);
  const clause = number('clause', a.clause, of, 1);
  nicira(w, NX.conjunction, () =>
    w
      .u8(clause - 1)
      .u8(of)
      .u32(number('conjunction', a.id, 0xffffffff)),
  );
}

/** What may be set on a connection. */
const OF_CONNECTION: readonly FieldName[] = ['ct_mark', 'ct_label'];

function writeCt(w: Writer, a: Ct): void {
  for (const inner of a.exec ?? []) if (!setsConnection(inner)) throw new BadFlow(`ct does not execute ${inner.do}`);
  nicira(w, NX.ct, () => {
    w.u16((a.commit ? CT_FLAG.commit : 0) | (a.force ? CT_FLAG.force : 0));
    if (a.zone === undefined || typeof a.zone === 'number') w.u32(0).u16(number('zone', a.zone ?? 0, 0xffff));
    else {
      const zone = wireSubfield(a.zone);
      if (zone.bits !== 16) throw new BadFlow(`a zone of ${zone.bits} bits`);
      w.u32(zone.header).u16(packed(zone.offset, zone.bits));
    }
    w.u8(a.table === undefined ? 255 : number('table', a.table, 254)).zeros(3);
    w.u16(number('alg', a.alg ?? 0, 0xffff));
    writeActions(w, a.exec ?? []);
    if (a.nat) writeNat(w, a.nat);
  });
}

function setsConnection(a: Action): boolean {
  if (a.do === 'opaque') return true;
  const to = a.do === 'set_field' ? a.field : a.do === 'load' || a.do === 'move' ? a.to : undefined;
  return to !== undefined && OF_CONNECTION.includes(typeof to === 'string' ? to : to.field);
}

function writeNat(w: Writer, nat: Nat): void {
  const [first, last, more] = nat.addresses?.split('-') ?? [];
  const ips = [first, last].flatMap(text => (text === undefined ? [] : [parseIp(text) ?? bad(nat)]));
  const v6 = ips[0]?.version === 6;
  if (more !== undefined || ips.some(ip => (ip.version === 6) !== v6)) bad(nat);
  if (!nat.type && (ips.length > 0 || nat.ports)) throw new BadFlow('nat with a range, but neither src nor dst');
  const kind = (nat.type === 'src' ? NAT.src : 0) | (nat.type === 'dst' ? NAT.dst : 0);
  const how = (nat.persistent ? NAT.persistent : 0) | (nat.hash ? NAT.hash : 0) | (nat.random ? NAT.random : 0);
  const present =
    (ips.length > 0 ? (v6 ? NAT.ipv6_min : NAT.ipv4_min) : 0) |
    (ips.length > 1 ? (v6 ? NAT.ipv6_max : NAT.ipv4_max) : 0) |
    (nat.ports ? NAT.proto_min : 0) |
    (nat.ports && nat.ports[1] !== nat.ports[0] ? NAT.proto_max : 0);
  nicira(w, NX.nat, () => {
    w.zeros(2)
      .u16(kind | how)
      .u16(present);
    for (const ip of ips) w.bits(ip.value, v6 ? 16 : 4);
    if (nat.ports) w.u16(number('port', nat.ports[0], 0xffff));
    if (nat.ports && nat.ports[1] !== nat.ports[0]) w.u16(number('port', nat.ports[1], 0xffff));
  });
}

function bad(nat: Nat): never {
  throw new BadFlow(`nat to ${nat.addresses}`);
}
