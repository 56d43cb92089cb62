// Bindings of a port to hosts: one is active; a live migration prepares another where the instance goes.
import { vnicTypes } from './ext/binding.ts';
import { absent, defineResource, type Extension } from './kit/resource.ts';
import { t } from './kit/types.ts';
import { port } from './port.ts';

export const portBinding = defineResource({
  name: 'binding',
  owner: 'project_id',
  tableName: 'port_bindings',
  policyName: 'port_binding',
  parent: { of: port, column: 'port_id' },
  key: 'host',
  primaryKey: ['port_id', 'host'],
  notFound: { type: 'PortBindingNotFound', id: 'host', parent: 'port_id' },
  verbs: ['list', 'show', 'create', 'update', 'delete'],
  actions: { activate: 'PUT' },
  standard: false,
  bulk: false,
  fields: {
    project_id: { type: t.str(255), post: true, show: false, column: false },
    /** Empty: of a port that is nowhere. */
    host: { type: t.str(255), post: true, filter: true },
    status: { type: t.str(16), filter: true },
    vnic_type: { type: t.oneOf(...vnicTypes), post: true, put: true, default: 'normal', filter: true },
    profile: {
      type: t.special<Readonly<Record<string, unknown>>>('profile', 'json'),
      post: true,
      put: true,
      default: absent,
      nullable: false,
    },
    vif_type: { type: t.str(64), filter: true },
    vif_details: { type: t.any<Readonly<Record<string, unknown>>>() },
  },
  indexes: [['host']],
});

export const bindingExtended = {
  alias: 'binding-extended',
  name: 'Port Bindings Extended',
  description: 'Several bindings of a port, of which one is active',
  updated: '2017-07-17T10:00:00-00:00',
} as const satisfies Extension;
