// Distributed routers at their hosts: which agents have them, what floating IPs each gets, and what they hear of ports.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { Json } from '../../src/contracts/bus.ts';
import type { Body, Made } from './client.ts';
import { beat, type Harness, start, until } from './harness.ts';
import { beforeCommit } from './meanwhile.ts';

interface Told {
  readonly host: string;
  readonly method: string;
  readonly said: Json;
}

describe('distributed routers', () => {
  let h: Harness;
  let external: Made;
  let net: Made;
  let subnet: Made;
  let router: Made;
  const told: Told[] = [];

  async function l3Agent(host: string, agent_mode: string): Promise<void> {
    await beat(h, host);
    const state = { agent_type: 'L3 agent', binary: 'neutron-l3-agent', topic: 'l3_agent', host, configurations: { agent_mode } };
    const agent_state = { agent_state: { ...state, uuid: randomUUID(), start_flag: true } };
    await h.rpc('q-reports-plugin', 'report_state', { agent_state, time: new Date().toISOString().slice(0, 19) }, '1.2');
    const note = (method: string) => (args: Readonly<Record<string, Json>>) => {
      told.push({ host, method, said: args.routers ?? args.payload ?? args.ext_net_id ?? null });
      return null;
    };
    const names = ['routers_updated', 'router_removed_from_agent', 'add_arp_entry', 'del_arp_entry', 'fipnamespace_delete_on_ext_net'];
    const methods = Object.fromEntries(names.map(m => [m, note(m)]));
    await h.bus.serve({ topic: 'l3_agent', server: host, endpoints: [{ version: '1.2', methods }] });
  }

  const act = (action: string, id: string) => h.admin.request('PUT', `routers/${router.id}/${action}`, { subnet_id: id });
  const subnetOf = async (network: Made, cidr: string): Promise<Made> =>
    h.member.make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr, enable_dhcp: false });

  before(async () => {
    h = await start({ quotas: { port: -1, network: -1 } });
    for (const [host, mode] of [
      ['snat', 'dvr_snat'],
      ['c1', 'dvr'],
      ['c2', 'dvr'],
      ['plain', 'legacy'],
    ] as const)
      await l3Agent(host, mode);
    external = await h.admin.make('networks', 'network', { 'router:external': true });
    await h.admin.make('subnets', 'subnet', { network_id: external.id, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false });
    net = await h.member.make('networks', 'network', {});
    subnet = await subnetOf(net, '10.70.0.0/24');
    const gateway = { external_gateway_info: { network_id: external.id } };
    router = await h.admin.make('routers', 'router', { distributed: true, project_id: h.member.project, ...gateway });
    await act('add_router_interface', subnet.id);
  });
  after(() => h[Symbol.asyncDispose]());

  const vm = (host: string, more: Body = {}): Promise<Made> => {
    const owner = { device_owner: 'compute:nova', device_id: randomUUID(), project_id: h.member.project };
    return h.admin.make('ports', 'port', { network_id: net.id, 'binding:host_id': host, ...owner, ...more });
  };
  const routersAt = async (host: string): Promise<unknown> => h.rpc('q-l3-plugin', 'get_router_ids', { host });
  const sync = async (host: string): Promise<Body | undefined> =>
    ((await h.rpc('q-l3-plugin', 'sync_routers', { host, router_ids: [router.id] })) as Body[])[0];
  const fipsAt = async (host: string): Promise<Body[]> => ((await sync(host))?._floatingips ?? []) as Body[];
  const addressOf = (port: Made): string => (port.fixed_ips as { ip_address: string }[])[0]!.ip_address;
  const hears = (host: string, method: string, fits: (said: string) => boolean): Promise<Told> =>
    until(`${method} at ${host}`, async () => told.find(t => t.host === host && t.method === method && fits(JSON.stringify(t.said))));
  const named = (said: string): boolean => said.includes(router.id);

  test('on hosts with ports to serve, for as long; its gateway stays where it is translated', async () => {
    for (const host of ['c1', 'c2', 'plain']) assert.deepEqual([await routersAt(host), await sync(host)], [[], undefined], host);
    assert.deepEqual(await routersAt('snat'), [router.id]);
    await sync('snat');
    const port = await vm('c1');
    await hears('c1', 'routers_updated', named);
    assert.deepEqual([await routersAt('c1'), await routersAt('c2')], [[router.id], []]);
    await vm('plain');
    assert.deepEqual(await routersAt('plain'), []);
    const there = await sync('c1');
    assert.deepEqual(
      [there?.gw_port_host, (there?._snat_router_interfaces as Body[]).length, (there?._interfaces as Body[]).length],
      ['snat', 1, 1],
    );
    const bound = async (owner: string) =>
      (await h.admin.list(`ports?device_id=${router.id}&device_owner=network:${owner}`))[0]?.['binding:host_id'];
    assert.deepEqual([await bound('router_gateway'), await bound('router_centralized_snat')], ['snat', 'snat']);
    // A change of the router is told there, too.
    told.length = 0;
    await h.admin.request('PUT', `routers/${router.id}`, { router: { name: 'x' } });
    for (const host of ['snat', 'c1']) await hears(host, 'routers_updated', named);
    await h.admin.request('PUT', `ports/${port.id}`, { port: { 'binding:host_id': 'c2' } });
    await hears('c2', 'routers_updated', named);
    await hears('c1', 'router_removed_from_agent', named);
    assert.ok(!told.some(t => t.method.endsWith('arp_entry')));
    assert.deepEqual([await routersAt('c1'), await routersAt('c2')], [[], [router.id]]);
    const second = await vm('c2');
    told.length = 0;
    await h.admin.request('DELETE', `ports/${port.id}`);
    await hears('c2', 'del_arp_entry', named);
    assert.deepEqual(await routersAt('c2'), [router.id]);
    await h.admin.request('DELETE', `ports/${second.id}`);
    await hears('c2', 'router_removed_from_agent', named);
    assert.deepEqual(await routersAt('c2'), []);
  });

  test('a router that becomes distributed leaves an agent that could not translate it for one that can', async () => {
    const agents = await h.admin.list('agents?agent_type=L3%20agent');
    const idOf = (host: string) => agents.find(a => a.host === host)?.id;
    const plain = await h.admin.make('routers', 'router', { admin_state_up: false });
    await h.admin.request('POST', `agents/${idOf('plain')}/l3-routers`, { router_id: plain.id });
    const hosts = async () => (await h.admin.list(`routers/${plain.id}/l3-agents`)).map(a => a.host);
    assert.deepEqual(await hosts(), ['plain']);
    told.length = 0;
    await h.admin.request('PUT', `routers/${plain.id}`, { router: { distributed: true } });
    assert.deepEqual(await hosts(), ['snat']);
    await until('it is told', async () => told.some(t => t.host === 'plain' && t.method === 'router_removed_from_agent'));
    await h.admin.request('PUT', `routers/${plain.id}`, { router: { distributed: false } });
    assert.deepEqual(await hosts(), ['snat'], 'who can translate can have it as a whole');
    assert.equal((await h.admin.request('DELETE', `routers/${plain.id}`)).status, 204);
  });

  test('every agent hears of neighbours as they come, change and go', async () => {
    told.length = 0;
    const port = await vm('c1');
    const entry = (address: string) => ({
      router_id: router.id,
      arp_table: { ip_address: address, mac_address: port.mac_address, subnet_id: subnet.id, nud_state: 'permanent' },
    });
    for (const host of ['c1', 'c2', 'snat'])
      assert.deepEqual((await hears(host, 'add_arp_entry', s => s.includes(addressOf(port)))).said, entry(addressOf(port)));
    const fixed_ips = [{ subnet_id: subnet.id, ip_address: '10.70.0.200' }];
    await h.admin.request('PUT', `ports/${port.id}`, { port: { fixed_ips } });
    assert.deepEqual((await hears('c2', 'del_arp_entry', named)).said, entry(addressOf(port)));
    await hears('c2', 'add_arp_entry', s => s.includes('10.70.0.200'));
    told.length = 0;
    await h.admin.request('DELETE', `ports/${port.id}`);
    assert.deepEqual((await hears('c2', 'del_arp_entry', named)).said, entry('10.70.0.200'));
    assert.ok(!told.some(t => t.method === 'add_arp_entry'));
    // What no distributed router serves is nobody's neighbour.
    const idle = await h.member.make('ports', 'port', { network_id: net.id });
    await h.member.request('DELETE', `ports/${idle.id}`);
    const last = await vm('c1');
    await hears('c1', 'add_arp_entry', s => s.includes(String(last.mac_address)));
    assert.ok(!told.some(t => JSON.stringify(t.said).includes(String(idle.mac_address))));
    await h.admin.request('DELETE', `ports/${last.id}`);
  });

  test('a floating IP is on the host of its port, goes with it, and is where the router is translated when it has none', async () => {
    const port = await vm('c1');
    const fip = await h.member.make('floatingips', 'floatingip', { floating_network_id: external.id, port_id: port.id });
    const [there] = await fipsAt('c1');
    assert.deepEqual([there?.id, there?.host, there?.dest_host, there?.dvr_snat_bound], [fip.id, 'c1', null, undefined]);
    assert.deepEqual([await fipsAt('c2'), await fipsAt('snat')], [[], []]);
    told.length = 0;
    await h.admin.make(`ports/${port.id}/bindings`, 'binding', { host: 'c2' });
    await hears('c2', 'routers_updated', named);
    for (const host of ['c1', 'c2'])
      assert.deepEqual(
        (await fipsAt(host)).map(f => [f.host, f.dest_host]),
        [['c1', 'c2']],
        host,
      );
    await h.admin.request('DELETE', `ports/${port.id}/bindings/c2`);
    await hears('c2', 'router_removed_from_agent', named);
    await vm('c2');
    told.length = 0;
    await h.admin.request('PUT', `ports/${port.id}`, { port: { 'binding:host_id': '' } });
    await hears('snat', 'routers_updated', named);
    const [central] = await fipsAt('snat');
    assert.deepEqual([central?.id, central?.host, central?.dvr_snat_bound], [fip.id, 'FLOATING_IP_HOST_NEEDS_BINDING', true]);
    assert.deepEqual(await fipsAt('c2'), []);
    await h.member.request('DELETE', `floatingips/${fip.id}`);
  });

  test('a floating IP that is not to be distributed is where the router is translated, wherever its port is', async () => {
    const port = await vm('c1');
    const given = { floating_network_id: external.id, port_id: port.id };
    const fip = await h.member.make('floatingips', 'floatingip', { ...given, distributed: false });
    assert.equal(fip.distributed, false);
    const [central] = await fipsAt('snat');
    assert.deepEqual([central?.id, central?.host, central?.dvr_snat_bound], [fip.id, 'FLOATING_IP_HOST_NEEDS_BINDING', true]);
    assert.deepEqual(await fipsAt('c1'), []);
    for (const distributed of [true, null]) {
      await h.member.request('PUT', `floatingips/${fip.id}`, { floatingip: { distributed: false } });
      told.length = 0;
      const { body } = await h.member.request('PUT', `floatingips/${fip.id}`, { floatingip: { distributed } });
      assert.equal((body.floatingip as Body).distributed, distributed);
      assert.equal((body.floatingip as Body).port_id, port.id);
      for (const host of ['c1', 'snat']) await hears(host, 'routers_updated', named);
      assert.deepEqual([(await fipsAt('c1')).map(f => f.host), await fipsAt('snat')], [['c1'], []]);
    }
    const plain = await h.member.make('floatingips', 'floatingip', { floating_network_id: external.id });
    assert.equal(plain.distributed, null);
    await h.member.request('PUT', `floatingips/${fip.id}`, { floatingip: { distributed: true } });
    const ids = async (query: string): Promise<unknown[]> => (await h.member.list(`floatingips?${query}`)).map(f => f.id);
    assert.deepEqual([await ids('distributed=true'), await ids('distributed=False')], [[fip.id], []]);
    assert.equal((await h.member.refused('POST', 'floatingips', { floatingip: { ...given, distributed: 'x' } }))[0], 400);
    for (const { id } of [fip, plain]) await h.member.request('DELETE', `floatingips/${id}`);
    await h.admin.request('DELETE', `ports/${port.id}`);
  });

  test('its neighbours on a network come along; an interface that goes takes the router off its hosts', async () => {
    const second = await h.member.make('networks', 'network', {});
    const inner = await subnetOf(second, '10.71.0.0/24');
    const port = await vm('c1', { network_id: second.id });
    for (const p of await h.admin.list(`ports?network_id=${net.id}&device_owner=compute:nova`))
      await h.admin.request('DELETE', `ports/${p.id}`);
    assert.deepEqual(await routersAt('c1'), []);
    told.length = 0;
    await act('add_router_interface', inner.id);
    await hears('c1', 'routers_updated', named);
    const other = await h.admin.make('routers', 'router', { distributed: true, project_id: h.member.project });
    const joint = await h.member.make('ports', 'port', { network_id: net.id });
    await h.admin.request('PUT', `routers/${other.id}/add_router_interface`, { port_id: joint.id });
    assert.deepEqual(((await routersAt('c1')) as string[]).sort(), [router.id, other.id].sort());
    await h.admin.request('PUT', `routers/${other.id}/remove_router_interface`, { port_id: joint.id });
    told.length = 0;
    await act('remove_router_interface', inner.id);
    await hears('c1', 'router_removed_from_agent', named);
    assert.deepEqual(await routersAt('c1'), []);
    await h.admin.request('DELETE', `ports/${port.id}`);
  });

  test('what Open vSwitch and L3 agents ask of subnets, hosts and external networks', async () => {
    const port = await vm('c1');
    await vm('c2');
    const ask = (method: string, args: Body) => h.rpc('q-plugin', method, args);
    const here = (await ask('get_ports_on_host_by_subnet', { host: 'c1', subnet: subnet.id })) as Body[];
    assert.deepEqual(
      here.map(p => [p.id, p.mac_address, Object.hasOwn(p, 'fixed_ips')]),
      [[port.id, port.mac_address, false]],
    );
    const [own] = await h.admin.list(`ports?device_id=${router.id}&device_owner=network:router_interface_distributed`);
    const answer = (await ask('get_subnet_for_dvr', { subnet: subnet.id, fixed_ips: [] })) as Body;
    assert.deepEqual([answer.id, answer.cidr, answer.gateway_mac], [subnet.id, '10.70.0.0/24', own?.mac_address]);
    const other = (ip_address: string) =>
      ask('get_subnet_for_dvr', { subnet: subnet.id, fixed_ips: [{ subnet_id: subnet.id, ip_address }] });
    assert.equal(((await other('10.70.0.1')) as Body).gateway_mac, own?.mac_address);
    // An instance's address is no gateway.
    assert.deepEqual([await other(addressOf(port)), await ask('get_subnet_for_dvr', { subnet: randomUUID() })], [{}, {}]);
    const gateway = (host: string) => h.rpc('q-l3-plugin', 'get_agent_gateway_port', { network_id: external.id, host });
    const both = (await Promise.all([gateway('c1'), gateway('c1')])) as Body[];
    assert.equal(both[0]?.id, both[1]?.id);
    assert.deepEqual([both[0]?.device_owner, both[0]?.['binding:host_id']], ['network:floatingip_agent_gateway', 'c1']);
    assert.equal((await h.admin.list(`ports?network_id=${external.id}&device_owner=network:floatingip_agent_gateway`)).length, 1);
    assert.deepEqual(
      ((await sync('c1'))?._floatingip_agent_interfaces as Body[]).map(p => p.id),
      [both[0]?.id],
    );
    assert.deepEqual((await sync('c2'))?._floatingip_agent_interfaces, []);
    for (const host of ['nowhere', 'plain']) assert.equal(await gateway(host), null, host);
    assert.equal(await h.rpc('q-l3-plugin', 'get_agent_gateway_port', { network_id: net.id, host: 'c1' }), null);
    // Of an agent that goes at the same moment there is none.
    await l3Agent('c3', 'dvr');
    const [brief] = await h.admin.list('agents?host=c3&agent_type=L3%20agent');
    beforeCommit(h.server.store, () => h.admin.request('DELETE', `agents/${brief?.id}`));
    assert.deepEqual([await gateway('c3'), await h.admin.list(`ports?device_id=${brief?.id}`)], [null, []]);
    // With the last gateway there, what floating IPs leave the hosts by.
    const last = await h.admin.make('routers', 'router', { external_gateway_info: { network_id: external.id } });
    const clear = (id: string) => h.admin.request('PUT', `routers/${id}`, { router: { external_gateway_info: null } });
    assert.equal((await clear(router.id)).status, 200);
    const agentGateways = () => h.admin.list(`ports?network_id=${external.id}&device_owner=network:floatingip_agent_gateway`);
    assert.equal((await agentGateways()).length, 1);
    assert.ok(!told.some(t => t.method === 'fipnamespace_delete_on_ext_net'));
    // One that is asked for at the same moment does not come after all.
    beforeCommit(h.server.store, () => clear(last.id));
    assert.equal(await gateway('c2'), null);
    await hears('c1', 'fipnamespace_delete_on_ext_net', said => said.includes(external.id));
    assert.deepEqual(await agentGateways(), []);
  });
});
