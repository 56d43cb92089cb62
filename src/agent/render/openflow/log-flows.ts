// Flows that hand packets of logged ports over, beside those that judge them: none of these lets a packet on, or keeps it from going on.
import type { Action } from '../../../domain/openflow/actions.ts';
import type { Flow } from '../../../domain/openflow/flow.ts';
import { cookieMark, type Row, firewallTable as t, to } from './tables.ts';

/** The connections that hear of packets have this id; Neutron's agent, which has none, does not get them. */
export const LOG_CONTROLLER = 0x7766;

export interface Handed {
  /** The lower half of the flow's cookie. */
  readonly cookie: number;
  /** Undefined where the datapath has none. */
  readonly meter: number | undefined;
}

export interface LoggedPort {
  readonly ofport: number;
  readonly accept: Handed | undefined;
  readonly drop: Handed | undefined;
}

/** Set once a packet's egress was logged: the table is passed once more. */
const logged = (value: 0 | 1) => ({ reg8: { value, mask: 1 } }) as const;

/** The first packet of each connection that the rules accept, in either direction; each packet that they drop. */
export function logFlows({ ofport: reg5, accept, drop }: LoggedPort): Flow[] {
  return [
    ...(accept ? accepted(reg5, handOver(accept)).map(flowOf(accept)) : []),
    ...(drop ? [flowOf(drop)([t.dropped, 53, { reg5 }, [handOver(drop)]])] : []),
  ];
}

/** Where a packet out of a port goes on is for the rest of the table, and for nobody here: to another port, or out of the host. */
const accepted = (reg5: number, hand: Action): Row[] => [
  [
    t.acceptOrIngress,
    105,
    { reg5, ct_state: '+new-est', ...logged(0) },
    [hand, { do: 'set_field', field: 'reg8', value: { value: 1, mask: 1 } }, to(t.acceptOrIngress)],
  ],
  [t.acceptedIngress, 5, { reg5 }, [hand]],
];

const handOver = ({ meter }: Handed): Action => ({ do: 'controller', id: LOG_CONTROLLER, ...(meter === undefined ? {} : { meter }) });

const flowOf =
  ({ cookie }: Handed) =>
  ([table, priority, match, actions]: Row): Flow => ({
    table,
    priority,
    cookie: (cookieMark << 32n) | BigInt(cookie),
    match,
    actions,
  });

/** The lower half of a cookie, or undefined where the flow is none of these. */
export function logCookieOf(cookie: bigint): number | undefined {
  const low = Number(cookie & 0xffff_ffffn);
  return cookie >> 32n === cookieMark && low >= 0x8000_0000 ? low : undefined;
}

/** Whether the packet was on its way out of its port. */
export const isEgress = (table: number): boolean => table === t.acceptOrIngress;
