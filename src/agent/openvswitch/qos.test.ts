// QoS in the whole agent, on a simulated switch: guaranteed bandwidth of the kernel's datapath, and what goes wrong on the way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Bus } from '../../contracts/bus.ts';
import { OpenflowRefusal } from '../../contracts/host/openflow.ts';
import type { Flow } from '../../domain/openflow/flow.ts';
import type { OpenvswitchConfig } from '../context.ts';
import { type FakePort, uuid } from '../l2/fake-server.suite.ts';
import { OvsWorld as World } from './ovs-world.suite.ts';

type Rule = Readonly<Record<string, unknown>>;
const gold = uuid(0x90, 1);
const minimum: Rule = { type: 'QosMinimumBandwidthRule', min_kbps: 1000, direction: 'egress' };
const limit: Rule = { type: 'QosBandwidthLimitRule', max_kbps: 2000, max_burst_kbps: 0, direction: 'egress' };
const mark: Rule = { type: 'QosDscpMarkingRule', dscp_mark: 26 };
const physical = { type: 'vlan', segment: 187, physical: 'public' } as const;

function policy(world: World, ...rules: readonly Rule[]): object {
  const image = { id: gold, name: 'gold', revision_number: ++revision, rules };
  world.server.object('QosPolicy', gold, image);
  return image;
}
let revision = 0;

const qosFlows = (world: World, bridge: string): string[] =>
  world
    .texts(bridge)
    .filter(t => t.startsWith('cookie=0x7765667400000003,'))
    .map(t => t.replace(/^cookie=\S+ /, ''));
const ofport = (world: World, port: FakePort): number => world.host.ovsdb.now().port(`tap${port.id.slice(0, 11)}`)!.interfaces[0]!.ofport!;
const meters = (world: World): unknown[] => [...(world.host.openflow.bridges.get('br-int')?.meters.values() ?? [])];
const rows = (world: World): number => world.host.ovsdb.now().tables.QoS.size + world.host.ovsdb.now().tables.Queue.size;

async function started(world: World, config: Partial<OpenvswitchConfig> = {}, bus?: Bus): Promise<void> {
  await world.start(config, true, 30_000, { config: { extensions: ['qos'] }, ...(bus ? { bus } : {}) });
}

test('guaranteed bandwidth: a mark, a class of each device that leads out, and nothing of it when nobody wants it', async () => {
  await using world = await World.open();
  const device = { interface: { type: '' } };
  await world.database({
    bridges: { 'br-ex': { ports: { eth1: device, eth2: { ...device, qos: { type: 'linux-htb', external_ids: { who: 'operator' } } } } } },
  });
  policy(world, minimum);
  const net = world.server.network(1, physical);
  const [one, two] = [world.server.port(1, net, { policy: gold }), world.server.port(2, net)];
  await world.plug(one, two);
  await started(world, { datapathType: 'system' });
  await world.active(one, two);
  const number = ofport(world, one);
  assert.deepEqual(
    qosFlows(world, 'br-int').filter(t => t.includes('reg4')),
    [
      `table=0, priority=200,reg4=0,in_port=${number} actions=set_field:0x${number.toString(16)}->pkt_mark,set_field:0x1->reg4,resubmit(,0)`,
    ],
  );
  assert.equal(qosFlows(world, 'br-ex').length, 1);
  assert.match(
    qosFlows(world, 'br-ex').join(),
    new RegExp(`pkt_mark=0x${number.toString(16)},reg4=0,in_port=\\d+ actions=set_queue:${number},`),
  );
  const qosOf = (port: string) => world.host.ovsdb.now().port(port)?.qos;
  assert.deepEqual(qosOf('eth1')?.queues[number]?.other_config, { 'min-rate': '1000000', 'max-rate': '34359738367' });
  assert.deepEqual(qosOf('eth2')?.external_ids, { who: 'operator' });
  await world.until('told', () => world.lines.some(l => l.includes(one.id) && l.includes("by eth2, which has a QoS of somebody else's")));
  one.policy = null;
  await world.server.portUpdate(one);
  await world.until('it is gone', () => qosOf('eth1') === undefined && qosFlows(world, 'br-ex').length === 0);
  assert.equal(rows(world), 1);
  assert.equal(qosFlows(world, 'br-int').length, 1);
});

test('in user space it is told that nothing is guaranteed', async () => {
  await using world = await World.open();
  policy(world, minimum);
  const port = world.server.port(1, world.server.network(1, physical), { policy: gold });
  await world.plug(port);
  await started(world);
  await world.active(port);
  await world.until('told', () => world.lines.some(l => l.includes('no bandwidth is guaranteed')));
});

test('a policy that the server does not tell leaves the port as it is, over a restart too', async () => {
  await using world = await World.open();
  const image = policy(world, limit, mark);
  const port = world.server.port(1, world.server.network(1, physical), { policy: gold });
  await world.plug(port);
  await started(world);
  await world.active(port);
  const before = { flows: qosFlows(world, 'br-int'), meters: meters(world) };
  assert.deepEqual(before.meters, [{ id: 1, unit: 'kbps', bands: [{ type: 'drop', rate: 2000, burst: 1600 }] }]);
  assert.equal(before.flows.length, 4);
  await world.stop();
  world.server.failing.add('pull');
  await started(world);
  await world.until('told', () => world.lines.some(l => l.includes('does not tell of an object')));
  assert.deepEqual({ flows: qosFlows(world, 'br-int'), meters: meters(world) }, before);
  world.server.failing.delete('pull');
  await world.server.push('QosPolicy', 'updated', { ...image, rules: [mark] });
  await world.until('the push counts', () => meters(world).length === 0);
  assert.equal(qosFlows(world, 'br-int').length, 3);
});

test('a meter that the switch refuses is told of, and the port is alive without; it is there when the switch takes it', async () => {
  await using world = await World.open();
  const image = policy(world, limit);
  const port = world.server.port(1, world.server.network(1, physical), { policy: gold });
  await world.plug(port);
  world.host.openflow.failNext('applyMeters', { name: 'br-int', reason: 'OFPMMFC_OUT_OF_METERS', times: 20 });
  await started(world);
  await world.active(port);
  await world.until('told', () => world.lines.some(l => l.includes('OUT_OF_METERS')));
  assert.deepEqual(qosFlows(world, 'br-int').length, 1);
  // Each push is a pass that tries again.
  await world.until('it is there', async () => {
    await world.server.push('QosPolicy', 'updated', { ...image, rules: [{ ...limit, max_kbps: 3000 }] });
    return qosFlows(world, 'br-int').length === 2;
  });
  assert.ok(world.lines.some(l => l.includes('the QoS of a port is not in trouble any more')));
});

test('a guarantee whose policy the server does not tell stays, too, over a restart', async () => {
  await using world = await World.open();
  await world.database({ bridges: { 'br-ex': { ports: { eth1: { interface: { type: '' } } } } } });
  policy(world, minimum);
  const port = world.server.port(1, world.server.network(1, physical), { policy: gold });
  await world.plug(port);
  await started(world, { datapathType: 'system' });
  await world.active(port);
  const found = () => [qosFlows(world, 'br-int'), qosFlows(world, 'br-ex'), world.host.ovsdb.now().port('eth1')?.qos?.queues];
  const before = found();
  assert.equal(before[1]?.length, 1);
  await world.stop();
  world.server.failing.add('pull');
  await started(world, { datapathType: 'system' });
  await world.until('told', () => world.lines.some(l => l.includes('does not tell of an object')));
  await world.settled();
  assert.deepEqual(found(), before);
});

test('numbers of meters that make no sense, or that two have, are not taken', async () => {
  await using world = await World.open();
  policy(world, limit);
  const net = world.server.network(1, physical);
  const ports = [
    world.server.port(1, net, { policy: gold }),
    world.server.port(2, net, { policy: gold }),
    world.server.port(3, net, { policy: gold }),
  ];
  await world.plug(...ports);
  const words = ['7', '7', '4294967295'];
  const said = ports.map((p, i): [string, object] => [`tap${p.id.slice(0, 11)}`, { other_config: { [`${p.id}_egress_kbps`]: words[i] } }]);
  await world.database({ bridges: { 'br-int': { ports: Object.fromEntries(said) } } });
  await started(world);
  await world.active(...ports);
  await world.until('each has its own', () => meters(world).length === 3);
  await world.settled();
  const ids = (meters(world) as { id: number }[]).map(m => m.id).sort((a, b) => a - b);
  assert.deepEqual(ids, [1, 2, 7]);
});

for (const which of ['what a port gets', 'what its neighbour sends'])
  test(`a flow for ${which} that the switch refuses leaves that port without, and the others go on`, async () => {
    await using world = await World.open();
    policy(world, { type: 'QosPacketRateLimitRule', max_kpps: 5, max_burst_kpps: 0, direction: 'ingress' });
    const net = world.server.network(1, physical);
    const [one, two] = [world.server.port(1, net, { policy: gold }), world.server.port(2, net)];
    const isRefused = ({ eth_dst, in_port, reg10 }: Flow['match']): boolean =>
      reg10 === 0 && (which === 'what a port gets' ? eth_dst === one.mac : in_port === ofport(world, two));
    const { openflow } = world.host;
    const open = openflow.open.bind(openflow);
    openflow.open = (bridge, events) => {
      const door = open(bridge, events);
      const apply = door.apply.bind(door);
      door.apply = async changes => {
        const index = changes.findIndex(c => c.do === 'add' && isRefused(c.flow.match));
        if (index >= 0) throw new OpenflowRefusal('OFPBMC_BAD_FIELD', 'the test refuses it', index);
        await apply(changes);
      };
      return door;
    };
    await world.plug(one, two);
    await started(world);
    await world.active(one, two);
    await world.until('told', () => world.lines.some(l => l.includes('the switch refuses its flows')));
  });

test('which policy a port has is asked for after a gap, without touching its status', async () => {
  await using world = await World.open();
  policy(world, mark);
  const net = world.server.network(1, physical);
  const [one, two] = [world.server.port(1, net), world.server.port(2, net)];
  await world.plug(one, two);
  const watchers: ((up: boolean) => void)[] = [];
  const { bus } = world;
  const watched: Bus = {
    call: (...args) => bus.call(...args),
    cast: (...args) => bus.cast(...args),
    serve: server => bus.serve(server),
    onUp: watcher => {
      watchers.push(watcher);
      return { [Symbol.dispose]: () => {} };
    },
    [Symbol.asyncDispose]: async () => {},
  };
  await started(world, {}, watched);
  await world.active(one, two);
  const asked = world.server.count('get_devices_details_list');
  one.policy = gold;
  for (const up of [false, true]) for (const watcher of watchers) watcher(up);
  await world.until('it is marked', () => qosFlows(world, 'br-int').filter(t => t.includes('ip_dscp')).length === 2);
  net.policy = gold;
  for (const up of [false, true]) for (const watcher of watchers) watcher(up);
  await world.until('both are', () => qosFlows(world, 'br-int').filter(t => t.includes('ip_dscp')).length === 4);
  assert.equal(world.server.count('get_devices_details_list'), asked);
});

test('what Neutron’s agent has made is found, and stays', async () => {
  await using world = await World.open();
  policy(
    world,
    limit,
    { type: 'QosBandwidthLimitRule', max_kbps: 3000, max_burst_kbps: 0, direction: 'ingress' },
    {
      type: 'QosPacketRateLimitRule',
      max_kpps: 5,
      max_burst_kpps: 0,
      direction: 'egress',
    },
  );
  const port = world.server.port(1, world.server.network(1, physical), { policy: gold });
  const tap = `tap${port.id.slice(0, 11)}`;
  await world.host.links.apply('', [{ do: 'add-link', link: { kind: 'dummy', name: tap } }]);
  await world.database({
    bridges: {
      'br-int': {
        datapath_type: 'system',
        ports: {
          [tap]: {
            interface: { type: '', ingress_policing_rate: 2000, ingress_policing_burst: 1600, external_ids: { 'iface-id': port.id } },
            other_config: { [`${port.id}_egress`]: '777' },
            qos: {
              type: 'linux-htb',
              external_ids: { id: tap, _type: 'bandwidth_limit' },
              other_config: { 'max-rate': '34359738367' },
              queues: {
                0: {
                  other_config: { 'max-rate': '3000000', burst: '0' },
                  external_ids: { port: tap, type: 'bandwidth_limit', 'queue-num': '0' },
                },
              },
            },
          },
        },
      },
    },
  });
  const found = () => world.host.ovsdb.now().port(tap)!;
  const row = found().qos?._uuid;
  assert.ok(row);
  await started(world, { datapathType: 'system' });
  await world.active(port);
  assert.equal(found().qos?._uuid, row);
  assert.deepEqual([found().interfaces[0]?.ingress_policing_rate, found().interfaces[0]?.ingress_policing_burst], [2000, 1600]);
  assert.deepEqual(meters(world), [{ id: 777, unit: 'pktps', bands: [{ type: 'drop', rate: 5000 }] }]);
  assert.equal(found().other_config[`${port.id}_egress`], '777');
  port.policy = null;
  await world.server.portUpdate(port);
  await world.until('all goes', () => rows(world) === 0 && meters(world).length === 0);
  assert.equal(found().interfaces[0]?.ingress_policing_rate, 0);
  assert.equal(`${port.id}_egress` in found().other_config, false);
});

test('without the extension nothing is asked and nothing touched', async () => {
  await using world = await World.open();
  policy(world, limit);
  const port = world.server.port(1, world.server.network(1, physical), { policy: gold });
  await world.plug(port);
  await world.database({
    bridges: { 'br-int': { ports: { [`tap${port.id.slice(0, 11)}`]: { interface: { ingress_policing_rate: 77 } } } } },
  });
  await world.start({});
  await world.active(port);
  assert.equal(world.server.count('pull'), 0);
  assert.deepEqual(qosFlows(world, 'br-int'), []);
  assert.equal(world.host.ovsdb.now().port(`tap${port.id.slice(0, 11)}`)?.interfaces[0]?.ingress_policing_rate, 77);
});
