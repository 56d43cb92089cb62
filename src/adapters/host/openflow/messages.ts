// What is asked of a switch, and what it answers: bodies of OpenFlow 1.4's messages.
import type {
  CookieFilter,
  FlowFilter,
  FoundFlow,
  HandedPacket,
  MeterChange,
  SwitchPort,
  TableChange,
} from '../../../contracts/host/openflow.ts';
import { formatMac } from '../../../domain/net/mac.ts';
import type { Bucket, Flow, FlowFlag, FlowIdentity, Group, Meter } from '../../../domain/openflow/flow.ts';
import { BadFlow, ones } from '../../../domain/openflow/values.ts';
import { Garbled, type Reader, type Writer } from './bytes.ts';
import { ANY_PORT, portNumber, portOf } from './ports.ts';
import { readActions, readInstructions } from './read-actions.ts';
import { readMatch, writeMatch } from './tlv.ts';
import { ALL_TABLES, ANY, COMMAND, MESSAGE, METER_COMMAND, METER_FLAG, MULTIPART, NICIRA, NX_MESSAGE, VERSION } from './wire.ts';
import { writeActions, writeInstructions } from './write-actions.ts';

export interface Body {
  readonly type: number;
  write(w: Writer): void;
}

/** A whole message; its length is known when its body is written. */
export function writeMessage(w: Writer, body: Body, xid: number): void {
  const start = w.length;
  w.u8(VERSION).u8(body.type).u16(0).u32(xid);
  body.write(w);
  const length = w.length - start;
  if (length > 0xffff) throw new BadFlow(`a message of ${length} bytes`);
  w.setU16(start + 2, length);
}

const FLAGS: readonly FlowFlag[] = ['send_flow_rem', 'check_overlap', 'reset_counts', 'no_packet_counts', 'no_byte_counts'];

function within(what: string, value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max) throw new BadFlow(`${what} ${value} is not within 0..${max}`);
  return value;
}

function u64(what: string, value: bigint): bigint {
  if (value < 0n || value > ones(64)) throw new BadFlow(`${what} 0x${value.toString(16)} is not within 64 bits`);
  return value;
}

interface FlowMod {
  readonly command: number;
  readonly flow: FlowIdentity & Partial<Flow>;
  readonly table?: number;
  readonly cookieMask?: bigint;
}

function flowMod({ command, flow, cookieMask = 0n, table = within('table', flow.table, 254) }: FlowMod): Body {
  return {
    type: MESSAGE.flow_mod,
    write: w => {
      w.u64(u64('cookie', flow.cookie ?? 0n)).u64(u64('cookie mask', cookieMask));
      w.u8(table).u8(command);
      w.u16(within('idle_timeout', flow.idle_timeout ?? 0, 0xffff)).u16(within('hard_timeout', flow.hard_timeout ?? 0, 0xffff));
      w.u16(within('priority', flow.priority, 0xffff))
        .u32(ANY)
        .u32(ANY_PORT)
        .u32(ANY);
      w.u16((flow.flags ?? []).reduce((bits, flag) => bits | (1 << FLAGS.indexOf(flag)), 0)).u16(0);
      writeMatch(w, flow.match);
      writeInstructions(w, flow.actions ?? []);
    },
  };
}

const cookieMaskOf = (cookie: CookieFilter | undefined): bigint => (cookie === undefined ? 0n : (cookie.mask ?? ones(64)));

/** One change as a message. Throws BadFlow. */
export function changeBody(change: TableChange): Body {
  switch (change.do) {
    case 'add':
      return flowMod({ command: COMMAND.add, flow: change.flow });
    case 'modify':
      return flowMod({ command: COMMAND.modify_strict, flow: change.flow });
    case 'delete':
      return flowMod({
        command: COMMAND.delete_strict,
        flow: { table: change.flow.table, priority: change.flow.priority, match: change.flow.match },
      });
    case 'delete-all': {
      const { table, match = {}, cookie } = change.where;
      const flow = { table: table ?? 0, priority: 0, match, cookie: (cookie?.cookie ?? 0n) & cookieMaskOf(cookie) };
      const whole = table === undefined ? { table: ALL_TABLES } : {};
      return flowMod({ command: COMMAND.delete, flow, cookieMask: cookieMaskOf(cookie), ...whole });
    }
    case 'add-group':
      return groupMod(0, change.group);
    case 'modify-group':
      return groupMod(1, change.group);
    case 'delete-group':
      return groupMod(2, { id: change.id, type: 'all', buckets: [] });
  }
}

const GROUP_TYPES: readonly Group['type'][] = ['all', 'select', 'indirect', 'ff'];

function groupMod(command: number, group: Group): Body {
  return {
    type: MESSAGE.group_mod,
    write: w => {
      w.u16(command)
        .u8(GROUP_TYPES.indexOf(group.type))
        .zeros(1)
        .u32(within('group', group.id, 0xffffff00));
      for (const bucket of group.buckets) writeBucket(w, bucket);
    },
  };
}

function writeBucket(w: Writer, bucket: Bucket): void {
  const start = w.length;
  w.u16(0).u16(within('weight', bucket.weight ?? 0, 0xffff));
  w.u32(bucket.watch_port === undefined ? ANY_PORT : portNumber(bucket.watch_port))
    .u32(bucket.watch_group ?? ANY)
    .zeros(4);
  writeActions(w, bucket.actions);
  w.setU16(start, w.length - start);
}

export function meterBody(change: MeterChange): Body {
  const meter: Meter = change.do === 'delete' ? { id: change.id, unit: 'kbps', bands: [] } : change.meter;
  const burst = meter.bands.some(b => b.burst !== undefined);
  const flags = METER_FLAG[meter.unit] | (burst ? METER_FLAG.burst : 0) | (meter.stats ? METER_FLAG.stats : 0);
  return {
    type: MESSAGE.meter_mod,
    write: w => {
      w.u16(METER_COMMAND[change.do])
        .u16(change.do === 'delete' ? 0 : flags)
        .u32(within('meter', meter.id, 0xffffffff));
      for (const band of meter.bands)
        w.u16(1)
          .u16(16)
          .u32(within('rate', band.rate, 0xffffffff))
          .u32(within('burst', band.burst ?? 0, 0xffffffff))
          .zeros(4);
    },
  };
}

function multipart(type: number, write: (w: Writer) => void = () => {}): Body {
  return { type: MESSAGE.multipart_request, write: w => write(w.u16(type).u16(0).zeros(4)) };
}

/** Throws BadFlow. */
export function flowsRequest({ table, match = {}, cookie }: FlowFilter): Body {
  return multipart(MULTIPART.flow, w => {
    w.u8(table === undefined ? ALL_TABLES : within('table', table, 254))
      .zeros(3)
      .u32(ANY_PORT)
      .u32(ANY)
      .zeros(4);
    w.u64(u64('cookie', cookie?.cookie ?? 0n) & cookieMaskOf(cookie)).u64(u64('cookie mask', cookieMaskOf(cookie)));
    writeMatch(w, match);
  });
}

export const groupsRequest = (): Body => multipart(MULTIPART.group_desc);
export const metersRequest = (): Body => multipart(MULTIPART.meter_config, w => w.u32(ANY).zeros(4));
export const portsRequest = (): Body => multipart(MULTIPART.port_desc);

/** Items with a length in their first two bytes. */
function* items(r: Reader, least: number): Generator<Reader> {
  while (r.left > 0) {
    const length = r.copy().u16();
    if (length < least) throw new Garbled(`an item of ${length} bytes`);
    const item = r.part(length);
    item.skip(2);
    yield item;
  }
}

export const readFlows = (r: Reader): FoundFlow[] => [...items(r, 56)].map(readFlow);

function readFlow(r: Reader): FoundFlow {
  const table = r.u8();
  if (table === ALL_TABLES) throw new Garbled('a flow of table 255');
  r.skip(1);
  const duration = r.u32() + r.u32() / 1e9;
  const priority = r.u16();
  const [idle, hard, bits] = [r.u16(), r.u16(), r.u16()];
  r.skip(4);
  const [cookie, packets, bytes] = [r.u64(), r.u64(), r.u64()];
  const flags = FLAGS.filter((_, i) => (bits & (1 << i)) !== 0);
  return {
    table,
    priority,
    cookie,
    match: readMatch(r),
    actions: readInstructions(r),
    ...(idle === 0 ? {} : { idle_timeout: idle }),
    ...(hard === 0 ? {} : { hard_timeout: hard }),
    ...(flags.length === 0 ? {} : { flags }),
    packets,
    bytes,
    duration,
  };
}

const WHY = ['idle', 'hard', 'delete', 'group'] as const;

export function readRemoved(r: Reader): { flow: FlowIdentity & { readonly cookie: bigint }; why: (typeof WHY)[number] | 'other' } {
  const cookie = r.u64();
  const priority = r.u16();
  const why = WHY[r.u8()] ?? 'other';
  const table = r.u8();
  r.skip(28);
  return { flow: { table, priority, match: readMatch(r), cookie }, why };
}

/** Nicira's extension: which actions `controller` hand their packets to this connection. */
export const controllerIdBody = (id: number): Body => ({
  type: MESSAGE.experimenter,
  write: w =>
    w
      .u32(NICIRA)
      .u32(NX_MESSAGE.set_controller_id)
      .zeros(6)
      .u16(within('controller id', id, 0xffff)),
});

export function readPacketIn(r: Reader): HandedPacket {
  r.skip(4);
  const length = r.u16();
  r.skip(1);
  const table = r.u8();
  const cookie = r.u64();
  readMatch(r);
  r.skip(2);
  return { cookie, table, data: r.bytes(r.left), length };
}

export function readGroups(r: Reader): Group[] {
  return [...items(r, 8)].map(item => {
    const type = GROUP_TYPES[item.u8()] ?? 'all';
    item.skip(1);
    const id = item.u32();
    return { id, type, buckets: [...items(item, 16)].map(b => readBucket(b, type)) };
  });
}

function readBucket(r: Reader, type: Group['type']): Bucket {
  const weight = r.u16();
  const [port, group] = [r.u32(), r.u32()];
  r.skip(4);
  return {
    ...(type === 'select' ? { weight } : {}),
    ...(port === ANY_PORT ? {} : { watch_port: portOf(port) }),
    ...(group === ANY ? {} : { watch_group: group }),
    actions: readActions(r),
  };
}

export function readMeters(r: Reader): Meter[] {
  return [...items(r, 8)].map(item => {
    const flags = item.u16();
    const id = item.u32();
    const bands: Meter['bands'][number][] = [];
    while (item.left > 0) {
      const type = item.u16();
      const length = item.u16();
      const band = item.part(length - 4);
      if (type !== 1) continue;
      const rate = band.u32();
      const burst = band.u32();
      bands.push((flags & METER_FLAG.burst) === 0 ? { type: 'drop', rate } : { type: 'drop', rate, burst });
    }
    return {
      id,
      unit: (flags & METER_FLAG.pktps) === 0 ? 'kbps' : 'pktps',
      ...((flags & METER_FLAG.stats) === 0 ? {} : { stats: true }),
      bands,
    };
  });
}

const PORT_DOWN = 1;
const LINK_DOWN = 1;

export function readPorts(r: Reader): SwitchPort[] {
  const ports: SwitchPort[] = [];
  while (r.left > 0) ports.push(readPort(r));
  return ports;
}

export function readPort(r: Reader): SwitchPort {
  const number = r.u32();
  const length = r.u16();
  if (length < 40) throw new Garbled(`a port of ${length} bytes`);
  const rest = r.part(length - 6);
  rest.skip(2);
  const mac = formatMac(rest.bits(6));
  rest.skip(2);
  const name = rest.bytes(16).toString('latin1').replace(/\0.*$/s, '');
  const [config, state] = [rest.u32(), rest.u32()];
  const port = portOf(number);
  return {
    port: port === 'local' ? port : number,
    name,
    mac,
    up: (config & PORT_DOWN) === 0 && (state & LINK_DOWN) === 0,
  };
}
