// What clients create: one request each, about what others create, change and remove at the same moment.
import { routerProviders } from '../../../src/domain/service-providers.ts';
import type { Body } from '../client.ts';
import type { Chance } from './chance.ts';
import type { Objects } from './objects.ts';
import { newcomers, projects, type Scene } from './scene.ts';

export type Making = readonly [path: string, bodyName: string, attributes: Body];

let counter = 0;
export const next = (most: number): number => 1 + (counter++ % most);

type Makings = readonly (() => Making)[];

export function makings(o: Objects, scene: Scene, by: Chance): Makings {
  return [...ofNetworks(o, by), ...ofRouters(o, scene, by), ...ofGroups(o, by), ...ofPools(o, by), ...ofServices(o, by)];
}

const owned = (by: Chance): Body => ({ project_id: by.pick(projects) });

function ofNetworks(o: Objects, by: Chance): Makings {
  const network_id = (): Body => ({ network_id: o.id('network', by) });
  const vlans = ['p1', 'p2'].map(p => ({ 'provider:network_type': 'vlan', 'provider:physical_network': p }));
  const policy = (): Body => ({ qos_policy_id: o.id('policy', by) });
  const group = (): Body => ({ security_groups: [o.id('security_group', by)] });
  const sub = (): Body => ({ port_id: o.id('port', by), segmentation_type: 'vlan', segmentation_id: next(9) });
  const segment = { network_type: 'vlan', physical_network: 'p2' };
  return [
    () => ['networks', 'network', { ...owned(by), ...by.maybe(0.4, { segments: vlans }), ...by.maybe(0.3, policy()) }],
    () => ['networks', 'network', { ...owned(by), ha: true }],
    () => ['subnets', 'subnet', { ...network_id(), ip_version: 4, cidr: `10.${next(250)}.0.0/24` }],
    () => ['subnets', 'subnet', { ...network_id(), ip_version: 4, subnetpool_id: o.id('subnetpool', by) }],
    () => ['ports', 'port', { ...owned(by), ...network_id(), ...by.maybe(0.2, group()) }],
    () => {
      const place = { 'binding:host_id': 'h', ...by.maybe(0.6, { device_owner: 'compute:nova' }) };
      return ['ports', 'port', { ...owned(by), ...network_id(), ...place, ...by.maybe(0.3, policy()) }];
    },
    () => ['segments', 'segment', { ...network_id(), ...segment, segmentation_id: next(4000) }],
    () => ['trunks', 'trunk', { ...owned(by), port_id: o.id('port', by), sub_ports: by.pick([[], [sub()]]) }],
  ];
}

function ofRouters(o: Objects, { external, beyond }: Scene, by: Chance): Makings {
  const router_id = (): string => o.id('router', by);
  const port_id = (): Body => ({ port_id: o.id('port', by) });
  const outside = { external_gateway_info: { network_id: external } };
  const ports = (): Body => ({ internal_port: next(60_000), external_port: next(60_000), internal_port_id: o.id('port', by) });
  const forwarding = { protocol: 'tcp', internal_ip_address: '10.0.0.2' };
  const mode = (): Body => ({
    ...by.pick([{}, {}, { ha: true }, { distributed: true }, { ha: true, distributed: true }]),
    // Only one that is down may be served in another way.
    ...by.maybe(0.5, { admin_state_up: false }),
    ...by.maybe(0.3, { evpn_vni: by.below(9) }),
  });
  return [
    () => ['routers', 'router', { ...owned(by), ...mode(), ...by.maybe(0.7, outside) }],
    () => ['routers', 'router', { ...owned(by), flavor_id: o.id('flavor', by), ...by.maybe(0.5, outside) }],
    () => [
      'floatingips',
      'floatingip',
      { ...owned(by), floating_network_id: by.pick([external, external, beyond]), ...by.maybe(0.4, port_id()) },
    ],
    () => [`floatingips/${o.id('floatingip', by)}/port_forwardings`, 'port_forwarding', { ...forwarding, ...ports() }],
    () => [`routers/${router_id()}/conntrack_helpers`, 'conntrack_helper', { protocol: 'udp', port: next(60_000), helper: 'tftp' }],
    () => ['ndp-proxies', 'ndp_proxy', { ...owned(by), router_id: router_id(), ...port_id() }],
    () => ['metering/metering-labels', 'metering_label', { name: 'm' }],
    () => ['metering/metering-label-rules', 'metering_label_rule', { metering_label_id: o.id('metering_label', by), direction: 'ingress' }],
  ];
}

function ofGroups(o: Objects, by: Chance): Makings {
  const group = (): string => o.id('security_group', by);
  const addresses = (): Body => ({ remote_address_group_id: o.id('address_group', by) });
  const remote = (): Body => by.pick([{ remote_group_id: group() }, addresses()]);
  const template = { direction: 'ingress', ethertype: 'IPv4', protocol: 'udp', used_in_default_sg: false, used_in_non_default_sg: true };
  const shareable = ['network', 'subnetpool', 'address_scope', 'address_group', 'security_group', 'policy'] as const;
  return [
    () => ['security-groups', 'security_group', { ...owned(by), name: 'g' }],
    () => ['security-group-rules', 'security_group_rule', { security_group_id: group(), direction: 'ingress', ...remote() }],
    () => ['address-groups', 'address_group', { ...owned(by), addresses: ['192.0.2.0/24'] }],
    () => {
      const port = next(60_000);
      const about = by.pick([{}, { remote_group_id: group() }, addresses()]);
      return [
        'default-security-group-rules',
        'default_security_group_rule',
        { ...template, ...about, port_range_min: port, port_range_max: port },
      ];
    },
    () => ['log/logs', 'log', { resource_type: 'security_group', ...by.pick([{ target_id: o.id('port', by) }, { resource_id: group() }]) }],
    () => {
      const kind = by.pick(shareable);
      const to = by.pick(['*', 'd'.repeat(32), ...newcomers]);
      const shared = { object_type: kind === 'policy' ? 'qos_policy' : kind, action: 'access_as_shared' };
      const how = kind === 'network' && by.often(0.4) ? { object_type: 'network', action: 'access_as_external' } : shared;
      return ['rbac-policies', 'rbac_policy', { ...how, object_id: o.id(kind, by), target_tenant: to }];
    },
  ];
}

function ofPools(o: Objects, by: Chance): Makings {
  const pool = (): Body => ({ ...owned(by), name: 's', prefixes: [`20.${next(250)}.0.0/16`] });
  return [
    () => ['subnetpools', 'subnetpool', { ...pool(), ...by.maybe(0.5, { address_scope_id: o.id('address_scope', by) }) }],
    () => ['address-scopes', 'address_scope', { ...owned(by), ip_version: 4 }],
  ];
}

function ofServices(o: Objects, by: Chance): Makings {
  const profiles = (): string => `flavors/${o.id('flavor', by)}/service_profiles`;
  const policy = (): string => `qos/policies/${o.id('policy', by)}`;
  const local = (): Body => by.pick([{ network_id: o.id('network', by) }, { local_port_id: o.id('port', by) }]);
  return [
    () => ['qos/policies', 'policy', { ...owned(by), name: 'p' }],
    () => [`${policy()}/bandwidth_limit_rules`, 'bandwidth_limit_rule', { max_kbps: 1000 }],
    () => [`${policy()}/dscp_marking_rules`, 'dscp_marking_rule', { dscp_mark: 10 }],
    () => [
      'flavors',
      'flavor',
      { name: 'f', service_type: 'L3_ROUTER_NAT', service_profiles: by.pick([[], [o.id('service_profile', by)]]) },
    ],
    () => ['service_profiles', 'service_profile', { driver: by.pick(routerProviders).driver }],
    () => [profiles(), 'service_profile', { id: o.id('service_profile', by) }],
    () => ['local-ips', 'local_ip', { ...owned(by), ...local() }],
    () => [`local-ips/${o.id('local_ip', by)}/port_associations`, 'port_association', { fixed_port_id: o.id('port', by) }],
  ];
}
