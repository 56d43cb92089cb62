// The public network that is there out of the box: an external flat network on the physical network `public`, for both families.
import type { ApiClient } from '../client/api.ts';
import { collection } from '../client/collection.ts';
import { network } from '../model/network.ts';
import { subnet } from '../model/subnet.ts';
import { publicNetwork } from './sandbox/plan.ts';

/** Makes what is missing of it; what is there, perhaps changed by its owner, stays as it is. */
export async function ensurePublicNetwork(api: ApiClient): Promise<void> {
  const networks = collection(api, network);
  const filters = { 'provider:physical_network': publicNetwork.physicalNetwork };
  if ((await networks.list({ filters, fields: ['id'] })).length > 0) return;
  const { id } = await networks.create({
    name: 'public',
    'router:external': true,
    'provider:network_type': 'flat',
    'provider:physical_network': publicNetwork.physicalNetwork,
  });
  const { v4, v6 } = publicNetwork;
  for (const [name, ip_version, { cidr, gateway }] of [
    ['public-subnet', 4, v4],
    ['public-subnet-v6', 6, v6],
  ] as const) {
    await collection(api, subnet).create({ network_id: id, name, ip_version, cidr, gateway_ip: gateway, enable_dhcp: false });
  }
}
