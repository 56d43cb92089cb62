// Neutron's DHCP and L3 agents and Weft's in turn on a host with Open vSwitch: each finds the ports that the other has plugged, under numbered packets.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { describePackets, endWithoutLoss, startPackets } from '../system/traffic.ts';
import type { Instance } from './agents/instances.ts';
import { noAgents, patience } from './agents/needs.ts';
import type { Agent } from './agents/neutron.ts';
import type { Made } from './agents/server.ts';
import { World } from './agents/world.ts';

const kinds = ['dhcp', 'l3'] as const satisfies readonly Agent[];
const types = { dhcp: 'DHCP agent', l3: 'L3 agent' } as const;

describe("Neutron's DHCP and L3 agents and Weft's in turn on Open vSwitch", {
  skip: noAgents,
  timeout: 590_000 * patience,
  concurrency: 1,
}, () => {
  let world: World;
  let router: Made;
  let isWefts = false;
  const vms: Instance[] = [];

  const network = async (n: number): Promise<Made> => {
    const made = await world.server.make('networks', 'network', { name: `n${n}` });
    const subnet = await world.server.make('subnets', 'subnet', { network_id: made.id, ip_version: 4, cidr: `10.${n}.0.0/24` });
    await world.server.admin.put(`/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
    return made;
  };
  const boot = async (host: string, { id }: Made): Promise<Instance> => {
    const vm = await world.instance(host, id);
    await world.active(vm.port.id);
    await world.lease(vm);
    vms.push(vm);
    return vm;
  };

  before(async () => {
    world = await World.open({
      kinds: ['openvswitch', 'openvswitch'],
      agents: { ovs1: [...kinds] },
      weft: (host, agent) => isWefts && host.name === 'ovs1' && (agent === 'dhcp' || agent === 'l3'),
      more: (_host, agent) => (agent === 'openvswitch' ? { agent: { extensions: '' } } : {}),
    });
    const flat = { 'router:external': true, 'provider:network_type': 'flat', 'provider:physical_network': 'public' };
    const external = await world.server.make('networks', 'network', { name: 'public', ...flat });
    await world.server.make('subnets', 'subnet', { network_id: external.id, ip_version: 4, cidr: '203.0.113.0/24', enable_dhcp: false });
    router = await world.server.make('routers', 'router', { name: 'r', external_gateway_info: { network_id: external.id } });
    const [first, second] = [await network(1), await network(2)];
    await boot('ovs1', first);
    await boot('ovs2', second);
    const group = (vms[0]!.port.security_groups as string[])[0]!;
    for (const protocol of ['icmp', 'udp'])
      await world.server.make('security-group-rules', 'security_group_rule', { security_group_id: group, direction: 'ingress', protocol });
    await world.reaches(vms[0]!, vms[1]!.address);
  });
  after(() => world?.[Symbol.asyncDispose]());

  const on = (...argv: string[]): Promise<string> => world.lab.on('ovs1', ...argv);

  /** Rows and words of the ports of these agents, and their devices as the kernel numbers them. */
  const plugged = async (): Promise<Map<string, string>> => {
    const table = async (name: string, columns: string): Promise<unknown[][]> =>
      JSON.parse(await on('ovs-vsctl', '-f', 'json', `--columns=${columns}`, 'list', name)).data;
    const [ports, devices] = await Promise.all([
      table('Port', 'name,_uuid,tag'),
      table('Interface', 'name,_uuid,ofport,type,external_ids'),
    ]);
    const links = new Map<string, string>();
    for (const line of (await on('ip', 'netns', 'list')).split('\n')) {
      const netns = line.split(' ')[0] ?? '';
      if (!/^q(dhcp|router)-/.test(netns)) continue;
      const found = JSON.parse(await on('ip', '-j', '-n', netns, 'address')) as {
        ifname: string;
        ifindex: number;
        address: string;
        mtu: number;
        addr_info: { local: string; family: string }[];
      }[];
      for (const { ifname, ifindex, address, mtu, addr_info } of found)
        if (ifname !== 'lo')
          links.set(
            ifname,
            `${netns} ${ifindex} ${address} ${mtu} ${addr_info
              .filter(a => a.family === 'inet')
              .map(a => a.local)
              .sort()}`,
          );
    }
    const words = (rows: unknown[][], name: string): string => JSON.stringify(rows.find(([of]) => of === name));
    return new Map([...links].map(([name, link]) => [name, `${link} ${words(ports, name)} ${words(devices, name)}`]));
  };

  const change = async (to: 'weft' | 'neutron'): Promise<void> => {
    const started = async (kind: (typeof kinds)[number]): Promise<unknown> =>
      (await world.server.list(`agents?host=ovs1&agent_type=${encodeURIComponent(types[kind])}`))[0]?.started_at;
    const before = await Promise.all(kinds.map(started));
    for (const kind of kinds) await world.agents.kill(world.host('ovs1'), kind);
    isWefts = to === 'weft';
    for (const kind of kinds) world.agents.start(world.host('ovs1'), kind);
    await world.until(`${to}'s agents have begun`, async () => (await Promise.all(kinds.map(started))).every((at, i) => at !== before[i]));
  };

  const way = (from: number, to: number, port: number) => ({
    name: `UDP by the router, ${vms[from]!.host.name} → ${vms[to]!.host.name}`,
    from: world.spawnIn(vms[from]!),
    to: world.spawnIn(vms[to]!),
    address: vms[to]!.address,
    port,
  });

  test("Weft's take over from Neutron's: ports, devices and addresses are those that were there, and no packet is missing", async t => {
    const before = await plugged();
    assert.deepEqual([...before.keys()].map(name => name.slice(0, 3)).sort(), ['qg-', 'qr-', 'qr-', 'tap', 'tap']);
    const packets = await Promise.all([startPackets(way(0, 1, 7001)), startPackets(way(1, 0, 7002))]);
    await change('weft');
    await world.until('in sync', () => /synchronised with the server/.test(world.agents.log('ovs1', 'dhcp')));
    await endWithoutLoss(t, packets);
    assert.deepEqual(await plugged(), before);
    // The client takes its address off the device for a moment.
    for (const vm of vms) await world.lease(vm);
  });

  test('what comes then is plugged in the same words', async () => {
    const third = await network(3);
    const vm = await boot('ovs1', third);
    await world.reaches(vm, vms[1]!.address);
    const shape = (text: string): string =>
      text.replaceAll(/[0-9a-f]{8}-[0-9a-f]{2}[0-9a-f-]*|fa:16:3e(:[0-9a-f]{2}){3}|\b\d+\b/g, '#').replaceAll(/10\.#\.#\.#/g, '#');
    const shapes = async (prefix: string): Promise<Set<string>> =>
      new Set([...(await plugged())].filter(([name]) => name.startsWith(prefix)).map(([, text]) => shape(text)));
    for (const prefix of ['tap', 'qr-']) assert.equal((await shapes(prefix)).size, 1, [...(await shapes(prefix))].join('\n'));
  });

  test("Neutron's take them back", async t => {
    const before = await plugged();
    const packets = await Promise.all([startPackets(way(0, 1, 7003)), startPackets(way(2, 1, 7004))]);
    const started = (): number => world.agents.log('ovs1', 'dhcp').split('DHCP agent started').length;
    const were = started();
    await change('neutron');
    // It asks for its networks before it has a queue: nobody tells it of a port that comes in between.
    await world.until('its DHCP agent hears', () => started() > were);
    const fourth = await network(4);
    await boot('ovs2', fourth);
    await world.reaches(vms[3]!, vms[0]!.address);
    for (const counted of await Promise.all(packets.map(flow => flow.end()))) t.diagnostic(describePackets(counted));
    const now = await plugged();
    assert.deepEqual(new Map([...now].filter(([name]) => before.has(name))), before);
  });
});
