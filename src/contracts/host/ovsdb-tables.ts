// The tables and columns of Open vSwitch's database that are read here, as data: ovs-vswitchd.conf.db(5) says what they mean.

export type Uuid = string;

/** Atoms of RFC 7047, section 5.1. An integer beyond 2^53 is not exact. */
export interface Atoms {
  readonly integer: number;
  readonly real: number;
  readonly boolean: boolean;
  readonly string: string;
  readonly uuid: Uuid;
}
export type AtomName = keyof Atoms;

export interface Column {
  readonly key: AtomName;
  /** Of a map. */
  readonly value?: AtomName;
  readonly is: 'one' | 'optional' | 'set' | 'map';
  /** ovs-vswitchd says it, nobody else does. */
  readonly told?: true;
}

const one = <K extends AtomName>(key: K) => ({ key, is: 'one' }) as const;
const optional = <K extends AtomName>(key: K) => ({ key, is: 'optional' }) as const;
const set = <K extends AtomName>(key: K) => ({ key, is: 'set' }) as const;
const map = <K extends AtomName, V extends AtomName>(key: K, value: V) => ({ key, value, is: 'map' }) as const;
const told = <C extends Column>(column: C): C & { readonly told: true } => ({ ...column, told: true });
const words = map('string', 'string');

export const ovsTables = {
  Open_vSwitch: {
    bridges: set('uuid'),
    manager_options: set('uuid'),
    other_config: words,
    external_ids: words,
    next_cfg: one('integer'),
    cur_cfg: told(one('integer')),
    ovs_version: told(optional('string')),
    db_version: told(optional('string')),
    datapath_types: told(set('string')),
    iface_types: told(set('string')),
  },
  Bridge: {
    name: one('string'),
    datapath_type: one('string'),
    datapath_id: told(optional('string')),
    mcast_snooping_enable: one('boolean'),
    ports: set('uuid'),
    controller: set('uuid'),
    protocols: set('string'),
    fail_mode: optional('string'),
    other_config: words,
    external_ids: words,
  },
  Port: {
    name: one('string'),
    interfaces: set('uuid'),
    trunks: set('integer'),
    tag: optional('integer'),
    vlan_mode: optional('string'),
    qos: optional('uuid'),
    other_config: words,
    external_ids: words,
  },
  Interface: {
    name: one('string'),
    type: one('string'),
    options: words,
    ingress_policing_rate: one('integer'),
    ingress_policing_burst: one('integer'),
    mac: optional('string'),
    mac_in_use: told(optional('string')),
    mtu: told(optional('integer')),
    mtu_request: optional('integer'),
    ifindex: told(optional('integer')),
    ofport: told(optional('integer')),
    ofport_request: optional('integer'),
    admin_state: told(optional('string')),
    link_state: told(optional('string')),
    error: told(optional('string')),
    other_config: words,
    external_ids: words,
  },
  Controller: {
    target: one('string'),
    type: optional('string'),
    connection_mode: optional('string'),
    inactivity_probe: optional('integer'),
    max_backoff: optional('integer'),
    controller_rate_limit: optional('integer'),
    controller_burst_limit: optional('integer'),
    is_connected: told(one('boolean')),
    role: told(optional('string')),
    other_config: words,
    external_ids: words,
  },
  Manager: {
    target: one('string'),
    inactivity_probe: optional('integer'),
    is_connected: told(one('boolean')),
    other_config: words,
    external_ids: words,
  },
  QoS: { type: one('string'), queues: map('integer', 'uuid'), other_config: words, external_ids: words },
  Queue: { dscp: optional('integer'), other_config: words, external_ids: words },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Column>>>>;

export type OvsTables = typeof ovsTables;
export type OvsTable = keyof OvsTables;

/** Sets are sorted; keys of a map are text, also where they are numbers; an optional scalar that is not there is undefined. */
export type ValueOf<C extends Column> = C extends { readonly is: 'map'; readonly value: infer V extends AtomName }
  ? Readonly<Record<string, Atoms[V]>>
  : C extends { readonly is: 'set' }
    ? readonly Atoms[C['key']][]
    : C extends { readonly is: 'optional' }
      ? Atoms[C['key']] | undefined
      : Atoms[C['key']];

/** A row with all columns above. What the server's older schema lacks has the column's default. */
export type OvsRow<T extends OvsTable> = { readonly _uuid: Uuid } & {
  readonly [N in keyof OvsTables[T]]: OvsTables[T][N] extends Column ? ValueOf<OvsTables[T][N]> : never;
};
