// Decisions that are overtaken: what they read has changed when they commit, each time, and not by chance.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Json } from '../../src/contracts/bus.ts';
import type { Body } from './client.ts';
import { beat, type Harness, start, until } from './harness.ts';
import { afterCommit, afterReading, beforeCommit } from './meanwhile.ts';

describe('decisions that are overtaken', () => {
  let h: Harness;

  before(async () => {
    h = await start();
    for (const host of ['h1', 'h22']) await beat(h, host);
  });
  after(() => h[Symbol.asyncDispose]());

  test('half of a conntrack helper that does not fit the other half any more', async () => {
    const router = await h.member.make('routers', 'router', {});
    const path = `routers/${router.id}/conntrack_helpers`;
    const sip = { protocol: 'udp', port: 69, helper: 'sip' };
    const { id } = await h.member.make(path, 'conntrack_helper', sip);
    const put = (change: Body) => h.member.refused('PUT', `${path}/${id}`, { conntrack_helper: change });
    beforeCommit(h.server.store, async () => assert.equal((await put({ helper: 'tftp' }))[0], 200));
    assert.deepEqual((await put({ protocol: 'tcp' })).slice(0, 2), [400, 'InvalidProtocolForHelper']);
    assert.deepEqual(await h.member.list(path), [{ ...sip, id, helper: 'tftp' }]);
  });

  test('an agent that is switched off and on hears of both', async () => {
    const heard: unknown[] = [];
    const agent_updated = (args: Readonly<Record<string, Json>>) => void heard.push((args.payload as Body).admin_state_up);
    await using _agent = await h.bus.serve({
      topic: 'l3_agent',
      server: 'h1',
      endpoints: [{ version: '1.0', methods: { agent_updated } }],
    });
    const [agent] = await h.admin.list('agents?host=h1&agent_type=L3%20agent');
    const put = async (admin_state_up: boolean) =>
      assert.equal((await h.admin.request('PUT', `agents/${agent?.id}`, { agent: { admin_state_up } })).status, 200);
    beforeCommit(h.server.store, () => put(false));
    await put(true);
    await until('the agent is told', async () => heard.length > 1);
    assert.deepEqual(heard, [false, true]);
  });

  test('a report that a port has gone from where it was', async () => {
    const net = await h.member.make('networks', 'network', {});
    const there = { 'binding:host_id': 'h1', device_owner: 'compute:nova' };
    const { id } = await h.admin.make('ports', 'port', { network_id: net.id, ...there });
    const report = (method: string, host: string) =>
      h.rpc('q-plugin', method, { device: `tap${id.slice(0, 11)}`, agent_id: 'lb', host }, '1.9');
    const status = async () => ((await h.admin.request('GET', `ports/${id}`)).body.port as Body).status;
    afterReading(h.server.store, 'port_bindings', async () => {
      await h.admin.request('PUT', `ports/${id}`, { port: { 'binding:host_id': 'h22' } });
      await report('update_device_up', 'h22');
      assert.equal(await status(), 'ACTIVE');
    });
    await report('update_device_down', 'h1');
    assert.equal(await status(), 'ACTIVE');
  });

  test('a network for highly available routers that another server makes, or takes away with the last of them', async () => {
    const made: string[] = [];
    const make = async () => void made.push((await h.admin.make('routers', 'router', { ha: true })).id);
    const remove = async () => {
      for (const id of made.splice(0)) assert.equal((await h.admin.request('DELETE', `routers/${id}`)).status, 204);
    };
    // Between the look for its subnet and the subnet.
    afterReading(h.server.store, 'subnets', make);
    await make();
    assert.equal(made.length, 2);
    // When it is known to be there, and before it is known whether it has a subnet.
    afterReading(h.server.store, 'ha_networks', async () => afterReading(h.server.store, 'ha_networks', remove));
    await make();
    assert.equal((await h.admin.list(`networks?name=HA%20network%20tenant%20${h.admin.project}`)).length, 1);
    await remove();
  });

  test('a binding that is taken away when it has just become the active one', async () => {
    const net = await h.member.make('networks', 'network', {});
    const { id } = await h.admin.make('ports', 'port', { network_id: net.id, 'binding:host_id': 'h1', device_owner: 'compute:nova' });
    await h.admin.make(`ports/${id}/bindings`, 'binding', { host: 'h22' });
    afterReading(h.server.store, 'port_bindings', async () => {
      assert.equal((await h.admin.request('PUT', `ports/${id}/bindings/h22/activate`)).status, 200);
      await h.rpc('q-plugin', 'update_device_up', { device: `tap${id.slice(0, 11)}`, agent_id: 'lb', host: 'h22' }, '1.9');
    });
    assert.equal((await h.admin.request('DELETE', `ports/${id}/bindings/h22`)).status, 204);
    const now = (await h.admin.request('GET', `ports/${id}`)).body.port as Body;
    assert.deepEqual([now['binding:host_id'], now.status], ['', 'DOWN']);
  });

  test('a network or a router that goes while an agent is being found for it', async () => {
    const { store } = h.server;
    const asks = async (topic: string, method: string, path: string, id: string, table: string, column: string) => {
      for (const { agent_id } of await store.select({ table, where: { eq: [column, id] } }))
        await store.commit({
          ops: [{ op: 'delete', table, where: { and: [{ eq: [column, id] }, { eq: ['agent_id', String(agent_id)] }] } }],
        });
      beforeCommit(store, async () => assert.equal((await h.member.request('DELETE', `${path}/${id}`)).status, 204));
      await h.rpc(topic, method, { host: 'h1' }, '1.1');
      assert.deepEqual(await store.select({ table, where: { eq: [column, id] } }), [], table);
    };
    const net = await h.member.make('networks', 'network', {});
    await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/24' });
    await asks('q-plugin', 'get_active_networks_info', 'networks', net.id, 'dhcp_bindings', 'network_id');
    const external = await h.admin.make('networks', 'network', { 'router:external': true });
    await h.admin.make('subnets', 'subnet', { network_id: external.id, ip_version: 4, cidr: '172.24.4.0/24' });
    const router = await h.member.make('routers', 'router', { external_gateway_info: { network_id: external.id } });
    await asks('q-l3-plugin', 'get_router_ids', 'routers', router.id, 'router_bindings', 'router_id');
  });

  test('an object that is gone before its creation is answered is not found', async () => {
    const brief = async (path: string, name: string): Promise<unknown[]> => {
      afterCommit(h.server.store, async () => {
        for (const { id } of await h.member.list(`${path}?name=brief`)) await h.member.request('DELETE', `${path}/${id}`);
      });
      const { status, body } = await h.member.request('POST', path, { [name]: { name: 'brief' } });
      return [status, (body.NeutronError as Body | undefined)?.type];
    };
    assert.deepEqual(await brief('security-groups', 'security_group'), [404, 'SecurityGroupNotFound']);
    // Of this the decision knows all that is shown: it was so, and nobody looks again.
    assert.deepEqual(await brief('networks', 'network'), [201, undefined]);
  });
});
