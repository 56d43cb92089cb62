// Scenes around objects of the walk that need more than their own resource.
import type { Api, Made } from '../client.ts';
import type { At } from './sample.ts';

export interface Routed {
  readonly router: Made;
  readonly port: Made;
  undo(): Promise<void>;
}

/** A port of the family's project on a network of its own, behind a router with a gateway to the external network. */
export async function routed({ project, external, n }: At, admin: Api): Promise<Routed> {
  const project_id = project;
  const network = await admin.make('networks', 'network', { project_id });
  const cidr = `10.${200 + (n >> 8)}.${n & 255}.0/24`;
  const subnet = await admin.make('subnets', 'subnet', { project_id, network_id: network.id, ip_version: 4, cidr });
  const info = { network_id: external.network?.id };
  const router = await admin.make('routers', 'router', { project_id, external_gateway_info: info });
  await admin.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  const port = await admin.make('ports', 'port', { project_id, network_id: network.id });
  return {
    router,
    port,
    async undo() {
      await admin.request('DELETE', `ports/${port.id}`);
      await admin.request('PUT', `routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id });
      await admin.request('DELETE', `routers/${router.id}`);
      await admin.request('DELETE', `networks/${network.id}`);
    },
  };
}

export interface Proxying {
  readonly router: Made;
  readonly net: Made;
  readonly subnet: Made;
  readonly external: Made;
  readonly pool: Made;
  undo(): Promise<void>;
}

/** A router that may answer for what is behind it: both sides are of one IPv6 address scope. `n`: another prefix each time. */
export async function proxying(project_id: string, admin: Api, n: number): Promise<Proxying> {
  const scope = await admin.make('address-scopes', 'address_scope', { name: 's', ip_version: 6, shared: true });
  const prefixes = [`2001:db8:${(n + 1).toString(16)}::/48`];
  const pool = await admin.make('subnetpools', 'subnetpool', {
    name: 'p',
    address_scope_id: scope.id,
    prefixes,
    default_prefixlen: 64,
    shared: true,
  });
  const external = await admin.make('networks', 'network', { 'router:external': true });
  const from = { ip_version: 6, subnetpool_id: pool.id };
  await admin.make('subnets', 'subnet', { ...from, network_id: external.id, enable_dhcp: false });
  const info = { network_id: external.id };
  const router = await admin.make('routers', 'router', { project_id, enable_ndp_proxy: true, external_gateway_info: info });
  const net = await admin.make('networks', 'network', { project_id });
  const slaac = { ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
  const subnet = await admin.make('subnets', 'subnet', { ...from, ...slaac, project_id, network_id: net.id });
  await admin.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  return {
    router,
    net,
    subnet,
    external,
    pool,
    async undo() {
      await admin.request('PUT', `routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id });
      for (const path of [`routers/${router.id}`, `networks/${net.id}`, `networks/${external.id}`]) await admin.request('DELETE', path);
      for (const path of [`subnetpools/${pool.id}`, `address-scopes/${scope.id}`]) await admin.request('DELETE', path);
    },
  };
}
