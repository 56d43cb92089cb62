// Routers.
import type { WantedGateway } from './ext/router-gateways.ts';
import { attributeExtensions } from './extensions.ts';
import { absent, defineResource, extendBy } from './kit/resource.ts';
import { identity, standard, tags } from './kit/standard.ts';
import { t } from './kit/types.ts';

export interface GatewayInfo extends WantedGateway {
  readonly qos_policy_id?: string | null;
}

const gatewayInfo = t.dict<GatewayInfo>(
  {
    network_id: { type: t.uuid, required: true },
    enable_snat: { type: t.bool },
    external_fixed_ips: { type: t.special('fixed_ips', 'json') },
    qos_policy_id: { type: t.opt(t.uuid) },
  },
  { mayBeEmpty: true },
);

const base = defineResource({
  name: 'router',
  notFound: { type: 'RouterNotFound', id: 'router_id' },
  taggable: true,
  quota: 10,
  actions: {
    add_router_interface: 'PUT',
    remove_router_interface: 'PUT',
    add_extraroutes: 'PUT',
    remove_extraroutes: 'PUT',
    add_external_gateways: 'PUT',
    update_external_gateways: 'PUT',
    remove_external_gateways: 'PUT',
  },
  fields: {
    ...identity,
    name: { type: t.str(255), post: true, put: true, default: '', filter: true, sort: true },
    admin_state_up: { type: t.bool, post: true, put: true, default: true, filter: true, sort: true },
    status: { type: t.str(16), sort: true },
    conntrack_helpers: { type: t.any<readonly unknown[]>(), column: false },
    external_gateway_info: { type: t.opt(gatewayInfo), column: false, post: true, put: true, default: absent, policed: true },
    ...standard,
    ...tags,
  },
  hidden: {
    /** The first of its gateways. */
    gw_port_id: { type: 'text', nullable: true },
    qos_policy_id: { type: 'text', nullable: true },
  },
  indexes: [['project_id'], ['gw_port_id'], ['qos_policy_id']],
  sought: ['name'],
});

export const router = extendBy('router', base, attributeExtensions);
