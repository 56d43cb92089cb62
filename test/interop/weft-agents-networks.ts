// What tests of agents on a neutron-server begin with: a network with an instance on each host, a router to the outside, and ways in.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Made } from '../api/client.ts';
import type { AgentsWorld, Instance } from './weft-agents-world.ts';

export const webPort = 8080;

/** Stands for a service of an instance. */
export const serving = (text: string): string[] => [
  process.execPath,
  '-e',
  `require('node:http').createServer((_, response) => response.end('${text}')).listen(${webPort}, '0.0.0.0', () => console.log('ready'));`,
];
export const web = serving('here');

export interface Layout {
  readonly network: Made;
  readonly outer: Made;
  readonly router: Made;
  readonly one: Instance;
  readonly two: Instance;
}

/** `inner`: more of the subnet that the instances are in. */
export async function layOut(w: AgentsWorld, inner: Record<string, unknown> = {}): Promise<Layout> {
  const { api } = w.neutron;
  const network = await api.make('networks', 'network', { name: 'inside' });
  const subnet = await api.make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.10.0.0/24', ...inner });
  const provider = { 'provider:network_type': 'flat', 'provider:physical_network': 'public' };
  const outer = await api.make('networks', 'network', { name: 'outside', 'router:external': true, ...provider });
  const pool = [{ start: '172.24.4.100', end: '172.24.4.200' }];
  const addresses = { cidr: '172.24.4.0/24', gateway_ip: '172.24.4.1', allocation_pools: pool };
  await api.make('subnets', 'subnet', { network_id: outer.id, ip_version: 4, enable_dhcp: false, ...addresses });
  const router = await api.make('routers', 'router', { name: 'r', external_gateway_info: { network_id: outer.id } });
  assert.equal((await api.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id })).status, 200);
  const [one, two] = await Promise.all([w.instance('h1', network.id), w.instance('h2', network.id)]);
  return { network, outer, router, one, two };
}

/** Once its router has it. */
export async function floatingIpOf(w: AgentsWorld, outer: Made, { port }: Instance, more: Record<string, unknown> = {}): Promise<Made> {
  const { api } = w;
  const fip = await api.make('floatingips', 'floatingip', { floating_network_id: outer.id, port_id: port.id, ...more });
  await w.until('the floating IP is ACTIVE', async () => (await api.listOnce(`floatingips?id=${fip.id}`))[0]?.['status'] === 'ACTIVE');
  return fip;
}

export async function floatingTo(w: AgentsWorld, outer: Made, instance: Instance): Promise<string> {
  return String((await floatingIpOf(w, outer, instance))['floating_ip_address']);
}

/** A rule of the instance's group for the public side; answers its id. */
export async function permit(w: AgentsWorld, { port }: Instance, protocol: 'tcp' | 'udp', number: number): Promise<string> {
  const [group] = port['security_groups'] as string[];
  const from = { direction: 'ingress', ethertype: 'IPv4', remote_ip_prefix: '172.24.4.0/24' };
  const what = { protocol, port_range_min: number, port_range_max: number };
  return (await w.api.make('security-group-rules', 'security_group_rule', { security_group_id: group, ...from, ...what })).id;
}

/** One ping; waits a second for the answer. */
export const pings = async (w: AgentsWorld, from: Instance, address: string): Promise<boolean> =>
  (await w.inside(from, 'ping', '-n', '-c1', '-W1', address)).code === 0;

/** What the public side gets from there. */
export const fetched = async (w: AgentsWorld, address: string, port = webPort): Promise<string> =>
  (await w.fromOutside('curl', '-s', '-m', '2', `http://${address}:${port}/`)).stdout;

export async function aliveAgents(w: AgentsWorld): Promise<string[]> {
  return (await w.neutron.api.listOnce('agents?alive=true')).map(one => `${one['host']} ${one['agent_type']}`).sort();
}

/** Deletes all there is, as far as the server lets it go at the time: what is in use goes in a later round. */
export async function deleteAll(w: AgentsWorld): Promise<void> {
  const { api } = w.neutron;
  for (const { id } of await api.listOnce('floatingips')) assert.equal((await api.request('DELETE', `floatingips/${id}`)).status, 204);
  for (const { id } of await api.listOnce('routers')) {
    await api.request('PUT', `routers/${id}`, { router: { external_gateway_info: null } });
    for (const port of await api.listOnce(`ports?device_id=${id}`))
      await api.request('PUT', `routers/${id}/remove_router_interface`, { port_id: port.id });
    assert.equal((await api.request('DELETE', `routers/${id}`)).status, 204);
  }
  for (const { id } of await api.listOnce('ports?device_owner=compute:nova')) await api.request('DELETE', `ports/${id}`);
  for (const deadline = performance.now() + 60_000; performance.now() < deadline; await sleep(500)) {
    const networks = await api.listOnce('networks');
    if (networks.length === 0) return;
    for (const { id } of networks) await api.request('DELETE', `networks/${id}`);
  }
  throw new Error('networks could not be deleted');
}
