// Floating IPs.
import { attributeExtensions } from './extensions.ts';
import { defineResource, extendBy } from './kit/resource.ts';
import { identity, standard, tags } from './kit/standard.ts';
import { t } from './kit/types.ts';

const base = defineResource({
  name: 'floatingip',
  notFound: { type: 'FloatingIPNotFound', id: 'floatingip_id' },
  taggable: true,
  quota: 50,
  fields: {
    ...identity,
    floating_ip_address: { type: t.opt(t.ip), post: true, default: null, filter: true, sort: true, policed: true },
    subnet_id: { type: t.opt(t.uuid), column: false, post: true, default: null, show: false },
    floating_network_id: { type: t.uuid, post: true, filter: true, sort: true },
    router_id: { type: t.opt(t.uuid), default: null, filter: true, sort: true },
    port_id: { type: t.opt(t.uuid), post: true, put: true, default: null, filter: true },
    fixed_ip_address: { type: t.opt(t.ip), post: true, put: true, default: null, filter: true, sort: true },
    status: { type: t.str(16), filter: true, sort: true },
    port_details: { type: t.any(), column: false },
    port_forwardings: { type: t.any<readonly unknown[]>(), column: false },
    ...standard,
    ...tags,
  },
  /** The port on the external network that holds the address; who gave the name. */
  hidden: { floating_port_id: { type: 'text' }, dns_named_by: { type: 'json', nullable: true } },
  unique: [
    ['floating_network_id', 'floating_ip_address'],
    ['floating_network_id', 'port_id', 'fixed_ip_address'],
  ],
  indexes: [['project_id'], ['port_id'], ['router_id'], ['floating_port_id'], ['qos_policy_id']],
  sought: ['floating_ip_address'],
});

export const floatingip = extendBy('floatingip', base, attributeExtensions);
