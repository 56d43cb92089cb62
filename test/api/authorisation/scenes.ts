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
