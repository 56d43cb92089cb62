// Unicast on its way out of a network's ports: to the one it is for, or out of the host, and never to every port of the network. NORMAL would
// flood it there, since what comes to guarded ports passes no NORMAL from which it could learn where others are.
import type { Flow } from '../../../domain/openflow/flow.ts';
import { noVlan, vlan } from '../../../domain/openflow/match.ts';
import type { KeptFlows } from './kept-flows.ts';
import { type Row, setNet, firewallTable as t } from './tables.ts';

/** A port whose frames pass as they are: without port security, or trusted. */
export interface OpenPort {
  readonly ofport: number;
  readonly vlan: number;
  /** The only MAC behind it, which no other port anywhere has; undefined where others may be. */
  readonly mac?: string;
}

const UNICAST = '00:00:00:00:00:00/01:00:00:00:00:00';

/**
 * `outward` are the ports that lead out of the host, by local VLAN. A network that is not in it, or that has a port behind which anybody
 * may be, is left to NORMAL.
 */
export function directFlows(open: readonly OpenPort[], outward: ReadonlyMap<number, readonly number[]>, kept: KeptFlows): Flow[] {
  const learned = new Set(open.flatMap(p => (p.mac === undefined ? [p.vlan] : [])));
  const direct = [...outward].filter(([net]) => !learned.has(net));
  return [
    ...open.flatMap(({ ofport, vlan: net, mac }) =>
      mac === undefined || learned.has(net) ? [] : kept.of(`direct ${net} ${mac} ${ofport}`, () => toOnly(net, mac, ofport)),
    ),
    ...direct.flatMap(([net, ports]) =>
      kept.of(`out ${net} ${ports.join()}`, () => [[t.normal, 10, { reg6: net, vlan_vid: noVlan, eth_dst: UNICAST }, tagged(net, ports)]]),
    ),
  ];
}

function toOnly(net: number, mac: string, port: number): Row[] {
  return [
    [t.transient, 90, { vlan_vid: vlan(net), eth_dst: mac }, [{ do: 'pop_vlan' }, setNet(net), { do: 'output', port }]],
    [t.normal, 12, { reg6: net, vlan_vid: noVlan, eth_dst: mac }, [{ do: 'output', port }]],
  ];
}

/** Out of the host, as the network's local VLAN. */
export function tagged(net: number, ports: readonly number[]): Row[3] {
  if (ports.length === 0) return [];
  const out = ports.toSorted((a, b) => a - b).map(port => ({ do: 'output', port }) as const);
  return [{ do: 'push_vlan', eth_type: 0x8100 }, { do: 'set_field', field: 'vlan_vid', value: vlan(net) }, ...out];
}
