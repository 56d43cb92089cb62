// Weft's server in a cloud of Neutron's own agents, unmodified: two hosts with Linux bridges and two with Open vSwitch in user space, L3, DHCP and
// metadata agents of both kinds, over a real RabbitMQ. What the API promises of networks and groups is looked for in packets.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Instance } from './agents/instances.ts';
import { complaints, type Exception, marks } from './agents/logs.ts';
import { noAgents, patience } from './agents/needs.ts';
import type { Made } from './agents/server.ts';
import { ask, serve } from './agents/traffic.ts';
import { World } from './agents/world.ts';

/** In order, as one story: what a test made the next ones use. */
describe("a cloud of Neutron's agents", { skip: noAgents, timeout: 590_000 * patience, concurrency: 1 }, () => {
  let world: World;
  let net: Made;
  const vms: Instance[] = [];
  const vm = (host: string): Instance => vms.find(v => v.host.name === host)!;
  const exceptions: Exception[] = [
    {
      record: /AddressNotReady: Failure waiting for address fe80::a9fe:a9fe to become ready: Duplicate address detected/,
      why: 'two DHCP agents serve metadata in one network, each by this address',
    },
  ];

  before(async () => {
    world = await World.open({
      kinds: ['linuxbridge', 'linuxbridge', 'openvswitch', 'openvswitch'],
      agents: { lb1: ['dhcp', 'l3', 'metadata'], ovs3: ['dhcp', 'l3', 'metadata'], ovs4: ['l3'] },
      // On a machine with much else to do agents are silent for long while they start.
      server: { DEFAULT: ['dhcp_agents_per_network = 2', 'agent_down_time = 300'] },
      more: (host, agent) => {
        if (agent === 'openvswitch') return { agent: { enable_distributed_routing: true } };
        if (agent !== 'l3' || host.kind !== 'openvswitch') return {};
        if (host.name === 'ovs3') return { DEFAULT: { agent_mode: 'dvr_snat' } };
        // The helpers' extension fails on a host that translates nothing ('DvrLocalRouter' object has no attribute 'snat_iptables_manager').
        return { DEFAULT: { agent_mode: 'dvr' }, agent: { extensions: 'port_forwarding' } };
      },
    });
  });
  after(() => world?.[Symbol.asyncDispose]());

  const network = async (cidr: string): Promise<Made> => {
    const made = await world.server.make('networks', 'network', {});
    await world.server.make('subnets', 'subnet', { network_id: made.id, ip_version: 4, cidr });
    return made;
  };
  /** Nothing that should not be there has been logged since it was asked last. */
  let asked: ReadonlyMap<string, number> = new Map();
  const clean = (): void => {
    const found = complaints(world, exceptions, asked);
    asked = marks(world);
    assert.deepEqual(found, []);
  };

  test('all agents are alive, by type and host', async () => {
    const agents = await world.server.list('agents?alive=true');
    assert.deepEqual(agents.map(a => `${String(a.host)} ${String(a.agent_type)}`).sort(), [
      'lb1 DHCP agent',
      'lb1 L3 agent',
      'lb1 Linux bridge agent',
      'lb1 Metadata agent',
      'lb2 Linux bridge agent',
      'ovs3 DHCP agent',
      'ovs3 L3 agent',
      'ovs3 Metadata agent',
      'ovs3 Open vSwitch agent',
      'ovs4 L3 agent',
      'ovs4 Open vSwitch agent',
    ]);
  });

  test('one network over Linux bridges and Open vSwitch: DHCP, ping and TCP between all hosts', async () => {
    net = await network('10.1.0.0/24');
    for (const { name } of world.lab.hosts) vms.push(await world.instance(name, net.id));
    await world.active(...vms.map(v => v.port.id));
    const dhcp = await world.server.list(`ports?network_id=${net.id}&device_owner=network:dhcp`);
    assert.deepEqual(dhcp.map(p => [p['binding:host_id'], p['binding:vif_type']]).sort(), [
      ['lb1', 'bridge'],
      ['ovs3', 'ovs'],
    ]);
    await Promise.all(vms.map(v => world.lease(v)));
    await Promise.all(vms.map(v => serve(world, v, 80, 81)));
    for (const from of vms) {
      for (const to of vms) {
        if (from === to) continue;
        await world.reaches(from, to.address);
        assert.equal(await ask(world, from, to.address), `${to.ns} ${from.address}`, `${from.host.name} asks ${to.host.name}`);
      }
    }
    clean();
  });

  for (const [host, from] of [['lb2', 'ovs4']] as const) {
    test(`security groups on ${host}: rules, remote groups and address groups take effect and cease to`, async () => {
      const own = await world.server.make('security-groups', 'security_group', { name: `of ${host}` });
      const friends = await world.server.make('security-groups', 'security_group', { name: 'friends' });
      const { id, port, address } = { ...vm(host), id: vm(host).port.id };
      const client = vm(from);
      const answers = (number: number): Promise<string | undefined> => ask(world, client, address, number);
      const opens = (number: number): Promise<void> =>
        world.until(`port ${number} of ${host} answers`, async () => (await answers(number)) !== undefined);
      const closes = (number: number): Promise<void> =>
        world.until(`port ${number} of ${host} is closed`, async () => (await answers(number)) === undefined);
      const allow = (attributes: object): Promise<Made> =>
        world.server.make('security-group-rules', 'security_group_rule', {
          security_group_id: own.id,
          direction: 'ingress',
          ethertype: 'IPv4',
          protocol: 'tcp',
          ...attributes,
        });

      await world.server.set(`ports/${id}`, 'port', { security_groups: [own.id] });
      await closes(80);
      const web = await allow({ port_range_min: 80, port_range_max: 80 });
      await opens(80);
      assert.equal(await answers(81), undefined);
      const grown = await allow({ port_range_min: 81, port_range_max: 81, remote_group_id: friends.id });
      const groups = client.port.security_groups as string[];
      await world.server.set(`ports/${client.port.id}`, 'port', { security_groups: [...groups, friends.id] });
      await opens(81);
      await world.server.set(`ports/${client.port.id}`, 'port', { security_groups: groups });
      await closes(81);
      await opens(80);
      await world.server.admin.delete(`/security-group-rules/${web.id}`);
      await closes(80);

      const list = await world.server.make('address-groups', 'address_group', { name: 'list' });
      await allow({ port_range_min: 80, port_range_max: 80, remote_address_group_id: list.id });
      assert.equal(await answers(80), undefined);
      const change = (verb: string) =>
        world.server.admin.put(`/address-groups/${list.id}/${verb}`, { addresses: [`${client.address}/32`] });
      await change('add_addresses');
      await opens(80);
      await change('remove_addresses');
      await closes(80);

      await world.server.set(`ports/${id}`, 'port', { security_groups: port.security_groups });
      await opens(80);
      await world.server.admin.delete(`/security-group-rules/${grown.id}`);
      await world.server.admin.delete(`/security-groups/${own.id}`);
      await world.server.admin.delete(`/security-groups/${friends.id}`);
      await world.server.admin.delete(`/address-groups/${list.id}`);
      clean();
    });
  }
});
