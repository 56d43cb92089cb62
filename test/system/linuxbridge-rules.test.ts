// Security groups on real taps: what rules permit passes, what they do not is dropped, and a permission that is taken away ends what it allowed.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Dict, type FakePort, tapOf } from '../../src/agent/l2/fake-server.suite.ts';
import { connect, connects, pings, serve } from './linuxbridge-traffic.ts';
import { BridgeWorld, type Instance } from './linuxbridge-world.ts';
import { noSandbox } from './need.ts';

const families = ['IPv4', 'IPv6'];
const out: Dict[] = families.map(ethertype => ({ direction: 'egress', ethertype }));
const all: Dict[] = [...out, ...families.map(ethertype => ({ direction: 'ingress', ethertype }))];
const tcp = (port: number, extra: Dict = {}): Dict[] =>
  families.map(ethertype => ({ direction: 'ingress', ethertype, protocol: 'tcp', port_range_min: port, port_range_max: port, ...extra }));
const echo: Dict[] = [
  { direction: 'ingress', ethertype: 'IPv4', protocol: 'icmp' },
  { direction: 'ingress', ethertype: 'IPv6', protocol: 'ipv6-icmp' },
];

describe('security groups', { skip: noSandbox() }, () => {
  let world: BridgeWorld;
  let server: Instance;
  let near: Instance;
  let far: Instance;
  let group: string;
  const made: FakePort[] = [];

  const port = (n: number, groups: string[], host = 'h1'): FakePort => {
    const network = world.server.networks.get(made[0]?.network ?? '') ?? world.server.network(1);
    const fresh = world.server.port(n, network, { groups, host });
    made.push(fresh);
    return fresh;
  };
  const rules = async (now: Dict[]): Promise<void> => {
    world.server.groups.set(
      group,
      now.map(r => ({ stateful: true, ...r })),
    );
    await world.server.ruleUpdated(group);
  };
  const v4 = (vm: Instance): string => vm.port.ips[0] ?? '';
  const v6 = (vm: Instance): string => vm.port.ips[1] ?? '';

  before(async () => {
    world = await BridgeWorld.open(2);
    group = world.server.group(1, out);
    const open = world.server.group(2, all);
    await Promise.all([world.agent('h1'), world.agent('h2')]);
    server = await world.instance('h1', port(1, [group]));
    near = await world.instance('h1', port(2, [open]));
    far = await world.instance('h2', port(3, [open], 'h2'));
    await world.active(...made);
    for (const p of [8001, 8002]) await serve(world, server, p);
  });
  after(() => world[Symbol.asyncDispose]());

  for (const family of families) {
    test(`${family}: nothing comes in without a rule, what goes out is answered, a rule lets in what it says`, async () => {
      const ip = family === 'IPv4' ? v4 : v6;
      await rules(out);
      assert.equal(await pings(world, near, ip(server)), false, 'a ping without a rule');
      assert.equal(await pings(world, far, ip(server)), false, 'a ping from afar without a rule');
      assert.equal(await connects(world, near, ip(server), 8001), false, 'a connection without a rule');
      assert.equal(await pings(world, server, ip(near)), true, 'the other way is answered');
      assert.equal(await pings(world, server, ip(far)), true, 'the other way is answered from afar');
      await rules([...out, ...echo, ...tcp(8001)]);
      await world.until('a ping with a rule', () => pings(world, near, ip(server)));
      assert.equal(await pings(world, far, ip(server)), true);
      assert.equal(await pings(world, far, ip(server), 3000), true, 'fragments');
      for (const from of [near, far]) {
        assert.equal(await connects(world, from, ip(server), 8001), true, 'the port of the rule');
        assert.equal(await connects(world, from, ip(server), 8002), false, 'another port');
      }
    });

    test(`${family}: a rule taken away ends the connections that it allowed, and no others`, async () => {
      const ip = family === 'IPv4' ? v4 : v6;
      await rules([...out, ...tcp(8001), ...tcp(8002)]);
      await world.until('connections are allowed', () => connects(world, near, ip(server), 8002));
      const [doomed, doomedFar, spared, sparedFar] = await Promise.all([
        connect(world, near, ip(server), 8001),
        connect(world, far, ip(server), 8001),
        connect(world, near, ip(server), 8002),
        connect(world, far, ip(server), 8002),
      ]);
      await rules([...out, ...tcp(8002)]);
      await world.until('the connection has ended', async () => !(await doomed.flows(400)));
      // The server goes on to write, which its rules permit: that must not bring the connection back.
      assert.equal(await doomed.flows(2000), false, 'ended, and stays so');
      assert.equal(await doomedFar.flows(), false, 'ended from afar');
      assert.equal(await spared.flows(), true, 'still permitted');
      assert.equal(await sparedFar.flows(), true, 'still permitted from afar');
      await rules([...out, ...tcp(8001), ...tcp(8002)]);
      await world.until('it is allowed again', () => connects(world, near, ip(server), 8001));
      await world.until('the old connection goes on', () => doomed.flows(), 30_000);
      for (const c of [doomed, doomedFar, spared, sparedFar]) c.job.child.kill('SIGKILL');
    });
  }

  test('members of a remote group: one comes, one leaves, and its connections end', async () => {
    const members = world.server.group(5, out);
    await rules([...out, ...tcp(8001, { remote_group_id: members })]);
    const guest = await world.instance('h2', port(4, [members], 'h2'));
    await world.active(guest.port);
    await world.server.memberUpdated(members);
    await world.until('a member is let in', () => connects(world, guest, v4(server), 8001));
    assert.equal(await connects(world, near, v4(server), 8001), false, 'no member');
    const held = await connect(world, guest, v4(server), 8001);
    const before = await world.on('h1', 'iptables-save');
    guest.port.groups.splice(0, 1, world.server.group(6, out));
    await world.server.memberUpdated(members);
    await world.until('its connection has ended', async () => !(await held.flows(400)));
    assert.equal(await connects(world, guest, v4(server), 8001), false);
    const text = (save: string): string => save.replace(/^[#:].*$/gm, '');
    assert.equal(text(await world.on('h1', 'iptables-save')), text(before), 'a member is an element, not a rule');
    held.job.child.kill('SIGKILL');
  });

  test('admin down stops all, admin up brings it back', async () => {
    await rules(all);
    await world.until('it answers', () => pings(world, near, v4(server)));
    server.port.adminUp = false;
    await world.server.portUpdate(server.port);
    await world.until('it is silent', async () => !(await pings(world, near, v4(server))));
    await world.until('the server knows', async () => server.port.status === 'DOWN');
    server.port.adminUp = true;
    await world.server.portUpdate(server.port);
    await world.active(server.port);
    await world.until('it answers again', () => pings(world, near, v4(server)));
  });

  test('every protocol, name and number, with and without ports, is taken by the real tools or shuts its own port only', async () => {
    const names =
      'ah dccp egp esp gre icmp icmpv6 igmp ipv6-encap ipv6-frag ipv6-icmp ipv6-nonxt ipv6-opts ipv6-route ospf pgm rsvp sctp tcp udp udplite vrrp ipip hopopt any'.split(
        ' ',
      );
    const numbers = Array.from({ length: 256 }, (_, n) => String(n));
    const one = (protocol: string): Dict[] =>
      families.flatMap(ethertype => [
        { direction: 'ingress', ethertype, protocol },
        { direction: 'egress', ethertype, protocol },
      ]);
    const ranged = ['tcp', 'udp', 'sctp', 'dccp', 'udplite', '6', '136'].flatMap(protocol =>
      families.flatMap(ethertype =>
        [
          [0, 0],
          [1, 65535],
          [80, 80],
          [80, 90],
        ].map(([min, max]) => ({ direction: 'ingress', ethertype, protocol, port_range_min: min, port_range_max: max })),
      ),
    );
    const icmp = [
      [0, undefined],
      [8, 0],
      [255, undefined],
      [254, 255],
      [3, 13],
    ].flatMap(([type, code]) =>
      ['icmp', '1', 'ipv6-icmp', 'icmpv6', '58'].map(protocol => ({
        direction: 'ingress',
        ethertype: /^(icmp|1)$/.test(protocol) ? 'IPv4' : 'IPv6',
        protocol,
        port_range_min: type,
        ...(code === undefined ? {} : { port_range_max: code }),
      })),
    );
    await rules([...all, ...[...names, ...numbers].flatMap(one), ...ranged, ...icmp]);
    await world.until(
      'the rules are there',
      async () =>
        (await world.on('h1', 'ip6tables-save')).split('\n').filter(l => l.includes(`i${server.port.id.slice(0, 10)}`)).length > 250,
    );
    assert.equal(await pings(world, near, v4(server)), true);
    assert.equal(await pings(world, near, v6(server)), true);
    const log = world.log('h1');
    assert.ok(!/refused|cannot be wired/.test(log), log);
  });

  test('a tap that somebody plugs into the bridge first (as libvirt does) says and hears nothing before its filters stand', async () => {
    await rules(all);
    world.server.failing.add('get_devices_details_list');
    const bridge = `brq${server.port.network.slice(0, 11)}`;
    const early = await world.instance('h1', port(8, [world.server.group(8, all)]));
    await world.on('h1', 'ip', 'link', 'set', tapOf(early.port.id), 'master', bridge, 'up');
    // Another's bridge with the ageing that OSSA-2019-004 was about.
    await world.on('h1', 'ip', 'link', 'set', bridge, 'type', 'bridge', 'ageing_time', '0');
    assert.equal(await pings(world, early, v4(near)), false);
    assert.equal(await pings(world, near, v4(early)), false);
    assert.equal(await pings(world, near, v4(server)), true, 'the others go on');
    world.server.failing.clear();
    await world.active(early.port);
    // ARP that went unanswered is asked again within a second or so.
    await world.until('it is heard', () => pings(world, early, v4(near)));
    await world.until('it is heard over IPv6', () => pings(world, near, v6(early)));
    world.kill('h1');
    await world.agent('h1');
    assert.match(await world.on('h1', 'ip', '-d', 'link', 'show', bridge), /ageing_time 30000 .*mcast_snooping 0/);
    await world.unplug(early);
  });

  test('a port whose rules make no sense is shut, alone', async () => {
    const vrrp = { direction: 'ingress', ethertype: 'IPv4', protocol: 'vrrp', port_range_min: 1, port_range_max: 2 };
    await rules([...all, vrrp]);
    await world.until('it is shut', async () => !(await pings(world, near, v4(server))));
    assert.equal(await pings(world, near, v4(far)), true, 'the others go on');
    assert.match(world.log('h1'), /cannot be wired.*ports with protocol/);
    const late = await world.instance('h1', port(7, [world.server.group(7, all)]));
    await world.active(late.port);
    await world.until('and new ones come', () => pings(world, near, v4(late)));
    await rules(all);
    await world.until('it is open again', () => pings(world, near, v4(server)));
    await world.unplug(late);
    await world.until('the server knows that it is gone', async () => late.port.status === 'DOWN');
    const left = await world.on('h1', 'sh', '-c', 'iptables-save; nft list ruleset');
    assert.ok(!left.includes(late.port.id.slice(0, 10)) && !left.includes(tapOf(late.port.id)), 'nothing of it is left');
  });
});
