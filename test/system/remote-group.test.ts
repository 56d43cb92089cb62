// 500 ports of one security group on a host, whose members are let in: one member more is one flow or one element of a set for each of its addresses,
// whatever the number of ports; one that leaves is cut off, and nobody else is.
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { type Dict, type FakePort, tapOf } from '../../src/agent/l2/fake-server.suite.ts';
import { run } from '../../src/main/sandbox/run.ts';
import { connect, connects, serve } from './linuxbridge-traffic.ts';
import { BridgeWorld, type Instance, type SwitchKind } from './linuxbridge-world.ts';
import { noSandbox, noSwitch } from './need.ts';

const families = ['IPv4', 'IPv6'];
const size = 500;
const flat = { type: 'flat', physical: 'public' } as const;
/** The server's port in the instance that is watched. */
const port = 8001;

interface Kind {
  readonly kind: SwitchKind;
  readonly what: string;
  readonly missing: string | false;
  /** All that filters, a line each. */
  filters(world: BridgeWorld): Promise<string[]>;
}

const lines = (text: string): string[] => text.split('\n').filter(line => line.trim() !== '' && !line.startsWith('#'));

const kinds: readonly Kind[] = [
  {
    kind: 'openvswitch',
    what: 'flows of br-int',
    missing: noSandbox() || noSwitch(),
    async filters(world) {
      const dump = await world.on('h1', 'ovs-ofctl', '-O', 'OpenFlow14', 'dump-flows', '--no-stats', 'br-int');
      return lines(dump).filter(line => !line.includes('hard_timeout='));
    },
  },
  {
    kind: 'linuxbridge',
    what: 'rules and elements of sets',
    missing: noSandbox(),
    async filters(world) {
      const said = await Promise.all(['iptables-save', 'ip6tables-save', 'ipset save'].map(of => world.on('h1', ...of.split(' '))));
      // Counters, and how large a set is now, are no rules.
      return said.flatMap(text => lines(text).map(line => line.replace(/\[\d+:\d+\]/, '')));
    },
  },
];

for (const { kind, what, missing, filters } of kinds) {
  describe(`a group of ${size} ports on a host with ${kind}`, { skip: missing }, () => {
    let world: BridgeWorld;
    let group: string;
    let server: Instance;
    let member: Instance;
    let guest: Instance;

    const address = (n: number): string[] => [`10.0.${n >> 8}.${n & 255}`, `fd00::${n.toString(16)}`];
    const make = (n: number, groups: string[], host = 'h1'): FakePort => {
      const [network = world.server.network(1, flat)] = world.server.networks.values();
      return world.server.port(n, network, { ips: address(n), groups, host });
    };
    const instance = (vm: FakePort): Promise<Instance> =>
      world.instance(vm.host, vm, { addresses: vm.ips.map(ip => (ip.includes(':') ? `${ip}/64` : `${ip}/16`)) });
    const print = async (): Promise<string[]> => (await filters(world)).sort();
    /** What went and what came. */
    const difference = (old: readonly string[], now: readonly string[]): { gone: string[]; come: string[] } => {
      const [had, has] = [new Set(old), new Set(now)];
      return { gone: old.filter(line => !has.has(line)), come: now.filter(line => !had.has(line)) };
    };
    const settled = async (vm: FakePort, inside: boolean): Promise<string[]> => {
      let now: string[] = [];
      await world.until(`the filters know ${inside ? '' : 'no more '}of ${vm.ips.join()}`, async () => {
        now = await print();
        return vm.ips.every(ip => now.some(line => new RegExp(`[ =]${ip}(/\\d+)?([ ,]|$)`).test(line)) === inside);
      });
      return now;
    };

    before(async () => {
      world = await BridgeWorld.open(2, kind);
      const rules = families.flatMap((ethertype): Dict[] => [
        { direction: 'egress', ethertype },
        { direction: 'ingress', ethertype, protocol: 'tcp', port_range_min: port, port_range_max: port, remote_group_id: 'self' },
      ]);
      group = world.server.group(1, rules);
      world.server.groups.set(
        group,
        world.server.groups.get(group)!.map(r => (r['remote_group_id'] ? { ...r, remote_group_id: group } : r)),
      );
      const all = Array.from({ length: size }, (_, i) => make(i + 1, [group]));
      await plugMany(world, all.slice(1));
      server = await instance(all[0]!);
      const config = kind === 'linuxbridge' ? { interfaceMappings: { public: 'eth1' } } : {};
      await Promise.all(['h1', 'h2'].map(host => world.agent(host, config)));
      await world.until('all are ACTIVE', async () => all.every(p => p.status === 'ACTIVE'), 120_000);
      await serve(world, server, port);
      member = await instance(make(2 + size, [group], 'h2'));
      await world.server.memberUpdated(group);
      await settled(member.port, true);
      await world.until('a member is let in', () => connects(world, member, address(1)[0]!, port), 60_000);
    });
    after(() => world?.[Symbol.asyncDispose]());

    test('one member more is one more for each address, and leaves the others as they are', async (t: TestContext) => {
      const old = await print();
      guest = await instance(make(3 + size, [group], 'h2'));
      await world.server.memberUpdated(group);
      const now = await settled(guest.port, true);
      t.diagnostic(`${what}: ${old.length} before, ${now.length} after, with ${size} ports here`);
      const { gone, come } = difference(old, now);
      assert.deepEqual(gone, []);
      assert.equal(come.length, guest.port.ips.length, come.join('\n'));
      for (const ip of address(1)) assert.equal(await connects(world, guest, ip, port), true, `let in to ${ip}`);
    });

    test('one that leaves takes no more than it brought, and its connections end; those of others go on', async (t: TestContext) => {
      const old = await print();
      const [cut, cut6] = [await connect(world, guest, address(1)[0]!, port), await connect(world, guest, address(1)[1]!, port)];
      const spared = await connect(world, member, address(1)[0]!, port);
      guest.port.groups.splice(0, 1, world.server.group(2, [{ direction: 'egress', ethertype: 'IPv4' }]));
      await world.server.memberUpdated(group);
      const now = await settled(guest.port, false);
      const { gone, come } = difference(old, now);
      t.diagnostic(`${what}: ${old.length} before, ${now.length} after`);
      assert.deepEqual(come, []);
      assert.equal(gone.length, guest.port.ips.length, gone.join('\n'));
      for (const one of [cut, cut6]) await world.until('its connection has ended', async () => !(await one.flows(400)));
      assert.equal(await connects(world, guest, address(1)[0]!, port), false);
      assert.equal(await spared.flows(), true, 'a member that stayed');
    });
  });
}

/** Ports without an instance behind them. */
async function plugMany(world: BridgeWorld, ports: readonly FakePort[]): Promise<void> {
  const taps = ports.map(p => tapOf(p.id));
  if (world.kind === 'linuxbridge') {
    const batch = taps.map(tap => `tuntap add dev ${tap} mode tap`);
    await run(world.enter('h1', ['ip', '-batch', '-']), { input: `${batch.join('\n')}\n` });
    return;
  }
  const bridge = ['--', '--may-exist', 'add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath_type=netdev'];
  await world.on('h1', 'ovs-vsctl', '--timeout=20', ...bridge);
  for (let i = 0; i < ports.length; i += 100) {
    const argv = ports.slice(i, i + 100).flatMap(p => {
      const tap = tapOf(p.id);
      const ids = [`iface-id="${p.id}"`, `attached-mac="${p.mac}"`, 'iface-status=active'].map(id => `external_ids:${id}`);
      return ['--', 'add-port', 'br-int', tap, '--', 'set', 'Interface', tap, 'type=internal', ...ids];
    });
    await world.on('h1', 'ovs-vsctl', '--timeout=60', ...argv);
  }
}
