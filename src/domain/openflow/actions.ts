// What a flow does: Open vSwitch's actions and OpenFlow's instructions in one list, as ovs-ofctl writes them (ovs-actions(7)).
import type { FieldName } from './fields.ts';
import type { FieldValue } from './match.ts';

/** A port's number, or one of OpenFlow's reserved ports. */
export type Port = number | 'in_port' | 'table' | 'normal' | 'flood' | 'all' | 'controller' | 'local' | 'none';

/** A whole field, or its bits from the first to the last one, both counted: `{ field: 'reg6', bits: [0, 15] }`. */
export type Subfield = FieldName | { readonly field: FieldName; readonly bits: readonly [first: number, last: number] };

/** A value with a mask is set where the mask has ones. */
export type SetField = {
  readonly [F in FieldName]: { readonly do: 'set_field'; readonly field: F; readonly value: FieldValue<F> };
}[FieldName];

export type LearnSpec =
  /** The learned flow matches `match` equal to a field of the packet, or to a number. */
  | { readonly match: Subfield; readonly from: Subfield | bigint }
  /** The learned flow loads a field of the packet, or a number, into `load`. */
  | { readonly load: Subfield; readonly from: Subfield | bigint }
  /** The learned flow outputs to the port that the field holds now. */
  | { readonly output: Subfield };

export interface Learn {
  readonly do: 'learn';
  readonly table: number;
  readonly priority: number;
  readonly cookie?: bigint;
  /** Seconds; 0 and left out mean for ever. */
  readonly idle_timeout?: number;
  readonly hard_timeout?: number;
  readonly fin_idle_timeout?: number;
  readonly fin_hard_timeout?: number;
  readonly send_flow_rem?: boolean;
  /** What was learned goes with the flow that taught it. */
  readonly delete_learned?: boolean;
  readonly specs: readonly LearnSpec[];
}

export interface Nat {
  /** Left out: the translation that the connection has, undone or done again. */
  readonly type?: 'src' | 'dst';
  /** One address, or the first and the last: `10.0.0.1` or `10.0.0.1-10.0.0.9`. */
  readonly addresses?: string;
  readonly ports?: readonly [first: number, last: number];
  readonly persistent?: boolean;
  readonly hash?: boolean;
  readonly random?: boolean;
}

export interface Ct {
  readonly do: 'ct';
  readonly commit?: boolean;
  readonly force?: boolean;
  /** Left out: zone 0. */
  readonly zone?: number | Subfield;
  /** Where the packet goes on, tracked; left out: nowhere. */
  readonly table?: number;
  /** The port of a conntrack helper: 21 for ftp, 69 for tftp. */
  readonly alg?: number;
  readonly nat?: Nat;
  /** Set ct_mark and ct_label. */
  readonly exec?: readonly Action[];
}

export type Action =
  /** `max_len`: bytes for the controller, all of them when left out. */
  | { readonly do: 'output'; readonly port: Port; readonly max_len?: number }
  /** To the port whose number the field holds. */
  | { readonly do: 'output_reg'; readonly from: Subfield }
  /** `resubmit(port,table)`: left out, the port or the table stays. */
  | { readonly do: 'resubmit'; readonly port?: Port; readonly table?: number; readonly ct?: boolean }
  | { readonly do: 'group'; readonly group: number }
  /**
   * A copy to the connections that have this id (1…65535), as many as the meter lets through. `max_len`: bytes of the packet, all of them when
   * left out.
   */
  | { readonly do: 'controller'; readonly id: number; readonly max_len?: number; readonly meter?: number }
  | { readonly do: 'push_vlan'; readonly eth_type: number }
  | { readonly do: 'pop_vlan' }
  | SetField
  | { readonly do: 'load'; readonly value: bigint; readonly to: Subfield }
  /** Both of one width. */
  | { readonly do: 'move'; readonly from: Subfield; readonly to: Subfield }
  | { readonly do: 'push' | 'pop'; readonly field: Subfield }
  | Learn
  | Ct
  | { readonly do: 'ct_clear' }
  /** `conjunction(id,clause/of)`: clauses count from 1. */
  | { readonly do: 'conjunction'; readonly id: number; readonly clause: number; readonly of: number }
  | { readonly do: 'set_queue'; readonly queue: number }
  | { readonly do: 'pop_queue' }
  | { readonly do: 'dec_ttl' }
  /** Bytes in hexadecimal, without separators; OVS fills up with zeros to six and eight more each. */
  | { readonly do: 'note'; readonly bytes: string }
  | { readonly do: 'exit' }
  | { readonly do: 'clone'; readonly actions: readonly Action[] }
  /** Instructions. The switch runs them in this order, whatever their place: meter, actions, clear, write, metadata, goto. */
  | { readonly do: 'meter'; readonly meter: number }
  | { readonly do: 'clear_actions' }
  | { readonly do: 'write_actions'; readonly actions: readonly Action[] }
  | { readonly do: 'write_metadata'; readonly value: bigint; readonly mask?: bigint }
  | { readonly do: 'goto_table'; readonly table: number }
  /** An action or instruction of the switch's answer that is not known here, whole, in hexadecimal: kept, told apart, sent back. */
  | { readonly do: 'opaque'; readonly kind: 'action' | 'instruction'; readonly bytes: string };
