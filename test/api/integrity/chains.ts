// What chance alone would seldom come to: several requests, each about what the one before has made. Others may overtake any of them.
import type { Body } from '../client.ts';
import type { Chance } from './chance.ts';
import { type Making, next } from './makings.ts';
import { projects, type Scene } from './scene.ts';

type Make = (making: Making) => Promise<string | undefined>;
type Ask = (method: string, path: string, body?: Body) => Promise<unknown>;
type Chain = (scene: Scene, make: Make, ask: Ask, by: Chance) => Promise<void>;

/** A router that answers outside for an instance behind it. */
const proxied: Chain = async ({ external, outerPool }, make, ask, by) => {
  const mine = { project_id: by.pick(projects) };
  const network_id = await make(['networks', 'network', mine]);
  const subnet_id = network_id && (await make(['subnets', 'subnet', { network_id, ip_version: 6, subnetpool_id: outerPool }]));
  const outside = { external_gateway_info: { network_id: external }, enable_ndp_proxy: true };
  const router_id = subnet_id && (await make(['routers', 'router', { ...mine, ...outside }]));
  if (!router_id) return;
  await ask('PUT', `routers/${router_id}/add_router_interface`, { subnet_id });
  const port_id = await make(['ports', 'port', { ...mine, network_id }]);
  if (port_id) await make(['ndp-proxies', 'ndp_proxy', { ...mine, router_id, port_id }]);
};

/** An instance with a floating IP behind a router of any kind. */
const floating: Chain = async ({ external }, make, ask, by) => {
  const mine = { project_id: by.pick(projects) };
  const network_id = await make(['networks', 'network', mine]);
  const cidr = `10.${next(250)}.0.0/24`;
  const subnet_id = network_id && (await make(['subnets', 'subnet', { network_id, ip_version: 4, cidr }]));
  const mode = {
    ...by.pick([{}, { ha: true }, { distributed: true }, { distributed: true, ha: true }]),
    ...by.maybe(0.5, { admin_state_up: false }),
  };
  const router_id = subnet_id && (await make(['routers', 'router', { ...mine, ...mode, external_gateway_info: { network_id: external } }]));
  if (!router_id) return;
  await ask('PUT', `routers/${router_id}/add_router_interface`, { subnet_id });
  const at = { 'binding:host_id': 'h', device_owner: 'compute:nova' };
  const port_id = await make(['ports', 'port', { ...mine, network_id, ...at }]);
  if (port_id) await make(['floatingips', 'floatingip', { ...mine, floating_network_id: external, port_id }]);
};

/** A router of a flavor. */
const flavored: Chain = async (_scene, make, _ask, by) => {
  const driver = by.pick(['ha.HaDriver', 'dvr.DvrDriver', 'dvrha.DvrHaDriver', 'single_node.SingleNodeDriver']);
  const path = `neutron.services.l3_router.service_providers.${driver}`;
  const profile = await make(['service_profiles', 'service_profile', { driver: path }]);
  const flavor = profile && { name: 'f', service_type: 'L3_ROUTER_NAT', service_profiles: [profile] };
  const flavor_id = flavor && (await make(['flavors', 'flavor', flavor]));
  if (flavor_id) await make(['routers', 'router', { project_id: by.pick(projects), flavor_id }]);
};

/** A network whose subnets join a pool. */
const onboarded: Chain = async (_scene, make, ask, by) => {
  const mine = { project_id: by.pick(projects) };
  const pool = await make(['subnetpools', 'subnetpool', { ...mine, name: 's', prefixes: [`21.${next(250)}.0.0/16`] }]);
  const network_id = pool && (await make(['networks', 'network', mine]));
  if (!network_id) return;
  await make(['subnets', 'subnet', { network_id, ip_version: 4, cidr: `22.${next(250)}.0.0/24` }]);
  await ask('PUT', `subnetpools/${pool}/onboard_network_subnets`, { network_id });
};

/** A port that a local IP stands on, and one behind it. */
const local: Chain = async (_scene, make, _ask, by) => {
  const mine = { project_id: by.pick(projects) };
  const network_id = await make(['networks', 'network', mine]);
  if (!network_id) return;
  await make(['subnets', 'subnet', { network_id, ip_version: 4, cidr: `10.${next(250)}.0.0/24` }]);
  const id = await make(['local-ips', 'local_ip', { ...mine, network_id }]);
  const fixed_port_id = id && (await make(['ports', 'port', { ...mine, network_id }]));
  if (fixed_port_id) await make([`local-ips/${id}/port_associations`, 'port_association', { fixed_port_id }]);
};

export const chains: readonly Chain[] = [proxied, proxied, floating, floating, flavored, onboarded, local];
