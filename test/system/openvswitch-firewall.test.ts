// Security groups as flows of a real switch: what rules permit passes, what they do not is dropped, a permission that is taken away ends what it
// allowed, and an instance with a raw socket sends as itself alone.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Dict, type FakePort, tapOf } from '../../src/agent/l2/fake-server.suite.ts';
import { anyRules, type Case, python } from './attack-world.ts';
import type { Job } from './job.ts';
import { connect, connects, pings, serve } from './linuxbridge-traffic.ts';
import { BridgeWorld, type Instance } from './linuxbridge-world.ts';
import { noSandbox, noSwitch } from './need.ts';
import { broadcast, bytes, eth, fragment4, hex, icmp6, ipv6, sender, sniffer, udp4 } from './raw-frames.ts';
import { forbidden, PAIR_MAC, permitted } from './spoofed-frames.ts';

const families = ['IPv4', 'IPv6'];
const out: Dict[] = families.map(ethertype => ({ direction: 'egress', ethertype }));
const tcp = (port: number, extra: Dict = {}): Dict[] =>
  families.map(ethertype => ({ direction: 'ingress', ethertype, protocol: 'tcp', port_range_min: port, port_range_max: port, ...extra }));
const udp = (min: number, max: number): Dict => ({
  direction: 'ingress',
  ethertype: 'IPv4',
  protocol: 'udp',
  port_range_min: min,
  port_range_max: max,
});
const echo: Dict[] = [
  { direction: 'ingress', ethertype: 'IPv4', protocol: 'icmp' },
  { direction: 'ingress', ethertype: 'IPv6', protocol: 'ipv6-icmp' },
];
const skip = noSandbox() || noSwitch();
const vlan = { type: 'vlan', segment: 101, physical: 'public' } as const;

describe('security groups of Open vSwitch', { skip }, () => {
  let world: BridgeWorld;
  let server: Instance;
  let near: Instance;
  let far: Instance;
  let group: string;

  const port = (n: number, groups: string[], host = 'h1'): FakePort => {
    const [network = world.server.network(1, vlan)] = world.server.networks.values();
    return world.server.port(n, network, { groups, host });
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
  const flows = async (): Promise<string[]> => {
    const dump = await world.on('h1', 'ovs-ofctl', '-O', 'OpenFlow14', 'dump-flows', '--no-stats', 'br-int');
    return dump.split('\n').sort();
  };

  before(async () => {
    world = await BridgeWorld.open(2, 'openvswitch');
    group = world.server.group(1, out);
    const open = world.server.group(2, anyRules);
    const ports = [port(1, [group]), port(2, [open]), port(3, [open], 'h2')] as const;
    server = await world.instance('h1', ports[0]);
    near = await world.instance('h1', ports[1]);
    far = await world.instance('h2', ports[2], {});
    await Promise.all([world.agent('h1'), world.agent('h2')]);
    await world.active(...ports);
    for (const p of [8001, 8002]) await serve(world, server, p);
  });
  after(() => world?.[Symbol.asyncDispose]());

  for (const family of families) {
    test(`${family}: nothing comes in without a rule, what goes out is answered, a rule lets in what it says`, async () => {
      const ip = family === 'IPv4' ? v4 : v6;
      await rules(out);
      await world.until('no ping without a rule', async () => !(await pings(world, near, ip(server))));
      assert.equal(await pings(world, far, ip(server)), false, 'a ping from afar without a rule');
      assert.equal(await connects(world, near, ip(server), 8001), false, 'a connection without a rule');
      assert.equal(await connects(world, far, ip(server), 8001), false, 'a connection from afar without a rule');
      assert.equal(await pings(world, server, ip(near)), true, 'the other way is answered');
      assert.equal(await pings(world, server, ip(far)), true, 'the other way is answered from afar');
      await rules([...out, ...echo, ...tcp(8001)]);
      await world.until('a ping with a rule', () => pings(world, near, ip(server)));
      assert.equal(await pings(world, far, ip(server)), true);
      // Later fragments of IPv6 have no protocol in a userspace datapath: a rule that names one does not let them in.
      if (family === 'IPv4') assert.equal(await pings(world, far, ip(server), 3000), true, 'fragments');
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

  test('members of a remote group: one comes, one leaves, and its flow and its connections go', async () => {
    const members = world.server.group(5, out);
    await rules([...out, ...tcp(8001, { remote_group_id: members })]);
    const guest = await world.instance('h2', port(4, [members], 'h2'));
    await world.active(guest.port);
    await world.server.memberUpdated(members);
    await world.until('a member is let in', () => connects(world, guest, v4(server), 8001));
    assert.equal(await connects(world, near, v4(server), 8001), false, 'no member');
    const held = await connect(world, guest, v4(server), 8001);
    const before = await flows();
    guest.port.groups.splice(0, 1, world.server.group(6, out));
    await world.server.memberUpdated(members);
    await world.until('its connection has ended', async () => !(await held.flows(400)));
    assert.equal(await connects(world, guest, v4(server), 8001), false);
    const now = new Set(await flows());
    assert.deepEqual(
      before.filter(f => !now.has(f)).map(f => /nw_src=\S+|ipv6_src=\S+/.exec(f)?.[0]),
      [`nw_src=${v4(guest)}`, `ipv6_src=${v6(guest)}`],
      'a flow for each of its addresses',
    );
    held.job.child.kill('SIGKILL');
  });

  test('a range of UDP ports, at its ends and beside them', async () => {
    await rules([...out, udp(1000, 1999)]);
    const ear = world.spawn(server, [python, '-c', sniffer, 'eth0']);
    await world.until('the sniffer listens', async () => ear.output().includes('listening'));
    const frame = (dport: number): string =>
      hex(eth(server.port.mac, near.port.mac, 0x0800, udp4(v4(near), v4(server), 40_000, dport, 'x')));
    const send = (dports: readonly number[]): Promise<string> =>
      world.inside(near, python, '-c', sender, 'eth0', dports.map(frame).join(','));
    await world.until('the rule stands', async () => {
      await send([1500]);
      return ear.output().includes(frame(1500));
    });
    await send([999, 2000, 0, 65_535, 1000, 1999, 1024, 1501]);
    await world.until('the last arrived', async () => ear.output().includes(frame(1501)));
    for (const p of [1000, 1999, 1024]) assert.ok(ear.output().includes(frame(p)), `${p}`);
    for (const p of [999, 2000, 0, 65_535]) assert.ok(!ear.output().includes(frame(p)), `${p}`);
  });

  test('a neighbour does not hear what is for another, also where nobody has heard of that MAC before', async () => {
    await rules(out);
    const ears = new Map<Instance, Job>();
    for (const vm of [near, far]) {
      await world.inside(vm, 'ip', 'link', 'set', 'eth0', 'promisc', 'on');
      ears.set(vm, world.spawn(vm, [python, '-c', sniffer, 'eth0']));
    }
    await world.until('the sniffers listen', async () => [...ears.values()].every(e => e.output().includes('listening')));
    const to = (mac: string, text: string, ip = v4(far)): string =>
      hex(eth(mac, server.port.mac, 0x0800, udp4(v4(server), ip, 4000, 5000, text)));
    const [nobody, one, all] = [
      to('fa:16:3e:99:99:99', 'for nobody'),
      to(far.port.mac, 'for one'),
      to(broadcast, 'for all', '255.255.255.255'),
    ];
    await world.inside(server, python, '-c', sender, 'eth0', [nobody, one, all].join());
    await world.until('all hear what is for all', async () => [...ears.values()].every(e => e.output().includes(all)));
    const heard = (vm: Instance): boolean[] => [nobody, one].map(f => ears.get(vm)!.output().includes(f));
    assert.deepEqual(heard(near), [false, false]);
    assert.equal(heard(far)[1], true);
  });

  test('the agent begins again and touches nothing; what was changed behind its back is put right', async () => {
    await rules([...out, ...tcp(8001)]);
    await world.until('it is allowed', () => connects(world, near, v4(server), 8001));
    const held = await connect(world, far, v4(server), 8001);
    const was = await flows();
    world.kill('h1');
    await world.on('h1', 'ovs-ofctl', '-O', 'OpenFlow14', 'add-flow', 'br-int', 'table=82,priority=200,actions=NORMAL');
    await world.agent('h1');
    assert.deepEqual(await flows(), was);
    assert.equal(await held.flows(), true, 'its connections go on');
    held.job.child.kill('SIGKILL');
  });

  test('admin down stops all, admin up brings it back', async () => {
    await rules([...out, ...echo]);
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

  test('every protocol, name and number, with and without ports, is taken by the real switch', async () => {
    const names =
      'ah dccp egp esp gre icmp icmpv6 igmp ipv6-encap ipv6-frag ipv6-icmp ipv6-nonxt ipv6-opts ipv6-route ospf pgm rsvp sctp tcp udp udplite vrrp ipip hopopt any'.split(
        ' ',
      );
    const numbers = Array.from({ length: 256 }, (_, n) => String(n));
    const each = [...names, ...numbers].flatMap(protocol =>
      families.flatMap(ethertype => ['ingress', 'egress'].map(direction => ({ direction, ethertype, protocol }))),
    );
    const ranged = ['tcp', 'udp', 'sctp', 'dccp', 'udplite', '6', '136'].flatMap(protocol =>
      families.flatMap(ethertype =>
        [
          [0, 0],
          [1, 65_535],
          [80, 80],
          [80, 90],
        ].map(([min, max]) => ({ direction: 'ingress', ethertype, protocol, port_range_min: min, port_range_max: max })),
      ),
    );
    const icmp = families.flatMap(ethertype =>
      [0, 8, 128, 255].flatMap(type => [
        { direction: 'ingress', ethertype, protocol: 'icmp', port_range_min: type },
        { direction: 'egress', ethertype, protocol: 'icmp', port_range_min: type, port_range_max: 0 },
      ]),
    );
    const remote = [...each, ...ranged, ...icmp].map(r => ({ ...r, remote_group_id: group }));
    await rules([...each, ...ranged, ...icmp, ...remote]);
    await world.until('the flows stand', async () => (await flows()).some(f => f.includes('nw_proto=253')));
    assert.equal(await pings(world, near, v4(server)), true);
    await rules(out);
    await world.until('the flows are gone', async () => !(await flows()).some(f => f.includes('nw_proto=253')));
  });
});

describe('anti-spoofing by flows of Open vSwitch', { skip }, () => {
  let world: BridgeWorld;
  let attacker: Instance;
  let victim: Instance;
  let open: Instance;
  let stateless: Instance;
  let ear: Job;

  before(async () => {
    world = await BridgeWorld.open(1, 'openvswitch');
    const network = world.server.network(1, vlan);
    const groups = [world.server.group(1, anyRules)];
    const a = world.server.port(1, network, { groups, pairs: [{ mac_address: PAIR_MAC, ip_address: '10.0.7.0/24' }] });
    const v = world.server.port(2, network, { groups });
    const o = world.server.port(3, network, { groups: [], security: false });
    attacker = await world.instance('h1', a);
    victim = await world.instance('h1', v);
    open = await world.instance('h1', o);
    const s = world.server.port(4, network, { groups: [world.server.group(2, anyRules, false)] });
    stateless = await world.instance('h1', s);
    await world.agent('h1', { permittedEthertypes: [0x88b5] });
    await world.active(a, v, o, s);
    // Promiscuous, so that frames to other MACs are seen if they come.
    await world.inside(victim, 'ip', 'link', 'set', 'eth0', 'promisc', 'on');
    ear = world.spawn(victim, [python, '-c', sniffer, 'eth0']);
    await world.until('the sniffer listens', async () => ear.output().includes('listening'));
  });
  after(() => world?.[Symbol.asyncDispose]());

  const send = (from: Instance, cases: readonly Case[]): Promise<string> =>
    world.inside(from, python, '-c', sender, 'eth0', cases.map(c => hex(c.frame)).join(','));
  const heard = (c: Case): boolean => ear.output().includes(hex(c.mark ?? c.frame));
  /** Options of router solicitations are nothing that the switch can look at. */
  const seen = (c: Case): boolean => c.name !== 'RS with another MAC';

  /** Offers to a DHCP client in pieces: the switch sees no ports in them. First ones of less than 1200 bytes it does not take at all. */
  const pieces = (id: number, from = attacker): Case[] => {
    const [a4 = '', v4 = ''] = [from.port.ips[0], victim.port.ips[0]];
    const offer = (to: string, ip: string, id: number): Case[] =>
      fragment4(udp4(a4, ip, 67, 68, `an offer in pieces ${id}`.padEnd(1400)), id, 1208).map((part, i) => ({
        name: `piece ${i} of an offer to ${ip}`,
        frame: eth(to, from.port.mac, 0x0800, part),
      }));
    return [...offer(victim.port.mac, v4, id), ...offer(broadcast, '255.255.255.255', id + 1)];
  };

  test("what is the port's own arrives", async () => {
    const cases = permitted(attacker.port, victim.port);
    await send(attacker, cases);
    await world.until('all arrived', async () => cases.every(heard), 3000).catch(() => {});
    assert.deepEqual(
      cases.filter(c => !heard(c)).map(c => c.name),
      [],
    );
  });

  test('what is not its own does not', async () => {
    const cases = [...forbidden(attacker.port, victim.port).filter(seen), ...pieces(7)];
    const last = { name: 'the last', frame: eth(victim.port.mac, attacker.port.mac, 0x88b5, bytes([...Buffer.from('that is all')])) };
    await send(attacker, [...cases, last]);
    await world.until('the last frame arrived', async () => heard(last));
    assert.deepEqual(
      cases.filter(heard).map(c => c.name),
      [],
    );
  });

  test('a router advertisement in pieces leaves no port with rules', async () => {
    const inPieces = ({ port }: Instance, type: number, id: number): Case[] => {
      const [from = '', all] = [port.ips[1], 'ff02::1'];
      const message = icmp6(from, all, type, bytes(64, 0, 7, 8, Array<number>(1500).fill(0)));
      const piece = (offset: number, more: number, part: number[]): number[] =>
        ipv6(from, all, 44, bytes(58, 0, offset >> 8, (offset & 0xf8) | more, 0, 0, 0, id, part));
      return [piece(0, 1, message.slice(0, 1248)), piece(1248, 0, message.slice(1248))].map((part, i) => ({
        name: `piece ${i} of type ${type} from ${port.ips[1]}`,
        frame: eth('33:33:00:00:00:01', port.mac, 0x86dd, part),
      }));
    };
    const cases = [
      ...inPieces(attacker, 134, 1),
      ...inPieces(stateless, 134, 2),
      ...inPieces(attacker, 137, 3),
      ...inPieces(stateless, 136, 4),
    ];
    const fine = [...inPieces(attacker, 128, 5), ...inPieces(stateless, 128, 6)];
    for (const from of [attacker, stateless])
      await send(
        from,
        [...cases, ...fine].filter(c => c.name.endsWith(` ${from.port.ips[1]}`)),
      );
    await world.until('what may be sent arrived', async () => fine.every(heard));
    assert.deepEqual(
      cases.filter(heard).map(c => c.name),
      [],
    );
  });

  test('a port with stateless rules sends as little, and pieces of what it may', async () => {
    const { port } = stateless;
    const fine = fragment4(udp4(port.ips[0]!, victim.port.ips[0]!, 5000, 5001, 'in pieces'.padEnd(1400)), 300, 1208).map((part, i) => ({
      name: `piece ${i} of a datagram`,
      frame: eth(victim.port.mac, port.mac, 0x0800, part),
    }));
    const cases = pieces(207, stateless);
    await send(stateless, [...cases, ...fine]);
    await world.until('the datagram arrived', async () => fine.every(heard));
    assert.deepEqual(
      cases.filter(heard).map(c => c.name),
      [],
    );
  });

  test('a port without port security sends the very same frames', async () => {
    // Not those to bridges, and not those with tags, which no access port takes.
    const cases = [...forbidden(attacker.port, victim.port).filter(c => seen(c) && !/bridge|tag|PPPoE/.test(c.name)), ...pieces(107)];
    await send(open, cases);
    await world.until('all arrived', async () => cases.every(heard), 3000).catch(() => {});
    assert.deepEqual(
      cases.filter(c => !heard(c)).map(c => c.name),
      [],
    );
  });

  test('a port whose rules make no sense is dead, and the others go on', async () => {
    const [network] = world.server.networks.values();
    const bad = world.server.group(9, [{ direction: 'ingress', ethertype: 'IPv4', protocol: 'no such' }]);
    const broken = await world.instance('h1', world.server.port(9, network!, { groups: [bad] }));
    const fine = await world.instance('h1', world.server.port(8, network!, { groups: [...attacker.port.groups] }));
    await world.active(fine.port);
    assert.equal(await pings(world, fine, victim.port.ips[0]!), true);
    assert.equal(await pings(world, broken, victim.port.ips[0]!), false);
    await world.until('it is tagged as dead', async () =>
      (await world.on('h1', 'ovs-vsctl', 'get', 'Port', tapOf(broken.port.id), 'tag')).includes('4095'),
    );
    assert.match(world.log('h1'), /cannot be enforced/);
  });
});
