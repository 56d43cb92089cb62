// In a guest whose kernel has Open vSwitch's datapath: the agent with `datapath_type = system` on two hosts, each with the datapath of its own
// network namespace. A VLAN and a VXLAN have the same addresses; the firewall's connections are the kernel's.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { OpenvswitchConfig } from '../../../src/agent/context.ts';
import type { Dict } from '../../../src/agent/l2/fake-server.suite.ts';
import { BridgeWorld, type Instance } from '../linuxbridge-world.ts';
import { pings, serve, talk, whoAnswers } from './talk.ts';

const types = ['vlan', 'vxlan'] as const;
type Type = (typeof types)[number];

/** Two on h1, one on h2. */
interface Net {
  readonly near: Instance;
  readonly beside: Instance;
  readonly far: Instance;
}

/** Out everything; in pings, and TCP to port 80. */
const families = ['IPv4', 'IPv6'];
const rules: Dict[] = [
  ...families.map(ethertype => ({ direction: 'egress', ethertype })),
  { direction: 'ingress', ethertype: 'IPv4', protocol: 'icmp' },
  { direction: 'ingress', ethertype: 'IPv6', protocol: 'ipv6-icmp' },
  ...families.map(ethertype => ({ direction: 'ingress', ethertype, protocol: 'tcp', port_range_min: 80, port_range_max: 80 })),
];

const tunnels = (n: number): NonNullable<OpenvswitchConfig['tunnels']> => ({
  types: ['vxlan'],
  localIp: `192.0.2.${n}`,
  l2population: true,
  arpResponder: true,
  vxlanPort: 4789,
  dontFragment: true,
  checksum: false,
});

describe("Open vSwitch with the kernel's datapath in a guest", { concurrency: 1 }, () => {
  let world: BridgeWorld;
  const nets = new Map<Type, Net>();
  const net = (type: Type): Net => nets.get(type)!;

  before(async () => {
    world = await BridgeWorld.open(2, 'openvswitch', 'system');
    const group = world.server.group(1, rules);
    for (const n of [1, 2]) world.server.ends.set(`h${n}`, `192.0.2.${n}`);
    await Promise.all([1, 2].map(n => world.agent(`h${n}`, { tunnels: tunnels(n) })));
    for (const [i, type] of types.entries()) {
      const place = type === 'vlan' ? { physical: 'public', mtu: 1500 } : { mtu: 1450 };
      const network = world.server.network(i + 1, { type, segment: 100, ...place });
      const make = async (host: string, n: number): Promise<Instance> => {
        const addresses = { mac: `fa:16:3e:00:00:0${n}`, ips: [`10.0.0.${n}`, `fd00::${n}`] };
        const vm = await world.instance(host, world.server.port(10 * (i + 1) + n, network, { ...addresses, host, groups: [group] }));
        serve(world, vm);
        return vm;
      };
      const [near, beside, far] = [await make('h1', 1), await make('h1', 2), await make('h2', 3)];
      await world.active(near.port, beside.port, far.port);
      nets.set(type, { near, beside, far });
    }
  });
  after(() => world?.[Symbol.asyncDispose]());

  test("the bridges are the kernel's, and each host has its own", async () => {
    for (const host of ['h1', 'h2']) {
      const shown = await world.on(host, 'ovs-appctl', 'dpctl/show', 'system@ovs-system');
      const taps = [...nets.values()].flatMap(({ near, beside, far }) => [near, beside, far]);
      for (const vm of taps) assert.equal(shown.includes(`tap${vm.port.id.slice(0, 11)}`), vm.host === host, `${vm.port.id} on ${host}`);
    }
  });

  for (const type of types) {
    test(`${type}: ping and TCP on one host, IPv4 and IPv6`, () => talk(world, net(type).near, net(type).beside));
    test(`${type}: ping and TCP between hosts, IPv4 and IPv6`, async () => {
      await talk(world, net(type).near, net(type).far);
      await talk(world, net(type).far, net(type).near);
    });
    test(`${type}: the MTU passes between hosts`, async () => {
      const { near, far } = net(type);
      const mtu = type === 'vlan' ? 1500 : 1450;
      const { code } = await world.tryInside(near, 'ping', '-n', '-c1', '-W4', '-M', 'do', '-s', String(mtu - 28), far.port.ips[0]!);
      assert.equal(code, 0);
    });
    test(`${type}: what no rule permits is denied, beside what one does`, async () => {
      const { near, beside, far } = net(type);
      for (const to of [beside, far])
        for (const address of to.port.ips) {
          assert.equal(await whoAnswers(world, near, address, 81), undefined);
          assert.equal(await whoAnswers(world, near, address), to.ns);
        }
    });
  }

  test("connections are the kernel's, in the zones of their networks", async () => {
    const { near, far } = net('vlan');
    await talk(world, near, far);
    const tracked = await world.on('h2', 'ovs-appctl', 'dpctl/dump-conntrack', 'system@ovs-system');
    const zones = [...tracked.matchAll(/^tcp,.*dport=80\).*zone=(\d+)/gm)].map(([, zone]) => zone);
    assert.equal(new Set(zones).size, types.length, tracked);
  });

  test('a rule that goes takes the kernel along', async () => {
    const { near, far } = net('vxlan');
    const [address = ''] = far.port.ips;
    assert.equal(await pings(world, near, address), true);
    world.server.groups.set(
      far.port.groups[0]!,
      rules.filter(rule => rule['protocol'] !== 'icmp'),
    );
    await world.server.ruleUpdated(far.port.groups[0]!);
    await world.until('it is denied', async () => !(await pings(world, near, address)));
    assert.equal(await whoAnswers(world, near, address), far.ns);
  });
});
