// What an instance reaches beyond its network: the host it runs on, the tunnels between hosts, other tenants with the same addresses.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SwitchKind } from '../../src/main/state/switch.ts';
import { type Actor, AttackWorld, anyRules, type Case, type Ear, python } from './attack-world.ts';
import type { Job } from './job.ts';
import { noSandbox, noSwitch } from './need.ts';
import {
  arp,
  broadcast,
  bytes,
  eth,
  fragment4,
  fragments6,
  hex,
  icmp4,
  icmp6,
  ip4packet,
  ipv6,
  sender,
  tcp4,
  u16,
  udp4,
  udp6,
} from './raw-frames.ts';

const attackSender = join(import.meta.dirname, 'programs/attack-sender.py');
const h1 = '198.18.0.1';
const h2 = '198.18.0.2';
const text = (s: string): number[] => [...Buffer.from(s)];
const frame = (name: string, bytesOfFrame: readonly number[], mark?: readonly number[]): Case => ({
  name,
  frame: bytesOfFrame,
  ...(mark ? { mark } : {}),
});

/** Prints what comes to UDP and TCP ports, `udp 9999 TEXT`; answers UDP. */
const listening = `
const ports = process.argv.slice(1).map(Number);
for (const port of ports) {
  const udp = require('node:dgram').createSocket('udp4');
  udp.on('message', (m, from) => { console.log('udp ' + port + ' ' + m); udp.send('answer', from.port, from.address, () => {}); });
  udp.bind(port);
  require('node:net').createServer(s => { console.log('tcp ' + port); s.on('error', () => {}); s.on('data', d => console.log('tcp ' + port + ' ' + d)); }).listen(port, '0.0.0.0');
}
setTimeout(() => console.log('ready'), 100);
`;

interface IpLink {
  readonly ifname: string;
  readonly address: string;
  readonly master?: string;
  readonly linkinfo?: { readonly info_kind?: string; readonly info_data?: { readonly id?: number } };
}

describe('attacks on what is beyond the network', { skip: noSandbox() }, () => attacks('linuxbridge'));
describe('attacks on what is beyond the network, on Open vSwitch', { skip: noSandbox() || noSwitch() }, () => attacks('openvswitch'));

function attacks(kind: SwitchKind): void {
  const bridges = kind === 'linuxbridge';
  /** Of what is about Linux bridges alone. */
  const bridgeTest = (name: string, run: () => Promise<void>): void => {
    if (bridges) test(name, run);
  };
  const VXLAN = bridges ? 8472 : 4789;
  let stage: AttackWorld;
  let mallory: Actor;
  let victim: Actor;
  let listener: Actor;
  /** In mallory's own network, with the addresses of mallory and of the victim. */
  let double: Actor;
  let mirror: Actor;
  let ear: Ear;
  let hostEar: Job;

  before(async () => {
    stage = await AttackWorld.open(2, kind);
    const strict = [
      { direction: 'ingress', ethertype: 'IPv4', protocol: 'udp', port_range_min: 2000, port_range_max: 2000 },
      { direction: 'ingress', ethertype: 'IPv6', protocol: 'udp', port_range_min: 2000, port_range_max: 2000 },
      ...anyRules.filter(r => r.direction === 'egress'),
    ];
    const [weft, other] = await Promise.all([stage.group('weft', strict, 'strict'), stage.group('other', strict, 'strict')]);
    [mallory, victim, listener] = await Promise.all([
      stage.actor('mallory', { project: 'other' }),
      stage.actor('victim', { more: { security_groups: [weft.id] } }),
      stage.actor('listener'),
    ]);
    [double, mirror] = await Promise.all([
      stage.double('double', [mallory.v4, mallory.v6]),
      stage.double('mirror', [victim.v4, victim.v6], { security_groups: [other.id] }),
    ]);
    ear = await stage.listen(victim);
    hostEar = await stage.world.hostJob('h1', [process.execPath, '-e', listening, '9999']);
    await stage.world.until('the host listens', () => hostEar.output().includes('ready'));
  });
  after(() => stage[Symbol.asyncDispose]());

  const links = async (host = 'h1'): Promise<IpLink[]> => JSON.parse(await stage.world.host(host, 'ip', '-d', '-j', 'link')) as IpLink[];
  const tapOf = (a: Actor): string => `tap${a.vm.port.slice(0, 11)}`;
  const onHost = (host: string, device: string, cases: readonly Case[]): Promise<string> =>
    stage.world.host(host, python, '-c', sender, device, cases.map(c => hex(c.frame)).join(','));
  /** The host takes what it is sent from where it should: the control of every denial here. */
  const hostHearsPeer = async (word: string): Promise<void> => {
    const say = `require('node:dgram').createSocket('udp4').send('${word}', 9999, '${h1}', () => process.exit())`;
    await stage.world.host('h2', process.execPath, '-e', say);
    await stage.world.until('the host hears its peer', () => hostEar.output().includes(word));
  };

  /** What would reach a host that took these frames: all say `attack` with the name of who sent them. */
  const atHost = (from: Actor, who: string, macs: readonly string[]): Case[] =>
    [...macs, broadcast].flatMap(mac => [
      ...[from.v4, h2, '127.0.0.1'].map(source =>
        frame(`UDP from ${source} to ${mac}`, eth(mac, from.mac, 0x0800, udp4(source, h1, 40_000, 9999, `attack ${who} ${source}`))),
      ),
      ...[from.v4, h2].map(source =>
        frame(`SYN from ${source} to ${mac}`, eth(mac, from.mac, 0x0800, tcp4(source, h1, { sport: 40_000, dport: 9999, flags: 2 }))),
      ),
      frame(`ARP for the host to ${mac}`, eth(mac, from.mac, 0x0806, arp({ op: 1, sha: from.mac, spa: from.v4, tpa: h1 }))),
    ]);
  const answers = (frames: readonly string[]): string[] => {
    const [syn, reply] = [hex(tcp4(h1, '0.0.0.0', { sport: 9999, dport: 40_000, flags: 0x12 }).slice(12, 16)), hex(bytes(u16(2)))];
    return frames.filter(
      f =>
        (f.slice(24, 28) === '0800' && f.slice(52, 60) === syn) ||
        (f.slice(24, 28) === '0806' && f.slice(40, 44) === reply && f.includes(syn)),
    );
  };

  test("the host's own addresses, from a port that is plugged in", async () => {
    const devices = (await links()).filter(l => /^(brq|tap|vxlan|eth)/.test(l.ifname));
    const own = await stage.listen(mallory);
    const macs = devices.map(l => l.address);
    await stage.send(mallory, atHost(mallory, 'mallory', macs));
    // The link itself: nothing on it that is the host's answers a ping to all.
    await stage.world.attempt(mallory.vm, 'ping', '-6', '-n', '-c2', '-i0.3', '-W1', 'ff02::1%eth0');
    await hostHearsPeer('peer one');
    assert.ok(!hostEar.output().includes('attack'), hostEar.output());
    assert.ok(!hostEar.output().includes('tcp'), hostEar.output());
    assert.deepEqual(answers(own.frames()), []);
    const speakers = new Set(own.frames().map(f => f.slice(12, 24).match(/../g)?.join(':')));
    assert.ok(speakers.size > 0, 'neighbours answered');
    assert.deepEqual(
      macs.filter(m => speakers.has(m)),
      [],
    );
    own.stop();
  });

  /** VXLAN that a host would take for a frame of the victim's network from another host. */
  const tunnelled = (
    who: string,
    vni: number,
    source: string,
    macs: { readonly dst: string; readonly src: string },
    sport = 40_001,
  ): Case => {
    const inner = eth(victim.mac, 'fa:16:3e:66:66:66', 0x0800, udp4(listener.v4, victim.v4, 1000, 2000, `tunnelled by ${who}`));
    const packet = udp4(source, h1, sport, VXLAN, bytes(8, 0, 0, 0, vni >> 16, u16(vni & 0xffff), 0, inner));
    return frame(`VXLAN by ${who} from ${source}`, eth(macs.dst, macs.src, 0x0800, packet), inner);
  };
  const vniOf = async (network: string): Promise<number> => {
    const { network: found } = await stage.world.admin.get<{ network: Record<string, unknown> }>(`/networks/${network}`);
    return Number(found['provider:segmentation_id']);
  };

  bridgeTest(
    'the host and its tunnels, from a port that was deleted under its instance (CVE-2018-14636: until it may speak, a device is cut off)',
    async () => {
      const { world } = stage;
      const gone = await stage.actor('gone', { project: 'other' });
      const tap = tapOf(gone);
      await world.other.delete(`/ports/${gone.vm.port}`);
      await world.until('its tap is in no bridge', async () => (await links()).some(l => l.ifname === tap && !l.master));
      const own = await stage.listen(gone);
      const vni = await vniOf(stage.shared.id);
      const mac = (await links()).find(l => l.ifname === tap)?.address ?? '';
      const cases = (who: string, dst: string, src: string): Case[] =>
        [h2, gone.v4].map(source => tunnelled(who, vni, source, { dst, src }));
      await stage.send(gone, [...atHost(gone, 'gone', [mac]), ...cases('gone', mac, gone.mac), ...cases('gone', broadcast, gone.mac)]);
      await hostHearsPeer('peer two');
      // The same from a device of the host's own: it would take them.
      await world.host('h1', 'ip', 'link', 'add', 'control0', 'type', 'veth', 'peer', 'name', 'control1');
      for (const device of ['control0', 'control1']) await world.host('h1', 'ip', 'link', 'set', device, 'up');
      const control = cases('control', broadcast, gone.mac);
      await onHost('h1', 'control1', [...atHost(gone, 'control', []), ...control]);
      await world.until(
        'the control arrives',
        () => hostEar.output().includes(`attack control ${h2}`) && control.every(c => ear.heard(c)),
        3000,
      );
      assert.ok(!hostEar.output().includes('attack gone'), hostEar.output());
      assert.ok(!cases('gone', mac, gone.mac).some(c => ear.heard(c)), 'a frame came out of the tunnel');
      assert.deepEqual(answers(own.frames()), []);
      await world.host('h1', 'ip', 'link', 'delete', 'control0');
      await world.deleteInstance(gone.vm);
    },
  );

  test('the tunnels, by way of a router', async () => {
    const { world } = stage;
    const vni = await vniOf(stage.shared.id);
    const outside = (await world.publicPlace())([process.execPath, '-e', listening, '9999']);
    await world.until('the public network listens', () => outside.output().includes('ready'));
    const via = (name: string, packet: readonly number[], mark?: readonly number[]): Case =>
      frame(name, eth(stage.gateway.mac, mallory.mac, 0x0800, packet), mark);
    const payload = tunnelled('router', vni, mallory.v4, { dst: stage.gateway.mac, src: mallory.mac });
    await stage.send(mallory, [
      payload,
      ...[h1, h2].map(host => via(`UDP to ${host}`, udp4(mallory.v4, host, 40_000, 9999, 'attack by the router'))),
      via('to the outside', udp4(mallory.v4, '172.24.4.1', 40_000, 9999, 'to the outside')),
    ]);
    await world.until('what may pass does', () => outside.output().includes('to the outside'));
    outside.kill();
    await hostHearsPeer('peer three');
    assert.ok(!hostEar.output().includes('attack by the router'));
    assert.ok(!ear.heard(payload));
  });

  bridgeTest('the tunnels, where the host has an address on the network to which a router leads', async () => {
    const { world } = stage;
    const host = (await world.host('h1', 'ip', 'netns')).includes(`qrouter-${stage.router.id}`) ? 'h1' : 'h2';
    const bridges = (await links(host)).filter(l => l.ifname.startsWith('brq')).map(l => l.ifname);
    const outer = (await links(host)).find(l => l.ifname === 'eth1')?.master ?? '';
    assert.ok(bridges.includes(outer), 'the public network is there');
    await world.host(host, 'ip', 'address', 'add', '172.24.4.250/24', 'dev', outer);
    // A new port makes the agent look at the host.
    const near = await stage.actor('near-the-router', { host });
    const nearEar = await stage.listen(near);
    const heard = await world.hostJob(host, [process.execPath, '-e', listening, '9998']);
    await world.until('the host listens', () => heard.output().includes('ready'));
    const vni = await vniOf(stage.shared.id);
    const via = (name: string, dport: number, data: readonly number[], mark?: readonly number[]): Case =>
      frame(name, eth(stage.gateway.mac, mallory.mac, 0x0800, udp4(mallory.v4, '172.24.4.250', 40_002, dport, data)), mark);
    const inner = eth(near.mac, 'fa:16:3e:66:66:67', 0x0800, udp4(listener.v4, near.v4, 1000, 2000, 'tunnelled to the host'));
    const vxlan = bytes(8, 0, 0, 0, vni >> 16, u16(vni & 0xffff), 0, inner);
    // The agent hears of the address, and lets the network reach the host: that is what the host has it for.
    await world.until('the host is reached', async () => {
      await stage.send(mallory, [via('to the host', 9998, text('to the host')), via('VXLAN', VXLAN, vxlan, inner)]);
      return heard.output().includes('to the host');
    });
    await stage.send(mallory, [via('VXLAN', VXLAN, vxlan, inner), via('at last', 9998, text('at last'))]);
    await world.until('what was sent last arrived', () => heard.output().includes('at last'));
    assert.ok(!nearEar.heard({ frame: inner }), 'a frame came out of the tunnel');
    await world.host(host, 'ip', 'address', 'delete', '172.24.4.250/24', 'dev', outer);
    heard.kill();
    nearEar.stop();
  });

  // A userspace datapath shows later fragments without their ports: under rules that name one none passes.
  bridgeTest('fragments of two networks with the same addresses on one host never complete each other', async () => {
    const mirrorEar = await stage.listen(mirror);
    const half = 48;
    const halves = (from: Actor, to: Actor, id: number, six: boolean): [Case, Case] => {
      const say = (n: number): number[] => text(`half ${n} of ${id} from ${from.vm.name}`.padEnd(half, '.'));
      const data = bytes(say(1), say(2));
      const [source, target] = six ? [from.v6, to.v6] : [from.v4, to.v4];
      const packet = six ? udp6(source, target, 1000, 2000, data) : udp4(source, target, 1000, 2000, data);
      const parts = six
        ? fragments6(source, target, 17, id, [packet.slice(40, 48 + half), packet.slice(48 + half)])
        : fragment4(packet, id, 8 + half);
      const [first = [], second = []] = parts.map(p => eth(to.mac, from.mac, six ? 0x86dd : 0x0800, p));
      return [frame(`first half of ${id}`, first, say(1)), frame(`second half of ${id}`, second, say(2))];
    };
    for (const six of [false, true]) {
      const base = six ? 600 : 400;
      const [evil1] = halves(double, mirror, base + 1, six);
      const [, good2] = halves(mallory, victim, base + 1, six);
      const [, evil2] = halves(double, mirror, base + 2, six);
      const [good1] = halves(mallory, victim, base + 2, six);
      await stage.send(double, [evil1]);
      await stage.send(mallory, [good2, good1]);
      await stage.send(double, [evil2]);
      const whole = { there: halves(double, mirror, base + 3, six), here: halves(mallory, victim, base + 3, six) };
      await stage.send(double, [whole.there[0]]);
      await stage.send(mallory, [...whole.here].reverse());
      await stage.send(double, [whole.there[1]]);
      const arrived = (): boolean => whole.here.every(c => ear.heard(c)) && whole.there.every(c => mirrorEar.heard(c));
      await stage.world.until('whole packets arrive, each in its network', arrived, 4000);
      for (const piece of [evil1, good2, evil2, good1]) {
        assert.ok(!ear.heard(piece), `the victim got the ${piece.name}`);
        assert.ok(!mirrorEar.heard(piece), `the other tenant got the ${piece.name}`);
      }
      assert.ok(!whole.here.some(c => mirrorEar.heard(c)) && !whole.there.some(c => ear.heard(c)));
    }
    mirrorEar.stop();
  });

  test("a connection of one tenant opens nothing to another's packets with the same addresses and ports", async () => {
    const mirrorEar = await stage.listen(mirror);
    const begin = frame('the victim begins', eth(mallory.mac, victim.mac, 0x0800, udp4(victim.v4, mallory.v4, 5000, 6000, 'begin')));
    const answer = (from: Actor, to: Actor, name: string): Case =>
      frame(name, eth(to.mac, from.mac, 0x0800, udp4(from.v4, to.v4, 6000, 5000, name)));
    const allowed = frame('allowed', eth(mirror.mac, double.mac, 0x0800, udp4(double.v4, mirror.v4, 6000, 2000, 'allowed here')));
    const early = answer(mallory, victim, 'an answer to nothing');
    await stage.expectOnly({
      from: mallory,
      ear,
      honest: [frame('allowed', eth(victim.mac, mallory.mac, 0x0800, udp4(mallory.v4, victim.v4, 1, 2000, 'before')))],
      denied: [early],
    });
    await stage.send(victim, [begin]);
    await stage.expectOnly({ from: mallory, ear, honest: [answer(mallory, victim, 'an answer to the victim')], denied: [] });
    await stage.expectOnly({
      from: double,
      ear: mirrorEar,
      honest: [allowed],
      denied: [answer(double, mirror, "an answer to the victim's double")],
    });
    mirrorEar.stop();
  });

  test('errors and answers to what was never said', async () => {
    const about4 = (sport: number, proto = 17): number[] =>
      ip4packet(victim.v4, listener.v4, proto, bytes(u16(sport), u16(6001), u16(20), u16(0))).slice(0, 28);
    const error4 = (name: string, source: string, inner: readonly number[], type = 3, code = 3): Case =>
      frame(
        name,
        eth(
          victim.mac,
          mallory.mac,
          0x0800,
          ip4packet(source, victim.v4, 1, icmp4(type, code, bytes(u16(0), u16(1300), inner, text(name)))),
        ),
      );
    const about6 = (sport: number): number[] => ipv6(victim.v6, listener.v6, 17, bytes(u16(sport), u16(6001), u16(8), u16(0)), 64);
    const error6 = (name: string, source: string, inner: readonly number[]): Case =>
      frame(
        name,
        eth(
          victim.mac,
          mallory.mac,
          0x86dd,
          ipv6(source, victim.v6, 58, icmp6(source, victim.v6, 2, bytes(0, 0, u16(1300), inner, text(name))), 64),
        ),
      );
    const segment = (name: string, flags: number): Case =>
      frame(name, eth(victim.mac, mallory.mac, 0x0800, tcp4(mallory.v4, victim.v4, { sport: 6002, dport: 22, flags, data: name })));
    // The victim talks to the listener, from 5001.
    await stage.send(victim, [
      frame('4', eth(listener.mac, victim.mac, 0x0800, udp4(victim.v4, listener.v4, 5001, 6001, 'hello'))),
      frame('6', eth(listener.mac, victim.mac, 0x86dd, udp6(victim.v6, listener.v6, 5001, 6001, 'hello'))),
    ]);
    await stage.expectOnly({
      from: mallory,
      ear,
      // Any router on the way may say so in its own name: these show that the frames are well made.
      honest: [error4('error about a connection', mallory.v4, about4(5001)), error6('error6 about a connection', mallory.v6, about6(5001))],
      denied: [
        error4('error about no connection', mallory.v4, about4(5999)),
        error4('error about another protocol', mallory.v4, about4(5001, 6)),
        error4('error in the name of the listener', listener.v4, about4(5001)),
        error4('error in the name of the gateway', stage.gateway.v4, about4(5001), 3, 4),
        error4('redirect', mallory.v4, about4(5998), 5, 1),
        error4('echo', mallory.v4, [], 8, 0),
        error4('echo reply', mallory.v4, [], 0, 0),
        error6('error6 about no connection', mallory.v6, about6(5999)),
        error6('error6 in the name of the listener', listener.v6, about6(5001)),
        segment('SYN', 2),
        segment('SYN ACK', 0x12),
        segment('ACK', 0x10),
        segment('RST', 4),
        segment('FIN ACK', 0x11),
        segment('all flags', 0x3f),
        segment('no flags', 0),
        ...fragment4(udp4(mallory.v4, victim.v4, 6002, 53, 'a port that is hidden in fragments, denied'), 0x99, 16).map((p, i) =>
          frame(`hidden port, part ${i + 1}`, eth(victim.mac, mallory.mac, 0x0800, p), p.slice(20 + (i === 0 ? 8 : 0))),
        ),
      ],
    });
  });

  test('a rule that is taken away ends what it allowed, at once and alone', async () => {
    const { world } = stage;
    const tcp = (port: number): object => ({
      direction: 'ingress',
      ethertype: 'IPv4',
      protocol: 'tcp',
      port_range_min: port,
      port_range_max: port,
    });
    const group = await stage.group('weft', [...anyRules.filter(r => r.direction === 'egress')], 'for a while');
    const [ending] = [await stage.rule(group, { ...tcp(7000) }), await stage.rule(group, { ...tcp(7001) })];
    const server = await stage.actor('server', { more: { security_groups: [group.id] } });
    const hears = world.spawn(server.vm, [process.execPath, '-e', listening, '7000', '7001']);
    await world.until('the server listens', () => hears.output().includes('ready'));
    const talk = `
for (const port of [7000, 7001]) {
  const s = require('node:net').connect(port, '${server.v4}');
  let n = 0;
  s.on('error', () => {});
  s.on('connect', () => setInterval(() => s.write('word ' + ++n + ' '), 20));
}
setInterval(() => {}, 1000);`;
    const talker = world.spawn(mallory.vm, [process.execPath, '-e', talk]);
    const count = (port: number): number => hears.output().split(`tcp ${port} word`).length - 1;
    await world.until('both connections talk', () => count(7000) > 5 && count(7001) > 5);
    await world.admin.delete(`/security-group-rules/${ending?.id}`);
    await world.until('the one falls silent', async () => {
      const before = count(7000);
      await sleep(700);
      return count(7000) === before;
    });
    const [silent, loud] = [count(7000), count(7001)];
    await sleep(1000);
    await world.until('the other goes on', () => count(7001) > loud + 10);
    assert.equal(count(7000), silent, 'it stays silent, though the sender repeats what was lost');
    talker.kill();
  });

  for (const plugged of [false, true]) {
    const how = plugged ? 'put into its bridge by somebody else' : 'in no bridge';
    bridgeTest(`while a port is being wired, its tap ${how}, nothing passes that its rules deny`, async () => {
      const { world } = stage;
      const group = await stage.group('weft', [
        { direction: 'egress', ethertype: 'IPv4', protocol: 'udp', port_range_min: 2000, port_range_max: 2000 },
      ]);
      const port = await stage.port(stage.shared, 'weft', {
        security_groups: [group.id],
        'binding:host_id': 'h1',
        device_owner: 'compute:nova',
        device_id: `early-${plugged}`,
      });
      const mac = String(port['mac_address']);
      const v4 = (port['fixed_ips'] as { ip_address: string }[]).map(f => f.ip_address).find(a => a.includes('.')) ?? '';
      const say = (name: string, source: string, sport: number, from = mac): Case =>
        frame(name, eth(listener.mac, from, 0x0800, udp4(source, listener.v4, 1000, sport, `${name} ${plugged}`)));
      const honest = say('honest', v4, 2000);
      const denied = [
        say('denied by the rules', v4, 2001),
        say('from another address', victim.v4, 2000),
        say('from another MAC', v4, 2000, victim.mac),
        frame(
          'ARP for another',
          eth(broadcast, mac, 0x0806, bytes(arp({ op: 2, sha: mac, spa: victim.v4, tpa: listener.v4 }), text(`early ${plugged}`))),
        ),
        frame('another type from another MAC', eth(listener.mac, victim.mac, 0x88b5, text(`early type ${plugged}`))),
      ];
      const heard = await stage.listen(listener);
      const tap = `tap${port.id.slice(0, 11)}`;
      const job = await world.hostJob('h1', [python, attackSender, 'early0', '4', [honest, ...denied].map(c => hex(c.frame)).join(',')]);
      const batch = [
        `link add ${tap} type veth peer name early0`,
        ...(plugged ? [`link set ${tap} master brq${stage.shared.id.slice(0, 11)}`] : []),
        `link set early0 up`,
        `link set ${tap} up`,
      ];
      // At once, so that the device is up before anybody has heard of it.
      await world.host('h1', 'sh', '-c', `printf '${batch.join('\\n')}\\n' | ip -batch -`);
      await stage.active(port);
      await world.until('what is honest passes', () => heard.heard(honest), 5000);
      await job.done;
      assert.match(job.output(), /sent [1-9][0-9]{3}/, 'it sent all the time');
      assert.deepEqual(
        denied.filter(c => heard.heard(c)).map(c => c.name),
        [],
      );
      heard.stop();
      await world.host('h1', 'ip', 'link', 'delete', tap);
      await world.admin.delete(`/ports/${port.id}`);
    });
  }

  test('a thousand damaged frames a second: agents live, and ports are wired as ever', async () => {
    const { world } = stage;
    const pid = world.agentPid('h1');
    const seeds = [
      eth(victim.mac, mallory.mac, 0x0800, udp4(mallory.v4, victim.v4, 1, 2, 'junk')),
      eth(broadcast, mallory.mac, 0x0806, arp({ op: 1, sha: mallory.mac, spa: mallory.v4, tpa: victim.v4 })),
      eth(
        '33:33:00:00:00:01',
        mallory.mac,
        0x86dd,
        ipv6(mallory.ll, 'ff02::1', 58, icmp6(mallory.ll, 'ff02::1', 136, Array<number>(28).fill(7))),
      ),
      eth(broadcast, mallory.mac, 0x0800, udp4('0.0.0.0', '255.255.255.255', 68, 67, Array<number>(300).fill(1))),
    ];
    const before = performance.now();
    await stage.actor('early');
    const usual = performance.now() - before;
    const flood = world.spawn(mallory.vm, [python, attackSender, 'eth0', '5', seeds.map(hex).join(','), 'shuffle', '2000']);
    await world.until('the flood runs', () => flood.output().includes('began'));
    const began = performance.now();
    const late = await stage.actor('late');
    const took = performance.now() - began;
    assert.ok(took < Math.max(10_000, 4 * usual), `a port in good time: ${took} ms, ${usual} ms without the flood`);
    await flood.done;
    assert.match(flood.output(), /sent [2-9][0-9]{3}/);
    assert.ok(await world.pings(late.vm, listener.v4), 'the network works');
    assert.equal(world.agentPid('h1'), pid, 'the same agents');
    for (const host of (await world.status()).hosts) assert.equal(host.process.restarts, 0);
  });
}
