// A host of Neutron's Open vSwitch agent with firewall_driver = iptables_hybrid becomes one of Weft's and Neutron's again, under traffic: the same chains
// and zones, the same verdicts, and instances plugged as the server's bindings say.
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { hybridNames } from '../../src/agent/desired/openvswitch/hybrid.ts';
import {
  describePackets,
  describeTransfer,
  type Flow,
  type Packets,
  startPackets,
  startTransfer,
  type Transfer,
} from '../system/traffic.ts';
import type { Instance } from './agents/instances.ts';
import { noAgents, patience } from './agents/needs.ts';
import type { Made } from './agents/server.ts';
import { World } from './agents/world.ts';

const wrap = 'neutron-openvswi';

describe("iptables_hybrid of Neutron's Open vSwitch agent and of Weft's in turn", {
  skip: noAgents,
  timeout: 590_000 * patience,
  concurrency: 1,
}, () => {
  let world: World;
  let here: Instance;
  let near: Instance;
  let far: Instance;
  const weft = new Set<string>();

  before(async () => {
    world = await World.open({
      kinds: ['openvswitch', 'openvswitch'],
      agents: {},
      weft: host => weft.has(host.name),
      server: { ml2_type_vlan: ['network_vlan_ranges = public:100:200'] },
      more: (_host, agent) =>
        agent === 'openvswitch' ? { agent: { extensions: '' }, securitygroup: { firewall_driver: 'iptables_hybrid' } } : {},
    });
    const vlan = { 'provider:network_type': 'vlan', 'provider:physical_network': 'public' };
    const network = await world.server.make('networks', 'network', vlan);
    await world.server.make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.6.0.0/24', enable_dhcp: false });
    const group = await world.server.make('security-groups', 'security_group', { name: 'guarded' });
    const permit = (rule: Record<string, unknown>): Promise<Made> =>
      world.server.make('security-group-rules', 'security_group_rule', { security_group_id: group.id, direction: 'ingress', ...rule });
    await permit({ protocol: 'icmp' });
    await permit({ protocol: 'udp', port_range_min: 7000, port_range_max: 7099 });
    await permit({ protocol: 'tcp', port_range_min: 7000, port_range_max: 7099, remote_group_id: group.id });
    const plugged = async (host: string): Promise<Instance> => {
      const vm = await world.instance(host, network.id, { security_groups: [group.id] });
      await world.active(vm.port.id);
      await world.inside(vm, 'ip', 'address', 'add', `${vm.address}/24`, 'dev', 'eth0');
      return vm;
    };
    here = await plugged('ovs1');
    near = await plugged('ovs1');
    far = await plugged('ovs2');
    for (const from of [near, far]) await world.reaches(from, here.address);
  });
  after(() => world?.[Symbol.asyncDispose]());

  const save = async (): Promise<string> => world.lab.on('ovs1', 'sh', '-c', 'iptables-save; ip6tables-save');
  /** Chains of ports, and zones by who is behind them. */
  const held = async (): Promise<{ chains: string[]; zones: string[] }> => {
    const text = await save();
    const chains = [...new Set([...text.matchAll(new RegExp(`^:(${wrap}-[ios][0-9a-f-]{10}) `, 'gm'))].map(m => m[1] ?? ''))].sort();
    const zones = [here, near].map(vm => {
      const { qvb } = hybridNames(vm.port.id);
      return `${qvb} ${new RegExp(`--physdev-in ${qvb} .*--zone (\\d+)`).exec(text)?.[1]}`;
    });
    return { chains, zones };
  };

  const way = (from: Instance, to: Instance, port: number) => ({
    name: `${from.host.name} → ${to.host.name} ${port}`,
    from: world.spawnIn(from),
    to: world.spawnIn(to),
    address: to.address,
    port,
    bytes: 1000,
  });
  const traffic = (first: number): Promise<(Flow<Packets> | Flow<Transfer>)[]> =>
    Promise.all([
      startPackets(way(far, here, first)),
      startPackets(way(here, near, first + 1)),
      startTransfer(way(far, here, first + 2)),
      startTransfer(way(near, here, first + 3)),
    ]);
  const denied = (first: number): Promise<Flow<Packets>[]> =>
    Promise.all([startPackets(way(far, here, first)), startPackets(way(near, here, first + 1))]);

  async function counted(
    t: TestContext,
    flows: readonly (Flow<Packets> | Flow<Transfer>)[],
    shut: readonly Flow<Packets>[],
    most: number,
  ): Promise<void> {
    for (const flow of await Promise.all(flows.map(f => f.end()))) {
      const words = 'missing' in flow ? describePackets(flow) : describeTransfer(flow);
      t.diagnostic(words);
      assert.ok(flow.sent > 100, words);
      assert.ok('missing' in flow ? flow.missing.length <= most : flow.intact, words);
    }
    for (const flow of await Promise.all(shut.map(f => f.end()))) {
      t.diagnostic(describePackets(flow));
      assert.equal(flow.missing.length, flow.sent, 'what is denied');
    }
  }

  test('the server binds with hybrid plugging, whose agent ever reports it', async () => {
    for (const vm of [here, far]) assert.equal((vm.port['binding:vif_details'] as { ovs_hybrid_plug?: boolean }).ovs_hybrid_plug, true);
    const { chains, zones } = await held();
    assert.equal(chains.length, 6, chains.join());
    for (const zone of zones) assert.match(zone, / \d+$/);
  });

  test("Weft's takes over: the chains of the ports and their zones stay", async t => {
    const was = await held();
    const [flows, shut] = await Promise.all([traffic(7001), denied(7201)]);
    await world.agents.kill(world.host('ovs1'), 'openvswitch');
    weft.add('ovs1');
    world.agents.start(world.host('ovs1'), 'openvswitch');
    await world.until('in sync', () => world.agents.log('ovs1', 'openvswitch').includes('in sync with the server'));
    await world.active(here.port.id, near.port.id);
    await world.until('its rules', async () => (await save()).includes('no rule of the groups allows it'));
    assert.deepEqual(await held(), was);
    await counted(t, flows, shut, 3);
    const agent = (await world.server.list('agents?host=ovs1'))[0];
    assert.equal((agent?.configurations as { ovs_hybrid_plug?: boolean }).ovs_hybrid_plug, true);
    const text = await save();
    for (const line of text.matchAll(/-j (neutron-openvswi-\S+)/g)) assert.ok(text.includes(`:${line[1]} `), `${line[1]} is there`);
  });

  test("and Neutron's takes it back", async t => {
    const was = await held();
    const [flows, shut] = await Promise.all([traffic(7011), denied(7211)]);
    const reports = async (): Promise<unknown> => (await world.server.list('agents?host=ovs1'))[0]?.started_at;
    const started = await reports();
    await world.agents.kill(world.host('ovs1'), 'openvswitch');
    weft.delete('ovs1');
    world.agents.start(world.host('ovs1'), 'openvswitch');
    await world.until('begun', async () => (await reports()) !== started);
    await world.until('its rules', async () => !(await save()).includes('no rule of the groups allows it'));
    await world.active(here.port.id, near.port.id);
    // It reads zones by names that it does not look for: each of its starts gives new ones, and never one that it has read.
    const now = await held();
    assert.deepEqual(now.chains, was.chains);
    for (const zone of now.zones) assert.ok(/ \d+$/.test(zone) && !was.zones.some(z => z.split(' ')[1] === zone.split(' ')[1]), zone);
    // Nor is its start quite without loss.
    await counted(t, flows, shut, 40);
  });
});
