// Which agents serve what: given, taken away, and what stays for the next one.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Body, Made } from './client.ts';
import { beat, type Harness, start, until } from './harness.ts';

describe('agents and what they serve', () => {
  let h: Harness;
  let net: Made;
  let router: Made;
  const agents = new Map<string, string>();
  const none = '00000000-0000-0000-0000-000000000000';

  before(async () => {
    h = await start();
    await beat(h, 'h1');
    await beat(h, 'h22');
    for (const agent of await h.admin.list('agents')) agents.set(`${agent.agent_type}/${agent.host}`, agent.id);
    net = await h.member.make('networks', 'network', {});
    router = await h.member.make('routers', 'router', {});
  });
  after(() => h[Symbol.asyncDispose]());

  const dhcp = (host: string): string => String(agents.get(`DHCP agent/${host}`));
  const l3 = (host: string): string => String(agents.get(`L3 agent/${host}`));
  const typeOf = async (method: string, path: string, body?: unknown): Promise<unknown> =>
    (await h.admin.refused(method, path, body)).slice(0, 2);
  const hosts = async (path: string): Promise<unknown[]> => (await h.admin.list(path)).map(a => a.host).sort();

  test('a network is given to agents and taken from them', async () => {
    for (const host of ['h1', 'h22']) {
      const given = await h.admin.request('POST', `agents/${dhcp(host)}/dhcp-networks`, { network_id: net.id });
      assert.deepEqual([given.status, given.body], [201, null]);
    }
    assert.deepEqual(await hosts(`networks/${net.id}/dhcp-agents`), ['h1', 'h22']);
    assert.deepEqual(
      (await h.admin.list(`agents/${dhcp('h1')}/dhcp-networks`)).map(n => n.id),
      [net.id],
    );
    const again = await typeOf('POST', `agents/${dhcp('h1')}/dhcp-networks`, { network_id: net.id });
    assert.deepEqual(again, [409, 'NetworkHostedByDHCPAgent']);
    assert.equal((await h.admin.request('DELETE', `agents/${dhcp('h22')}/dhcp-networks/${net.id}`)).status, 204);
    assert.deepEqual(await typeOf('DELETE', `agents/${dhcp('h22')}/dhcp-networks/${net.id}`), [409, 'NetworkNotHostedByDhcpAgent']);
    assert.deepEqual(await hosts(`networks/${net.id}/dhcp-agents`), ['h1']);
  });

  test('the DHCP port of an agent that gives up a network is kept for the next, with its address', async () => {
    const port = await h.admin.make('ports', 'port', {
      network_id: net.id,
      project_id: h.member.project,
      device_owner: 'network:dhcp',
      device_id: 'dhcp-of-h1',
      'binding:host_id': 'h1',
    });
    assert.equal((await h.admin.request('DELETE', `agents/${dhcp('h1')}/dhcp-networks/${net.id}`)).status, 204);
    const kept = (await h.admin.request('GET', `ports/${port.id}`)).body.port as Body;
    assert.deepEqual([kept.device_id, kept.fixed_ips], ['reserved_dhcp_port', port.fixed_ips]);
  });

  test('a router has one agent; one that is disabled gets none and loses those that it has', async () => {
    const path = `agents/${l3('h1')}/l3-routers`;
    assert.equal((await h.admin.request('POST', path, { router_id: router.id })).status, 201);
    for (const host of ['h1', 'h22'])
      assert.deepEqual(await typeOf('POST', `agents/${l3(host)}/l3-routers`, { router_id: router.id }), [409, 'RouterHostedByL3Agent']);
    assert.deepEqual(await hosts(`routers/${router.id}/l3-agents`), ['h1']);
    await h.admin.request('PUT', `agents/${l3('h1')}`, { agent: { admin_state_up: false } });
    assert.equal((await h.admin.request('DELETE', `${path}/${router.id}`)).status, 204);
    assert.deepEqual(await typeOf('POST', path, { router_id: router.id }), [404, 'InvalidL3Agent']);
    await h.admin.request('PUT', `agents/${l3('h1')}`, { agent: { admin_state_up: true } });
  });

  test('what is not there, and what is of another kind, is told apart', async () => {
    assert.deepEqual(await typeOf('GET', `agents/${none}/dhcp-networks`), [404, 'AgentNotFound']);
    assert.deepEqual(await typeOf('GET', `networks/${none}/dhcp-agents`), [404, 'NetworkNotFound']);
    assert.deepEqual(await typeOf('GET', `routers/${none}/l3-agents`), [404, 'RouterNotFound']);
    assert.deepEqual(await typeOf('POST', `agents/${none}/dhcp-networks`, { network_id: net.id }), [404, 'AgentNotFound']);
    assert.deepEqual(await typeOf('POST', `agents/${dhcp('h1')}/dhcp-networks`, { network_id: none }), [404, 'NetworkNotFound']);
    assert.deepEqual(await typeOf('POST', `agents/${l3('h1')}/dhcp-networks`, { network_id: net.id }), [404, 'InvalidDHCPAgent']);
    assert.deepEqual(await typeOf('POST', `agents/${dhcp('h1')}/l3-routers`, { router_id: router.id }), [404, 'InvalidL3Agent']);
    assert.deepEqual(await typeOf('POST', `agents/${dhcp('h1')}/dhcp-networks`, {}), [400, 'HTTPBadRequest']);
  });

  test('a network is taken from a DHCP agent that is dead; its port is kept for the next, too', async () => {
    await using own = await start({ agentDownTime: 1 });
    await beat(own, 'h1');
    const [first] = await own.admin.list('agents?agent_type=DHCP%20agent');
    const served = await own.member.make('networks', 'network', {});
    const subnet = await own.member.make('subnets', 'subnet', { network_id: served.id, ip_version: 4, cidr: '10.3.0.0/24' });
    await own.admin.request('POST', `agents/${first?.id}/dhcp-networks`, { network_id: served.id });
    const wanted = { name: '', device_id: 'dhcp-of-h1', network_id: served.id, fixed_ips: [{ subnet_id: subnet.id }] };
    const made = (await own.rpc('q-plugin', 'create_dhcp_port', { port: { port: wanted }, host: 'h1' }, '1.1')) as Body;
    await until('the other agent has the network', async () => {
      await beat(own, 'h22');
      const there = await own.admin.list(`networks/${served.id}/dhcp-agents`);
      return there.length === 1 && there[0]?.host === 'h22';
    });
    const kept = (await own.admin.request('GET', `ports/${made.id}`)).body.port as Body;
    assert.deepEqual([kept.device_id, kept.fixed_ips], ['reserved_dhcp_port', made.fixed_ips]);
  });
});
