// The firewall iptables_hybrid in a whole agent: rules at the tap before the port is alive, turns with Neutron's agent and with other firewalls.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hybridNames } from '../desired/openvswitch/hybrid.ts';
import type { Dict, FakePort } from '../l2/fake-server.suite.ts';
import { OvsWorld as World } from './ovs-world.suite.ts';

const hybrid = { firewall: 'iptables_hybrid' } as const;
const ssh: Dict = { direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 22, port_range_max: 22 };

/** As Nova and libvirt plug it. */
async function plug(world: World, ...ports: readonly FakePort[]): Promise<void> {
  for (const port of ports) {
    const { tap, bridge, qvb, qvo } = hybridNames(port.id);
    world.host.links.plug('', { name: tap, up: true });
    await world.host.links.apply('', [
      { do: 'add-link', link: { kind: 'bridge', name: bridge } },
      { do: 'add-link', link: { kind: 'veth', name: qvb, peer: qvo } },
      ...[tap, qvb].map(name => ({ do: 'set-link', name, master: bridge, up: true }) as const),
    ]);
    const external_ids = { 'iface-id': port.id, 'attached-mac': port.mac, 'iface-status': 'active' };
    await world.database({ bridges: { 'br-int': { datapath_type: 'netdev', ports: { [qvo]: { interface: { external_ids } } } } } });
  }
}

const tag = (world: World, port: FakePort): number | undefined => world.host.ovsdb.now().port(hybridNames(port.id).qvo)?.tag;
const saved = async (world: World, family: 4 | 6 = 4): Promise<string> => world.host.iptables.save('', family);
const admitted = async (world: World, port: FakePort): Promise<boolean> => {
  const table = (await world.host.nft.listTable('', 'bridge', 'neutron-openvswi')) ?? '';
  return new RegExp(`set admitted \\{[^}]*"${hybridNames(port.id).tap}"`).test(table);
};

async function guarded(): Promise<{ world: World; port: FakePort }> {
  const world = await World.open();
  const port = world.server.port(1, world.server.network(1, { type: 'local' }), { groups: [world.server.group(1, [ssh])] });
  await plug(world, port);
  return { world, port };
}

test('a port gets its rules at its tap, in chains named as those of Neutron, and the server hears of hybrid plugging', async () => {
  const { world, port } = await guarded();
  await using _ = world;
  await world.start(hybrid);
  await world.active(port);
  const { tap, bridge, qvb } = hybridNames(port.id);
  const rules = await saved(world);
  const chain = `neutron-openvswi-i${port.id.slice(0, 10)}`;
  assert.ok(rules.includes(`-A neutron-openvswi-sg-chain -m physdev --physdev-out ${tap} --physdev-is-bridged`));
  assert.ok(rules.includes(`-A ${chain} -p tcp -m tcp --dport 22 -j RETURN`), rules);
  assert.ok(rules.includes(`-A neutron-openvswi-PREROUTING -i ${bridge} -j CT --zone 4097`));
  assert.ok(rules.includes(`-A neutron-openvswi-PREROUTING -m physdev --physdev-in ${qvb} -j CT --zone 4097`));
  assert.ok((await saved(world, 6)).includes(`:${chain} `));
  assert.equal(await admitted(world, port), true);
  assert.ok((tag(world, port) ?? 4095) < 4095);
  const report = world.server.heard.findLast(h => h.method === 'report_state')?.args['agent_state'];
  const { configurations } = (report as unknown as { agent_state: Dict }).agent_state as { configurations: Dict };
  assert.equal(configurations['ovs_hybrid_plug'], true);
  assert.ok(!world.texts('br-int').some(f => f.includes('table=71')), 'no flows of the other firewall');
});

test('a port is dead until its rules are in', async () => {
  const { world, port } = await guarded();
  await using _ = world;
  world.host.iptables.failNext('restore', { times: 1000, reason: 'not now' });
  await world.start(hybrid, false);
  await world.until('tried', () => world.lines.some(l => l.includes('not now')));
  assert.equal(await admitted(world, port), false);
  assert.ok([undefined, 4095].includes(tag(world, port)), `${tag(world, port)}`);
  assert.notEqual(port.status, 'ACTIVE');
  await world.stop();
});

test('a guarded port that is plugged into the switch itself is dead, an open one is not', async () => {
  await using world = await World.open();
  const network = world.server.network(1, { type: 'local' });
  const [bare, open] = [world.server.port(1, network), world.server.port(2, network, { security: false })];
  await world.plug(bare, open);
  await world.start(hybrid);
  await world.active(open);
  assert.equal(world.tag(bare), 4095);
  assert.ok(world.lines.some(l => l.includes('cannot be wired') && l.includes(bare.id) && l.includes('ovs_hybrid_plug')));
});

test('a new life touches nothing, and rules stay while the switch begins again', async () => {
  const { world, port } = await guarded();
  await using _ = world;
  await world.start(hybrid);
  await world.active(port);
  await world.stop();
  const { iptables, nft } = world.host;
  const was = [iptables.restored.length, nft.applied.length, await saved(world)];
  world.host.ovsdb.stopSwitch();
  await world.database({ bridges: { 'br-int': { ports: { [hybridNames(port.id).qvo]: { make: false, tag: 7 } } } } });
  world.host.ovsdb.startSwitch();
  await world.start(hybrid);
  await world.active(port);
  assert.deepEqual([iptables.restored.length, nft.applied.length, await saved(world)], was);
});

test("Neutron's chains become ours in one restore, and connections keep their zone", async () => {
  const { world, port } = await guarded();
  await using _ = world;
  const { tap, qvb } = hybridNames(port.id);
  const wrap = 'neutron-openvswi';
  const zone = (match: string): string =>
    `-A ${wrap}-PREROUTING ${match} -m comment --comment "Set zone for ${port.id.slice(0, 11)}" -j CT --zone 4200`;
  const raw = [
    '*raw',
    `:${wrap}-PREROUTING - [0:0]`,
    `:${wrap}-OUTPUT - [0:0]`,
    `-I PREROUTING 1 -j ${wrap}-PREROUTING`,
    `-I OUTPUT 1 -j ${wrap}-OUTPUT`,
  ];
  const zones = [`-m physdev --physdev-in ${qvb}`, `-i ${qvb}`, `-m physdev --physdev-in ${tap}`].map(zone);
  const filter = [
    '*filter',
    `:${wrap}-sg-chain - [0:0]`,
    `:${wrap}-scope - [0:0]`,
    `-I FORWARD 1 -j ${wrap}-scope`,
    `-A ${wrap}-sg-chain -j ACCEPT`,
  ];
  const text = `${[...raw, ...zones, 'COMMIT', ...filter, 'COMMIT'].join('\n')}\n`;
  for (const family of [4, 6] as const) await world.host.iptables.restore('', family, text);
  const before = world.host.iptables.restored.length;
  await world.start(hybrid);
  await world.active(port);
  assert.equal(world.host.iptables.restored.length, before + 2, 'one for each family');
  const rules = await saved(world);
  assert.deepEqual(
    [...rules.matchAll(/--zone (\d+)/g)].map(m => m[1]),
    ['4200', '4200'],
  );
  assert.ok(!rules.includes(`${wrap}-scope`), rules);
  assert.doesNotMatch(await world.host.iptables.save('', 4, 'raw'), /OUTPUT -j|openvswi-OUTPUT/);
  assert.deepEqual(
    world.host.conntrack.flushed.flatMap(f => f.filters).filter(f => f.zone === 4200),
    [],
  );
});

test("with another firewall the rules go when that one's flows stand, and no sooner", async () => {
  const { world, port } = await guarded();
  await using _ = world;
  await world.start(hybrid);
  await world.active(port);
  await world.stop();
  world.host.iptables.restored.length = 0;
  world.host.openflow.failNext('apply', { times: 1000, reason: 'no flows for now' });
  await world.start({ firewall: 'openvswitch' }, false);
  await world.until('tried', () => world.lines.some(l => l.includes('no flows for now')));
  assert.deepEqual(world.host.iptables.restored, []);
  assert.equal(await admitted(world, port), true);
  await world.stop();
});

test('what the firewall left is gone behind the flows of another one, and comes back with it', async () => {
  const { world, port } = await guarded();
  await using _ = world;
  await world.start(hybrid);
  await world.active(port);
  await world.stop();
  await world.start({ firewall: 'openvswitch' });
  await world.active(port);
  assert.ok(
    world.texts('br-int').some(f => f.includes('table=71')),
    'its flows',
  );
  assert.ok(tag(world, port) !== 4095, 'and it is alive');
  for (const family of [4, 6] as const) assert.ok(!(await saved(world, family)).includes('neutron-openvswi'));
  for (const family of ['bridge', 'inet', 'arp'] as const)
    assert.equal(await world.host.nft.listTable('', family, 'neutron-openvswi'), undefined, family);
  assert.equal((await world.host.ipsets.list('')).size, 0);
  await world.stop();
  await world.start(hybrid);
  await world.active(port);
  assert.equal(await admitted(world, port), true);
  assert.ok(!world.texts('br-int').some(f => f.includes('table=71')));
});
