// The whole agent on a simulated database and switch and a small server: every state reached from every other, restarts, and messages that matter.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../adapters/clock/system-clock.ts';
import { OpenflowRefusal } from '../../contracts/host/openflow.ts';
import type { Flow } from '../../domain/openflow/flow.ts';
import type { FakePort } from '../l2/fake-server.suite.ts';
import { tapOf, tunnels, OvsWorld as World } from './ovs-world.suite.ts';

function same(found: string, wanted: string): void {
  const lines = [found.split('\n'), wanted.split('\n')] as const;
  assert.deepEqual(
    lines[0].filter(l => !lines[1].includes(l)),
    lines[1].filter(l => !lines[0].includes(l)),
  );
  assert.equal(lines[0].length, lines[1].length);
}

type State = (world: World) => readonly FakePort[];
const states: Record<string, State> = {
  nothing: () => [],
  'two on a tunnel': w => [1, 2].map(n => w.server.port(n, w.server.network(1))),
  'a flat network, a VLAN, and other addresses': w => [
    w.server.port(1, w.server.network(2, { type: 'vlan', segment: 187, physical: 'public' }), { ips: ['10.0.0.77'] }),
    w.server.port(3, w.server.network(3, { type: 'flat', physical: 'public' }), { security: false }),
  ],
  'a router, and one that is down': w => {
    const n = w.server.network(1);
    return [w.server.port(2, n, { owner: 'network:router_interface' }), w.server.port(1, n, { adminUp: false })];
  },
  'ports that cannot be beside one that can': w => [
    w.server.port(1, w.server.network(4, { type: 'geneve' })),
    w.server.port(3, w.server.network(5, { type: 'flat', physical: 'nowhere' })),
    w.server.port(2, w.server.network(1), { pairs: [{ ip_address: '10.9.0.0/24', mac_address: 'fa:16:3e:99:99:99' }] }),
  ],
};

async function become(world: World, state: State, before: readonly FakePort[]): Promise<readonly FakePort[]> {
  world.server.ports.clear();
  const ports = state(world);
  const names = new Set(ports.map(p => p.id));
  const had = new Set(before.map(p => p.id));
  const gone = before.filter(p => !names.has(p.id));
  if (gone.length > 0) await world.unplug(...gone);
  const fresh = ports.filter(p => !had.has(p.id));
  if (fresh.length > 0) await world.plug(...fresh);
  for (const p of ports) await world.server.portUpdate(p);
  return ports;
}

for (const [from, a] of Object.entries(states)) {
  for (const [to, b] of Object.entries(states)) {
    test(`${from} → ${to} lands where ${to} alone lands`, async () => {
      await using alone = await World.open();
      await become(alone, b, []);
      await alone.start();
      await using world = await World.open();
      const before = await become(world, a, []);
      await world.start();
      await world.settled();
      const ports = await become(world, b, before);
      await world.until('reported', () => ports.every(p => p.status !== 'BUILD' || !/ACTIVE/.test(p.status)));
      same(await world.settled(), await alone.settled());
    });
  }
}

test('nothing but ports without a tag is touched before the server has answered', async () => {
  await using world = await World.open();
  const port = world.server.port(1, world.server.network(1));
  await world.plug(port);
  world.server.failing.add('get_devices_details_list');
  const before = await world.settled();
  await world.start({ tunnels }, false);
  await world.until('asked', () => world.server.count('get_devices_details_list') > 1);
  await world.until('shut', () => world.tag(port) === 4095);
  const dead = before.replace(new RegExp(`^port br-int ${tapOf(port)} .*$`, 'm'), `port br-int ${tapOf(port)} dead trunk 4095 {}`);
  assert.notEqual(dead, before);
  same(await world.settled(), dead);
  world.server.failing.clear();
  await world.active(port);
  assert.ok(world.flows('br-int').length > 0);
});

test('a port that goes while no agent runs is reported down by the next one, and a disk that is full keeps none waiting', async () => {
  await using world = await World.open();
  const net = world.server.network(1);
  const [one, two, three] = [1, 2, 3].map(n => world.server.port(n, net)) as [FakePort, FakePort, FakePort];
  await world.plug(one, two);
  await world.start();
  await world.active(one, two);
  await world.stop();
  await world.unplug(two);
  await world.start();
  await world.until('it is down', () => two.status === 'DOWN');
  await world.active(one);
  await world.settled();
  const downs = (): number =>
    world.server.heard.filter(h => JSON.stringify(h).includes('devices_down') && JSON.stringify(h).includes(two.id)).length;
  const told = downs();
  await world.stop();
  await world.start();
  await world.active(one);
  await world.settled();
  assert.equal(downs(), told, 'it is reported once');
  world.host.files.write = () => Promise.reject(new Error('the disk is full'));
  await world.plug(three);
  await world.active(three);
  assert.equal(world.lines.filter(l => l.includes('the disk is full')).length, 1);
});

test('what l2population told a former life, and nobody tells again, is forgotten after a while', async () => {
  await using world = await World.open();
  const net = world.server.network(1);
  const [here, stays, goes] = [
    world.server.port(1, net),
    world.server.port(8, net, { host: 'h2', status: 'ACTIVE' }),
    world.server.port(9, net, { host: 'h2', status: 'ACTIVE' }),
  ];
  const knows = (port: FakePort): boolean => world.texts('br-tun').some(t => t.includes(`dl_dst=${port.mac}`));
  await world.plug(here);
  await world.start();
  await world.until('both are known', () => knows(stays) && knows(goes));
  await world.stop();
  world.server.ports.delete(goes.id);
  let later = 0;
  await world.start({ tunnels }, true, 30_000, { clock: { ...systemClock, now: () => systemClock.now() + later } });
  await world.active(here);
  const look = async (): Promise<void> => {
    await world.database({
      root: { external_ids: { looked: String(later) } },
      bridges: { 'br-ex': { external_ids: { looked: String(later) } } },
    });
    await world.settled();
  };
  later += 31_000;
  await look();
  assert.deepEqual([knows(stays), knows(goes)], [true, true]);
  later += 600_000;
  await look();
  await world.until('one is forgotten', () => !knows(goes));
  assert.ok(knows(stays));
  assert.ok(
    world.texts('br-tun').some(t => /table=22.*dl_vlan=\d+ actions=.*output/.test(t)),
    'its end is still flooded to',
  );
});

test('a port is shut the moment it appears, also while a pass waits for the switch, and none that has a tag is', async () => {
  await using world = await World.open();
  const net = world.server.network(1);
  const [one, two, three, placed] = [1, 2, 3, 4].map(n => world.server.port(n, net)) as [FakePort, FakePort, FakePort, FakePort];
  await world.plug(one);
  await world.start();
  await world.active(one);
  const tag = world.tag(one);
  world.server.late.add('get_devices_details_list');
  await world.plug(three);
  await world.until('a pass waits', () => world.server.held.length > 0);
  await world.plug(two);
  await world.database({
    bridges: {
      'br-int': { ports: { [tapOf(placed)]: { tag: 7, interface: { type: 'internal', external_ids: { 'iface-id': placed.id } } } } },
    },
  });
  await world.until('shut', () => world.tag(two) === 4095);
  assert.deepEqual([world.tag(one), world.tag(placed)], [tag, 7]);
  const numberOf = (port: FakePort): number => world.host.ovsdb.now().port(tapOf(port))!.interfaces[0]!.ofport!;
  const admitted = (port: FakePort): boolean => world.texts('br-int').some(t => t.includes(`priority=1,in_port=${numberOf(port)} `));
  assert.deepEqual([admitted(one), admitted(two), admitted(placed)], [true, false, false]);
  world.server.late.clear();
  for (const answer of world.server.held) answer();
  await world.active(one, two, three, placed);
  assert.ok([one, two, three, placed].every(p => world.tag(p) === tag && admitted(p)));
});

test('ports of others are let in where somebody has placed them', async () => {
  await using world = await World.open();
  await world.start();
  const own = { interface: { type: 'internal' } };
  const ports = {
    tagged: { ...own, tag: 7 },
    nobody: own,
    dead: { ...own, tag: 4095 },
    leads: { interface: { type: 'patch', options: { peer: 'away' } } },
  };
  await world.database({ bridges: { 'br-int': { ports } } });
  const numberOf = (port: string): number | undefined => world.host.ovsdb.now().port(port)?.interfaces[0]?.ofport;
  const admitted = (port: string): boolean => world.texts('br-int').some(t => t.includes(`priority=1,in_port=${numberOf(port)} `));
  await world.until('both', () => admitted('tagged') && admitted('leads'));
  // What an agent has shut, and has lost its owner since, is nobody's.
  assert.deepEqual([admitted('nobody'), admitted('dead')], [false, false]);
  for (const port of ['nobody', 'dead'])
    await world.until('told', () => world.lines.some(l => l.includes(`device=${port}`) && l.includes('no owner')));
  assert.equal(world.host.ovsdb.now().port('nobody')?.tag, undefined);
});

test('a new life touches nothing that is as it should be', async () => {
  await using world = await World.open();
  const net = world.server.network(1);
  const [one, two] = [world.server.port(1, net), world.server.port(2, world.server.network(2, { type: 'flat', physical: 'public' }))];
  const far = world.server.port(9, net, { host: 'h2', status: 'ACTIVE' });
  // A local VLAN that is free again: the others are not the first ones.
  const former = world.server.port(5, world.server.network(0));
  await world.plug(one, two, former);
  await world.start();
  await world.active(one, two, former);
  await world.unplug(former);
  await world.until('the first local VLAN is free', () => !world.texts('br-tun').some(t => t.includes('dl_vlan=1 ')));
  await world.until('the far port is behind its tunnel', () => world.texts('br-tun').some(t => t.includes(`dl_dst=${far.mac}`)));
  const was = await world.settled();
  await world.stop();
  const [transactions, bundles] = [world.host.ovsdb.now().root.next_cfg, world.host.openflow.applied.length];
  await world.start();
  await world.active(one, two);
  same(await world.settled(), was);
  assert.deepEqual([world.host.ovsdb.now().root.next_cfg, world.host.openflow.applied.length], [transactions, bundles]);
});

test('ovs-vswitchd begins again without flows, while the server is away: they are back', async () => {
  await using world = await World.open();
  const port = world.server.port(1, world.server.network(1));
  await world.plug(port);
  await world.start();
  await world.active(port);
  const was = await world.settled();
  for (const method of ['report_state', 'get_devices_details_list', 'update_device_up', 'security_group_info_for_devices'])
    world.server.failing.add(method);
  world.host.openflow.stop();
  assert.deepEqual(world.flows('br-int'), []);
  world.host.openflow.start();
  await world.until('as before', () => world.snapshot() === was);
});

test('while ovs-vswitchd is away the agent is silent, so that the server thinks it dead; its last word is why', async () => {
  await using world = await World.open();
  await world.start({ tunnels }, true, 50);
  const reports = (): number => world.server.count('report_state');
  await world.until('reported', () => world.isReported());
  world.host.openflow.stop();
  await world.until('silent', () => world.lines.some(l => l.includes('the state is not reported any more')));
  await world.until('the last word', () => /ovs-vswitchd does not answer on br-int: /.test(world.problem() ?? ''));
  const before = reports();
  await world.settled();
  assert.equal(reports(), before);
  world.host.openflow.start();
  await world.until('reported again', () => reports() > before + 1);
  assert.equal(world.problem(), undefined);
});

test('with the firewall a port with rules is alive when its flows stand, one whose rules make no sense is dead, and a connection of neither ends', async () => {
  await using world = await World.open();
  const net = world.server.network(1);
  const ssh = { direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 22, port_range_max: 22 };
  const unseen = { ...ssh, protocol: 'udplite' };
  const [fine, senseless] = [world.server.group(1, [ssh, unseen]), world.server.group(2, [{ ...ssh, protocol: 'no such' }])];
  const [guarded, closed] = [world.server.port(1, net, { groups: [fine] }), world.server.port(2, net, { groups: [senseless] })];
  const open = world.server.port(3, net, { security: false });
  await world.plug(guarded, closed, open);
  await world.start({ tunnels, firewall: 'openvswitch' });
  await world.active(guarded, open);
  await world.settled();
  const numberOf = (port: FakePort): number => world.host.ovsdb.now().port(tapOf(port))!.interfaces[0]!.ofport!;
  const has = (text: string): boolean => world.texts('br-int').some(t => t.includes(text));
  const vlan = world.tag(guarded)!;
  assert.ok(vlan !== 4095 && vlan === world.tag(open));
  assert.equal(world.tag(closed), 4095);
  assert.notEqual(closed.status, 'ACTIVE');
  assert.ok(world.lines.some(l => l.includes(closed.id) && l.includes('cannot be enforced')));
  assert.equal(world.lines.filter(l => l.includes(guarded.id) && l.includes('no flow can match')).length, 1);
  assert.ok(has(`priority=100,in_port=${numberOf(guarded)} actions=`));
  assert.ok(!has(`priority=100,in_port=${numberOf(closed)} actions=`) && has(`priority=2,in_port=${numberOf(closed)} actions=drop`));
  assert.ok(has(`ct_state=+new-est,tcp,reg5=0x${numberOf(guarded).toString(16)},tp_dst=22`));
  const dns = {
    family: 4,
    protocol: '17',
    zone: vlan,
    mark: 0,
    src: '192.0.2.9',
    srcPort: 5000,
    dst: guarded.ips[0]!,
    dstPort: 53,
  } as const;
  world.host.datapath.track(dns);
  const permit = (rules: object[]): void =>
    void world.server.groups.set(
      fine,
      rules.map(r => ({ ...r, stateful: true })),
    );
  permit([ssh, { ...ssh, protocol: 'udp', port_range_min: 53, port_range_max: 53 }]);
  await world.server.ruleUpdated(fine);
  await world.until('the rule stands', () => has('tp_dst=53 '));
  await world.settled();
  assert.equal((await world.host.datapath.connections('netdev', vlan)).length, 1);
  const before = world.texts('br-int');
  await world.stop();
  await world.start({ tunnels, firewall: 'openvswitch' });
  await world.settled();
  assert.deepEqual(world.texts('br-int'), before, 'another life of the agent');
  permit([ssh]);
  await world.server.ruleUpdated(fine);
  await world.until('its connection ends', async () => (await world.host.datapath.connections('netdev', vlan)).length === 0);
  assert.ok(!has('tp_dst=53 '));
});

test('what is permitted no more has ended before a port is reported, and a judge that fails keeps no port waiting', async () => {
  await using world = await World.open();
  const net = world.server.network(1);
  const groups = [world.server.group(1, [{ direction: 'ingress', ethertype: 'IPv4' }])];
  const [one, two, three] = [1, 2, 3].map(n => world.server.port(n, net, { groups })) as [FakePort, FakePort, FakePort];
  await world.plug(one);
  await world.start({ tunnels, firewall: 'openvswitch' });
  await world.active(one);
  await world.settled();
  const { datapath } = world.host;
  const connections = datapath.connections.bind(datapath);
  const judged = Promise.withResolvers<void>();
  let asked = false;
  datapath.connections = async (...given) => {
    asked = true;
    await judged.promise;
    return connections(...given);
  };
  await world.plug(two);
  await world.until('connections are judged', () => asked);
  assert.notEqual(two.status, 'ACTIVE');
  judged.resolve();
  await world.active(two);
  datapath.connections = () => Promise.reject(new Error('the test has no connections'));
  await world.plug(three);
  await world.active(three);
  assert.ok(world.lines.some(l => l.includes('the test has no connections')));
});

test('a port whose flows the switch refuses is dead and the others go on; it is tried again when it changes', async () => {
  await using world = await World.open();
  const { openflow } = world.host;
  const open = openflow.open.bind(openflow);
  openflow.open = (bridge, events) => {
    const door = open(bridge, events);
    const apply = door.apply.bind(door);
    door.apply = async changes => {
      const index = changes.findIndex(c => c.do === 'add' && c.flow.match.tcp_dst === 666);
      if (index >= 0) throw new OpenflowRefusal('OFPFMFC_UNKNOWN', 'the test refuses port 666', index);
      await apply(changes);
    };
    return door;
  };
  const net = world.server.network(1);
  const rule = (port: number) => ({ direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: port, port_range_max: port });
  const bad = world.server.group(1, [rule(666)]);
  const ports = [
    world.server.port(1, net, { groups: [bad] }),
    world.server.port(2, net, { groups: [world.server.group(2, [rule(22)])] }),
  ] as const;
  await world.plug(...ports);
  await world.start({ tunnels, firewall: 'openvswitch' });
  await world.active(ports[1]);
  await world.settled();
  assert.equal(world.tag(ports[0]), 4095);
  assert.ok(world.lines.some(l => l.includes(ports[0].id) && l.includes('the test refuses port 666')));
  world.server.groups.set(bad, [{ ...rule(80), stateful: true }]);
  await world.server.ruleUpdated(bad);
  await world.active(...ports);
  assert.ok(world.tag(ports[0]) !== 4095);
});

test('without l2population: a tunnel to every end that the server names, there and gone with its messages', async () => {
  await using world = await World.open();
  const port = world.server.port(1, world.server.network(1));
  await world.plug(port);
  await world.start({ tunnels: { ...tunnels, l2population: false } });
  await world.active(port);
  const ends = (): string[] => [...world.host.ovsdb.now().bridges.get('br-tun')!.ports.keys()].filter(n => n.startsWith('vxlan-')).sort();
  const flooded = (): number =>
    (/output.*/.exec(world.texts('br-tun').find(t => /table=22.*dl_vlan/.test(t)) ?? '')?.[0] ?? '').split(',').length;
  assert.deepEqual(ends(), ['vxlan-c0000202']);
  const told = { tunnel_ip: '192.0.2.3', tunnel_type: 'vxlan' };
  await world.server.fanout('tunnel-update', 'tunnel_update', told);
  await world.until('two tunnels', () => ends().length === 2 && flooded() === 2);
  await world.server.fanout('tunnel-update', 'tunnel_update', { ...told, tunnel_ip: '192.0.2.1' });
  await world.server.fanout('tunnel-delete', 'tunnel_delete', told);
  await world.until('one tunnel', () => ends().length === 1 && flooded() === 1);
  assert.deepEqual(ends(), ['vxlan-c0000202']);
});

test('a type of tunnels that the server does not know keeps nobody waiting', async () => {
  await using world = await World.open();
  world.server.noTunnels.add('gre');
  const port = world.server.port(1, world.server.network(1));
  await world.plug(port);
  await world.start({ tunnels: { ...tunnels, types: ['vxlan', 'gre'], l2population: false } }, false);
  await world.active(port);
  const named = [...world.host.ovsdb.now().bridges.get('br-tun')!.ports.keys()].filter(n => /^(vxlan|gre)-/.test(n));
  assert.deepEqual(named, ['vxlan-c0000202']);
  assert.ok(world.lines.some(l => l.includes('the server wants no tunnels of a type') && l.includes('gre')));
});

test('flows of nobody go from the bridges that are ours, and from a physical one as far as they are about our patch', async () => {
  await using world = await World.open();
  const port = world.server.port(1, world.server.network(2, { type: 'flat', physical: 'public' }));
  await world.plug(port);
  await world.start();
  await world.active(port);
  const was = await world.settled();
  await world.stop();
  const foreign = (in_port: number): Flow => ({ table: 7, priority: 9, cookie: 5n, match: { in_port }, actions: [] });
  const patch = world.host.ovsdb.now().port('phy-br-ex')!.interfaces[0]!.ofport!;
  for (const [bridge, in_port] of [
    ['br-int', 1],
    ['br-tun', 1],
    ['br-ex', patch],
    ['br-ex', 4000],
  ] as const) {
    await using door = world.host.openflow.open(bridge, { onGap() {} });
    await door.apply([{ do: 'add', flow: foreign(in_port) }]);
  }
  await world.start();
  const left = (await world.settled()).split('\n').filter(line => !was.includes(line));
  assert.deepEqual(left, ['flow br-ex cookie=0x5, table=7, priority=9,in_port=undefined actions=drop']);
});

const learnedOf = (tag: number): Flow => ({
  table: 20,
  priority: 1,
  cookie: 5n,
  hard_timeout: 300,
  match: { vlan_tci: { value: tag, mask: 0xfff }, eth_dst: 'fa:16:3e:00:00:77' },
  actions: [],
});
const learnedCount = (world: World): number => world.flows('br-tun').filter(f => f.hard_timeout === 300).length;

for (const refused of [false, true])
  test(`when the last port of a network goes, what was learned of its VLAN goes with it${refused ? ', also when that fails first' : ''}`, async () => {
    await using world = await World.open();
    const [one, two] = [world.server.port(1, world.server.network(1)), world.server.port(2, world.server.network(2))];
    await world.plug(one, two);
    await world.start();
    await world.active(one, two);
    await using door = world.host.openflow.open('br-tun', { onGap() {} });
    await door.apply([one, two].map(port => ({ do: 'add', flow: learnedOf(world.tag(port)!) })));
    assert.equal(learnedCount(world), 2);
    if (refused) world.host.openflow.failNext('apply', { name: 'br-tun' });
    world.server.ports.delete(one.id);
    await world.unplug(one);
    await world.until('one is left', () => learnedCount(world) === 1);
    assert.equal(one.status, 'ACTIVE');
    await world.settled();
    assert.equal(learnedCount(world), 1);
  });

test('a local VLAN that another network had in the last life brings nothing of what was learned of it', async () => {
  await using world = await World.open();
  const one = world.server.port(1, world.server.network(1));
  await world.plug(one);
  await world.start();
  await world.active(one);
  const tag = world.tag(one)!;
  await world.stop();
  await using door = world.host.openflow.open('br-tun', { onGap() {} });
  await door.apply([{ do: 'add', flow: learnedOf(tag) }]);
  const other = world.server.port(2, world.server.network(2));
  world.server.ports.delete(one.id);
  await world.unplug(one);
  await world.plug(other);
  await world.start();
  await world.active(other);
  assert.equal(world.tag(other), tag);
  assert.equal(learnedCount(world), 0);
});

test('a port that is unplugged and plugged again before the agent looks is told of again', async () => {
  await using world = await World.open();
  const port = world.server.port(1, world.server.network(1));
  await world.plug(port);
  await world.start();
  await world.active(port);
  await world.settled();
  const ups = (): number => world.server.count('update_device_up') + world.server.count('update_device_list');
  const [before, tag, was] = [ups(), world.tag(port), world.host.ovsdb.now().port(tapOf(port))!];
  const external_ids = ['map', Object.entries(was.interfaces[0]!.external_ids)];
  const name = tapOf(port);
  await world.others.transact([
    { op: 'insert', table: 'Interface', row: { name, type: 'internal', external_ids }, 'uuid-name': 'i' },
    { op: 'insert', table: 'Port', row: { name, interfaces: ['named-uuid', 'i'] }, 'uuid-name': 'p' },
    {
      op: 'mutate',
      table: 'Bridge',
      where: [['name', '==', 'br-int']],
      mutations: [
        ['ports', 'delete', ['uuid', was._uuid]],
        ['ports', 'insert', ['named-uuid', 'p']],
      ],
    },
  ]);
  assert.notEqual(world.host.ovsdb.now().port(name)?._uuid, was._uuid);
  await world.until('it is told of', () => ups() > before);
  assert.equal(world.tag(port), tag);
  await world.settled();
  assert.equal(ups(), before + 1);
});

for (const kind of ['unknown', 'inactive'] as const)
  test(`a port that ${kind === 'unknown' ? 'is deleted' : 'leaves this host'} while the server is asked about it is dead, whatever the answer says`, async () => {
    await using world = await World.open();
    const port = world.server.port(1, world.server.network(1));
    await world.plug(port);
    await world.start();
    await world.active(port);
    await world.settled();
    world.server.late.add('get_devices_details_list');
    port.ips = ['10.0.0.77'];
    await world.server.portUpdate(port);
    await world.until('it is asked about', () => world.server.held.length > 0);
    if (kind === 'unknown') await world.server.portDelete(port);
    else {
      port.host = 'h2';
      await world.server.fanout('binding-deactivate', 'binding_deactivate', { port_id: port.id, host: 'h1' });
    }
    world.server.late.clear();
    for (const answer of world.server.held.splice(0)) answer();
    await world.until('it is dead', () => world.tag(port) === 4095);
    await world.settled();
    assert.equal(world.tag(port), 4095);
  });

test('the record has what the server binds ports by', async () => {
  await using world = await World.open();
  await world.start();
  const [report] = world.server.heard.filter(h => h.method === 'report_state');
  const { agent_state } = report!.args['agent_state'] as { agent_state: Record<string, unknown> };
  assert.equal(agent_state['agent_type'], 'Open vSwitch agent');
  assert.equal(agent_state['binary'], 'neutron-openvswitch-agent');
  const found = agent_state['configurations'] as Record<string, unknown>;
  assert.deepEqual(
    {
      bridge_mappings: found['bridge_mappings'],
      tunnel_types: found['tunnel_types'],
      tunneling_ip: found['tunneling_ip'],
      datapath_type: found['datapath_type'],
      integration_bridge: found['integration_bridge'],
      hybrid: found['ovs_hybrid_plug'],
      socket: found['vhostuser_socket_dir'],
      population: found['l2_population'],
      responder: found['arp_responder_enabled'],
    },
    {
      bridge_mappings: { public: 'br-ex' },
      tunnel_types: ['vxlan'],
      tunneling_ip: '192.0.2.1',
      datapath_type: 'netdev',
      integration_bridge: 'br-int',
      hybrid: false,
      socket: '/run/openvswitch',
      population: true,
      responder: true,
    },
  );
  assert.ok(world.lines.some(l => l.includes('this Open vSwitch agent is not whole')));
});
