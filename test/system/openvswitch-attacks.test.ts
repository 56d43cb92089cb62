// What an instance sends through a real switch to get into another network, onto the wire, or to speak as somebody else: nothing of it is heard by
// its neighbour, by an instance of another network, or on the provider's wire. Beside each stands a frame that is.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { anyRules, type Case, linkLocal, python } from './attack-world.ts';
import type { Job } from './job.ts';
import { BridgeWorld, type Instance } from './linuxbridge-world.ts';
import { noSandbox, noSwitch } from './need.ts';
import {
  advertisement,
  arp,
  broadcast,
  bytes,
  eth,
  hex,
  ip4packet,
  ipv6,
  linkOption,
  sender,
  sniffer,
  tcp4,
  u16,
  udp4,
  udp6,
} from './raw-frames.ts';

const skip = noSandbox() || noSwitch();
const OTHER_MAC = 'fa:16:3e:99:99:99';
const VRRP_MAC = '00:00:5e:00:01:07';
const [ALL_NODES, ALL_NODES_MAC] = ['ff02::1', '33:33:00:00:00:01'];
/** Of the networks on the wire. */
const OUTER = [101, 102] as const;
const tagOf = (vid: number, tpid = 0x8100): number[] => [...u16(tpid), ...u16(vid)];
const withTags = (frame: readonly number[], tags: readonly number[]): number[] => bytes(frame.slice(0, 12), tags, frame.slice(12));
/** A marked text, found wherever the frame arrives and whatever became of its head. */
const text = (name: string): number[] => bytes([...Buffer.from(`<${name}>`.padEnd(46))]);
const markOf = (name: string): string => Buffer.from(`<${name}>`).toString('hex');

/** Frames with tags: local VLANs are small numbers, and those of the wire are these. */
function tagged(mac: string, dst: string): Case[] {
  const vids = [1, 2, 3, ...OUTER, 4094, 4095];
  const stacks: [name: string, tags: number[]][] = vids.flatMap(vid => [
    [`tag ${vid}`, tagOf(vid)],
    [`802.1ad ${vid}`, tagOf(vid, 0x88a8)],
    [`two tags ${vid}`, [...tagOf(vid), ...tagOf(2)]],
    [`802.1ad ${vid} over a tag`, [...tagOf(vid, 0x88a8), ...tagOf(2)]],
    [`a priority over tag ${vid}`, [...tagOf(0), ...tagOf(vid)]],
    [`two priorities over tag ${vid}`, [...tagOf(0), ...tagOf(0), ...tagOf(vid)]],
    [`three priorities over tag ${vid}`, [...tagOf(0), ...tagOf(0), ...tagOf(0), ...tagOf(vid)]],
  ]);
  return [broadcast, dst].flatMap(to =>
    stacks.map(([name, tags]) => {
      const named = `${name} to ${to === broadcast ? 'all' : 'the other'}`;
      return { name: named, frame: withTags(eth(to, mac, 0x88b5, text(named)), tags) };
    }),
  );
}

for (const firewall of ['openvswitch', 'noop'] as const)
  describe(`attacks through Open vSwitch, with the firewall ${firewall}`, { skip }, () => {
    let world: BridgeWorld;
    let attacker: Instance;
    let tied: Instance;
    let victim: Instance;
    let stranger: Instance;
    /** On a flat network, without port security. */
    let loose: Instance;
    const ears = new Map<string, Job>();

    before(async () => {
      world = await BridgeWorld.open(1, 'openvswitch');
      const [one, two] = OUTER.map((segment, i) => world.server.network(i + 1, { type: 'vlan', segment, physical: 'public' }));
      const groups = [world.server.group(1, anyRules)];
      const narrow = ['egress', 'ingress'].map(direction => ({ direction, ethertype: 'IPv4', protocol: 'tcp' }));
      const ports = [
        world.server.port(1, one!, { groups }),
        world.server.port(2, one!, { groups: [world.server.group(2, narrow)] }),
        world.server.port(3, one!, { groups }),
        world.server.port(4, two!, { groups }),
        world.server.port(5, world.server.network(3, { type: 'flat', physical: 'public' }), { security: false }),
      ];
      const vms = await Promise.all(ports.map(port => world.instance('h1', port)));
      [attacker, tied, victim, stranger, loose] = vms as [Instance, Instance, Instance, Instance, Instance];
      await world.agent('h1', { firewall, permittedEthertypes: [0x88b5] });
      await world.active(...ports);
      for (const vm of [victim, stranger]) await world.inside(vm, 'ip', 'link', 'set', 'eth0', 'promisc', 'on');
      await world.on('far', 'ip', 'link', 'set', 'eth1', 'promisc', 'on');
      ears.set('victim', world.spawn(victim, [python, '-c', sniffer, 'eth0']));
      ears.set('stranger', world.spawn(stranger, [python, '-c', sniffer, 'eth0']));
      ears.set('wire', world.start('far', [python, '-c', sniffer, 'eth1']));
      for (const [name, ear] of ears) await world.until(`${name} listens`, async () => ear.output().includes('listening'));
    });
    after(() => world?.[Symbol.asyncDispose]());

    const arrived = (at: string, { name, mark }: Case): boolean => {
      const found = mark === undefined ? markOf(name) : hex(mark);
      return ears.get(at)!.output().includes(found);
    };
    let sentences = 0;
    /** Sends them, and behind them what must arrive. */
    async function send(from: Instance, cases: readonly Case[], type = 0x88b5): Promise<void> {
      const name = `the last of ${++sentences}`;
      const packet =
        type === 0x88b5 ? text(name) : tcp4(from.port.ips[0]!, victim.port.ips[0]!, { sport: 1, dport: 2, flags: 2, data: text(name) });
      const last: Case = { name, frame: eth(victim.port.mac, from.port.mac, type, packet) };
      await world.inside(from, python, '-c', sender, 'eth0', [...cases, last].map(c => hex(c.frame)).join());
      await world.until('the last frame arrived', async () => arrived('victim', last));
    }
    const heardAnywhere = (cases: readonly Case[]): string[] =>
      cases.flatMap(c => [...ears.keys()].filter(at => arrived(at, c)).map(at => `${at} heard ${c.name}`));
    const own = (name: string, dst: string): Case => ({ name, frame: eth(dst, attacker.port.mac, 0x88b5, text(name)) });

    test('what has no tag is heard in its own network, and on the wire with its tag alone', async () => {
      const cases = [own('own, to all', broadcast), own('own, to some group', '01:00:5e:00:00:7b'), own('own, to nobody', OTHER_MAC)];
      await send(attacker, cases);
      await world.until('on the wire', async () => cases.every(c => arrived('wire', c)));
      assert.ok(cases.slice(0, 2).every(c => arrived('victim', c)));
      assert.deepEqual(
        cases.filter(c => arrived('stranger', c)),
        [],
      );
      for (const { name, frame } of cases) {
        const line = ears
          .get('wire')!
          .output()
          .split('\n')
          .find(l => l.includes(markOf(name)));
        assert.equal(line?.trim(), hex(withTags(frame, tagOf(101))), 'its tag');
      }
    });

    test('a frame for a MAC of another network gets nowhere but out of the host', async () => {
      const across = own('to the MAC of another network', stranger.port.mac);
      await send(attacker, [across]);
      assert.equal(arrived('stranger', across), false);
      assert.equal(arrived('victim', across), firewall === 'noop', 'a switch that has not heard of it floods it in its own network');
    });

    test('tags of any kind are heard by nobody', async () => {
      const cases = tagged(attacker.port.mac, stranger.port.mac);
      await send(attacker, cases);
      assert.deepEqual(heardAnywhere(cases), []);
    });

    test('from a flat network no tag comes onto the wire, not behind a priority either, whatever the switch sees of tags', async () => {
      for (const limit of [1, 2]) {
        await world.on('h1', 'ovs-vsctl', 'set', 'Open_vSwitch', '.', `other_config:vlan-limit=${limit}`);
        const { mac } = loose.port;
        const named = (what: string): string => `loose with ${limit}, ${what}`;
        const [plain, urgent] = ['plain', 'urgent'].map(what => ({
          name: named(what),
          frame: eth(broadcast, mac, 0x88b5, text(named(what))),
        }));
        const cases = tagged(mac, stranger.port.mac).map(({ name, frame }) => {
          const longer = named(name);
          return { name: longer, frame: bytes(frame.slice(0, frame.length - 46), text(longer)) };
        });
        const frames = [...cases.map(c => c.frame), plain!.frame, withTags(urgent!.frame, tagOf(0xe000))];
        await world.inside(loose, python, '-c', sender, 'eth0', frames.map(hex).join());
        await world.until('the last arrived', async () => arrived('wire', plain!) && arrived('wire', urgent!));
        assert.deepEqual(heardAnywhere(cases), []);
      }
    });

    test('nobody speaks with a MAC, an ARP or an advertisement that is not his', async () => {
      const { mac, ips } = attacker.port;
      const mine = linkLocal(mac);
      const na = (target: string, name: string): Case => {
        const mark = advertisement(mine, ALL_NODES, target, linkOption(2, mac));
        return { name, frame: eth(ALL_NODES_MAC, mac, 0x86dd, ipv6(mine, ALL_NODES, 58, mark)), mark };
      };
      const said = (name: string, spa: string): Case => {
        const mark = arp({ op: 2, sha: mac, spa, tpa: victim.port.ips[0]! });
        return { name, frame: eth(broadcast, mac, 0x0806, mark), mark };
      };
      const allowed = [said('ARP of its own', ips[0]!), na(ips[1]!, 'NA of its own')];
      const cases: Case[] = [
        { name: 'another MAC', frame: eth(victim.port.mac, OTHER_MAC, 0x88b5, text('another MAC')) },
        { name: "its victim's MAC", frame: eth(broadcast, victim.port.mac, 0x88b5, text("its victim's MAC")) },
        { name: 'a virtual MAC', frame: eth(broadcast, VRRP_MAC, 0x88b5, text('a virtual MAC')) },
        said("ARP for its victim's address", victim.port.ips[0]!),
        said('ARP for the gateway', '10.0.0.254'),
        na(victim.port.ips[1]!, "NA for its victim's address"),
        na('fe80::1', 'NA for the gateway'),
      ];
      await send(attacker, [...allowed, ...cases]);
      assert.ok(allowed.every(c => arrived('victim', c)));
      assert.deepEqual(heardAnywhere(cases), []);
    });

    if (firewall === 'openvswitch')
      test('what no rule permits does not leave: VRRP, other protocols, fragments, IPv6 behind headers, with rules for TCP over IPv4 alone', async () => {
        const { mac, ips } = tied.port;
        const [ip = '', ip6 = ''] = ips;
        const [to = '', to6 = ''] = victim.port.ips;
        const group = '01:00:5e:00:00:12';
        const v4 = (name: string, packet: readonly number[], dst = victim.port.mac, src = mac): Case => ({
          name,
          frame: eth(dst, src, 0x0800, packet),
        });
        const v6 = (name: string, next: number, payload: readonly number[]): Case => ({
          name,
          frame: eth(victim.port.mac, mac, 0x86dd, ipv6(ip6, to6, next, payload)),
        });
        /** Hop-by-hop, routing, fragment and destination headers before UDP. */
        const udp = (name: string): number[] => udp6(ip6, to6, 1000, 2000, text(name)).slice(40);
        const before = (name: string, head: readonly number[]): number[] => bytes(head, udp(name));
        const padded = bytes(17, 0, 1, 4, 0, 0, 0, 0);
        const cases = [
          v4('VRRP', ip4packet(ip, '224.0.0.18', 112, text('VRRP')), group),
          v4('VRRP with its MAC', ip4packet(ip, '224.0.0.18', 112, text('VRRP with its MAC')), group, VRRP_MAC),
          ...[1, 2, 4, 17, 41, 47, 50, 89, 132].map(p => v4(`protocol ${p}`, ip4packet(ip, to, p, text(`protocol ${p}`)))),
          v4('UDP', udp4(ip, to, 1000, 2000, text('UDP'))),
          v4('UDP from another', udp4('10.0.0.77', to, 1000, 2000, text('UDP from another'))),
          v4('TCP from another', tcp4('10.0.0.77', to, { sport: 1, dport: 2, flags: 2, data: text('TCP from another') })),
          v4('a later fragment alone', ip4packet(ip, to, 17, text('a later fragment alone'), 77, 5)),
          v4('a first fragment of UDP', ip4packet(ip, to, 17, text('a first fragment of UDP'), 78, 0x2000)),
          v6('UDP over IPv6', 17, udp('UDP over IPv6')),
          v6('behind hop-by-hop', 0, before('behind hop-by-hop', padded)),
          v6('behind routing', 43, before('behind routing', bytes(17, 2, 0, 0, 0, 0, 0, 0, Array<number>(16).fill(0)))),
          v6('behind destination options', 60, before('behind destination options', padded)),
          v6('in a fragment', 44, before('in a fragment', bytes(17, 0, u16(0), u16(0), u16(9)))),
        ];
        // The very same by a port whose rules permit it.
        const same = v4(
          'UDP by another',
          udp4(attacker.port.ips[0]!, to, 1000, 2000, text('UDP by another')),
          victim.port.mac,
          attacker.port.mac,
        );
        await send(attacker, [same]);
        assert.ok(arrived('victim', same));
        await send(tied, cases, 0x0800);
        assert.deepEqual(heardAnywhere(cases), []);
      });
  });
