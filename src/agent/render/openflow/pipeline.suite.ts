// A small switch for tests: runs a frame through flows as Open vSwitch does, with conjunctions and a tracker of connections.

import { subfieldBits } from '../../../domain/openflow/action-text.ts';
import type { Action, Ct, Subfield } from '../../../domain/openflow/actions.ts';
import { type CanonicalMatch, canonicalMatch } from '../../../domain/openflow/canonical.ts';
import type { FieldName } from '../../../domain/openflow/fields.ts';
import type { Flow } from '../../../domain/openflow/flow.ts';
import type { FieldValue, Match } from '../../../domain/openflow/match.ts';
import { bitsOf } from '../../../domain/openflow/values.ts';

/** What came of a frame: numbers of ports, and `normal` where the switch would look for the MAC. Nothing: dropped. */
export type Outcome = readonly (number | 'normal')[];

const STATE = { new: 1n, est: 2n, rel: 4n, rpl: 8n, inv: 16n, trk: 32n };

interface Compiled {
  readonly flow: Flow;
  readonly match: CanonicalMatch;
  readonly conjunctions: readonly Extract<Action, { do: 'conjunction' }>[];
}

interface Connection {
  readonly begun: string;
  readonly dstPort: bigint;
  readonly protocol: bigint;
  mark: bigint;
}

type Packet = Map<FieldName, bigint>;

export class Pipeline {
  private readonly tables = new Map<number, Compiled[]>();
  /** By zone and both tuples. */
  private readonly connections = new Map<string, Connection>();
  private out: (number | 'normal')[] = [];
  private steps = 0;

  constructor(flows: Iterable<Flow>) {
    this.load(flows);
  }

  /** In place of the flows so far; connections stay. */
  load(flows: Iterable<Flow>): void {
    this.tables.clear();
    for (const flow of flows) {
      const conjunctions = flow.actions.filter(a => a.do === 'conjunction');
      const table = this.tables.get(flow.table) ?? [];
      table.push({ flow, match: canonicalMatch(flow.match), conjunctions });
      this.tables.set(flow.table, table);
    }
    for (const table of this.tables.values()) table.sort((a, b) => b.flow.priority - a.flow.priority);
  }

  /** `frame` says each field of the frame whole, and its port. */
  run(frame: Match, table = 60): Outcome {
    this.out = [];
    this.steps = 0;
    const packet: Packet = new Map([...canonicalMatch(frame)].map(([name, { value }]) => [name, value]));
    this.enter(packet, table);
    return [...new Set(this.out)];
  }

  private enter(packet: Packet, table: number): void {
    if (++this.steps > 200) throw new Error('the flows run in a circle');
    const found = lookup(this.tables.get(table) ?? [], packet);
    for (const action of found?.actions ?? []) this.act(action, packet, table);
  }

  private act(a: Action, packet: Packet, table: number): void {
    if (a.do === 'resubmit') this.enter(packet, a.table ?? table);
    else if (a.do === 'output' && (typeof a.port === 'number' || a.port === 'normal')) this.out.push(a.port);
    else if (a.do === 'output_reg') this.out.push(Number(read(packet, a.from)));
    else if (a.do === 'set_field') packet.set(a.field, bitsOf(a.field, a.value as FieldValue<FieldName>).value);
    else if (a.do === 'pop_vlan') packet.set('vlan_vid', 0n);
    else if (a.do === 'push_vlan') packet.set('vlan_vid', 0x1000n);
    else if (a.do === 'ct_clear') for (const field of ['ct_state', 'ct_mark', 'ct_zone'] as const) packet.delete(field);
    else if (a.do === 'ct') this.track(a, packet);
    else throw new Error(`the test's switch does not know ${a.do}`);
  }

  private track(a: Ct, packet: Packet): void {
    const zone = a.zone === undefined ? 0n : typeof a.zone === 'number' ? BigInt(a.zone) : read(packet, a.zone);
    const tuple = tupleOf(packet);
    const seen = new Map(packet);
    const known = tuple && this.connections.get(`${zone} ${tuple.there}`);
    if (a.commit && tuple) {
      const mark = a.exec?.find(e => e.do === 'set_field' && e.field === 'ct_mark');
      const connection = known ?? { begun: tuple.there, dstPort: tuple.dstPort, protocol: tuple.protocol, mark: 0n };
      if (mark?.do === 'set_field') connection.mark = bitsOf(mark.field, mark.value as FieldValue<FieldName>).value;
      this.connections.set(`${zone} ${tuple.there}`, connection);
      this.connections.set(`${zone} ${tuple.back}`, connection);
    }
    if (a.table === undefined) return;
    const state = !tuple ? STATE.inv : !known ? STATE.new : known.begun === tuple.there ? STATE.est : STATE.est | STATE.rpl;
    seen.set('ct_state', state | STATE.trk);
    seen.set('ct_zone', zone);
    seen.set('ct_mark', known?.mark ?? 0n);
    seen.set('ct_nw_proto', known?.protocol ?? tuple?.protocol ?? 0n);
    seen.set('ct_tp_dst', known?.dstPort ?? tuple?.dstPort ?? 0n);
    this.enter(seen, a.table);
  }
}

function read(packet: Packet, from: Subfield): bigint {
  const { field, offset, bits } = subfieldBits(from);
  return ((packet.get(field) ?? 0n) >> BigInt(offset)) & ((1n << BigInt(bits)) - 1n);
}

const fits = (match: CanonicalMatch, packet: Packet): boolean =>
  [...match].every(([name, { value, mask }]) => ((packet.get(name) ?? 0n) & mask) === value);

/** Halves of conjunctions count where no whole flow stands above them; those that lead to no flow of their number are passed over. */
function lookup(table: readonly Compiled[], packet: Packet): Flow | undefined {
  const matching = table.filter(c => fits(c.match, packet));
  const whole = matching.find(c => c.conjunctions.length === 0);
  const halves = matching.filter(c => c.conjunctions.length > 0 && c.flow.priority > (whole?.flow.priority ?? -1));
  for (const priority of new Set(halves.map(c => c.flow.priority))) {
    const here = halves.filter(c => c.flow.priority === priority).flatMap(c => c.conjunctions);
    for (const id of new Set(here.map(c => c.id))) {
      const of = here.filter(c => c.id === id);
      if (new Set(of.map(c => c.clause)).size < (of[0]?.of ?? 0)) continue;
      const joined = new Map(packet).set('conj_id', BigInt(id));
      const found = table.find(c => c.conjunctions.length === 0 && fits(c.match, joined));
      if (found) return found.flow;
    }
  }
  return whole?.flow;
}

/** Both directions of what a tracker can follow: not ND, and no errors. */
function tupleOf(packet: Packet): { there: string; back: string; dstPort: bigint; protocol: bigint } | undefined {
  const get = (name: FieldName): bigint => packet.get(name) ?? 0n;
  const protocol = get('nw_proto');
  const v6 = get('eth_type') === 0x86ddn;
  const [src, dst] = v6 ? [get('ipv6_src'), get('ipv6_dst')] : [get('ip_src'), get('ip_dst')];
  const type = get(v6 ? 'icmpv6_type' : 'icmp_type');
  const echo = v6 ? [128n, 129n] : [8n, 0n];
  const isIcmp = protocol === (v6 ? 58n : 1n);
  if (isIcmp && !echo.includes(type) && (v6 || type < 9n)) return undefined;
  const ports = { 6: 'tcp', 17: 'udp', 132: 'sctp' }[Number(protocol)] as 'tcp' | 'udp' | 'sctp' | undefined;
  const [from, at] = ports ? [get(`${ports}_src`), get(`${ports}_dst`)] : [0n, 0n];
  return { there: `${protocol} ${src} ${from} ${dst} ${at}`, back: `${protocol} ${dst} ${at} ${src} ${from}`, dstPort: at, protocol };
}
