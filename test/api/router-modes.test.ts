// Highly available and distributed routers: who may ask for them, their ports, networks, ids and agents, and what agents are told.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { Json } from '../../src/contracts/bus.ts';
import type { Api, Body, Made } from './client.ts';
import { startCluster } from './cluster.ts';
import { beat, type Harness, start, until } from './harness.ts';
import { openDatabase } from './open-database.ts';

async function l3Agent(h: Harness, host: string, agent_mode = 'legacy'): Promise<void> {
  const time = new Date().toISOString().slice(0, 19);
  const state = { agent_type: 'L3 agent', binary: 'neutron-l3-agent', topic: 'l3_agent', host, configurations: { agent_mode } };
  const agent_state = { agent_state: { ...state, uuid: randomUUID(), start_flag: true } };
  await h.rpc('q-reports-plugin', 'report_state', { agent_state, time }, '1.2');
}

describe('router modes', () => {
  let h: Harness;
  let external: Made;

  before(async () => {
    h = await start({ quotas: { router: -1, network: -1, subnet: -1, port: -1 } });
    external = await h.admin.make('networks', 'network', { 'router:external': true });
    await h.admin.make('subnets', 'subnet', { network_id: external.id, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false });
    for (const host of ['net1', 'net2', 'net3', 'net4']) await l3Agent(h, host);
  });
  after(() => h[Symbol.asyncDispose]());

  const router = (more: Body): Promise<Made> => h.admin.make('routers', 'router', more);
  const put = (r: Made, attributes: Body) => h.admin.refused('PUT', `routers/${r.id}`, { router: attributes });
  const ports = async (r: Made, owner = ''): Promise<Made[]> =>
    (await h.admin.list(`ports?device_id=${r.id}`)).filter(p => String(p.device_owner).includes(owner));
  const subnetOf = async (cidr: string): Promise<Made> => {
    const net = await h.admin.make('networks', 'network', {});
    return h.admin.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr });
  };
  const act = (r: Made, action: string, subnet: Made) => h.admin.request('PUT', `routers/${r.id}/${action}`, { subnet_id: subnet.id });
  const agentsOf = (r: Made): Promise<Made[]> => h.admin.list(`routers/${r.id}/l3-agents`);
  const haNetworks = (): Promise<Made[]> => h.admin.list(`networks?name=HA%20network%20tenant%20${h.admin.project}`);
  const sync = async (host: string, r: Made): Promise<Body> =>
    ((await h.rpc('q-l3-plugin', 'sync_routers', { host, router_ids: [r.id] })) as Body[])[0] ?? {};

  test('members neither ask for them nor see them; what is not said is what the server is set to', async () => {
    for (const asked of [{ ha: true }, { ha: false }, { ha: null }, { distributed: true }])
      assert.equal((await h.member.refused('POST', 'routers', { router: asked }))[0], 403, JSON.stringify(asked));
    const own = await h.member.make('routers', 'router', {});
    assert.deepEqual([Object.hasOwn(own, 'ha'), Object.hasOwn(own, 'distributed')], [false, false]);
    // Nor in what an action answers.
    const { body } = await h.member.request('PUT', `routers/${own.id}/add_extraroutes`, { router: { routes: [] } });
    assert.deepEqual(body, (await h.member.request('GET', `routers/${own.id}`)).body);
    const plain = await router({});
    assert.deepEqual([plain.ha, plain.distributed], [false, false]);
    assert.deepEqual(await agentsOf(plain), []);
    await using set = await start({ l3Ha: true, routerDistributed: true });
    const given = await set.admin.make('routers', 'router', {});
    assert.deepEqual([given.ha, given.distributed], [true, true]);
  });

  test('highly available: a network for the project, an id, three agents with a port each; all gone with the last router', async () => {
    const one = await router({ ha: true });
    const [net] = await haNetworks();
    assert.deepEqual([net?.project_id, net?.shared], ['', false]);
    const [subnet] = await h.admin.list(`subnets?network_id=${net?.id}`);
    assert.deepEqual([subnet?.cidr, subnet?.gateway_ip, subnet?.enable_dhcp], ['169.254.192.0/18', null, false]);
    const agents = await agentsOf(one);
    assert.deepEqual(
      agents.map(a => a.ha_state),
      ['standby', 'standby', 'standby'],
    );
    const own = await ports(one, 'router_ha_interface');
    assert.deepEqual(own.map(p => p['binding:host_id']).sort(), agents.map(a => a.host).sort());
    assert.deepEqual((await h.admin.refused('DELETE', `ports/${own[0]?.id}`)).slice(0, 2), [409, 'ServicePortInUse']);
    const inner = await subnetOf('10.1.0.0/24');
    await act(one, 'add_router_interface', inner);
    assert.equal((await ports(one, 'ha_router_replicated_interface')).length, 1);
    const two = await router({ ha: true });
    assert.equal((await haNetworks()).length, 1);
    const host = String(agents[0]?.host);
    const told = await sync(host, one);
    const ids = [told.ha_vr_id, (await sync(String((await agentsOf(two))[0]?.host), two)).ha_vr_id] as number[];
    assert.ok(ids.every(id => id >= 1 && id <= 254) && ids[0] !== ids[1], String(ids));
    assert.deepEqual([told.ha, told._ha_state, (told._interfaces as Body[]).length], [true, 'standby', 1]);
    assert.equal((told._ha_interface as Body).id, own.find(p => p['binding:host_id'] === host)?.id);
    assert.equal(
      await h.rpc('q-l3-plugin', 'get_host_ha_router_count', { host }),
      (await h.admin.list('routers')).filter(r => r.ha).length,
    );
    await act(one, 'remove_router_interface', inner);
    assert.equal((await h.admin.request('DELETE', `routers/${two.id}`)).status, 204);
    assert.equal((await haNetworks()).length, 1);
    assert.equal((await h.admin.request('DELETE', `routers/${one.id}`)).status, 204);
    assert.deepEqual(await haNetworks(), []);
    assert.deepEqual(await ports(one), []);
  });

  test('an agent that goes takes its port along, and the router can go as before', async () => {
    await using own = await start();
    for (const host of ['net1', 'net2', 'net3']) await l3Agent(own, host);
    const made = await own.admin.make('routers', 'router', { ha: true });
    const haPorts = (): Promise<Made[]> => own.admin.list('ports?device_owner=network:router_ha_interface');
    assert.equal((await haPorts()).length, 3);
    const [agent] = await own.admin.list('agents?agent_type=L3%20agent');
    assert.equal((await own.admin.request('DELETE', `agents/${agent!.id}`)).status, 204);
    assert.equal((await haPorts()).length, 2);
    assert.equal((await own.admin.request('DELETE', `routers/${made.id}`)).status, 204);
    assert.deepEqual([await haPorts(), await own.admin.list('networks')], [[], []]);
  });

  test('the agent that is active has the ports; another takes over', async () => {
    const r = await router({ ha: true, external_gateway_info: { network_id: external.id } });
    const [first, second] = (await agentsOf(r)).map(a => String(a.host));
    const gatewayHost = async (): Promise<unknown> => (await ports(r, 'router_gateway'))[0]?.['binding:host_id'];
    const report = (host: string | undefined, state: string) =>
      h.rpc('q-l3-plugin', 'update_ha_routers_states', { host, states: { [r.id]: state } });
    for (const [active, standby] of [
      [first, second],
      [second, first],
    ]) {
      await report(standby, 'standby');
      await report(active, 'active');
      assert.equal(await gatewayHost(), active);
      const states = new Map((await agentsOf(r)).map(a => [a.host, a.ha_state]));
      assert.deepEqual([states.get(active), states.get(standby)], ['active', 'standby']);
      await sync(String(standby), r);
      assert.equal(await gatewayHost(), active);
    }
    // One that was active and died has not said that it is no longer.
    const gateway = (info: Body) => h.admin.request('PUT', `routers/${r.id}`, { router: { external_gateway_info: info } });
    for (const [dead, living] of [
      [first, second],
      [second, first],
    ]) {
      const where = { and: [{ eq: ['host', String(dead)] }, { eq: ['agent_type', 'L3 agent'] }] } as const;
      const beats = (heartbeat_timestamp: string) =>
        h.server.store.commit({ ops: [{ op: 'update', table: 'agents', where, set: { heartbeat_timestamp } }] });
      await report(dead, 'active');
      await beats('2020-01-01T00:00:00Z');
      await report(living, 'active');
      await gateway({});
      await gateway({ network_id: external.id });
      assert.equal(await gatewayHost(), living);
      await beats(new Date().toISOString());
      await report(dead, 'standby');
    }
    const [agent] = await agentsOf(r);
    assert.equal((await h.admin.request('DELETE', `agents/${agent?.id}/l3-routers/${r.id}`)).status, 204);
    assert.equal((await ports(r, 'router_ha_interface')).length, 2);
    const body = { router_id: r.id };
    assert.equal((await h.admin.request('POST', `agents/${agent?.id}/l3-routers`, body)).status, 201);
    const again = await h.admin.refused('POST', `agents/${agent?.id}/l3-routers`, body);
    assert.deepEqual(again.slice(0, 2), [409, 'RouterHostedByL3Agent']);
    await h.admin.request('DELETE', `routers/${r.id}`);
  });

  test('its agents hear of changes of its ports', async () => {
    const [r, last] = [await router({ ha: true }), await router({ ha: true })];
    const inner = await subnetOf('10.6.0.0/24');
    const { body } = await act(r, 'add_router_interface', inner);
    const lastHosts = (await agentsOf(last)).map(a => a.host);
    const host = String((await agentsOf(r)).map(a => a.host).find(other => lastHosts.includes(other)));
    const heard: unknown[] = [];
    const routers_updated = (args: Readonly<Record<string, Json>>) => void heard.push(...(args.routers as string[]));
    await using _agent = await h.bus.serve({
      topic: 'l3_agent',
      server: host,
      endpoints: [{ version: '1.1', methods: { routers_updated } }],
    });
    // What is told of one comes before what is told of the next.
    const told = async (): Promise<unknown[]> => {
      await put(last, { name: randomUUID() });
      await until('the last is told', async () => heard.includes(last.id));
      return heard.splice(0);
    };
    await told();
    assert.equal((await h.admin.request('PUT', `ports/${body.port_id}`, { port: { name: 'x' } })).status, 200);
    assert.ok((await told()).includes(r.id));
    await act(r, 'remove_router_interface', inner);
    for (const { id } of [r, last]) await h.admin.request('DELETE', `routers/${id}`);
  });

  test('distributed: its interfaces say so, and where there is a gateway each has a port to be translated at', async () => {
    await l3Agent(h, 'snat1', 'dvr_snat');
    await l3Agent(h, 'compute1', 'dvr');
    const r = await router({ distributed: true });
    const inner = await subnetOf('10.2.0.0/24');
    await act(r, 'add_router_interface', inner);
    assert.equal((await ports(r, 'router_interface_distributed')).length, 1);
    const snat = (): Promise<Made[]> => ports(r, 'router_centralized_snat');
    assert.deepEqual(await snat(), []);
    await put(r, { external_gateway_info: { network_id: external.id } });
    const [port] = await snat();
    assert.deepEqual([port?.project_id, (port?.fixed_ips as Body[])[0]?.subnet_id], ['', inner.id]);
    const second = await subnetOf('10.3.0.0/24');
    await act(r, 'add_router_interface', second);
    assert.equal((await snat()).length, 2);
    await act(r, 'remove_router_interface', second);
    assert.equal((await snat()).length, 1);
    assert.deepEqual(
      (await agentsOf(r)).map(a => a.host),
      ['snat1'],
    );
    const told = await sync('snat1', r);
    assert.deepEqual(
      [told.distributed, (told._snat_router_interfaces as Body[]).length, (told._interfaces as Body[]).length],
      [true, 1, 1],
    );
    const byHost = new Map((await h.admin.list('agents')).map(a => [a.host, a.id]));
    const assign = (host: string) => h.admin.refused('POST', `agents/${byHost.get(host)}/l3-routers`, { router_id: r.id });
    assert.deepEqual((await assign('compute1')).slice(0, 2), [409, 'DVRL3CannotAssignToDvrAgent']);
    assert.deepEqual((await assign('net1')).slice(0, 2), [409, 'RouterL3AgentMismatch']);
    await put(r, { external_gateway_info: null });
    assert.deepEqual(await snat(), []);
    await act(r, 'remove_router_interface', inner);
    assert.equal((await h.admin.request('DELETE', `routers/${r.id}`)).status, 204);
  });

  test('how a router is served changes while it is down, and its ports with it', async () => {
    const r = await router({ external_gateway_info: { network_id: external.id } });
    const inner = await subnetOf('10.4.0.0/24');
    await act(r, 'add_router_interface', inner);
    const active = (what: string): string =>
      `Bad router request: Cannot change ${what} of active routers. Please set router admin_state_up to False prior to upgrade.`;
    assert.deepEqual(await put(r, { distributed: true }), [400, 'BadRequest', active("the 'distributed' attribute")]);
    assert.deepEqual(await put(r, { admin_state_up: false, ha: true }), [400, 'BadRequest', active('HA attribute')]);
    assert.equal((await put(r, { ha: null, distributed: false }))[0], 200);
    assert.equal((await put(r, { admin_state_up: false }))[0], 200);
    const owners = async (): Promise<unknown> => (await ports(r)).map(p => String(p.device_owner).slice('network:'.length)).sort();
    assert.equal((await put(r, { distributed: true }))[0], 200);
    assert.deepEqual(await owners(), ['router_centralized_snat', 'router_gateway', 'router_interface_distributed']);
    assert.equal((await put(r, { distributed: false, ha: true }))[0], 200);
    const ha = ['ha_router_replicated_interface', 'router_gateway', 'router_ha_interface', 'router_ha_interface', 'router_ha_interface'];
    assert.deepEqual(await owners(), ha);
    assert.equal((await agentsOf(r)).length, 3);
    const another = await router({ ha: true });
    assert.equal((await put(r, { ha: false }))[0], 200);
    assert.equal((await haNetworks()).length, 1);
    assert.equal((await put(another, { admin_state_up: false }))[0], 200);
    assert.equal((await put(another, { ha: false }))[0], 200);
    assert.deepEqual(await haNetworks(), []);
    assert.deepEqual(await owners(), ['router_gateway', 'router_interface']);
    assert.equal((await agentsOf(r)).length, 1);
  });

  test('an administrator chooses the network of highly available routers beforehand; it is nobody’s, and one', async () => {
    const project_id = 'd'.repeat(32);
    const ha = { project_id, name: 'chosen', ha: true, 'provider:network_type': 'local' };
    const post = async (api: Api, ...networks: Body[]): Promise<unknown> =>
      (await api.refused('POST', 'networks', networks.length === 1 ? { network: networks[0] } : { networks })).slice(0, 2);
    assert.deepEqual(await post(h.member, { ha: true }), [403, 'PolicyNotAuthorized']);
    assert.equal((await h.member.make('networks', 'network', { ha: false })).project_id, h.member.project);
    assert.deepEqual(await post(h.admin, ha, ha), [409, 'DuplicatedHANetwork']);
    const chosen = await h.admin.make('networks', 'network', ha);
    assert.deepEqual([chosen.project_id, 'ha' in chosen], ['', false]);
    assert.deepEqual(await post(h.admin, ha), [409, 'DuplicatedHANetwork']);
    assert.deepEqual((await h.admin.refused('PUT', `networks/${chosen.id}`, { network: { ha: false } })).slice(0, 2), [
      400,
      'HTTPBadRequest',
    ]);
    assert.equal((await h.admin.refused('GET', 'networks?ha=true'))[0], 400);
    const r = await h.admin.make('routers', 'router', { project_id, ha: true });
    const subnets = await h.admin.list(`subnets?network_id=${chosen.id}`);
    assert.deepEqual(
      subnets.map(s => s.cidr),
      ['169.254.192.0/18'],
    );
    assert.ok((await h.admin.list(`ports?network_id=${chosen.id}&device_owner=network:router_ha_interface`)).length > 0);
    assert.deepEqual(
      (await h.admin.list('networks?name=chosen')).map(n => n.id),
      [chosen.id],
    );
    assert.equal((await h.admin.request('DELETE', `routers/${r.id}`)).status, 204);
    assert.equal((await h.admin.request('GET', `networks/${chosen.id}`)).status, 404);
  });

  test('a flavor says how a router is served', async () => {
    const driver = 'neutron.services.l3_router.service_providers.ha.HaDriver';
    const profile = await h.admin.make('service_profiles', 'service_profile', { driver });
    const flavor = await h.admin.make('flavors', 'flavor', { service_type: 'L3_ROUTER_NAT', service_profiles: [profile.id] });
    assert.equal((await router({ flavor_id: flavor.id })).ha, true);
    const other = await h.admin.refused('POST', 'routers', { router: { flavor_id: flavor.id, ha: false } });
    assert.deepEqual(other, [400, 'InvalidInput', 'Invalid input for operation: Provider ha does not support ha=False.']);
  });

  test('each host has one MAC for distributed routers, and everybody hears of it', async () => {
    const ask = (host: string): Promise<unknown> => h.rpc('q-plugin', 'get_dvr_mac_address_by_host', { host }, '1.1');
    const first = (await ask('hv1')) as Body;
    assert.match(String(first.mac_address), /^FA-16-3F(-[0-9A-F]{2}){3}$/);
    assert.deepEqual(await ask('hv1'), first);
    const second = await ask('hv2');
    const list = (): Promise<unknown> => h.rpc('q-plugin', 'get_dvr_mac_address_list', {}, '1.1');
    assert.deepEqual(await list(), [first, second]);
    // It goes with the last agent of the host, and everybody hears of that, too.
    const heard: unknown[] = [];
    const methods = { dvr_mac_address_update: (args: Readonly<Record<string, Json>>) => void heard.push(args.dvr_macs) };
    const topic = 'q-agent-notifier-dvr-update';
    await using _agent = await h.bus.serve({ topic, server: 'hv2', endpoints: [{ version: '1.0', methods }] });
    await beat(h, 'hv1');
    for (const { id } of await h.admin.list('agents?host=hv1')) {
      assert.deepEqual(await list(), [first, second]);
      assert.equal((await h.admin.request('DELETE', `agents/${id}`)).status, 204);
    }
    assert.deepEqual(await list(), [second]);
    await until('the others hear of it', async () => heard.some(macs => isDeepStrictEqual(macs, [second])));
  });

  test('two processes: one network for a project, no id twice, none left without its router', async () => {
    await using two = await startCluster(2, { quotas: { router: -1 } });
    const made = await Promise.all(two.spread('admin', 8).map(api => api.request('POST', 'routers', { router: { ha: true } })));
    assert.deepEqual(
      made.map(m => m.status),
      Array(8).fill(201),
    );
    const ids = made.map(m => (m.body.router as Made).id);
    await using store = await openDatabase(two.file);
    const vrids = await store.select({ table: 'ha_vrids' });
    assert.equal(new Set(vrids.map(v => v.vr_id)).size, 8);
    assert.equal(await store.count('ha_networks'), 1);
    const gone = await Promise.all(
      two
        .spread('admin', 10)
        .map((api, i) => (i < 8 ? api.request('DELETE', `routers/${ids[i]}`) : api.request('POST', 'routers', { router: { ha: true } }))),
    );
    assert.deepEqual(
      gone.map(g => g.status),
      [...Array(8).fill(204), 201, 201],
    );
    const [network] = await store.select({ table: 'ha_networks' });
    const left = await store.select({ table: 'ha_vrids' });
    assert.deepEqual(
      left.map(v => v.network_id),
      [network?.network_id, network?.network_id],
    );
    assert.ok(await store.get('networks', { id: String(network?.network_id) }));
  });
});
