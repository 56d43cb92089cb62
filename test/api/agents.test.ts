// What agents ask and report, over their own bus, and what of it the API shows.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Body, beat, type Harness, start, until } from './harness.ts';

describe('agents', () => {
  let h: Harness;
  let net: Body & { id: string };
  let port: Body & { id: string };

  before(async () => {
    h = await start();
    await beat(h, 'h1');
    net = await h.member.make('networks', 'network', { name: 'n' });
    await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.1.0.0/24' });
    port = await h.admin.make('ports', 'port', {
      network_id: net.id,
      project_id: h.member.project,
      'binding:host_id': 'h1',
      device_owner: 'compute:nova',
      device_id: '0a0a0a0a-0000-0000-0000-000000000001',
    });
  });
  after(() => h[Symbol.asyncDispose]());

  const status = async (id: string): Promise<unknown> => ((await h.member.request('GET', `ports/${id}`)).body.port as Body).status;
  const tap = (): string => `tap${port.id.slice(0, 11)}`;

  test('are listed alive after their first report', async () => {
    const { body } = await h.admin.request('GET', 'agents');
    assert.deepEqual((body.agents as Body[]).map(a => [a.agent_type, a.alive]).sort(), [
      ['DHCP agent', true],
      ['L3 agent', true],
      ['Linux bridge agent', true],
    ]);
  });

  test('a port is bound where a live agent reaches its segment, and fails where none does', async () => {
    assert.equal(port['binding:vif_type'], 'bridge');
    const failed = await h.admin.make('ports', 'port', { network_id: net.id, 'binding:host_id': 'nowhere' });
    assert.equal(failed['binding:vif_type'], 'binding_failed');
  });

  test('a port is ACTIVE only when its L2 and its DHCP agent have both reported', async () => {
    assert.equal(await status(port.id), 'DOWN');
    const [details] = (await h.rpc(
      'q-plugin',
      'get_devices_details_list',
      { devices: [tap()], agent_id: 'lb', host: 'h1' },
      '1.9',
    )) as Body[];
    assert.equal(details?.port_id, port.id);
    assert.equal(details?.network_type, 'vxlan');
    assert.equal(details?.mtu, 1450);
    assert.equal(await status(port.id), 'BUILD');
    await h.rpc('q-plugin', 'update_device_up', { device: tap(), agent_id: 'lb', host: 'h1' }, '1.9');
    assert.equal(await status(port.id), 'BUILD');
    await h.rpc('q-plugin', 'dhcp_ready_on_ports', { port_ids: [port.id] }, '1.5');
    assert.equal(await status(port.id), 'ACTIVE');
  });

  test('an end of tunnels that is told is passed on to all, and whoever tells one hears of those that agents have reported', async () => {
    const heard: unknown[] = [];
    await using _ = await h.bus.serve({
      topic: 'q-agent-notifier-tunnel-update',
      server: 'h9',
      endpoints: [{ version: '1.0', methods: { tunnel_update: args => void heard.push(args) } }],
    });
    const agent_state = {
      binary: 'neutron-openvswitch-agent',
      agent_type: 'Open vSwitch agent',
      host: 'h8',
      topic: 'N/A',
      configurations: { tunneling_ip: '192.0.2.8', tunnel_types: ['geneve'] },
    };
    await h.rpc('q-reports-plugin', 'report_state', { agent_state: { agent_state }, time: '2999-01-01T00:00:00.000000' }, '1.2');
    const sync = (args: Body): Promise<unknown> => h.rpc('q-plugin', 'tunnel_sync', args as Record<string, string>, '1.4');
    assert.deepEqual(await sync({ tunnel_ip: '192.0.2.9', tunnel_type: 'geneve', host: 'h9' }), {
      tunnels: [{ ip_address: '192.0.2.8', udp_port: 4789, host: 'h8' }],
    });
    await until('the end is told', async () => heard.length > 0);
    assert.deepEqual(heard, [{ tunnel_ip: '192.0.2.9', tunnel_type: 'geneve' }]);
    await assert.rejects(sync({ tunnel_type: 'geneve', host: 'h9' }), /Tunnel IP value needed/);
    await assert.rejects(sync({ tunnel_ip: '192.0.2.9', host: 'h9' }), /Network type value needed/);
    const { agents } = (await h.admin.request('GET', 'agents?host=h8')).body as { agents: Body[] };
    await h.admin.request('DELETE', `agents/${String(agents[0]?.id)}`);
  });

  test('L2 and DHCP that report at the same moment leave no port behind', async () => {
    const ports: string[] = [];
    for (let i = 0; i < 25; i++) {
      const made = await h.admin.make('ports', 'port', {
        network_id: net.id,
        project_id: h.member.project,
        'binding:host_id': 'h1',
        device_owner: 'compute:nova',
      });
      ports.push(made.id);
    }
    const up = (id: string) =>
      h.rpc('q-plugin', 'update_device_up', { device: `tap${id.slice(0, 11)}`, agent_id: 'lb', host: 'h1' }, '1.9');
    const ready = (id: string) => h.rpc('q-plugin', 'dhcp_ready_on_ports', { port_ids: [id] }, '1.5');
    await Promise.all(ports.flatMap(id => [up(id), ready(id)]));
    for (const id of ports) assert.equal(await status(id), 'ACTIVE');
    for (const id of ports) assert.equal((await h.admin.request('DELETE', `ports/${id}`)).status, 204);
  });

  test('a report from where a port was does not speak for where it is', async () => {
    await beat(h, 'h22');
    const moved = await h.admin.make('ports', 'port', { network_id: net.id, 'binding:host_id': 'h1', device_owner: 'compute:nova' });
    await h.rpc('q-plugin', 'dhcp_ready_on_ports', { port_ids: [moved.id] }, '1.5');
    await h.admin.request('PUT', `ports/${moved.id}`, { port: { 'binding:host_id': 'h22' } });
    await h.rpc('q-plugin', 'dhcp_ready_on_ports', { port_ids: [moved.id] }, '1.5');
    const up = (host: string) =>
      h.rpc('q-plugin', 'update_device_up', { device: `tap${moved.id.slice(0, 11)}`, agent_id: 'lb', host }, '1.9');
    const seen = async (): Promise<unknown> => ((await h.admin.request('GET', `ports/${moved.id}`)).body.port as Body).status;
    await up('h1');
    assert.equal(await seen(), 'DOWN');
    await up('h22');
    assert.equal(await seen(), 'ACTIVE');
    await h.admin.request('DELETE', `ports/${moved.id}`);
    const { agents } = (await h.admin.request('GET', 'agents?host=h22')).body as { agents: Body[] };
    for (const agent of agents) assert.equal((await h.admin.request('DELETE', `agents/${agent.id}`)).status, 204);
  });

  test('an unknown device is answered with itself, one bound elsewhere with no_active_binding', async () => {
    const ask = (device: string, host: string) => h.rpc('q-plugin', 'get_device_details', { device, agent_id: 'lb', host }, '1.9');
    assert.deepEqual(await ask('tap00000000-00', 'h1'), { device: 'tap00000000-00' });
    assert.deepEqual(await ask(tap(), 'h2'), { device: tap(), no_active_binding: true });
    assert.equal(await status(port.id), 'ACTIVE', 'another host asking changes nothing');
  });

  test('security groups come with rules, provider rules and the members of remote groups', async () => {
    const info = (await h.rpc('q-plugin', 'security_group_info_for_devices', { devices: [tap()], call_version: '1.3' }, '1.3')) as Body;
    const device = (info.devices as Record<string, Body>)[port.id] as Body;
    const [group] = device.security_groups as string[];
    assert.deepEqual(device.fixed_ips, [((port.fixed_ips as Body[])[0] as Body).ip_address]);
    assert.equal((info.security_groups as Record<string, unknown[]>)[String(group)]?.length, 4);
    const members = (info.sg_member_ips as Record<string, { IPv4: unknown[] }>)[String(group)];
    assert.deepEqual(members?.IPv4[0], [(device.fixed_ips as string[])[0], port.mac_address]);
    assert.equal((device.security_group_rules as Body[])[0]?.dest_ip_prefix, `${(device.fixed_ips as string[])[0]}/32`);
  });

  test('a network with a DHCP subnet is scheduled, and its agent makes one port however often it asks', async () => {
    const { body } = await h.admin.request('GET', `networks/${net.id}/dhcp-agents`);
    assert.deepEqual(
      (body.agents as Body[]).map(a => a.host),
      ['h1'],
    );
    const [info] = (await h.rpc('q-plugin', 'get_active_networks_info', { host: 'h1', enable_dhcp_filter: false }, '1.1')) as Body[];
    assert.equal(info?.id, net.id);
    const subnet = (info?.subnets as Body[])[0]?.id;
    const ask = () =>
      h.rpc(
        'q-plugin',
        'create_dhcp_port',
        { port: { port: { name: '', device_id: `dhcp-x-${net.id}`, network_id: net.id, fixed_ips: [{ subnet_id: subnet }] } }, host: 'h1' },
        '1.1',
      ) as Promise<Body>;
    const [a, b] = await Promise.all([ask(), ask()]);
    assert.equal(a.id, b.id);
    assert.equal(a.device_owner, 'network:dhcp');
    assert.equal(a['binding:host_id'], 'h1');
    assert.equal((await h.member.request('DELETE', `networks/${net.id}`)).status, 409);
    // A port of a tenant that calls itself by the same device is none of the agent's; and it makes none where it serves nothing.
    await h.rpc('q-plugin', 'release_dhcp_port', { network_id: net.id, device_id: `dhcp-x-${net.id}`, host: 'h1' });
    const theirs = await h.member.make('ports', 'port', { network_id: net.id, device_id: `dhcp-x-${net.id}` });
    assert.deepEqual([(await ask()).device_owner, theirs.device_owner], ['network:dhcp', '']);
    const another = await h.member.make('networks', 'network', {});
    const wanted = { name: '', device_id: `dhcp-x-${another.id}`, network_id: another.id, fixed_ips: [] };
    assert.equal(await h.rpc('q-plugin', 'create_dhcp_port', { port: { port: wanted }, host: 'h1' }, '1.1'), null);
    await h.rpc('q-plugin', 'release_dhcp_port', { network_id: net.id, device_id: `dhcp-x-${net.id}`, host: 'h1' });
  });

  test("a router is scheduled with its first interface, its ports are bound to the agent's host, and floating IPs follow its reports", async () => {
    const ext = await h.admin.make('networks', 'network', {
      name: 'public',
      'router:external': true,
      'provider:network_type': 'flat',
      'provider:physical_network': 'public',
    });
    await h.admin.make('subnets', 'subnet', { network_id: ext.id, ip_version: 4, cidr: '172.24.4.0/24', enable_dhcp: false });
    const router = await h.member.make('routers', 'router', { name: 'r', external_gateway_info: { network_id: ext.id } });
    const subnet =
      (net.subnets as string[])[0] ??
      (((await h.member.request('GET', `subnets?network_id=${net.id}`)).body.subnets as Body[])[0] as Body).id;
    assert.equal((await h.member.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet })).status, 200);
    const fip = await h.member.make('floatingips', 'floatingip', { floating_network_id: ext.id, port_id: port.id });
    assert.deepEqual(await h.rpc('q-l3-plugin', 'get_router_ids', { host: 'h1' }, '1.9'), [router.id]);
    const [dict] = (await h.rpc('q-l3-plugin', 'sync_routers', { host: 'h1', router_ids: [router.id] })) as Body[];
    assert.equal((dict?.gw_port as Body)['binding:host_id'], 'h1');
    assert.equal((dict?._interfaces as Body[]).length, 1);
    assert.equal(((dict?._interfaces as Body[])[0]?.fixed_ips as Body[])[0]?.prefixlen, 24);
    assert.equal((dict?._floatingips as Body[])[0]?.floating_ip_address, fip.floating_ip_address);
    await h.rpc('q-l3-plugin', 'update_floatingip_statuses', { router_id: router.id, fip_statuses: { [fip.id]: 'ACTIVE' } });
    assert.equal(((await h.member.request('GET', `floatingips/${fip.id}`)).body.floatingip as Body).status, 'ACTIVE');
  });

  test('changes are told to the agents that they concern', async () => {
    const heard: string[] = [];
    const note = (name: string) => (args: unknown) => void heard.push(`${name} ${JSON.stringify(args)}`);
    const dhcp = Object.fromEntries(['port_create_end', 'port_update_end', 'port_delete_end'].map(m => [m, note(m)]));
    await using _d = await h.bus.serve({ topic: 'dhcp_agent', server: 'h1', endpoints: [{ version: '1.0', methods: dhcp }] });
    await using _g = await h.bus.serve({
      topic: 'q-agent-notifier-security_group-update',
      server: 'h1',
      endpoints: [
        { version: '1.1', methods: { security_groups_rule_updated: note('rules'), security_groups_member_updated: note('members') } },
      ],
    });
    await using _f = await h.bus.serve({
      topic: 'q-agent-notifier-l2population-update',
      server: 'h1',
      endpoints: [{ version: '1.0', methods: { add_fdb_entries: note('fdb+'), remove_fdb_entries: note('fdb-') } }],
    });
    const p = await h.member.make('ports', 'port', { network_id: net.id });
    await until('port_create_end', async () => heard.some(l => l.startsWith('port_create_end') && l.includes(p.id)));
    await until('members', async () => heard.some(l => l.startsWith('members')));
    await h.member.make('security-group-rules', 'security_group_rule', {
      security_group_id: (p.security_groups as string[])[0],
      direction: 'ingress',
      protocol: 'tcp',
      port_range_min: 22,
      port_range_max: 22,
    });
    await until('rules', async () => heard.some(l => l.startsWith('rules')));
    await h.admin.request('DELETE', `ports/${port.id}`);
    await until('fdb-', async () => heard.some(l => l.startsWith('fdb-') && l.includes(String(port.mac_address))));
    await until('port_delete_end', async () => heard.some(l => l.startsWith('port_delete_end') && l.includes(port.id)));
  });

  test('two ports that come up at once on a new host: it gets the whole table of the network', async () => {
    await beat(h, 'h333');
    const there = await h.admin.make('ports', 'port', { network_id: net.id, 'binding:host_id': 'h1', device_owner: 'network:test' });
    await h.rpc('q-plugin', 'update_device_up', { device: `tap${there.id.slice(0, 11)}`, agent_id: 'lb', host: 'h1' }, '1.9');
    const heard: Body[] = [];
    const topic = 'q-agent-notifier-l2population-update';
    await using _f = await h.bus.serve({
      topic,
      server: 'h333',
      endpoints: [{ version: '1.0', methods: { add_fdb_entries: args => void heard.push(args.fdb_entries as Body) } }],
    });
    const made = await Promise.all(
      [1, 2].map(() => h.admin.make('ports', 'port', { network_id: net.id, 'binding:host_id': 'h333', device_owner: 'network:test' })),
    );
    const devices = made.map(p => `tap${p.id.slice(0, 11)}`);
    await h.rpc('q-plugin', 'get_devices_details_list', { devices, agent_id: 'lb', host: 'h333' }, '1.9');
    await Promise.all(devices.map(device => h.rpc('q-plugin', 'update_device_up', { device, agent_id: 'lb', host: 'h333' }, '1.9')));
    await until('the table with the port of h1', async () =>
      heard.some(entries => JSON.stringify(entries).includes(String(there.mac_address))),
    );
    for (const { id } of [there, ...made]) await h.admin.request('DELETE', `ports/${id}`);
    const { agents } = (await h.admin.request('GET', 'agents?host=h333')).body as { agents: Body[] };
    for (const agent of agents) assert.equal((await h.admin.request('DELETE', `agents/${agent.id}`)).status, 204);
  });

  test('junk is answered by name and changes nothing', async () => {
    await assert.rejects(
      h.rpc('q-plugin', 'get_device_details', { device: 5, agent_id: 'x', host: 'h1' }, '1.9'),
      /InvalidInput|is not a string/,
    );
    await assert.rejects(h.rpc('q-plugin', 'get_ports', { filters: {} }), /filter is required/);
    await assert.rejects(h.rpc('q-plugin', 'no_such_method', {}), /NoSuchMethod|no_such_method|Endpoint/);
    await assert.rejects(h.rpc('q-reports-plugin', 'report_state', { agent_state: {}, time: '2026' }), /is not an object/);
    for (const filters of [{ id: [{}] }, { fixed_ips: { ip_address: [{}] } }])
      await assert.rejects(h.rpc('q-plugin', 'get_ports', { filters }), /is not a list of strings/);
    await assert.rejects(h.rpc('q-plugin', 'get_networks', { filters: { id: [{}] } }, '1.0'), /id is not a list of strings/);
    for (const filter_kwargs of [{ id: 5 }, { id: [true] }, { allowed_address_pairs: 'x' }])
      await assert.rejects(
        h.rpc('q-plugin', 'bulk_pull', { resource_type: 'Port', version: '1.5', filter_kwargs }, '1.1'),
        /is not supported for filtering Port/,
      );
    // What an agent says of itself has an end.
    const time = new Date().toISOString().slice(0, 19);
    const reports = (more: Body) => {
      const agent_state = { agent_state: { agent_type: 'junk', host: 'junk', binary: 'b', topic: 't', configurations: {}, ...more } };
      return h.rpc('q-reports-plugin', 'report_state', { agent_state, time }, '1.2');
    };
    for (const [junk, what] of [
      [{ resource_versions: 'all' }, /resource_versions is not an object/],
      [{ resource_versions: { Port: 'x'.repeat(8192) } }, /resource_versions is too long/],
      [{ configurations: { x: 'x'.repeat(4096) } }, /configurations is too long/],
      [{ binary: 'x'.repeat(256) }, /binary is too long/],
      [{ availability_zone: 'x'.repeat(256) }, /availability_zone is too long/],
    ] as const)
      await assert.rejects(reports(junk), what);
    assert.deepEqual(await h.admin.list('agents?host=junk'), []);
    const wanted = { name: '', device_id: 'x', network_id: net.id, fixed_ips: [{ ip_address: 5 }] };
    await assert.rejects(h.rpc('q-plugin', 'create_dhcp_port', { port: { port: wanted }, host: 'h1' }), /ip_address is not a string/);
  });
});

test('a port whose binding failed is bound when its host, which has an agent by now, asks about it; while nothing has changed, nothing does', async () => {
  await using h = await start();
  await beat(h, 'h1');
  const net = await h.admin.make('networks', 'network', {});
  await h.admin.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.44.0.0/24' });
  const shown = async (id: string): Promise<Body> => (await h.admin.request('GET', `ports/${id}`)).body.port as Body;
  const early = await h.admin.make('ports', 'port', { network_id: net.id, 'binding:host_id': 'late', device_owner: 'compute:nova' });
  const ask = async (): Promise<Body> => {
    const about = { devices: [`tap${early.id.slice(0, 11)}`], agent_id: 'lb', host: 'late' };
    return ((await h.rpc('q-plugin', 'get_devices_details_list', about, '1.9')) as Body[])[0] as Body;
  };
  assert.deepEqual([early['binding:vif_type'], (await ask()).port_id], ['binding_failed', undefined]);
  assert.equal((await shown(early.id)).revision_number, early.revision_number);
  await beat(h, 'late');
  assert.equal((await ask()).port_id, early.id);
  const now = await shown(early.id);
  assert.deepEqual([now['binding:vif_type'], now['binding:host_id'], now.status], ['bridge', 'late', 'BUILD']);
  await h.rpc('q-plugin', 'update_device_up', { device: `tap${early.id.slice(0, 11)}`, agent_id: 'lb', host: 'late' }, '1.9');
  assert.equal((await shown(early.id)).status, 'BUILD');
  await h.rpc('q-plugin', 'dhcp_ready_on_ports', { port_ids: [early.id] }, '1.5');
  assert.equal((await shown(early.id)).status, 'ACTIVE');
});
