// A host of Neutron's Open vSwitch agent becomes one of Weft's and Neutron's again, under numbered packets; beside it a host that stays Neutron's
// and one with Linux bridges, all in one VXLAN network.
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { describePackets, endWithoutLoss, type Flow, type Packets, startPackets } from '../system/traffic.ts';
import type { Instance } from './agents/instances.ts';
import { noAgents, patience } from './agents/needs.ts';
import type { Made } from './agents/server.ts';
import { World } from './agents/world.ts';

describe("Neutron's Open vSwitch agent and Weft's in turn", { skip: noAgents, timeout: 590_000 * patience, concurrency: 1 }, () => {
  let world: World;
  let vxlan: Made;
  let vlan: Made;
  const vms = new Map<string, Instance>();
  const weft = new Set(['lb3']);

  const vm = (name: string): Instance => vms.get(name)!;
  const plug = async (name: string, host: string, network: Made): Promise<void> => {
    const one = await world.instance(host, network.id);
    await world.active(one.port.id);
    await world.inside(one, 'ip', 'address', 'add', `${one.address}/24`, 'dev', 'eth0');
    vms.set(name, one);
  };

  before(async () => {
    world = await World.open({
      kinds: ['openvswitch', 'openvswitch', 'linuxbridge'],
      agents: {},
      weft: host => weft.has(host.name),
      server: { ml2_type_vlan: ['network_vlan_ranges = public:100:200'] },
      more: (_host, agent) => (agent === 'openvswitch' ? { agent: { extensions: '' }, securitygroup: { firewall_driver: 'noop' } } : {}),
    });
    const network = async (attributes: Record<string, string>): Promise<Made> => {
      const made = await world.server.make('networks', 'network', attributes);
      await world.server.make('subnets', 'subnet', { network_id: made.id, ip_version: 4, cidr: '10.6.0.0/24', enable_dhcp: false });
      return made;
    };
    vxlan = await network({ 'provider:network_type': 'vxlan' });
    vlan = await network({ 'provider:network_type': 'vlan', 'provider:physical_network': 'public' });
    for (const host of ['ovs1', 'ovs2', 'lb3']) await plug(host, host, vxlan);
    for (const host of ['ovs1', 'ovs2']) await plug(`${host} vlan`, host, vlan);
    const group = (vm('lb3').port.security_groups as string[])[0]!;
    for (const protocol of ['icmp', 'udp'])
      await world.server.make('security-group-rules', 'security_group_rule', { security_group_id: group, direction: 'ingress', protocol });
  });
  after(() => world?.[Symbol.asyncDispose]());

  const tag = async (of: Instance): Promise<string> => (await world.lab.on(of.host.name, 'ovs-vsctl', 'get', 'Port', of.tap, 'tag')).trim();
  /** Of flows that were not learned from frames, each with one of them. */
  const cookies = async (host: string, bridge: string): Promise<string[]> => {
    const dumped = await world.lab.on(host, 'ovs-ofctl', '-O', 'OpenFlow14', 'dump-flows', '--no-stats', bridge);
    const lines = dumped.split('\n').filter(line => line.includes('cookie=') && !line.includes(' hard_timeout='));
    return [...new Map(lines.map(line => [/cookie=(0x[0-9a-f]+)/.exec(line)?.[1], line.trim()])).values()];
  };
  const way = (from: string, to: string, port: number) => ({
    name: `${from} → ${to}`,
    from: world.spawnIn(vm(from)),
    to: world.spawnIn(vm(to)),
    address: vm(to).address,
    port,
    perSecond: 250,
  });
  const all = (first: number) =>
    Promise.all([
      startPackets(way('ovs1', 'ovs2', first)),
      startPackets(way('ovs2', 'ovs1', first + 1)),
      startPackets(way('ovs1', 'lb3', first + 2)),
      startPackets(way('ovs1 vlan', 'ovs2 vlan', first + 3)),
    ]);

  test('Linux bridges and both kinds of Open vSwitch agents reach each other', async () => {
    for (const from of ['ovs1', 'ovs2', 'lb3'])
      for (const to of ['ovs1', 'ovs2', 'lb3']) if (from !== to) await world.reaches(vm(from), vm(to).address);
    await world.reaches(vm('ovs1 vlan'), vm('ovs2 vlan').address);
  });

  test("Neutron's agent goes and Weft's takes over: its VLANs, its flows in the place of the others, no packet missing", async t => {
    const tags = [await tag(vm('ovs1')), await tag(vm('ovs1 vlan'))];
    const packets = await all(7001);
    await world.agents.kill(world.host('ovs1'), 'openvswitch');
    weft.add('ovs1');
    world.agents.start(world.host('ovs1'), 'openvswitch');
    await world.until('in sync', () => world.agents.log('ovs1', 'openvswitch').includes('in sync with the server'));
    await world.active(vm('ovs1').port.id, vm('ovs1 vlan').port.id);
    for (const bridge of ['br-int', 'br-tun', 'br-ex'])
      for (const flow of await cookies('ovs1', bridge)) assert.match(flow, /^cookie=0x7765667400000001,/, bridge);
    assert.deepEqual([await tag(vm('ovs1')), await tag(vm('ovs1 vlan'))], tags);
    await endWithoutLoss(t, packets);
    // Not under packets: a switch in user space loses some of its tunnels' whenever a device comes or goes (test/perf/openvswitch-links.ts).
    await plug('late', 'ovs1', vxlan);
    for (const other of ['ovs1', 'ovs2', 'lb3']) await world.reaches(vm('late'), vm(other).address);
  });

  test("and Neutron's takes it back", async t => {
    const tags = [await tag(vm('ovs1')), await tag(vm('ovs1 vlan'))];
    const packets = await all(7101);
    const reports = async (): Promise<unknown> => (await world.server.list('agents?host=ovs1'))[0]?.started_at;
    const started = await reports();
    await world.agents.kill(world.host('ovs1'), 'openvswitch');
    weft.delete('ovs1');
    world.agents.start(world.host('ovs1'), 'openvswitch');
    await world.until('begun', async () => (await reports()) !== started);
    const ours = (found: readonly string[]): boolean => found.some(flow => flow.startsWith('cookie=0x77656674'));
    await world.until('its own flows alone', async () => !ours(await cookies('ovs1', 'br-int')) && !ours(await cookies('ovs1', 'br-tun')));
    assert.deepEqual([await tag(vm('ovs1')), await tag(vm('ovs1 vlan'))], tags);
    for (const other of ['ovs2', 'lb3']) await world.reaches(vm('late'), vm(other).address);
    // Neutron's own start is not quite without loss: devices come and go.
    await countLosses(t, packets, 50);
  });
});

async function countLosses(t: TestContext, flows: readonly Flow<Packets>[], fewerThan: number): Promise<void> {
  for (const counted of await Promise.all(flows.map(flow => flow.end()))) {
    t.diagnostic(describePackets(counted));
    assert.ok(counted.missing.length < fewerThan && counted.sent > 100, describePackets(counted));
  }
}
