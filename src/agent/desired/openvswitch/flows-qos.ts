// Flows for the QoS of ports. Each marks what it has done in a register and begins the table anew, so that the others need not know of it.
import type { Action } from '../../../domain/openflow/actions.ts';
import type { Flow } from '../../../domain/openflow/flow.ts';
import { type Match, vlan as tagged } from '../../../domain/openflow/match.ts';
import { KeptFlows } from '../../render/openflow/kept-flows.ts';
import type { Row } from '../../render/openflow/tables.ts';
import { goto } from './flows-integration.ts';
import type { MeterKind, QosPort } from './qos.ts';
import { qosCookie, intTable as t } from './tables.ts';

const flowOf = ([table, priority, match, actions]: Row): Flow => ({ table, priority, cookie: qosCookie, match, actions });

export interface QosFlowsGiven {
  readonly ports: readonly QosPort[];
  /** Numbers of the meters that stand. */
  meterOf(port: QosPort, kind: MeterKind): number | undefined;
  /** Ports whose frames leave by a class of their own. */
  readonly guaranteed: readonly QosPort[];
  /** Of all live ports, by number, the local VLAN. */
  readonly vlans: ReadonlyMap<number, number>;
}

/** Flows that stay the same from one call to the next are the same values. */
export type QosRenderer = (given: QosFlowsGiven) => Flow[];

type Register = 'reg2' | 'reg3' | 'reg4' | 'reg12' | 'reg9' | 'reg10';
/** Once for each frame: what is done, then the table from its beginning. */
function once(table: number, priority: number, match: Match, register: Register, actions: readonly Action[], value = 1): Row {
  const seen: Action = { do: 'set_field', field: register, value };
  const meters = actions.filter(a => a.do === 'meter');
  const others = actions.filter(a => a.do !== 'meter');
  return [table, priority, { ...match, [register]: 0 }, [...meters, ...others, seen, { do: 'resubmit', table }]];
}

export function qosRenderer(): QosRenderer {
  const kept = new KeptFlows(flowOf);
  return ({ ports, meterOf, guaranteed, vlans }) => {
    kept.begin();
    const marked = new Set(guaranteed);
    const metered = ports.map(port => ({
      port,
      sent: meterOf(port, 'bandwidth'),
      paced: meterOf(port, 'egress'),
      got: meterOf(port, 'ingress'),
      marked: marked.has(port),
    }));
    const neighbours = metered.some(m => m.got !== undefined) ? [...vlans] : [];
    return [
      ...always,
      ...metered.flatMap(m => kept.of(keyOf(m), () => rowsOf(m))),
      ...neighbours.flatMap(([in_port, vlan]) => kept.of(`neighbour ${in_port} ${vlan}`, () => [neighbour(in_port, vlan)])),
    ];
  };
}

/** Whatever class a frame was put into on its way here, towards an instance it is in the one that is limited. */
const always: readonly Flow[] = [once(t.local, 200, {}, 'reg3', [{ do: 'set_queue', queue: 0 }])].map(flowOf);

/** Of every port, whatever its network: what it sends with a tag is not taken for what comes from outside. */
const neighbour = (in_port: number, vlan: number): Row => once(t.packetRate, 105, { in_port }, 'reg10', [], vlan);

interface Metered {
  readonly port: QosPort;
  readonly sent: number | undefined;
  readonly paced: number | undefined;
  readonly got: number | undefined;
  readonly marked: boolean;
}

const keyOf = ({ port, sent, paced, got, marked }: Metered): string =>
  ['port', port.ofport, port.vlan, port.mac, port.qos.dscp, sent, paced, got, marked].join();

function rowsOf({ port, sent, paced, got, marked }: Metered): Row[] {
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
    [t.packetRate, 100, { reg10: 0, vlan_vid: tagged(vlan), eth_dst: mac }, on],
    [t.packetRate, 100, { reg10: vlan, eth_dst: mac }, on],
  ];
}

/** On a physical bridge: what the integration bridge has marked leaves by the class of that number. The same values again for what is the same. */
export function classRenderer(): (patch: number, guaranteed: readonly QosPort[]) => Flow[] {
  const kept = new KeptFlows(flowOf);
  return (patch, guaranteed) => {
    kept.begin();
    return guaranteed.flatMap(({ ofport }) => kept.of(`${patch} ${ofport}`, () => [classed(patch, ofport)]));
  };
}

const classed = (in_port: number, number: number): Row =>
  once(0, 200, { in_port, pkt_mark: number }, 'reg4', [{ do: 'set_queue', queue: number }]);

/** Whether a flow of the integration bridge is there for the sake of this port's policy. */
export const concerns = ({ cookie, match }: Flow, ofport: number, mac: string): boolean =>
  cookie === qosCookie && (match.in_port === ofport || match.eth_dst === mac);

/** Whether a flow of a physical bridge is. */
export const isClassOf = ({ cookie, match }: Flow, ofport: number): boolean => cookie === qosCookie && match.pkt_mark === ofport;
