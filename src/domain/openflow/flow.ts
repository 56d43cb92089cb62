// Flows, groups and meters as data.
import type { Action, Port } from './actions.ts';
import type { Match } from './match.ts';

export type FlowFlag = 'send_flow_rem' | 'check_overlap' | 'reset_counts' | 'no_packet_counts' | 'no_byte_counts';

export interface Flow {
  /** 0…254. */
  readonly table: number;
  /** 0…65535. */
  readonly priority: number;
  /** 64 bits. */
  readonly cookie: bigint;
  readonly match: Match;
  /** None: drop. */
  readonly actions: readonly Action[];
  /** Seconds; 0 and left out mean for ever. */
  readonly idle_timeout?: number;
  readonly hard_timeout?: number;
  readonly flags?: readonly FlowFlag[];
}

/** What tells a flow from every other one of its switch. */
export type FlowIdentity = Pick<Flow, 'table' | 'priority' | 'match'>;

export interface Bucket {
  /** Of a `select` group. */
  readonly weight?: number;
  /** Of a fast failover group: the bucket lives while this port or group does. */
  readonly watch_port?: Port;
  readonly watch_group?: number;
  readonly actions: readonly Action[];
}

export interface Group {
  readonly id: number;
  readonly type: 'all' | 'select' | 'indirect' | 'ff';
  readonly buckets: readonly Bucket[];
}

export interface Meter {
  readonly id: number;
  readonly unit: 'kbps' | 'pktps';
  readonly stats?: boolean;
  readonly bands: readonly { readonly type: 'drop'; readonly rate: number; readonly burst?: number }[];
}
