// Flows for the QoS of ports. Each marks what it has done in a register and begins the table anew, so that the others need not know of it.
import type { Action } from '../../../domain/openflow/actions.ts';
import type { Flow } from '../../../domain/openflow/flow.ts';
import { type Match, vlan as tagged } from '../../../domain/openflow/match.ts';
import { goto } from './flows-integration.ts';
import type { MeterKind, QosPort } from './qos.ts';
import { qosCookie, intTable as t } from './tables.ts';

type Row = readonly [table: number, priority: number, match: Match, actions: readonly Action[]];

const flowsOf = (rows: readonly Row[]): Flow[] =>
  rows.map(([table, priority, match, actions]) => ({ table, priority, cookie: qosCookie, match, actions }));

export interface QosFlowsGiven {
  readonly ports: readonly QosPort[];
  /** Numbers of the meters that stand. */
  meterOf(port: QosPort, kind: MeterKind): number | undefined;
  /** Ports whose frames leave by a class of their own. */
  readonly guaranteed: readonly QosPort[];
  /** Numbers of all live ports of a local VLAN. */
  portsOf(vlan: number): readonly number[];
}

type Register = 'reg2' | 'reg3' | 'reg4' | 'reg12' | 'reg9' | 'reg10';
/** Once for each frame: what is done, then the table from its beginning. */
function once(table: number, priority: number, match: Match, register: Register, actions: readonly Action[], value = 1): Row {
  const seen: Action = { do: 'set_field', field: register, value };
  const meters = actions.filter(a => a.do === 'meter');
  const others = actions.filter(a => a.do !== 'meter');
  return [table, priority, { ...match, [register]: 0 }, [...meters, ...others, seen, { do: 'resubmit', table }]];
}

export function qosFlows({ ports, meterOf, guaranteed, portsOf }: QosFlowsGiven): Flow[] {
  const metered = ports.map(port => ({
    port,
    sent: meterOf(port, 'bandwidth'),
    paced: meterOf(port, 'egress'),
    got: meterOf(port, 'ingress'),
  }));
  const vlans = new Set(metered.filter(m => m.got !== undefined).map(m => m.port.vlan));
  const marked = new Set(guaranteed);
  return [
    ...always,
    ...metered.flatMap(m => kept(m, marked.has(m.port))),
    ...flowsOf([...vlans].flatMap(vlan => portsOf(vlan).map((in_port): Row => once(t.packetRate, 105, { in_port }, 'reg10', [], vlan)))),
  ];
}

/** Whatever class a frame was put into on its way here, towards an instance it is in the one that is limited. */
const always = flowsOf([once(t.local, 200, {}, 'reg3', [{ do: 'set_queue', queue: 0 }])]);

interface Metered {
  readonly port: QosPort;
  readonly sent: number | undefined;
  readonly paced: number | undefined;
  readonly got: number | undefined;
}

/** The same values again for what is the same: then nobody need spell them again. */
const made = new WeakMap<QosPort['qos'], Map<string, readonly Flow[]>>();

function kept(given: Metered, marked: boolean): readonly Flow[] {
  const { port, sent, paced, got } = given;
  const key = [port.ofport, port.vlan, port.mac, sent, paced, got, marked].join();
  const known = made.get(port.qos) ?? new Map<string, readonly Flow[]>();
  const flows = known.get(key) ?? flowsOf(rowsOf(given, marked));
  made.set(port.qos, known.set(key, flows));
  return flows;
}

function rowsOf({ port, sent, paced, got }: Metered, marked: boolean): Row[] {
  const in_port = port.ofport;
  return [
    ...(port.qos.dscp === undefined ? [] : marks(in_port, port.qos.dscp)),
    ...limited(t.local, 201, in_port, 'reg12', sent),
    ...limited(t.packetRate, 110, in_port, 'reg9', paced),
    ...(marked ? [once(t.local, 200, { in_port }, 'reg4', [{ do: 'set_field', field: 'pkt_mark', value: in_port }])] : []),
    ...(got === undefined ? [] : received(port, got)),
  ];
}

const marks = (in_port: number, dscp: number): Row[] =>
  [0x0800, 0x86dd].map(eth_type =>
    once(t.local, 65_535, { in_port, eth_type }, 'reg2', [{ do: 'set_field', field: 'ip_dscp', value: dscp }]),
  );

function limited(table: number, priority: number, in_port: number, register: Register, meter: number | undefined): Row[] {
  return meter === undefined ? [] : [once(table, priority, { in_port }, register, [{ do: 'meter', meter }])];
}

/** What comes from outside has the network's tag, what comes from a neighbour has its number in a register. */
function received({ vlan, mac }: QosPort, meter: number): Row[] {
  const on: readonly Action[] = [{ do: 'meter', meter }, goto(t.transient)];
  return [
    [t.packetRate, 100, { vlan_vid: tagged(vlan), eth_dst: mac }, on],
    [t.packetRate, 100, { reg10: vlan, eth_dst: mac }, on],
  ];
}

/** On a physical bridge: what the integration bridge has marked leaves by the class of that number. */
export function classFlows(patch: number, guaranteed: readonly QosPort[]): Flow[] {
  return flowsOf(
    guaranteed.map(({ ofport }) => once(0, 200, { in_port: patch, pkt_mark: ofport }, 'reg4', [{ do: 'set_queue', queue: ofport }])),
  );
}

/** Whether a flow is there for the sake of this port's policy. */
export const concerns = ({ cookie, match }: Flow, ofport: number, mac: string): boolean =>
  cookie === qosCookie && (match.in_port === ofport || match.pkt_mark === ofport || match.eth_dst === mac);
