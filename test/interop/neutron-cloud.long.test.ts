// Weft's server in a cloud of Neutron's own agents, unmodified: two hosts with Linux bridges and two with Open vSwitch in user space, L3, DHCP and
// metadata agents of both kinds, over a real RabbitMQ. What the API promises of networks, groups and routers is looked for in packets.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { describePackets, type Flow, type Packets, startPackets } from '../system/traffic.ts';
import type { Instance } from './agents/instances.ts';
import { publicCidr, publicGateway } from './agents/lab.ts';
import { complaints, type Exception, marks, whileAway } from './agents/logs.ts';
import { noAgents, patience } from './agents/needs.ts';
import type { Made } from './agents/server.ts';
import { ask, askFromPublic, serve, servePublic } from './agents/traffic.ts';
import { World } from './agents/world.ts';

/** In order, as one story: what a test made the next ones use. */
describe("a cloud of Neutron's agents", { skip: noAgents, timeout: 590_000 * patience, concurrency: 1 }, () => {
  let world: World;
  let net: Made;
  let external: Made;
  const vms: Instance[] = [];
  const vm = (host: string): Instance => vms.find(v => v.host.name === host)!;
  const exceptions: Exception[] = [
    {
      record: /AddressNotReady: Failure waiting for address fe80::a9fe:a9fe to become ready: Duplicate address detected/,
      why: 'two DHCP agents serve metadata in one network, each by this address',
    },
    {
      record: /'arping'.*arping: bind: Cannot assign requested address/,
      why: 'an address of a router is announced for some seconds, also when it has gone meanwhile',
    },
    {
      record: /Initializing unfiltered port \S+ that does not exist in ovsdb/,
      why: 'a port is unplugged between two looks of the agent',
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

  const network = async (cidr: string): Promise<[Made, Made]> => {
    const made = await world.server.make('networks', 'network', {});
    return [made, await world.server.make('subnets', 'subnet', { network_id: made.id, ip_version: 4, cidr })];
  };
  /** Nothing that should not be there has been logged since it was asked last. */
  let asked: ReadonlyMap<string, number> = new Map();
  const clean = (more: readonly Exception[] = []): void => {
    const found = complaints(world, [...exceptions, ...more], asked);
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
    [net] = await network('10.1.0.0/24');
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

  // The flows that Open vSwitch's agent has made for a member of a remote group stay when it leaves the group: nothing of the server can change that.
  for (const [host, from, forgets] of [
    ['lb2', 'ovs4', true],
    ['ovs3', 'lb1', false],
  ] as const) {
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
      if (forgets) await closes(81);
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

  test('the public network', async () => {
    external = await world.server.make('networks', 'network', {
      'router:external': true,
      'provider:network_type': 'flat',
      'provider:physical_network': 'public',
    });
    await world.server.make('subnets', 'subnet', {
      network_id: external.id,
      ip_version: 4,
      cidr: publicCidr,
      gateway_ip: publicGateway,
      enable_dhcp: false,
    });
    await servePublic(world, 80);
    for (const host of ['lb1', 'ovs3']) await world.metadata(host);
    const unsigned = ['curl', '-s', '-H', 'X-Instance-ID: any', 'http://127.0.0.1:8775/'];
    assert.equal(await world.lab.on('lb1', ...unsigned), 'the signature is wrong');
  });

  async function router(host: string, subnetId: string, attributes: object = {}): Promise<Made> {
    const made = await world.server.make('routers', 'router', { distributed: false, ha: false, ...attributes });
    const agent = await world.agentId(host, 'L3 agent');
    await world.server.admin.post(`/agents/${agent}/l3-routers`, { router_id: made.id });
    await world.server.admin.put(`/routers/${made.id}/add_router_interface`, { subnet_id: subnetId });
    return world.server.set(`routers/${made.id}`, 'router', { external_gateway_info: { network_id: external.id } });
  }
  const gatewayOf = (made: Made): string => {
    const { external_fixed_ips } = made.external_gateway_info as { external_fixed_ips: { ip_address: string }[] };
    return external_fixed_ips[0]!.ip_address;
  };

  const routed = (at: string, here: string, there: string, cidr: string): void => {
    void test(`a router on ${at}: out, floating IPs, forwarded ports, helpers, metadata`, async () => {
      const [inner, range] = await network(cidr);
      const made = await router(at, range.id);
      const inside = [await world.instance(here, inner.id), await world.instance(there, inner.id)] as const;
      await world.active(...inside.map(v => v.port.id));
      await Promise.all(inside.map(v => world.lease(v)));
      const [near, far] = inside;
      await serve(world, far, 80, 8080);

      await world.until('out by the address of the router', async () => {
        const answer = await ask(world, near, publicGateway);
        return answer === `public ${gatewayOf(made)}`;
      });
      const fip = await world.server.make('floatingips', 'floatingip', { floating_network_id: external.id, port_id: far.port.id });
      const address = String(fip.floating_ip_address);
      const own = await world.server.make('security-groups', 'security_group', { name: 'web' });
      await world.server.make('security-group-rules', 'security_group_rule', {
        ...{ security_group_id: own.id, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp' },
        ...{ port_range_min: 80, port_range_max: 8080 },
      });
      await world.server.set(`ports/${far.port.id}`, 'port', { security_groups: [own.id] });
      await world.until('in by the floating IP', async () => (await askFromPublic(world, address)) === `${far.ns} ${publicGateway}`);
      assert.equal(await ask(world, far, publicGateway), `public ${address}`);
      await world.until(
        'the floating IP is ACTIVE',
        async () => (await world.server.list(`floatingips?id=${fip.id}`))[0]?.status === 'ACTIVE',
      );
      await world.server.set(`floatingips/${fip.id}`, 'floatingip', { port_id: null });
      await world.until('the floating IP leads nowhere', async () => (await askFromPublic(world, address)) === undefined);

      const forwarding = {
        ...{ protocol: 'tcp', external_port: 2080, internal_port: 8080 },
        ...{ internal_port_id: far.port.id, internal_ip_address: far.address },
      };
      await world.server.make(`floatingips/${fip.id}/port_forwardings`, 'port_forwarding', forwarding);
      await world.until(
        'in by the forwarded port',
        async () => (await askFromPublic(world, address, 2080)) === `${far.ns} ${publicGateway}`,
      );
      await world.server.make(`routers/${made.id}/conntrack_helpers`, 'conntrack_helper', { protocol: 'udp', port: 69, helper: 'tftp' });
      const raw = (): Promise<string> => world.lab.on(at, 'ip', 'netns', 'exec', `qrouter-${made.id}`, 'iptables-save', '-t', 'raw');
      await world.until('the helper is in the router', async () => /--dport 69 -j CT --helper tftp/.test(await raw()));

      const told = async (v: Instance): Promise<unknown> => {
        const done = await world.tryInside(v, 'curl', '-s', '-m', '5', 'http://169.254.169.254/latest/meta-data/');
        // A proxy that listens for both families tells IPv4 so.
        return done.code === 0 ? done.stdout.replace('::ffff:', '') : undefined;
      };
      for (const v of inside) {
        const wanted = { id: v.port.device_id, project: v.port.project_id, from: v.address, path: '/latest/meta-data/' };
        await world.until(`${v.host.name} is told who it is`, async () => (await told(v)) === JSON.stringify(wanted));
      }
      clean();
    });
  };
  routed('lb1', 'lb1', 'lb2', '10.2.0.0/24');
  routed('ovs3', 'ovs3', 'ovs4', '10.3.0.0/24');

  test('what is unplugged is DOWN', async () => {
    const gone = [await world.instance('lb2', net.id), await world.instance('ovs4', net.id)];
    await world.active(...gone.map(v => v.port.id));
    for (const v of gone) await world.unplug(v);
    const statuses = async (): Promise<string> =>
      (await world.server.list(`ports?${gone.map(v => `id=${v.port.id}`).join('&')}`)).map(p => p.status).join();
    await world.until('both are DOWN', async () => (await statuses()) === 'DOWN,DOWN');
    for (const v of gone) await world.server.admin.delete(`/ports/${v.port.id}`);
    clean();
  });

  /** Between what runs already, over each kind of host and from one kind to the other. */
  async function flows(): Promise<Flow<Packets>[]> {
    const ways = [
      ['lb1', 'lb2'],
      ['ovs3', 'ovs4'],
      ['lb2', 'ovs4'],
    ] as const;
    return Promise.all(
      ways.map(([from, to], i) => {
        const place = (name: string) => world.spawnIn(vm(name));
        return startPackets({ name: `${from} to ${to}`, from: place(from), to: place(to), address: vm(to).address, port: 5000 + i });
      }),
    );
  }
  async function arrive(running: readonly Flow<Packets>[]): Promise<void> {
    for (const flow of running) {
      const packets = await flow.end();
      assert.ok(packets.sent > 100);
      assert.equal(packets.missing.length, 0, describePackets(packets));
    }
  }
  /** Made, plugged and used while, or after, something was away. */
  async function wired(...made: readonly Instance[]): Promise<void> {
    await world.active(...made.map(v => v.port.id));
    await Promise.all(made.map(v => world.lease(v)));
    for (const v of made) for (const old of vms) await world.reaches(v, old.address);
    for (const v of made) await world.unplug(v);
    for (const v of made) await world.server.admin.delete(`/ports/${v.port.id}`);
  }
  const both = async (): Promise<Instance[]> => [await world.instance('lb2', net.id), await world.instance('ovs4', net.id)];

  test('the server is killed: packets go on, and agents find the next one', async () => {
    const running = await flows();
    await world.server.kill();
    await world.server.up();
    await wired(...(await both()));
    await arrive(running);
    clean(whileAway);
  });

  test('the broker is killed: what is made meanwhile is wired when it is back', async () => {
    const running = await flows();
    await world.rabbit.kill();
    const made = await both();
    await world.rabbit.up();
    await wired(...made);
    await world.allAlive();
    await arrive(running);
    clean(whileAway);
  });
});
