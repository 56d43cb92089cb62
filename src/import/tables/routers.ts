// Routers, the agents that have them, floating IPs and what else goes through a router.
import { BrokenRow, beside, flag, isTrue, listed, type Mapping, type Source, same, standardColumns } from '../mapping.ts';

/** The id by which its agents know the router on the HA network of its project. */
function virtualRouter(source: Source): readonly object[] {
  if (isTrue(source.value('extra.service_router'))) throw new BrokenRow('it is a service router, of which Weft has none');
  const vr_id = source.value('extra.ha_vr_id');
  if (!isTrue(source.value('extra.ha'))) return [];
  if (vr_id === null) throw new BrokenRow('it is highly available and has no ha_vr_id');
  const network_id = source.value('ha.network_id');
  if (network_id === null) throw new BrokenRow('it is highly available, and its project has no row in ha_router_networks');
  return [{ network_id, vr_id, router_id: source.row['id'] }];
}

const routers: Mapping = {
  from: 'routers',
  standard: true,
  beside: {
    extra: beside('router_extra_attributes', 'router_id'),
    routes: beside('routerroutes', 'router_id'),
    proxies: beside('router_ndp_proxy_state', 'router_id'),
    qos: beside('qos_router_gw_policy_bindings', 'router_id'),
    ha: beside('ha_router_networks', 'project_id', 'project_id'),
  },
  into: [
    {
      table: 'routers',
      columns: {
        ...same('id', 'project_id', 'name', 'status', 'admin_state_up', 'gw_port_id', 'flavor_id', 'enable_snat'),
        ha: flag('extra.ha', false),
        distributed: flag('extra.distributed', false),
        availability_zone_hints: 'extra.availability_zone_hints',
        routes: listed('routes', same('destination', 'nexthop')),
        enable_ndp_proxy: flag('proxies.enable_ndp_proxy', false),
        qos_policy_id: 'qos.policy_id',
        ...standardColumns,
      },
    },
    { table: 'ha_vrids', each: virtualRouter, columns: same('network_id', 'vr_id', 'router_id') },
  ],
};

const routerPorts: Mapping = {
  from: 'routerports',
  beside: { port: beside('ports', 'id', 'port_id') },
  into: [{ table: 'router_ports', columns: { ...same('router_id', 'port_id', 'port_type'), network_id: 'port.network_id' } }],
};

const haNetworks: Mapping = {
  from: 'ha_router_networks',
  into: [{ table: 'ha_networks', columns: same('project_id', 'network_id') }],
};

const placeOf = (source: Source) => source.many('ports').find(port => port['l3_agent_id'] === source.row['l3_agent_id']);

const routerPlaces: Mapping = {
  from: 'routerl3agentbindings',
  beside: { ports: beside('ha_router_agent_port_bindings', 'router_id', 'router_id') },
  into: [
    {
      table: 'router_bindings',
      columns: {
        ...same('router_id', 'binding_index'),
        agent_id: 'l3_agent_id',
        ha_port_id: source => placeOf(source)?.['port_id'] ?? null,
        ha_state: source => placeOf(source)?.['state'] ?? null,
      },
    },
  ],
};

const floatingIps: Mapping = {
  from: 'floatingips',
  standard: true,
  beside: { dns: beside('floatingipdnses', 'floatingip_id'), qos: beside('qos_fip_policy_bindings', 'fip_id') },
  into: [
    {
      table: 'floatingips',
      columns: {
        ...same('id', 'project_id', 'floating_ip_address', 'floating_network_id', 'floating_port_id', 'fixed_ip_address'),
        ...same('router_id', 'status'),
        port_id: 'fixed_port_id',
        dns_name: 'dns.dns_name',
        dns_domain: 'dns.dns_domain',
        qos_policy_id: 'qos.policy_id',
        ...standardColumns,
      },
    },
  ],
};

/** The port where it is one, and the range in any case. */
const side = (name: 'internal' | 'external') => ({
  [`${name}_port`]: ({ row }: Source) => (row[`${name}_port_start`] === row[`${name}_port_end`] ? row[`${name}_port_start`]! : null),
  [`${name}_port_range`]: ({ row }: Source) => `${row[`${name}_port_start`]}:${row[`${name}_port_end`]}`,
});

const portForwardings: Mapping = {
  from: 'portforwardings',
  standard: true,
  into: [
    {
      table: 'port_forwardings',
      columns: {
        ...same('id', 'floatingip_id', 'protocol', 'internal_ip_address'),
        internal_port_id: 'internal_neutron_port_id',
        ...side('internal'),
        ...side('external'),
        description: 'standard.description',
      },
    },
  ],
};

const ndpProxies: Mapping = {
  from: 'ndp_proxies',
  standard: true,
  into: [
    { table: 'ndp_proxies', columns: { ...same('id', 'project_id', 'name', 'router_id', 'port_id', 'ip_address'), ...standardColumns } },
  ],
};

const conntrackHelpers: Mapping = {
  from: 'conntrack_helpers',
  into: [{ table: 'conntrack_helpers', columns: same('id', 'router_id', 'protocol', 'port', 'helper') }],
};

export const routerTables: readonly Mapping[] = [
  routers,
  routerPorts,
  haNetworks,
  routerPlaces,
  floatingIps,
  portForwardings,
  ndpProxies,
  conntrackHelpers,
];
