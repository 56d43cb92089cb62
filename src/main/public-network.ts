// The public network that is there out of the box: an external flat network on the physical network `public`, for both families.
import type { ApiClient } from '../client/api.ts';
import { publicNetwork } from './sandbox/plan.ts';

interface Found {
  readonly id: string;
}

/** Makes what is missing of it; what is there, perhaps changed by its owner, stays as it is. */
export async function ensurePublicNetwork(api: ApiClient): Promise<void> {
  const { networks } = await api.get<{ networks: Found[] }>(
    `/networks?provider:physical_network=${publicNetwork.physicalNetwork}&fields=id`,
  );
  if (networks.length > 0) return;
  const { network } = await api.post<{ network: Found }>('/networks', {
    network: {
      name: 'public',
      'router:external': true,
      'provider:network_type': 'flat',
      'provider:physical_network': publicNetwork.physicalNetwork,
    },
  });
  const { v4, v6 } = publicNetwork;
  for (const [name, ip_version, { cidr, gateway }] of [
    ['public-subnet', 4, v4],
    ['public-subnet-v6', 6, v6],
  ] as const) {
    await api.post('/subnets', { subnet: { network_id: network.id, name, ip_version, cidr, gateway_ip: gateway, enable_dhcp: false } });
  }
}
