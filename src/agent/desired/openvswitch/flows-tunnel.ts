// Flows of the tunnel bridge: local VLANs become keys of tunnels and back; where a MAC is, is told (l2population) or learned.
import type { Action } from '../../../domain/openflow/actions.ts';
import type { Flow } from '../../../domain/openflow/flow.ts';
import { protocol, vlan } from '../../../domain/openflow/match.ts';
import type { FdbState } from '../l2-fdb.ts';
import { flowsOf, goto, output, pushVlan, setVlan } from './flows-integration.ts';
import type { TunnelType } from './names.ts';
import { tunTable as t, wiringCookie } from './tables.ts';

export interface TunnelSegment {
  readonly type: TunnelType;
  /** The key: VNI, or GRE's. */
  readonly id: number;
  readonly local: number;
  /** With l2population: what was told of it. */
  readonly fdb?: FdbState;
}

export interface TunnelFlowsGiven {
  /** The port that leads to the integration bridge. */
  readonly patch: number;
  readonly arpResponder: boolean;
  readonly segments: readonly TunnelSegment[];
  /** Ports of tunnels, by type and far end. */
  readonly ports: ReadonlyMap<TunnelType, ReadonlyMap<string, number>>;
}

type Row = Parameters<typeof flowsOf>[0][number];

const fromTunnel: Readonly<Record<TunnelType, number>> = { gre: t.fromGre, vxlan: t.fromVxlan, geneve: t.fromGeneve };

export function tunnelFlows(given: TunnelFlowsGiven): Flow[] {
  const arrivals = [...given.ports].flatMap(([type, ends]) =>
    [...ends.values()].map((in_port): Row => [t.sort, 1, { in_port }, [goto(fromTunnel[type])]]),
  );
  return [...flowsOf([...always(given), ...arrivals]), ...given.segments.flatMap(s => segmentFlows(s, given))];
}

function always({ patch, arpResponder }: TunnelFlowsGiven): Row[] {
  const responder: Row[] = [
    [t.toTunnels, 1, { ...protocol.arp, eth_dst: 'ff:ff:ff:ff:ff:ff' }, [goto(t.arpResponder)]],
    [t.arpResponder, 0, {}, [goto(t.flood)]],
  ];
  return [
    [t.sort, 0, {}, []],
    [t.sort, 1, { in_port: patch }, [goto(t.toTunnels)]],
    [t.toTunnels, 0, { eth_dst: '00:00:00:00:00:00/01:00:00:00:00:00' }, [goto(t.unicast)]],
    [t.toTunnels, 0, { eth_dst: '01:00:00:00:00:00/01:00:00:00:00:00' }, [goto(t.flood)]],
    ...Object.values(fromTunnel).map((table): Row => [table, 0, {}, []]),
    [t.learn, 1, {}, [learn, output(patch)]],
    [t.unicast, 0, {}, [goto(t.flood)]],
    [t.flood, 0, {}, []],
    ...(arpResponder ? responder : []),
  ];
}

/** Frames to the MAC that was seen go back where they came from, with that key, as long as it is heard of. */
const learn: Action = {
  do: 'learn',
  table: t.unicast,
  priority: 1,
  cookie: wiringCookie,
  hard_timeout: 300,
  specs: [
    { match: { field: 'vlan_tci', bits: [0, 11] }, from: { field: 'vlan_tci', bits: [0, 11] } },
    { match: 'eth_dst', from: 'eth_src' },
    { load: 'vlan_tci', from: 0n },
    { load: 'tun_id', from: 'tun_id' },
    { output: 'in_port' },
  ],
};

/** Flows of what was told, which may be much: the same values again for what is still so. */
const made = new WeakMap<FdbState, Map<string, Flow>>();

function segmentFlows({ type, id, local, fdb }: TunnelSegment, { ports, arpResponder }: TunnelFlowsGiven): Flow[] {
  const ends = ports.get(type) ?? new Map<string, number>();
  const told = fdb ? [...fdb.flood].flatMap(end => ends.get(end) ?? []) : [...ends.values()];
  const into = (to: readonly number[]): Action[] => [
    { do: 'pop_vlan' },
    { do: 'set_field', field: 'tun_id', value: BigInt(id) },
    ...to.map(port => output(port)),
  ];
  const vlan_vid = vlan(local);
  const before = fdb && made.get(fdb);
  const now = new Map<string, Flow>();
  const tell = (key: string, row: () => Row): void => void now.set(key, before?.get(key) ?? flowsOf([row()])[0]!);
  for (const [eth_dst, end] of fdb?.unicast ?? []) {
    const port = ends.get(end);
    if (port !== undefined) tell(`${type} ${id} ${local} ${eth_dst} ${port}`, () => [t.unicast, 2, { vlan_vid, eth_dst }, into([port])]);
  }
  for (const [arp_tpa, mac] of arpResponder ? (fdb?.neighbours ?? []) : [])
    if (!arp_tpa.includes(':'))
      tell(`${local} ${arp_tpa} ${mac}`, () => [t.arpResponder, 1, { ...protocol.arp, vlan_vid, arp_tpa }, arpAnswer(arp_tpa, mac)]);
  if (fdb) made.set(fdb, now);
  return [
    ...flowsOf([
      [fromTunnel[type], 1, { tun_id: BigInt(id) }, [pushVlan, setVlan(local), goto(t.learn)]],
      ...(told.length === 0 ? [] : [[t.flood, 1, { vlan_vid }, into(told.toSorted((a, b) => a - b))] as const]),
    ]),
    ...now.values(),
  ];
}

/** A question becomes its answer, and goes back. */
const arpAnswer = (ip: string, mac: string): Action[] => [
  { do: 'set_field', field: 'arp_op', value: 2 },
  { do: 'move', from: 'arp_sha', to: 'arp_tha' },
  { do: 'move', from: 'arp_spa', to: 'arp_tpa' },
  { do: 'set_field', field: 'arp_sha', value: mac },
  { do: 'set_field', field: 'arp_spa', value: ip },
  { do: 'move', from: 'eth_src', to: 'eth_dst' },
  { do: 'set_field', field: 'eth_src', value: mac },
  output('in_port'),
];
