// Security groups on real taps, whatever guards them: what rules permit passes, what they do not is dropped, and a permission that is taken away
// ends what it allowed.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Dict, type FakePort, tapOf, uuid } from '../../src/agent/l2/fake-server.suite.ts';
import { anyRules, python } from './attack-world.ts';
import type { Guard } from './guards.ts';
import { connect, connects, pings, serve } from './linuxbridge-traffic.ts';
import { BridgeWorld, type Instance } from './linuxbridge-world.ts';
import { eth, hex, sender, sniffer, udp4 } from './raw-frames.ts';

const families = ['IPv4', 'IPv6'] as const;
export const out: Dict[] = families.map(ethertype => ({ direction: 'egress', ethertype }));
export const tcp = (port: number, extra: Dict = {}): Dict[] =>
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

/** Two hosts: `server` and `near` on h1, `far` on h2; `group` is the server's alone, the others let everything in. */
export class Scene {
  readonly world: BridgeWorld;
  readonly guard: Guard;
  readonly group: string;
  readonly open: string;
  server!: Instance;
  near!: Instance;
  far!: Instance;

  private constructor(world: BridgeWorld, guard: Guard) {
    this.world = world;
    this.guard = guard;
    this.group = world.server.group(1, out);
    this.open = world.server.group(2, anyRules);
  }

  static async make(guard: Guard): Promise<Scene> {
    const world = await BridgeWorld.open(2, guard.kind);
    const scene = new Scene(world, guard);
    const ports = [scene.port(1, [scene.group]), scene.port(2, [scene.open]), scene.port(3, [scene.open], 'h2')] as const;
    await Promise.all([world.agent('h1', guard.config), world.agent('h2', guard.config)]);
    scene.server = await world.instance('h1', ports[0]);
    scene.near = await world.instance('h1', ports[1]);
    scene.far = await world.instance('h2', ports[2]);
    await world.active(...ports);
    for (const p of [8001, 8002]) await serve(world, scene.server, p);
    return scene;
  }

  port(n: number, groups: string[], host = 'h1'): FakePort {
    const { server } = this.world;
    const [network = server.network(1, this.guard.network)] = server.networks.values();
    return server.port(n, network, { groups, host });
  }

  async rules(now: Dict[]): Promise<void> {
    this.world.server.groups.set(
      this.group,
      now.map(r => ({ stateful: true, ...r })),
    );
    await this.world.server.ruleUpdated(this.group);
  }

  lines(): Promise<string[]> {
    return this.guard.lines(this.world);
  }
}

export const v4 = (vm: Instance): string => vm.port.ips[0] ?? '';
export const v6 = (vm: Instance): string => vm.port.ips[1] ?? '';

/** `more`: tests of this guard alone, in the same scene. */
export function securityGroups(guard: Guard, more: (scene: () => Scene) => void = () => {}): void {
  describe(`security groups by ${guard.name}`, { skip: guard.skip }, () => {
    let scene: Scene;
    before(async () => {
      scene = await Scene.make(guard);
    });
    after(() => scene?.world[Symbol.asyncDispose]());
    for (const family of families) perFamily(family, () => scene);
    groups(() => scene);
    ports(() => scene);
    more(() => scene);
  });
}

function perFamily(family: 'IPv4' | 'IPv6', its: () => Scene): void {
  const ip = family === 'IPv4' ? v4 : v6;

  test(`${family}: nothing comes in without a rule, what goes out is answered, a rule lets in what it says`, async () => {
    const scene = its();
    const { world, server, near, far } = scene;
    await scene.rules(out);
    await world.until('no ping without a rule', async () => !(await pings(world, near, ip(server))));
    assert.equal(await pings(world, far, ip(server)), false, 'a ping from afar without a rule');
    assert.equal(await connects(world, near, ip(server), 8001), false, 'a connection without a rule');
    assert.equal(await connects(world, far, ip(server), 8001), false, 'a connection from afar without a rule');
    assert.equal(await pings(world, server, ip(near)), true, 'the other way is answered');
    assert.equal(await pings(world, server, ip(far)), true, 'the other way is answered from afar');
    await scene.rules([...out, ...echo, ...tcp(8001)]);
    await world.until('a ping with a rule', () => pings(world, near, ip(server)));
    assert.equal(await pings(world, far, ip(server)), true);
    if (family === 'IPv4' || scene.guard.fragments6) assert.equal(await pings(world, far, ip(server), 3000), true, 'fragments');
    for (const from of [near, far]) {
      assert.equal(await connects(world, from, ip(server), 8001), true, 'the port of the rule');
      assert.equal(await connects(world, from, ip(server), 8002), false, 'another port');
    }
  });

  test(`${family}: a rule taken away ends the connections that it allowed, and no others`, async () => {
    const scene = its();
    const { world, server, near, far } = scene;
    await scene.rules([...out, ...tcp(8001), ...tcp(8002)]);
    await world.until('connections are allowed', () => connects(world, near, ip(server), 8002));
    const [doomed, doomedFar, spared, sparedFar] = await Promise.all([
      connect(world, near, ip(server), 8001),
      connect(world, far, ip(server), 8001),
      connect(world, near, ip(server), 8002),
      connect(world, far, ip(server), 8002),
    ]);
    await scene.rules([...out, ...tcp(8002)]);
    await world.until('the connection has ended', async () => !(await doomed.flows(1000)));
    // The server goes on to write, which its rules permit: that must not bring the connection back.
    assert.equal(await doomed.flows(2000), false, 'ended, and stays so');
    assert.equal(await doomedFar.flows(), false, 'ended from afar');
    assert.equal(await spared.flows(), true, 'still permitted');
    assert.equal(await sparedFar.flows(), true, 'still permitted from afar');
    await scene.rules([...out, ...tcp(8001), ...tcp(8002)]);
    await world.until('it is allowed again', () => connects(world, near, ip(server), 8001));
    await world.until('the old connection goes on', () => doomed.flows(), 30_000);
    for (const c of [doomed, doomedFar, spared, sparedFar]) c.job.child.kill('SIGKILL');
  });
}

function groups(its: () => Scene): void {
  test('members of a remote group: one comes, one leaves, no rule changes, and its connections end', async () => {
    const scene = its();
    const { world, server, near } = scene;
    const members = world.server.group(5, out);
    await scene.rules([...out, ...tcp(8001, { remote_group_id: members })]);
    const guest = await world.instance('h2', scene.port(4, [members], 'h2'));
    await world.active(guest.port);
    await world.server.memberUpdated(members);
    await world.until('a member is let in', () => connects(world, guest, v4(server), 8001));
    assert.equal(await connects(world, guest, v6(server), 8001), true, 'by IPv6, too');
    assert.equal(await connects(world, near, v4(server), 8001), false, 'no member');
    const held = await connect(world, guest, v4(server), 8001);
    const before = await scene.lines();
    guest.port.groups.splice(0, 1, world.server.group(6, out));
    await world.server.memberUpdated(members);
    await world.until('its connection has ended', async () => !(await held.flows(400)));
    assert.equal(await connects(world, guest, v4(server), 8001), false);
    const now = new Set(await scene.lines());
    const gone = before.filter(line => !now.has(line));
    const own = scene.guard.memberLines(v4(guest), v6(guest));
    assert.equal(gone.length, own.length, gone.join('\n'));
    for (const line of own)
      assert.ok(
        gone.some(g => line.test(g)),
        `${line}: ${gone.join('\n')}`,
      );
    held.job.child.kill('SIGKILL');
  });

  test('members of an address group: one comes, one leaves', async () => {
    const scene = its();
    const { world, server, near, far } = scene;
    const addresses = uuid(0xad, 1);
    world.server.addressGroups.set(addresses, [`${v4(near)}/32`, `${v6(near)}/128`]);
    await scene.rules([...out, ...tcp(8001, { remote_address_group_id: addresses })]);
    await world.until('who is in it is let in', () => connects(world, near, v4(server), 8001));
    assert.equal(await connects(world, near, v6(server), 8001), true);
    assert.equal(await connects(world, far, v4(server), 8001), false, 'who is not');
    world.server.addressGroups.set(addresses, [`${v4(far)}/31`, `${v6(far)}/127`]);
    await world.server.memberUpdated(addresses);
    await world.until('another one is let in', () => connects(world, far, v4(server), 8001));
    assert.equal(await connects(world, far, v6(server), 8001), true);
    const inside = [v4(near), v4(far)].map(ip => Number(ip.split('.')[3]) >> 1);
    assert.equal(await connects(world, near, v4(server), 8001), inside[0] === inside[1], 'the first');
  });

  test('a range of UDP ports, at its ends and beside them', async () => {
    const scene = its();
    const { world, server, near } = scene;
    await scene.rules([...out, udp(1000, 1999)]);
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
    ear.child.kill('SIGKILL');
  });

  test('every protocol, name and number, with and without ports, is taken by the real tools', async () => {
    const scene = its();
    const { world, server, near } = scene;
    await scene.rules([...anyRules, ...everyProtocol(scene.open)]);
    const last = (lines: readonly string[]): boolean => lines.some(l => /(-p |nw_proto=|protocol |l4proto )253\b/.test(l));
    await world.until('the rules stand', async () => last(await scene.lines()));
    for (const ip of [v4(server), v6(server)]) await world.until(`${ip} answers`, () => pings(world, near, ip));
    const log = world.log('h1');
    assert.ok(!/refused|cannot be wired/.test(log), log);
    await scene.rules(out);
    await world.until('the rules are gone', async () => !last(await scene.lines()));
  });
}

function everyProtocol(group: string): Dict[] {
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
  const icmp = ['icmp', '1', 'ipv6-icmp', 'icmpv6', '58'].flatMap(protocol =>
    [
      [0, undefined],
      [8, 0],
      [128, undefined],
      [255, undefined],
      [254, 255],
      [3, 13],
    ].flatMap(([type, code]) =>
      ['ingress', 'egress'].map(direction => ({
        direction,
        ethertype: /^(icmp|1)$/.test(protocol) ? 'IPv4' : 'IPv6',
        protocol,
        port_range_min: type,
        ...(code === undefined ? {} : { port_range_max: code }),
      })),
    ),
  );
  const all = [...each, ...ranged, ...icmp];
  return [...all, ...all.map(rule => ({ ...rule, remote_group_id: group }))];
}

function ports(its: () => Scene): void {
  test('the agent begins again and touches nothing; what was changed behind its back is put right', async () => {
    const scene = its();
    const { world, server, near, far } = scene;
    await scene.rules([...out, ...tcp(8001)]);
    await world.until('it is allowed', () => connects(world, near, v4(server), 8001));
    const held = await connect(world, far, v4(server), 8001);
    const was = await scene.lines();
    world.kill('h1');
    await world.on('h1', ...scene.guard.hole(server.port.id));
    assert.notDeepEqual(await scene.lines(), was);
    await world.agent('h1', scene.guard.config);
    assert.deepEqual(await scene.lines(), was);
    assert.equal(await held.flows(), true, 'its connections go on');
    held.job.child.kill('SIGKILL');
  });

  test('admin down stops all, admin up brings it back', async () => {
    const scene = its();
    const { world, server, near } = scene;
    await scene.rules([...out, ...echo]);
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

  test('a port whose rules make no sense is shut, alone', async () => {
    const scene = its();
    const { world, server, near, far } = scene;
    await scene.rules([...anyRules, { direction: 'ingress', ethertype: 'IPv4', protocol: 'vrrp', port_range_min: 1, port_range_max: 2 }]);
    await world.until('it is shut', async () => !(await pings(world, near, v4(server))));
    assert.equal(await pings(world, near, v4(far)), true, 'the others go on');
    assert.match(world.log('h1'), /cannot be wired.*ports with protocol/);
    const late = await world.instance('h1', scene.port(7, [world.server.group(7, anyRules)]));
    await world.active(late.port);
    await world.until('and new ones come', () => pings(world, near, v4(late)));
    await scene.rules(anyRules);
    await world.until('it is open again', () => pings(world, near, v4(server)));
    await world.unplug(late);
    await world.until('the server knows that it is gone', async () => late.port.status === 'DOWN');
    const left = (await scene.lines()).filter(l => l.includes(late.port.id.slice(0, 10)) || l.includes(tapOf(late.port.id)));
    assert.deepEqual(left, [], 'nothing of it is left');
  });
}
