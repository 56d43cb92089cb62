// Networks side by side on real hosts: the same addresses twice on one host, flat networks on the host's own interface, multicast tunnels.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Dict, tapOf } from '../../src/agent/l2/fake-server.suite.ts';
import { capture } from './captures.ts';
import { connect, connects, pings, serve } from './linuxbridge-traffic.ts';
import { BridgeWorld } from './linuxbridge-world.ts';
import { noSandbox } from './need.ts';

const families = ['IPv4', 'IPv6'];
const out: Dict[] = families.map(ethertype => ({ direction: 'egress', ethertype }));
const all: Dict[] = [...out, ...families.map(ethertype => ({ direction: 'ingress', ethertype }))];

describe('networks', { skip: noSandbox() }, () => {
  test('two networks with the same addresses and ports on one host never share a connection', async () => {
    await using world = await BridgeWorld.open(1);
    const open = world.server.group(1, all);
    const shut = world.server.group(2, out);
    await world.agent('h1');
    const red = world.server.network(1);
    const blue = world.server.network(2);
    const ips = [
      ['10.0.0.1', 'fd00::1'],
      ['10.0.0.2', 'fd00::2'],
    ];
    const make = async (n: number, network: typeof red, which: 0 | 1, group: string) => {
      const port = world.server.port(n, network, { groups: [group], ips: ips[which]! });
      const vm = await world.instance('h1', port);
      await world.active(port);
      return vm;
    };
    const redServer = await make(1, red, 0, open);
    const redClient = await make(2, red, 1, open);
    const blueServer = await make(3, blue, 0, shut);
    const blueClient = await make(4, blue, 1, open);
    for (const vm of [redServer, blueServer]) await serve(world, vm, 8000);
    for (const ip of ips[0]!) {
      const held = await connect(world, redClient, ip, 8000, 33_333);
      assert.equal(
        await connects(world, blueClient, ip, 8000, 33_333),
        false,
        `${ip}: denied in blue while the same connection stands in red`,
      );
      assert.equal(await pings(world, blueClient, ip), false);
      assert.equal(await pings(world, redClient, ip), true);
      assert.equal(await held.flows(), true);
      held.job.child.kill('SIGKILL');
    }
    const zones = await world.on('h1', 'iptables-save', '-t', 'raw');
    assert.deepEqual(new Set(zones.match(/--zone \d+/g)).size, 2);
    // The host itself is not to be reached from the instances: not at its own address, not at the bridge's MAC.
    assert.equal(await pings(world, redClient, '192.0.2.1'), false);
    const bridge = (await world.on('h1', 'cat', `/sys/class/net/brq${red.id.slice(0, 11)}/address`)).trim();
    await world.inside(redClient, 'ip', 'route', 'add', '192.0.2.0/24', 'dev', 'eth0');
    await world.inside(redClient, 'ip', 'neigh', 'add', '192.0.2.1', 'lladdr', bridge, 'dev', 'eth0');
    assert.equal(await pings(world, redClient, '192.0.2.1'), false);
  });

  test("a flat network takes the host's interface with its addresses and routes, and gives them back", async () => {
    await using world = await BridgeWorld.open(2);
    const open = world.server.group(1, all);
    for (const [host, n] of [
      ['h1', 1],
      ['h2', 2],
    ] as const) {
      await world.on(host, 'ip', 'addr', 'add', `203.0.113.${n}/24`, 'dev', 'eth1');
      await world.on(host, 'ip', 'addr', 'add', `2001:db8:f::${n}/64`, 'dev', 'eth1', 'nodad');
    }
    await world.on('h1', 'ip', 'route', 'add', 'default', 'via', '203.0.113.2');
    await world.on('h1', 'ip', 'route', 'add', '2001:db8:77::/48', 'via', '2001:db8:f::2');
    const routes = async (): Promise<string> =>
      (await world.on('h1', 'sh', '-c', 'ip route; ip -6 route | grep -v ^fe80')).replaceAll(/ (pref medium|linkdown)/g, '');
    const before = await routes();
    await world.agent('h1', { interfaceMappings: { public: 'eth1' } });
    const flat = world.server.network(1, { type: 'flat', physical: 'public', mtu: 1500, segment: undefined as never });
    const port = world.server.port(1, flat, { groups: [open], ips: ['203.0.113.50', '2001:db8:f::50'] });
    const host = world.start('h1', ['ping', '-n', '-i', '0.2', '203.0.113.2']);
    const vm = await world.instance('h1', port);
    await world.active(port);
    const bridge = `brq${flat.id.slice(0, 11)}`;
    assert.equal(await routes(), before.replaceAll('dev eth1', `dev ${bridge}`));
    for (const ip of ['203.0.113.2', '2001:db8:f::2', '203.0.113.1', '2001:db8:f::1']) assert.equal(await pings(world, vm, ip), true, ip);
    assert.equal((await world.attempt('h1', 'ping', '-c', '1', '-W', '1', '203.0.113.50')).code, 0, 'the host reaches the instance');
    assert.equal((await world.attempt('h1', 'ping', '-c', '1', '-W', '1', '2001:db8:f::2')).code, 0, 'the host reaches out');
    // The host's own connections stay in its own zone: a host that lets in only answers still gets them.
    for (const tool of ['iptables', 'ip6tables'])
      await world.on('h1', tool, '-A', 'INPUT', '-i', bridge, '-m', 'state', '--state', 'NEW,INVALID', '-j', 'DROP');
    assert.equal((await world.attempt('h1', 'ping', '-c', '1', '-W', '1', '203.0.113.2')).code, 0, 'answers to the host');
    assert.equal(await pings(world, vm, '203.0.113.1'), false, "the host's own filter holds");
    await world.unplug(vm);
    await world.until('the bridge is gone', async () => !(await world.on('h1', 'ip', 'link')).includes('brq'));
    assert.equal(await routes(), before);
    assert.equal((await world.attempt('h1', 'ping', '-c', '1', '-W', '1', '203.0.113.2')).code, 0);
    host.child.kill('SIGKILL');
  });

  test('a flat network on a bridge that is there already only uses it', async () => {
    await using world = await BridgeWorld.open(2);
    const open = world.server.group(1, all);
    await world.on('h2', 'ip', 'addr', 'add', '203.0.113.2/24', 'dev', 'eth1');
    await world.on('h1', 'ip', 'link', 'add', 'br-public', 'type', 'bridge');
    await world.on('h1', 'ip', 'link', 'set', 'eth1', 'master', 'br-public');
    await world.on('h1', 'ip', 'link', 'set', 'br-public', 'up');
    await world.agent('h1', { bridgeMappings: { public: 'br-public' } });
    const flat = world.server.network(1, { type: 'flat', physical: 'public', mtu: 1500, segment: undefined as never });
    const [one, two] = [50, 51].map(n => world.server.port(n, flat, { groups: [open], ips: [`203.0.113.${n}`] })) as [never, never];
    const vm = await world.instance('h1', one);
    const other = await world.instance('h1', two);
    await world.active(one, two);
    assert.equal(await pings(world, vm, '203.0.113.2'), true);
    assert.equal(await pings(world, vm, other.port.ips[0]!), true);
    for (const gone of [vm, other]) await world.unplug(gone);
    await world.until('the server knows', async () => vm.port.status === 'DOWN');
    assert.match(await world.on('h1', 'ip', 'link', 'show', 'eth1'), /master br-public/);
  });

  test('tunnels by multicast, with learning', async () => {
    await using world = await BridgeWorld.open(2);
    const open = world.server.group(1, all);
    const vxlan = (n: number) => ({ vxlan: { localIp: `192.0.2.${n}`, group: '239.1.0.0/16', l2population: false, udpPort: 4789 } });
    await Promise.all([world.agent('h1', vxlan(1)), world.agent('h2', vxlan(2))]);
    world.server.ends.clear();
    const network = world.server.network(1);
    const a = await world.instance('h1', world.server.port(1, network, { groups: [open] }));
    const b = await world.instance('h2', world.server.port(2, network, { groups: [open], host: 'h2' }));
    await world.active(a.port, b.port);
    assert.match(
      await world.on('h1', 'ip', '-d', 'link', 'show', 'vxlan-1001'),
      /group 239\.1\.3\.233 local 192\.0\.2\.1 dev eth0 .*dstport 4789/,
    );
    for (const ip of b.port.ips) await world.until(ip, () => pings(world, a, ip));
    assert.equal(await pings(world, a, b.port.ips[0]!, 1400), true, 'the whole MTU');
  });

  test('packets of tunnels have the TTL, the mark and the ports that they are to have, and the group of their VNI', async () => {
    await using world = await BridgeWorld.open(2);
    const open = world.server.group(1, all);
    const packets = { ttl: 9, tos: 0xb8, sourcePorts: [40_000, 40_099] } as const;
    const groups = [{ group: '239.7.7.7', low: 1002, high: 1002 }];
    const vxlan = (n: number) => ({
      vxlan: { localIp: `192.0.2.${n}`, group: '239.1.0.0/16', groups, l2population: false, udpPort: 4789, packets },
    });
    await Promise.all([world.agent('h1', vxlan(1)), world.agent('h2', vxlan(2))]);
    world.server.ends.clear();
    const wire = await capture(argv => world.start('h2', argv), 'eth0', join(world.folder, 'wire.pcap'));
    const network = world.server.network(2);
    const a = await world.instance('h1', world.server.port(1, network, { groups: [open] }));
    const b = await world.instance('h2', world.server.port(2, network, { groups: [open], host: 'h2' }));
    await world.active(a.port, b.port);
    await world.until('a ping', () => pings(world, a, b.port.ips[0]!));
    // Destination, TTL and mark of IPv4, then the ports of UDP.
    const outer = (): Buffer[] => wire.frames().filter(f => f.readUInt16BE(12) === 0x0800 && f[23] === 17 && f.readUInt16BE(36) === 4789);
    const places = (): string[] => [...new Set(outer().map(frame => frame.subarray(30, 34).join('.')))].sort();
    await world.until('packets to each other and to the group', async () => places().length >= 3);
    for (const frame of outer()) {
      assert.deepEqual([frame[22], frame[15]], [9, 0xb8]);
      assert.ok(frame.readUInt16BE(34) >= 40_000 && frame.readUInt16BE(34) <= 40_099);
    }
    assert.deepEqual(places(), ['192.0.2.1', '192.0.2.2', '239.7.7.7']);
  });

  test('what this kernel or configuration cannot do shuts the ports concerned, with words, and no others', async () => {
    await using world = await BridgeWorld.open(1);
    const open = world.server.group(1, all);
    await world.agent('h1', { interfaceMappings: { public: 'eth1' } });
    const broken = [
      world.server.network(1, { type: 'flat', physical: 'elsewhere' }),
      world.server.network(2, { type: 'gre' }),
      world.server.network(3, { type: 'vxlan', segment: 2 ** 24 }),
    ];
    const vlan = world.server.network(4, { type: 'vlan', physical: 'public', segment: 101, mtu: 1500 });
    const fine = world.server.network(5, { type: 'local' });
    const ports = [...broken, vlan, fine].map((n, i) => world.server.port(i + 1, n, { groups: [open] }));
    for (const p of ports) await world.instance('h1', p);
    await world.active(ports[4]!);
    await world.until('all is told', async () => (world.log('h1').match(/cannot be wired/g) ?? []).length >= 3);
    for (const p of ports.slice(0, 3)) assert.equal(p.status, 'BUILD', tapOf(p.id));
    assert.match(world.log('h1'), /no interface is mapped to physical network "elsewhere"|network type "gre"|segmentation id/);
    // The kernel has VLAN devices, or the port says why not.
    await world.until(
      'VLAN',
      async () => ports[3]!.status === 'ACTIVE' || /this kernel has no VLAN devices \(module 8021q\)/.test(world.log('h1')),
    );
  });
});
