// PUT /agents/{id}/take_ports: an L2 agent takes over the ports of another kind on its host; docs/design/migrate-l2.md.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { addAgents } from './agent-rows.ts';
import type { Api, Body, Made } from './client.ts';
import { startCluster } from './cluster.ts';
import { beat, type Harness, start, until } from './harness.ts';
import { beforeCommit } from './meanwhile.ts';
import { NovaListener } from './nova-listener.ts';
import { openDatabase } from './open-database.ts';

interface Taken {
  readonly port_id: string;
  readonly outcome: string;
  readonly reason?: string;
  readonly vif_type: string;
}

describe('an agent takes the ports of another', () => {
  let nova: NovaListener;
  let h: Harness;
  let net: Made;
  let subnet: Made;

  async function openvswitch(host: string, more: Body = {}): Promise<void> {
    const configurations = {
      ...{ bridge_mappings: {}, tunnel_types: ['vxlan'], tunneling_ip: '192.0.2.7', l2_population: true },
      ...{ integration_bridge: 'br-int', datapath_type: 'system', ovs_hybrid_plug: false },
      ...more,
    };
    const agent = { agent_type: 'Open vSwitch agent', binary: 'neutron-openvswitch-agent', topic: 'N/A', host, configurations };
    const state = { agent_state: { ...agent, uuid: randomUUID(), start_flag: true } };
    await h.rpc('q-reports-plugin', 'report_state', { agent_state: state, time: new Date().toISOString().slice(0, 19) }, '1.2');
  }

  before(async () => {
    nova = await NovaListener.start();
    h = await start({ flatNetworks: ['public'], nova: nova.config() });
    net = await h.admin.make('networks', 'network', {});
    subnet = await h.admin.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.7.0.0/24', enable_dhcp: false });
  });
  after(async () => {
    await h[Symbol.asyncDispose]();
    await nova[Symbol.asyncDispose]();
  });

  const agentsOf = async (host: string): Promise<Record<'lb' | 'ovs', Made>> => {
    const all = await h.admin.list(`agents?host=${host}`);
    const of = (type: string): Made => all.find(a => a.agent_type === type) as Made;
    return { lb: of('Linux bridge agent'), ovs: of('Open vSwitch agent') };
  };
  const up = async (port: Made, host: string): Promise<void> => {
    const device = { agent_id: 'x', device: `tap${port.id.slice(0, 11)}`, host };
    await h.rpc('q-plugin', 'update_device_up', device, '1.9');
  };
  /** A host with a Linux bridge agent and ports that it has wired. */
  async function host(name: string, count = 2): Promise<Made[]> {
    await beat(h, name);
    const made: Made[] = [];
    for (let i = 0; i < count; i++) {
      const owner = { device_owner: 'compute:nova', device_id: randomUUID() };
      const port = await h.admin.make('ports', 'port', { network_id: net.id, 'binding:host_id': name, ...owner });
      await up(port, name);
      made.push(port);
    }
    return made;
  }
  const take = async (to: Made, from: Made, more: Body = {}): Promise<Taken[]> => {
    const { status, body } = await h.admin.request('PUT', `agents/${to.id}/take_ports`, { agent_id: from.id, ...more });
    assert.equal(status, 200, JSON.stringify(body));
    return body.ports as Taken[];
  };
  const outcomes = (ports: readonly Taken[]): string[] => ports.map(p => `${p.outcome} ${p.vif_type}`);
  const switchOff = (agent: Made, admin_state_up: boolean) => h.admin.request('PUT', `agents/${agent.id}`, { agent: { admin_state_up } });
  const show = async (port: Made): Promise<Made> => (await h.admin.request('GET', `ports/${port.id}`)).body.port as Made;

  test('not while the other works, nor by one that does not', async () => {
    await host('h1');
    await openvswitch('h1');
    const { lb, ovs } = await agentsOf('h1');
    const refused = (to: Made, from: Made) => h.admin.refused('PUT', `agents/${to.id}/take_ports`, { agent_id: from.id });
    assert.match((await refused(ovs, lb))[2], /Linux bridge agent on h1 is at work: switch it off/);
    await switchOff(ovs, false);
    await switchOff(lb, false);
    assert.match((await refused(ovs, lb))[2], /Open vSwitch agent on h1 is not at work/);
    assert.equal((await refused({ id: randomUUID() } as Made, lb))[0], 404);
    assert.equal((await refused(ovs, { id: randomUUID() } as Made))[0], 404);
    assert.match((await refused(ovs, ovs))[2], /of one type/);
    await beat(h, 'elsewhere');
    assert.match((await refused(ovs, (await agentsOf('elsewhere')).lb))[2], /two hosts, elsewhere and h1/);
    const dhcp = (await h.admin.list('agents?host=h1')).find(a => a.agent_type === 'DHCP agent') as Made;
    assert.match((await refused(dhcp, lb))[2], /DHCP agent binds no ports/);
  });

  test('shown first, then done: nothing but bindings and revisions changes; a second time nothing is left to do; and back', async () => {
    const ports = await host('h2');
    await openvswitch('h2');
    const { lb, ovs } = await agentsOf('h2');
    const before = await Promise.all(ports.map(show));
    assert.deepEqual(outcomes(await take(ovs, lb, { dry_run: true })), ['taken ovs', 'taken ovs']);
    assert.deepEqual(await Promise.all(ports.map(show)), before);
    await switchOff(lb, false);
    const heard = (tag: string): unknown[] => nova.events.filter(e => e.tag === tag).map(e => e.name);
    await until('Nova knows of both', async () => ports.every(p => heard(p.id).length === 1));
    assert.deepEqual(outcomes(await take(ovs, lb)), ['taken ovs', 'taken ovs']);
    await until('Nova reads how they are plugged', async () => ports.every(p => heard(p.id).length === 2));
    assert.deepEqual(heard(ports[0]!.id), ['network-vif-plugged', 'network-changed']);
    const now = await Promise.all(ports.map(show));
    const free = ({ 'binding:vif_type': _t, 'binding:vif_details': _d, revision_number: _r, ...rest }: Made): Body => rest;
    assert.deepEqual(now.map(free), before.map(free));
    assert.equal(now[0]!.status, 'ACTIVE');
    assert.deepEqual(
      now.map(p => [p['binding:vif_type'], (p['binding:vif_details'] as Body).bridge_name, Number(p.revision_number)]),
      before.map(p => ['ovs', 'br-int', Number(p.revision_number) + 1]),
    );
    assert.deepEqual(outcomes(await take(ovs, lb)), ['there ovs', 'there ovs']);
    assert.deepEqual(await Promise.all(ports.map(show)), now);
    // Its own agent asks and reports.
    const details = (await h.rpc(
      'q-plugin',
      'get_device_details',
      { device: ports[0]!.id, host: 'h2', agent_id: 'o' },
      '1.9',
    )) as unknown as Body;
    assert.equal(details.network_type, 'vxlan');
    await h.rpc('q-plugin', 'update_device_up', { agent_id: 'o', device: ports[0]!.id, host: 'h2' }, '1.9');
    assert.equal((await show(ports[0]!)).status, 'ACTIVE');

    await switchOff(ovs, false);
    await switchOff(lb, true);
    assert.deepEqual(outcomes(await take(lb, ovs, { ports: [ports[0]!.id] })), ['taken bridge']);
    assert.deepEqual(
      (await Promise.all(ports.map(show))).map(p => p['binding:vif_type']),
      ['bridge', 'ovs'],
    );
    assert.deepEqual(outcomes(await take(lb, ovs)).sort(), ['taken bridge', 'there bridge']);
    const back = await Promise.all(ports.map(show));
    assert.deepEqual(back.map(free), before.map(free));
    assert.deepEqual(
      back.map(p => p['binding:vif_details']),
      before.map(p => p['binding:vif_details']),
    );
  });

  test('what cannot be plugged by it is left with the reason, and the others are taken', async () => {
    const [plain, parent] = (await host('h3')) as [Made, Made];
    const trunk = { port_id: parent.id };
    await h.admin.make('trunks', 'trunk', trunk);
    const provider = { 'provider:network_type': 'flat', 'provider:physical_network': 'public' };
    const flat = await h.admin.make('networks', 'network', provider);
    const outer = await h.admin.make('ports', 'port', { network_id: flat.id, 'binding:host_id': 'h3' });
    await openvswitch('h3');
    const { lb, ovs } = await agentsOf('h3');
    await switchOff(lb, false);
    const taken = new Map((await take(ovs, lb)).map(p => [p.port_id, p]));
    assert.equal(taken.get(plain.id)?.outcome, 'taken');
    assert.match(String(taken.get(parent.id)?.reason), /trunk/);
    assert.match(String(taken.get(outer.id)?.reason), /Open vSwitch agent does not reach flat public/);
    assert.deepEqual(
      (await Promise.all([plain, parent, outer].map(show))).map(p => p['binding:vif_type']),
      ['ovs', 'bridge', 'bridge'],
    );
  });

  test('the place that a live migration has prepared is taken, too', async () => {
    await host('h4', 0);
    const [port] = (await host('h5', 1)) as [Made];
    await h.admin.request('POST', `ports/${port.id}/bindings`, { binding: { host: 'h4' } });
    await openvswitch('h4');
    const { lb, ovs } = await agentsOf('h4');
    await switchOff(lb, false);
    assert.deepEqual(outcomes(await take(ovs, lb)), ['taken ovs']);
    assert.equal((await show(port))['binding:vif_type'], 'bridge');
    const { body } = await h.admin.request('PUT', `ports/${port.id}/bindings/h4/activate`);
    assert.equal(body.vif_type, 'ovs');
  });

  test('clients change the ports meanwhile, and nothing of either is lost', async () => {
    const ports = await host('h6', 6);
    await openvswitch('h6');
    const { lb, ovs } = await agentsOf('h6');
    await switchOff(lb, false);
    const renames = ports.flatMap(p =>
      [1, 2, 3].map(n => h.admin.request('PUT', `ports/${p.id}`, { port: { [n === 1 ? 'name' : 'description']: `${n}` } })),
    );
    const takes = [0, 1, 2].map(() => take(ovs, lb));
    const gone = h.admin.request('DELETE', `ports/${ports[5]!.id}`);
    await Promise.all([...renames, ...takes, gone]);
    const now = await Promise.all(ports.slice(0, 5).map(show));
    assert.deepEqual(
      now.map(p => [p['binding:vif_type'], p.name, p.status]),
      Array.from({ length: 5 }, () => ['ovs', '1', 'ACTIVE']),
    );
    assert.equal(subnet.network_id, net.id);
  });

  test('what happens between the decision and its commit counts: an agent that is back at work keeps its ports, and a port that left is left', async () => {
    const [stays, leaves] = (await host('h7')) as [Made, Made];
    await beat(h, 'h8');
    await openvswitch('h7');
    const { lb, ovs } = await agentsOf('h7');
    await switchOff(lb, false);
    beforeCommit(h.server.store, () => switchOff(lb, true));
    assert.match((await h.admin.refused('PUT', `agents/${ovs.id}/take_ports`, { agent_id: lb.id }))[2], /is at work/);
    assert.equal((await show(stays))['binding:vif_type'], 'bridge');
    await switchOff(lb, false);
    // Away and back, as another kind of device: its row is another one, and the same could be said of it.
    beforeCommit(h.server.store, async () => {
      await h.admin.request('PUT', `ports/${leaves.id}`, { port: { 'binding:host_id': 'h8' } });
      await h.admin.request('PUT', `ports/${leaves.id}`, { port: { 'binding:vnic_type': 'macvtap', 'binding:host_id': 'h7' } });
    });
    assert.deepEqual(
      (await take(ovs, lb)).map(p => [p.port_id, p.outcome]).sort(),
      [
        [stays.id, 'taken'],
        [leaves.id, 'left'],
      ].sort(),
    );
    assert.deepEqual([(await show(stays))['binding:vif_type'], (await show(leaves))['binding:vif_type']], ['ovs', 'binding_failed']);
  });

  test('a body that means nothing', async () => {
    const { ovs, lb } = await agentsOf('h1');
    for (const body of [
      {},
      { agent_id: 7 },
      { agent_id: lb.id, ports: 'x' },
      { agent_id: lb.id, ports: [1] },
      { agent_id: lb.id, dry_run: 'x' },
      [],
    ])
      assert.equal((await h.admin.refused('PUT', `agents/${ovs.id}/take_ports`, body))[0], 400, JSON.stringify(body));
  });
});

test('two servers: agents are switched off and on, ports are renamed and deleted, and each binding is wholly the one or the other', async () => {
  await using cluster = await startCluster(2);
  await addAgents(cluster.file, ['h1']);
  const admin = cluster.as('admin');
  const net = await admin.make('networks', 'network', {});
  const ports: Made[] = [];
  for (let i = 0; i < 8; i++) ports.push(await admin.make('ports', 'port', { network_id: net.id, 'binding:host_id': 'h1' }));
  await addAgents(cluster.file, ['h1'], { tunnel_types: ['vxlan'] }, 'openvswitch');
  const agents = await admin.list('agents?host=h1');
  const [lb, ovs] = ['Linux bridge agent', 'Open vSwitch agent'].map(type => agents.find(a => a.agent_type === type) as Made) as [
    Made,
    Made,
  ];
  const [one, other] = cluster.spread('admin', 2) as [Api, Api];
  const statuses: number[] = [];
  const ask = async (api: Api, method: string, path: string, body?: unknown): Promise<void> => {
    statuses.push((await api.request(method, path, body)).status);
  };
  const turn = (api: Api, agent: Made, admin_state_up: boolean) => ask(api, 'PUT', `agents/${agent.id}`, { agent: { admin_state_up } });
  for (let round = 0; round < 4; round++) {
    const [to, from] = round % 2 === 0 ? [ovs, lb] : [lb, ovs];
    await turn(one, to, true);
    await turn(one, from, false);
    await Promise.all([
      ask(one, 'PUT', `agents/${to.id}/take_ports`, { agent_id: from.id }),
      ask(other, 'PUT', `agents/${to.id}/take_ports`, { agent_id: from.id }),
      // Whoever is back at work keeps what it has.
      ...(round === 3 ? [turn(other, from, true)] : []),
      ...ports.map((p, i) => ask(i % 2 === 0 ? one : other, 'PUT', `ports/${p.id}`, { port: { name: `${round}` } })),
      ask(other, 'DELETE', `ports/${ports.pop()!.id}`),
    ]);
  }
  assert.deepEqual(
    [...new Set(statuses)].filter(status => ![200, 204, 400, 404].includes(status)),
    [],
  );
  await using store = await openDatabase(cluster.file);
  const levels = new Map((await store.select({ table: 'port_binding_levels' })).map(l => [l.port_id, l.driver]));
  const bindings = await store.select({ table: 'port_bindings' });
  assert.equal(bindings.length, ports.length);
  for (const { port_id, vif_type, vif_details } of bindings) {
    assert.equal(levels.get(port_id), vif_type === 'ovs' ? 'openvswitch' : 'linuxbridge');
    assert.deepEqual((vif_details as Body).bound_drivers, { '0': levels.get(port_id) });
  }
  for (const p of ports) assert.equal(((await admin.request('GET', `ports/${p.id}`)).body.port as Body).name, '3');
});
