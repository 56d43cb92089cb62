// What everybody finds: external networks, pools that automatic topologies and NDP proxies need, and agents of every kind.
import type { Store } from '../../../src/contracts/store.ts';
import type { Api } from '../client.ts';
import { addAgent, addL3Agent, dhcpAgent } from './agent-kinds.ts';

export interface Scene {
  readonly external: string;
  /** Another way out. */
  readonly beyond: string;
  /** IPv6 prefixes that may be reached from outside. */
  readonly outerPool: string;
}

export const projects = ['b', 'c'].map(letter => letter.repeat(32));
/** Projects that have nothing but what comes by itself. */
export const newcomers = Array.from({ length: 6 }, (_, i) => `e${i}`.repeat(16));

export async function layScene(admin: Api): Promise<Scene> {
  const scope = await admin.make('address-scopes', 'address_scope', { name: 'outer', ip_version: 6, shared: true });
  const v6 = { name: 'outer', prefixes: ['2001:db8::/32'], default_prefixlen: 64, shared: true, is_default: true };
  const outer = await admin.make('subnetpools', 'subnetpool', { ...v6, address_scope_id: scope.id });
  const v4 = { name: 'inner', prefixes: ['100.64.0.0/10'], default_prefixlen: 26, shared: true, is_default: true };
  await admin.make('subnetpools', 'subnetpool', v4);
  const external = await admin.make('networks', 'network', { 'router:external': true, is_default: true });
  await admin.make('subnets', 'subnet', { network_id: external.id, ip_version: 4, cidr: '172.24.0.0/16' });
  await admin.make('subnets', 'subnet', { network_id: external.id, ip_version: 6, subnetpool_id: outer.id });
  const beyond = await admin.make('networks', 'network', { 'router:external': true });
  await admin.make('subnets', 'subnet', { network_id: beyond.id, ip_version: 4, cidr: '172.25.0.0/16' });
  return { external: external.id, beyond: beyond.id, outerPool: outer.id };
}

export async function addHosts(store: Store): Promise<void> {
  const mappings = { interface_mappings: { p1: 'eth1', p2: 'eth2' }, tunnel_types: ['vxlan'], tunneling_ip: '192.0.2.1' };
  const kind = { agent_type: 'Linux bridge agent', binary: 'neutron-linuxbridge-agent', topic: 'N/A' };
  await addAgent(store, 'h', { ...kind, configurations: mappings });
  for (const host of ['l1', 'l2', 'l3']) await addL3Agent(store, host, 'legacy');
  for (const host of ['s1', 's2']) await addL3Agent(store, host, 'dvr_snat');
  await addL3Agent(store, 'h', 'dvr');
  for (const host of ['h', 'd1']) await addAgent(store, host, dhcpAgent);
}
