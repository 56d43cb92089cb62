// Local IPs: an address that on each host leads to a port on that host.
import type { Extension } from './kit/resource.ts';
import { absent, defineResource } from './kit/resource.ts';
import { identity, standard } from './kit/standard.ts';
import { t } from './kit/types.ts';
import { port } from './port.ts';

export const localIp = defineResource({
  name: 'local_ip',
  owner: 'project_id',
  notFound: { type: 'LocalIPNotFound', id: 'id' },
  brings: [port],
  fields: {
    ...identity,
    name: { type: t.str(255), post: true, put: true, default: '', filter: true, sort: true },
    local_port_id: { type: t.uuid, post: true, default: absent, nullable: false, filter: true, sort: true },
    network_id: { type: t.uuid, post: true, default: absent, nullable: false, filter: true, sort: true },
    local_ip_address: { type: t.opt(t.ip), post: true, default: absent, filter: true, sort: true },
    ip_mode: { type: t.oneOf('translate', 'passthrough'), post: true, default: 'translate', filter: true, sort: true },
    ...standard,
  },
  indexes: [['project_id'], ['local_port_id']],
});

export const localIpAssociation = defineResource({
  name: 'local_ip_port_association',
  owner: 'project_id',
  bodyName: 'port_association',
  plural: 'port_associations',
  tableName: 'local_ip_associations',
  path: 'port_associations',
  parent: { of: localIp, column: 'local_ip_id' },
  policyName: 'local_ip_port_association',
  notFound: { type: 'LocalIPAssociationNotFound', id: 'port_id', parent: 'local_ip_id' },
  standard: false,
  bulk: false,
  key: 'fixed_port_id',
  verbs: ['list', 'show', 'create', 'delete'],
  primaryKey: ['local_ip_id', 'fixed_port_id'],
  fields: {
    project_id: { type: t.str(255), post: true, show: false, column: false },
    fixed_port_id: { type: t.uuid, post: true, filter: true, sort: true },
    fixed_ip: { type: t.opt(t.ip), post: true, default: null, filter: true, sort: true },
    local_ip_id: { type: t.uuid, column: false },
    local_ip_address: { type: t.opt(t.ip), column: false },
    host: { type: t.text, column: false },
  },
  indexes: [['fixed_port_id']],
});

export const localIpExtension = {
  alias: 'local_ip',
  name: 'Local IP',
  description: 'Addresses that lead to a port on the same host',
  updated: '2021-07-26T10:00:00-00:00',
} as const satisfies Extension;
