// What is simulated of Open vSwitch's schema: the tables that are read here, with what vswitch.ovsschema says besides of their columns.
import { type Column, type OvsTable, ovsTables } from '../../../contracts/host/ovsdb-tables.ts';

interface More {
  readonly refTable?: OvsTable;
  readonly minInteger?: number;
  readonly maxInteger?: number;
  readonly enum?: readonly ['set', readonly string[]];
}

const vlan: More = { minInteger: 0, maxInteger: 4095 };
const words = (...list: string[]): More => ({ enum: ['set', list] });
const versions = ['OpenFlow10', 'OpenFlow11', 'OpenFlow12', 'OpenFlow13', 'OpenFlow14', 'OpenFlow15'];
const upOrDown = words('up', 'down');

/** Of keys. */
const keys: Readonly<Record<string, More>> = {
  'Open_vSwitch.bridges': { refTable: 'Bridge' },
  'Open_vSwitch.manager_options': { refTable: 'Manager' },
  'Bridge.ports': { refTable: 'Port' },
  'Bridge.controller': { refTable: 'Controller' },
  'Bridge.protocols': words(...versions),
  'Bridge.fail_mode': words('standalone', 'secure'),
  'Port.interfaces': { refTable: 'Interface' },
  'Port.trunks': vlan,
  'Port.tag': vlan,
  'Port.vlan_mode': words('trunk', 'access', 'native-tagged', 'native-untagged', 'dot1q-tunnel'),
  'Port.qos': { refTable: 'QoS' },
  'Interface.ingress_policing_rate': { minInteger: 0 },
  'Interface.ingress_policing_burst': { minInteger: 0 },
  'Interface.mtu_request': { minInteger: 1 },
  'Interface.ifindex': { minInteger: 0, maxInteger: 4294967295 },
  'Interface.ofport_request': { minInteger: 1, maxInteger: 65279 },
  'Interface.admin_state': upOrDown,
  'Interface.link_state': upOrDown,
  'Controller.type': words('primary', 'service'),
  'Controller.max_backoff': { minInteger: 1000 },
  'Controller.connection_mode': words('in-band', 'out-of-band'),
  'Controller.controller_rate_limit': { minInteger: 100 },
  'Controller.controller_burst_limit': { minInteger: 25 },
  'Controller.role': words('other', 'master', 'slave'),
  'Manager.max_backoff': { minInteger: 1000 },
  'QoS.queues': { minInteger: 0, maxInteger: 4294967295 },
  'Queue.dscp': { minInteger: 0, maxInteger: 63 },
};
const limits: Readonly<Record<string, { readonly min?: number; readonly max?: number }>> = {
  'Port.interfaces': { min: 1 },
  'Port.trunks': { max: 4096 },
};
const immutable = new Set(['Bridge.name', 'Port.name', 'Interface.name']);
const ephemeral = new Set([
  'Bridge.datapath_id',
  ...['mac_in_use', 'mtu', 'ifindex', 'admin_state', 'link_state'].map(name => `Interface.${name}`),
  ...['Controller.is_connected', 'Controller.role', 'Manager.is_connected'],
]);
const tables: Readonly<Partial<Record<OvsTable, object>>> = {
  Open_vSwitch: { isRoot: true, maxRows: 1 },
  Bridge: { indexes: [['name']] },
  Port: { indexes: [['name']] },
  Interface: { indexes: [['name']] },
  Manager: { indexes: [['target']] },
  QoS: { isRoot: true },
  Queue: { isRoot: true },
};

export interface SimColumn {
  readonly type: {
    readonly key: { readonly type: string } & More;
    readonly value?: { readonly type: string } & More;
    readonly min: number;
    readonly max: number | 'unlimited';
  };
  readonly mutable?: false;
  readonly ephemeral?: true;
}

export interface SimTable {
  readonly isRoot?: true;
  readonly maxRows?: number;
  readonly indexes?: readonly (readonly string[])[];
  readonly columns: Readonly<Record<string, SimColumn>>;
}

function columnOf(path: string, { key, value, is }: Column): SimColumn {
  const many = is === 'set' || is === 'map';
  const { min = is === 'one' ? 1 : 0, max = many ? ('unlimited' as const) : 1 } = limits[path] ?? {};
  return {
    type: {
      key: { type: key, ...keys[path] },
      ...(value ? { value: { type: value, ...(path === 'QoS.queues' ? { refTable: 'Queue' } : {}) } } : {}),
      min,
      max,
    },
    ...(immutable.has(path) ? { mutable: false } : {}),
    ...(ephemeral.has(path) ? { ephemeral: true } : {}),
  };
}

const simTables = Object.entries(ovsTables).map(([table, columns]) => {
  const own = Object.entries(columns).map(([name, column]) => [name, columnOf(`${table}.${name}`, column)]);
  return [table, { ...tables[table as OvsTable], columns: Object.fromEntries(own) }] as const;
});

export const simSchema: { readonly name: string; readonly version: string; readonly tables: Readonly<Record<string, SimTable>> } = {
  name: 'Open_vSwitch',
  version: '8.3.1',
  tables: Object.fromEntries(simTables) as Record<string, SimTable>,
};
