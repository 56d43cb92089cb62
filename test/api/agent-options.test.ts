// Options that switch off what a server does by itself: the same scene with and without them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ServerConfig } from '../../src/server/context.ts';
import type { Body } from './client.ts';
import { beat, type Harness, start, until } from './harness.ts';

const off: Partial<ServerConfig> = {
  enableNewAgents: false,
  networkAutoSchedule: false,
  routerAutoSchedule: false,
  snatByDefault: false,
  dhcpAgentNotification: false,
  mechanismDrivers: ['linuxbridge'],
};

async function agentsOf(h: Harness): Promise<Map<string, Body & { id: string }>> {
  return new Map((await h.admin.list('agents')).map(agent => [`${agent.agent_type}/${agent.host}`, agent as Body & { id: string }]));
}

async function switchOn(h: Harness): Promise<void> {
  for (const { id } of (await agentsOf(h)).values()) await h.admin.request('PUT', `agents/${id}`, { agent: { admin_state_up: true } });
}

const noteOf =
  (heard: string[]) =>
  (...methods: string[]) =>
    Object.fromEntries(methods.map(method => [method, (args: unknown) => void heard.push(`${method} ${JSON.stringify(args)}`)]));

/** What agents hear of a port that comes up on a host, until what is said after it. */
async function heardOf(h: Harness, network: string): Promise<string[]> {
  const heard: string[] = [];
  const note = noteOf(heard);
  const dhcp = { version: '1.0', methods: note('port_create_end', 'port_update_end', 'agent_updated') };
  const fdb = { version: '1.0', methods: note('add_fdb_entries') };
  await using _d = await h.bus.serve({ topic: 'dhcp_agent', server: 'h1', endpoints: [dhcp] });
  await using _f = await h.bus.serve({ topic: 'q-agent-notifier-l2population-update', server: 'h22', endpoints: [fdb] });
  const port = await h.admin.make('ports', 'port', { network_id: network, 'binding:host_id': 'h1', device_owner: 'network:test' });
  await h.rpc('q-plugin', 'update_device_up', { device: `tap${port.id.slice(0, 11)}`, agent_id: 'lb', host: 'h1' }, '1.9');
  const id = (await agentsOf(h)).get('DHCP agent/h1')?.id;
  for (const admin_state_up of [false, true]) await h.admin.request('PUT', `agents/${id}`, { agent: { admin_state_up } });
  await until('both changes of the agent', async () => heard.filter(line => line.startsWith('agent_updated')).length >= 2);
  return [...new Set(heard.map(line => line.split(' ')[0] as string))].toSorted();
}

async function scene(config: Partial<ServerConfig>): Promise<Body> {
  await using h = await start(config);
  const net = await h.member.make('networks', 'network', {});
  const subnet = await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.7.0.0/24' });
  const router = await h.member.make('routers', 'router', {});
  await h.member.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  for (const host of ['h1', 'h22']) await beat(h, host);
  const up = [...(await agentsOf(h)).values()].map(agent => agent.admin_state_up);
  await switchOn(h);
  await h.rpc('q-plugin', 'get_active_networks_info', { host: 'h1' }, '1.0');
  await h.rpc('q-l3-plugin', 'get_router_ids', { host: 'h1' }, '1.9');
  const serving = (await h.admin.list(`networks/${net.id}/dhcp-agents`)).map(agent => agent.host);
  const routing = await h.admin.list(`routers/${router.id}/l3-agents`);
  const dhcp = (await agentsOf(h)).get('DHCP agent/h1')?.id;
  // As an operator does, where the server does not.
  if (!serving.includes('h1')) await h.admin.request('POST', `agents/${dhcp}/dhcp-networks`, { network_id: net.id });
  const external = { 'provider:network_type': 'flat', 'provider:physical_network': 'public', 'router:external': true };
  const ext = await h.admin.make('networks', 'network', external);
  await h.admin.make('subnets', 'subnet', { network_id: ext.id, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false });
  const first = await h.member.make('routers', 'router', { external_gateway_info: { network_id: ext.id } });
  const later = await h.member.make('routers', 'router', {});
  const set = await h.member.request('PUT', `routers/${later.id}`, { router: { external_gateway_info: { network_id: ext.id } } });
  const snat = [first, (set.body as { router: Body }).router].map(r => (r.external_gateway_info as Body).enable_snat);
  return { up: [...new Set(up)], networks: serving.length, routers: routing.length, snat, heard: await heardOf(h, net.id) };
}

describe('what a server does by itself, unless its configuration says otherwise', () => {
  test('by default', async () => {
    assert.deepEqual(await scene({}), {
      up: [true],
      networks: 1,
      routers: 1,
      snat: [true, true],
      heard: ['add_fdb_entries', 'agent_updated', 'port_create_end'],
    });
  });

  test('all of it switched off', async () => {
    assert.deepEqual(await scene(off), { up: [false], networks: 0, routers: 0, snat: [false, false], heard: ['agent_updated'] });
  });

  test('a network stays with a DHCP agent that died, where nobody is to take it', async () => {
    const hostsOf = async (h: Harness, network: string): Promise<unknown[]> =>
      (await h.admin.list(`networks/${network}/dhcp-agents`)).map(agent => agent.host);
    const dies = async (h: Harness): Promise<() => Promise<unknown[]>> => {
      // On a busy machine an agent may be dead before the first network comes.
      const { id } = await until('the agent gets a network', async () => {
        await beat(h, 'h1');
        const net = await h.member.make('networks', 'network', {});
        await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.7.0.0/24' });
        return (await hostsOf(h, net.id))[0] === 'h1' && net;
      });
      return () => hostsOf(h, id);
    };
    await using moving = await start({ agentDownTime: 1 });
    await using staying = await start({ agentDownTime: 1, dhcpFailover: false });
    const [stays, moves] = [await dies(staying), await dies(moving)];
    await until('the network moves', async () => {
      for (const h of [staying, moving]) await beat(h, 'h22');
      return (await moves())[0] === 'h22';
    });
    assert.deepEqual(await stays(), ['h1']);
  });

  test('mechanisms are those that are named: without one nothing is bound', async () => {
    const bound = async (mechanismDrivers: readonly string[]): Promise<unknown> => {
      await using h = await start({ mechanismDrivers });
      await beat(h, 'h1');
      const net = await h.member.make('networks', 'network', {});
      return (await h.admin.make('ports', 'port', { network_id: net.id, 'binding:host_id': 'h1' }))['binding:vif_type'];
    };
    assert.deepEqual([await bound(['l2population', 'linuxbridge']), await bound(['l2population'])], ['bridge', 'binding_failed']);
  });
});
