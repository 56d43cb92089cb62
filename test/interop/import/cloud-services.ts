// What is built on networks, ports and routers: ways in, trunks, provider networks, and what stands beside them.
import type { Body, Made } from '../../api/client.ts';
import { hosts, type Inside, type Makers, type Ports, put } from './makers.ts';

export async function makeWaysIn(
  { admin, member }: Makers,
  at: { outside: Made; ports: Ports; router: Made; inside: Inside },
): Promise<void> {
  const { outside, ports, router, inside } = at;
  const floating_network_id = outside.id;
  await member.make('floatingips', 'floatingip', {
    floating_network_id,
    port_id: ports.plain.id,
    fixed_ip_address: '10.1.0.150',
    description: 'in',
    dns_name: 'in',
    dns_domain: 'fips.example.',
  });
  await member.make('floatingips', 'floatingip', { floating_network_id });
  const forwarding = await member.make('floatingips', 'floatingip', { floating_network_id });
  const inner = (ports.bound.fixed_ips as { ip_address: string }[]).find(f => f.ip_address.includes('.'))!.ip_address;
  const target = { internal_port_id: ports.bound.id, internal_ip_address: inner, protocol: 'tcp' };
  const forward = (values: Body) =>
    member.make(`floatingips/${forwarding.id}/port_forwardings`, 'port_forwarding', { ...target, ...values });
  await forward({ external_port: 8080, internal_port: 80, description: 'one' });
  await forward({ external_port_range: '9000:9009', internal_port_range: '7000:7009' });
  const six = (ports.plain.fixed_ips as { ip_address: string }[]).find(f => f.ip_address.includes(':'))!.ip_address;
  const proxied = await member.request('POST', 'ndp_proxies', {
    ndp_proxy: { router_id: router.id, port_id: ports.plain.id, ip_address: six, name: 'np' },
  });
  if (proxied.status !== 201) throw new Error(JSON.stringify(proxied.body));
  const local = await admin.make('local_ips', 'local_ip', { name: 'cache', network_id: inside.net.id, project_id: member.project });
  await admin.make(`local_ips/${local.id}/port_associations`, 'port_association', { fixed_port_id: ports.bound.id, fixed_ip: inner });
}

export async function makeTrunk({ member }: Makers, { net }: Inside): Promise<void> {
  const tagged = await member.make('networks', 'network', { name: 'tagged', mtu: 1300 });
  const port = (name: string, network_id: string) => member.make('ports', 'port', { network_id, name, fixed_ips: [] });
  const [parent, first, second] = [await port('parent', net.id), await port('sub-1', tagged.id), await port('sub-2', tagged.id)];
  await member.make('trunks', 'trunk', {
    name: 'trunk',
    port_id: parent.id,
    sub_ports: [
      { port_id: first.id, segmentation_type: 'vlan', segmentation_id: 7 },
      { port_id: second.id, segmentation_type: 'vlan', segmentation_id: 300 },
    ],
  });
}

export async function makeProvider({ admin, member }: Makers): Promise<void> {
  const segments = [
    { 'provider:network_type': 'vlan', 'provider:physical_network': 'physnet1', 'provider:segmentation_id': 150 },
    { 'provider:network_type': 'vxlan', 'provider:segmentation_id': 1500 },
  ];
  await admin.make('networks', 'network', { name: 'several', segments });
  const routed = await admin.make('networks', 'network', {
    name: 'routed',
    shared: true,
    'provider:network_type': 'vlan',
    'provider:physical_network': 'physnet1',
    mtu: 1400,
  });
  const [segment] = await admin.list(`segments?network_id=${routed.id}`);
  await put(admin, `segments/${segment!.id}`, { segment: { name: 'rack', description: 'one' } });
  await admin.make('subnets', 'subnet', { network_id: routed.id, ip_version: 4, cidr: '10.5.0.0/24', segment_id: segment!.id });
  await admin.make('segments', 'segment', { network_id: routed.id, network_type: 'vxlan', name: 'second' });
  await admin.make('networks', 'network', { name: 'on-host', 'provider:network_type': 'local' });
  await admin.make('network_segment_ranges', 'network_segment_range', {
    name: 'own',
    shared: false,
    project_id: member.project,
    network_type: 'vxlan',
    minimum: 30_000,
    maximum: 30_010,
  });
}

export async function makeTheRest({ admin, member, other, bus }: Makers, { group, ports }: { group: Made; ports: Ports }): Promise<void> {
  await put(admin, `quotas/${member.project}`, { quota: { network: 42, port: 77, security_group_rule: -1 } });
  const label = await admin.make('metering/metering-labels', 'metering_label', { name: 'metered', description: 'all', shared: true });
  const rule = (values: Body) =>
    admin.make('metering/metering-label-rules', 'metering_label_rule', { metering_label_id: label.id, ...values });
  await rule({ direction: 'ingress', remote_ip_prefix: '10.1.0.0/24', excluded: true });
  await rule({ direction: 'egress', source_ip_prefix: '10.1.0.0/24' });
  const flavor = await admin.make('flavors', 'flavor', { name: 'routers', service_type: 'L3_ROUTER_NAT', description: 'of a kind' });
  const profile = await admin.make('service_profiles', 'service_profile', {
    description: 'single',
    driver: 'neutron.services.l3_router.service_providers.single_node.SingleNodeDriver',
    metainfo: '{"a": "b"}',
  });
  await admin.request('POST', `flavors/${flavor.id}/service_profiles`, { service_profile: { id: profile.id } });
  await admin.make('routers', 'router', { name: 'flavored', flavor_id: flavor.id });
  const logged = await admin.request('POST', 'log/logs', {
    log: {
      name: 'dropped',
      resource_type: 'security_group',
      resource_id: group.id,
      target_id: ports.plain.id,
      event: 'DROP',
      project_id: member.project,
    },
  });
  if (![201, 409].includes(logged.status)) throw new Error(JSON.stringify(logged.body));
  const topology = await other.request('GET', `auto-allocated-topology/${other.project}`);
  if (topology.status !== 200) throw new Error(JSON.stringify(topology.body));
  // Agents ask for what they serve, and so get it.
  for (const host of hosts) {
    await bus.call({ topic: 'q-l3-plugin', version: '1.0' }, 'sync_routers', { host }, { timeoutMs: 60_000 });
    await bus
      .call({ topic: 'q-plugin', version: '1.0' }, 'get_active_networks_info', { host }, { timeoutMs: 60_000 })
      .catch(() => undefined);
  }
}
