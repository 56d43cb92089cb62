// The firewall's tables, registers and actions on the integration bridge, by the numbers that Neutron's operators and their tools know.
import type { Action } from '../../../domain/openflow/actions.ts';
import type { Flow } from '../../../domain/openflow/flow.ts';
import { anyVlan, type Match, vlan } from '../../../domain/openflow/match.ts';

export const firewallTable = {
  /** Where every frame comes through; without the firewall, all of it is `NORMAL`. */
  transient: 60,
  baseEgress: 71,
  rulesEgress: 72,
  acceptOrIngress: 73,
  baseIngress: 81,
  rulesIngress: 82,
  acceptedEgress: 91,
  acceptedIngress: 92,
  dropped: 93,
  normal: 94,
} as const;

/** The upper half of our flows' cookies; it is the same for every agent and each of its lives, so that a restart finds its flows equal. */
export const cookieMark = 0x77656674n;

const firewallCookie = (cookieMark << 32n) | 2n;

export type Row = readonly [table: number, priority: number, match: Match, actions: readonly Action[]];

export const flowOf = ([table, priority, match, actions]: Row): Flow => ({ table, priority, cookie: firewallCookie, match, actions });

/** reg5: the port's number; reg6: its network's local VLAN, which is the conntrack zone; reg7: the conjunction that let a packet through. */
export const setPort = (ofport: number): Action => ({ do: 'set_field', field: 'reg5', value: ofport });
export const setNet = (vlan: number): Action => ({ do: 'set_field', field: 'reg6', value: vlan });
export const setConjunction = (id: number): Action => ({ do: 'set_field', field: 'reg7', value: id });

export const to = (table: number): Action => ({ do: 'resubmit', table });
export const toPort: Action = { do: 'output_reg', from: { field: 'reg5', bits: [0, 15] } };

const zone = { field: 'reg6', bits: [0, 15] } as const;
export const track = (table: number): Action => ({ do: 'ct', table, zone });
export const commit: Action = { do: 'ct', commit: true, zone };
/** What is known of the connection stays, as one that is not permitted any more: neither side is heard again. */
export const commitEnded: Action = { do: 'ct', commit: true, zone, exec: [{ do: 'set_field', field: 'ct_mark', value: 1 }] };

/**
 * Of a port that sends no tags, at `priority` and one above. A priority's tag (VLAN 0) is taken off and the frame looked at again. NORMAL drops what
 * has more tags than the switch sees at once (`vlan-limit`).
 */
export function taglessRows(table: number, priority: number, in_port: number, drop: readonly Action[]): Row[] {
  return [
    [table, priority + 1, { in_port, vlan_vid: vlan(0) }, [{ do: 'pop_vlan' }, to(table)]],
    [table, priority, { in_port, vlan_vid: anyVlan }, drop],
  ];
}

/** Multicast and broadcast. */
export const toMany = '01:00:00:00:00:00/01:00:00:00:00:00';
