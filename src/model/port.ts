// Ports. Addresses, bindings and groups have tables of their own (tables.ts).
import { attributeExtensions } from './extensions.ts';
import { absent, defineResource, extendBy } from './kit/resource.ts';
import { identity, standard, tagsOnCreate } from './kit/standard.ts';
import { t } from './kit/types.ts';

export interface FixedIp {
  readonly subnet_id: string;
  readonly ip_address: string;
}

const base = defineResource({
  name: 'port',
  notFound: { type: 'PortNotFound', id: 'port_id' },
  taggable: true,
  quota: 500,
  fields: {
    ...identity,
    name: { type: t.str(255), post: true, put: true, default: '', filter: true, sort: true },
    network_id: { type: t.uuid, post: true, filter: true, sort: true },
    admin_state_up: { type: t.bool, post: true, put: true, default: true, filter: true, sort: true },
    /** Null asks for a new one. */
    mac_address: { type: t.opt(t.mac), nullable: false, post: true, put: true, default: absent, filter: true, sort: true, policed: true },
    fixed_ips: {
      type: t.special<readonly FixedIp[]>('fixed_ips', 'json'),
      column: false,
      post: true,
      put: true,
      default: absent,
      filter: true,
      policed: true,
    },
    device_id: { type: t.str(255), post: true, put: true, default: '', filter: true, sort: true, policed: true },
    device_owner: { type: t.str(255), post: true, put: true, default: '', filter: true, sort: true, policed: true },
    status: { type: t.str(16), filter: true, sort: true },
    ...standard,
    ...tagsOnCreate,
  },
  /** Who gave the name, for placeholders in its domain. */
  hidden: { dns_named_by: { type: 'json', nullable: true } },
  unique: [['network_id', 'mac_address']],
  indexes: [['project_id'], ['device_id'], ['qos_policy_id'], ['project_id', 'id'], ['network_id', 'id']],
  sought: ['name', 'mac_address'],
});

export const port = extendBy('port', base, attributeExtensions);
