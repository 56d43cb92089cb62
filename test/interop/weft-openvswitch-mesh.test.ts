// Weft's Open vSwitch agent without l2population, on an underlay of IPv6: a mesh of tunnels, in which switches learn where a MAC is.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { endWithoutLoss, startPackets } from '../system/traffic.ts';
import type { Instance } from './agents/instances.ts';
import { noAgents, patience } from './agents/needs.ts';
import { ask, serve } from './agents/traffic.ts';
import { World } from './agents/world.ts';

describe('a mesh of tunnels over IPv6', { skip: noAgents, timeout: 590_000 * patience, concurrency: 1 }, () => {
  let world: World;
  const vms = new Map<string, readonly [Instance, Instance]>();
  const ends: Readonly<Record<string, string>> = { ovs1: 'fd00:99::1', ovs2: 'fd00:99::2' };

  before(async () => {
    world = await World.open({
      kinds: ['openvswitch', 'openvswitch'],
      agents: {},
      weft: () => true,
      server: {
        ml2: ['type_drivers = flat,vlan,vxlan,gre,geneve,local', 'mechanism_drivers = openvswitch', 'overlay_ip_version = 6'],
        ml2_type_gre: ['tunnel_id_ranges = 1:100'],
        ml2_type_geneve: ['vni_ranges = 1:100'],
      },
      more: host => ({
        agent: { tunnel_types: 'vxlan,gre,geneve', l2_population: false, arp_responder: false, extensions: '' },
        ovs: { local_ip: ends[host.name] ?? '' },
        securitygroup: { firewall_driver: 'noop' },
      }),
    });
    for (const { name } of world.lab.hosts) await world.lab.on(name, 'ip', 'address', 'add', `${ends[name]}/64`, 'dev', 'br-phy', 'nodad');
  });
  after(() => world?.[Symbol.asyncDispose]());

  for (const kind of ['vxlan', 'geneve', 'gre']) {
    test(`${kind}: ping and TCP between two hosts`, async () => {
      const made = await world.server.make('networks', 'network', { 'provider:network_type': kind, mtu: 1400 });
      await world.server.make('subnets', 'subnet', { network_id: made.id, ip_version: 4, cidr: '10.7.0.0/24', enable_dhcp: false });
      const [one, two] = [await world.instance('ovs1', made.id), await world.instance('ovs2', made.id)];
      vms.set(kind, [one, two]);
      await world.active(one.port.id, two.port.id);
      for (const vm of [one, two]) await world.inside(vm, 'ip', 'address', 'add', `${vm.address}/24`, 'dev', 'eth0');
      await world.reaches(one, two.address);
      await serve(world, two, 80);
      assert.equal(await ask(world, one, two.address), `${two.ns} ${one.address}`);
    });
  }

  test('agents begin again, and no packet is missing', async t => {
    const packets = await Promise.all(
      [...vms].map(([name, [one, two]], i) =>
        startPackets({ name, from: world.spawnIn(one), to: world.spawnIn(two), address: two.address, port: 7000 + i }),
      ),
    );
    for (const host of ['ovs1', 'ovs2', 'ovs1', 'ovs2']) {
      await world.agents.kill(world.host(host), 'openvswitch');
      const before = world.agents.log(host, 'openvswitch').length;
      world.agents.start(world.host(host), 'openvswitch');
      await world.until('in sync', () => world.agents.log(host, 'openvswitch').slice(before).includes('in sync with the server'));
    }
    await endWithoutLoss(t, packets);
  });
});
