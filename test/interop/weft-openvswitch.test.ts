// Weft's Open vSwitch agent on two hosts with Open vSwitch in user space, on Weft's server over a real RabbitMQ: every network type, tunnels by
// l2population; the agent and the switch begun anew under numbered packets.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { describePackets, endWithoutLoss, startPackets, startTransfer } from '../system/traffic.ts';
import type { Instance } from './agents/instances.ts';
import { noAgents, patience } from './agents/needs.ts';
import type { Made } from './agents/server.ts';
import { ask, serve } from './agents/traffic.ts';
import { World } from './agents/world.ts';

interface Net {
  readonly made: Made;
  readonly vms: readonly Instance[];
}

describe("Weft's Open vSwitch agent", { skip: noAgents, timeout: 590_000 * patience, concurrency: 1 }, () => {
  let world: World;
  const nets = new Map<string, Net>();
  const hosts = ['ovs1', 'ovs2'] as const;

  before(async () => {
    world = await World.open({
      kinds: ['openvswitch', 'openvswitch'],
      agents: {},
      weft: () => true,
      server: {
        ml2: ['type_drivers = flat,vlan,vxlan,gre,geneve,local'],
        ml2_type_vlan: ['network_vlan_ranges = public:100:200'],
        ml2_type_gre: ['tunnel_id_ranges = 1:100'],
        ml2_type_geneve: ['vni_ranges = 1:100'],
      },
      more: () => ({
        agent: { tunnel_types: 'vxlan,gre,geneve', extensions: '' },
        securitygroup: { firewall_driver: 'noop' },
      }),
    });
  });
  after(() => world?.[Symbol.asyncDispose]());

  /** What is not learned from frames; empty while the switch does not answer. */
  const flows = async (host: string, bridge: string): Promise<string> => {
    const dumped = await world.lab.attempt(host, 'ovs-ofctl', '-O', 'OpenFlow14', 'dump-flows', '--no-stats', bridge);
    const lines = dumped.stdout.split('\n').filter(line => !line.includes(' hard_timeout='));
    return lines.sort().join('\n');
  };
  const tables = async (): Promise<string> =>
    (await Promise.all(hosts.flatMap(host => ['br-int', 'br-tun', 'br-ex'].map(bridge => flows(host, bridge))))).join('\n');
  const address = async (vm: Instance): Promise<void> => {
    await world.inside(vm, 'ip', 'address', 'add', `${vm.address}/24`, 'dev', 'eth0');
  };

  const kinds: Readonly<Record<string, object>> = {
    vxlan: { 'provider:network_type': 'vxlan' },
    gre: { 'provider:network_type': 'gre' },
    geneve: { 'provider:network_type': 'geneve' },
    flat: { 'provider:network_type': 'flat', 'provider:physical_network': 'public' },
    vlan: { 'provider:network_type': 'vlan', 'provider:physical_network': 'public' },
    local: { 'provider:network_type': 'local' },
  };
  for (const [kind, attributes] of Object.entries(kinds)) {
    test(`${kind}: ping and TCP${kind === 'local' ? ' on one host' : ' between two hosts'}`, async () => {
      const made = await world.server.make('networks', 'network', { ...attributes } as Record<string, string>);
      // The same addresses in every network.
      await world.server.make('subnets', 'subnet', { network_id: made.id, ip_version: 4, cidr: '10.5.0.0/24', enable_dhcp: false });
      const vms: Instance[] = [];
      for (const host of kind === 'local' ? (['ovs1', 'ovs1'] as const) : hosts) vms.push(await world.instance(host, made.id));
      nets.set(kind, { made, vms });
      await world.active(...vms.map(v => v.port.id));
      await Promise.all(vms.map(address));
      const [one, two] = vms as [Instance, Instance];
      await world.reaches(one, two.address);
      await world.reaches(two, one.address);
      await serve(world, two, 80);
      assert.equal(await ask(world, one, two.address), `${two.ns} ${one.address}`);
    });
  }

  const way = (name: string, port: number) => {
    const [one, two] = nets.get(name)!.vms as [Instance, Instance];
    return { name, from: world.spawnIn(one), to: world.spawnIn(two), address: two.address, port };
  };
  /** Counts every change of the database. */
  const changes = (host: string): Promise<string> => world.lab.on(host, 'ovs-vsctl', 'get', 'Open_vSwitch', '.', 'next_cfg');
  const again = async (host: string): Promise<void> => {
    const before = world.agents.log(host, 'openvswitch').split('in sync with the server').length;
    await world.agents.kill(world.host(host), 'openvswitch');
    world.agents.start(world.host(host), 'openvswitch');
    await world.until(
      `the agent of ${host} is in sync`,
      () => world.agents.log(host, 'openvswitch').split('in sync with the server').length > before,
    );
  };

  test('killed and begun again it touches nothing, and no packet is missing', async t => {
    // A switch in user space drops packets beside transfers that fill it.
    const packets = await Promise.all(['vxlan', 'gre', 'vlan', 'flat'].map((name, i) => startPackets(way(name, 7100 + i))));
    const transfer = await startTransfer(way('geneve', 7200));
    const [was, counted] = [await tables(), await Promise.all(hosts.map(changes))];
    for (const host of hosts) await again(host);
    await world.active(...[...nets.values()].flatMap(n => n.vms.map(v => v.port.id)));
    assert.equal(await tables(), was);
    assert.deepEqual(await Promise.all(hosts.map(changes)), counted);
    await endWithoutLoss(t, [...packets, transfer]);
  });

  test('ovs-vswitchd begins again without a flow, and has all of them soon, also while the server is away', async t => {
    const was = await flows('ovs1', 'br-tun');
    await world.server.kill();
    await world.lab.killSwitch('ovs1', 'ovs-vswitchd');
    const began = performance.now();
    await world.lab.startDaemon('ovs1');
    const up = performance.now();
    await world.until('all flows', async () => (await flows('ovs1', 'br-tun')) === was);
    t.diagnostic(
      `ovs-vswitchd answered after ${Math.round(up - began)} ms, all flows were seen ${Math.round(performance.now() - up)} ms later`,
    );
    const { vms } = nets.get('vxlan')!;
    await world.reaches(vms[0]!, vms[1]!.address);
    await world.server.up();
    await world.allAlive();
  });

  test('the database begins again: packets go on, and a port that comes after it is wired', async t => {
    const { made, vms } = nets.get('vlan')!;
    const packets = await startPackets(way('vlan', 7300));
    await world.lab.killSwitch('ovs1', 'ovsdb-server');
    await world.lab.startDatabase('ovs1');
    const late = await world.instance('ovs1', made.id);
    await world.active(late.port.id);
    await address(late);
    await world.reaches(late, vms[1]!.address);
    const counted = await packets.end();
    t.diagnostic(describePackets(counted));
    assert.deepEqual(counted.missing, []);
    await world.unplug(late);
    await world.until('DOWN', async () => (await world.server.list(`ports?id=${late.port.id}`))[0]?.status === 'DOWN');
    await world.server.admin.delete(`/ports/${late.port.id}`);
  });

  test('a port that is down is dead, and comes back', async () => {
    const [one, two] = nets.get('vxlan')!.vms as [Instance, Instance];
    const tag = async (): Promise<string> => (await world.lab.on(two.host.name, 'ovs-vsctl', 'get', 'Port', two.tap, 'tag')).trim();
    const alive = await tag();
    await world.server.set(`ports/${two.port.id}`, 'port', { admin_state_up: false });
    await world.until('dead', async () => (await tag()) === '4095');
    assert.equal(await world.pings(one, two.address), false);
    await world.until('DOWN', async () => (await world.server.list(`ports?id=${two.port.id}`))[0]?.status === 'DOWN');
    await world.server.set(`ports/${two.port.id}`, 'port', { admin_state_up: true });
    await world.reaches(one, two.address);
    assert.equal(await tag(), alive);
    await world.active(two.port.id);
  });

  test('a port with port security sends as itself alone', async () => {
    const [one, two] = nets.get('flat')!.vms as [Instance, Instance];
    await world.reaches(one, two.address);
    await world.inside(one, 'ip', 'address', 'add', '10.5.0.200/24', 'dev', 'eth0');
    const asOther = ['ping', '-n', '-c2', '-W1', '-I', '10.5.0.200', two.address];
    await world.inside(two, 'ip', 'neighbour', 'flush', 'all');
    assert.notEqual((await world.tryInside(one, ...asOther)).code, 0);
    await world.server.set(`ports/${one.port.id}`, 'port', { allowed_address_pairs: [{ ip_address: '10.5.0.200' }] });
    await world.until('the pair passes', async () => (await world.tryInside(one, ...asOther)).code === 0);
  });
});
