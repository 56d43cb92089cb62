// Family (d): what an instance with raw sockets says in another's name. Each denied frame goes out beside honest ones, in one burst, and
// at the end a port without port security sends the very same frames, which all arrive: it was the filters that stopped them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Body } from '../../src/client/api.ts';
import type { SwitchKind } from '../../src/main/state/switch.ts';
import { type Actor, AttackWorld, type Case, type Ear } from './attack-world.ts';
import { noSandbox, noSwitch } from './need.ts';
import {
  advertisement,
  arp,
  broadcast,
  bytes,
  dhcp4,
  eth,
  fragment4,
  fragments6,
  hex,
  icmp4,
  icmp6,
  ip4packet,
  ip6,
  ipv6,
  linkOption,
  nonce,
  routerAdvertisement,
  snap,
  solicitation,
  u16,
  udp4,
  udp6,
} from './raw-frames.ts';

const NOBODY = 'fa:16:3e:99:99:99';
const ALL = 'ff02::1';
const ALL_MAC = '33:33:00:00:00:01';
const text = (s: string): number[] => [...Buffer.from(s)];
/** Routing, destination options and hop-by-hop headers of eight bytes; `next` follows. */
const options = (next: number): number[] => bytes(next, 0, 1, 4, 0, 0, 0, 0);
const routing = (next: number): number[] => bytes(next, 0, 4, 0, 0, 0, 0, 0);
/** A first fragment without the whole chain of headers is dropped wherever packets are put together (RFC 7112), filters or not. */
const late = (cases: readonly Case[]): Case[] => cases.map(c => ({ ...c, never: true }));
const HOP_BY_HOP = 0;
const UDP = 17;
const ROUTING = 43;
const ICMPV6 = 58;
const DESTINATION = 60;

describe('attacks by frames', { skip: noSandbox() }, () => attacks('linuxbridge'));
describe('attacks by frames on Open vSwitch', { skip: noSandbox() || noSwitch() }, () => attacks('openvswitch'));

function attacks(kind: SwitchKind): void {
  const ovs = kind === 'openvswitch';
  let stage: AttackWorld;
  let mallory: Actor;
  let victim: Actor;
  let listener: Actor;
  let open: Actor;
  let ear: Ear;
  /** All that was denied, for the last test. */
  const sent: Case[] = [];

  before(async () => {
    stage = await AttackWorld.open(1, kind);
    [mallory, victim, listener, open] = await Promise.all([
      stage.actor('mallory', { project: 'other', more: { fixed_ips: undefined } }),
      stage.actor('victim'),
      // Rules that let all in leave out what no flow can match: there, what arrives is seen by whoever is not guarded.
      stage.actor('listener', ovs ? { more: { port_security_enabled: false } } : {}),
      stage.actor('open', { more: { port_security_enabled: false } }),
    ]);
    ear = await stage.listen(listener);
  });
  after(() => stage[Symbol.asyncDispose]());

  const trial = async (honest: Case[], denied: Case[]): Promise<void> => {
    sent.push(...denied);
    await stage.expectOnly({ from: mallory, ear, honest, denied });
  };
  /** Frames that are neither IP nor ARP: the firewall of Open vSwitch drops those whose type `permitted_ethertypes` does not name. */
  const noIp = (...cases: Case[]): { honest: Case[]; denied: Case[] } =>
    ovs ? { honest: [], denied: cases } : { honest: cases, denied: [] };

  const frame = (name: string, bytesOfFrame: readonly number[], mark?: readonly number[]): Case => ({
    name,
    frame: bytesOfFrame,
    ...(mark ? { mark } : {}),
  });
  const v4 = (name: string, source: string, mac = mallory.mac): Case =>
    frame(name, eth(listener.mac, mac, 0x0800, udp4(source, listener.v4, 1000, 2000, name)));
  const v6 = (name: string, source: string, mac = mallory.mac): Case =>
    frame(name, eth(listener.mac, mac, 0x86dd, udp6(source, listener.v6, 1000, 2000, name)));
  const other = (name: string, type: number, mac: string, payload: readonly number[] = text(name)): Case =>
    frame(name, eth(listener.mac, mac, type, payload));

  test('OSSA-2016-009: every kind of frame is bound to the MAC of its port', async () => {
    const ipv4 = (mac: string): number[] => udp4(mallory.v4, listener.v4, 1000, 2000, `behind ${mac}`);
    const length = (payload: readonly number[]): number => payload.length;
    const llc = text('\u0000\u0000\u0003 not IP, to nobody known, in a frame with a length');
    const unknown = noIp(other('an unknown type', 0x88b5, mallory.mac), other('802.3 with LLC', length(llc), mallory.mac, llc));
    await trial(
      [
        v4('IPv4', mallory.v4),
        v6('IPv6', mallory.v6),
        v6('IPv6 link-local', mallory.ll),
        ...unknown.honest,
        frame('ARP', eth(broadcast, mallory.mac, 0x0806, arp({ op: 1, sha: mallory.mac, spa: mallory.v4, tpa: listener.v4 }))),
      ],
      [
        ...unknown.denied,
        ...[NOBODY, victim.mac, stage.gateway.mac].flatMap(mac => [
          v4(`IPv4 from ${mac}`, mallory.v4, mac),
          v6(`IPv6 from ${mac}`, mallory.v6, mac),
          other(`an unknown type from ${mac}`, 0x88b5, mac),
          other(`RARP from ${mac}`, 0x8035, mac),
          other(`802.3 with LLC from ${mac}`, length(llc) - 1, mac, llc.slice(1)),
          other(`802.1Q from ${mac}`, 0x8100, mac, bytes(u16(5), u16(0x88b5), text(`tagged from ${mac}`))),
          other(`QinQ from ${mac}`, 0x88a8, mac, bytes(u16(5), u16(0x8100), u16(6), u16(0x0800), ipv4(mac))),
          frame(`ARP from ${mac}`, eth(broadcast, mac, 0x0806, arp({ op: 2, sha: mallory.mac, spa: mallory.v4, tpa: listener.v4 }))),
          frame(`NS from ${mac}`, eth(ALL_MAC, mac, 0x86dd, ipv6(mallory.ll, ALL, ICMPV6, solicitation(mallory.ll, ALL, listener.v6, [])))),
          frame(
            `DHCP discover from ${mac}`,
            eth(broadcast, mac, 0x0800, udp4('0.0.0.0', '255.255.255.255', 68, 67, dhcp4({ type: 1, chaddr: mac }))),
          ),
        ]),
      ],
    );
  });

  test('IP from an address that is not its own', async () => {
    await trial(
      [v4('own IPv4', mallory.v4), v6('own IPv6', mallory.v6), v6('own link-local', mallory.ll)],
      [
        ...[victim.v4, stage.gateway.v4, listener.v4, '10.5.0.255', '255.255.255.255', '127.0.0.1', '224.0.0.1', '0.0.0.0'].map(a =>
          v4(`IPv4 from ${a}`, a),
        ),
        ...[victim.v6, stage.gateway.v6, victim.ll, stage.gateway.ll, '::', '::1', 'ff02::1', '::ffff:a05:14'].map(a =>
          v6(`IPv6 from ${a}`, a),
        ),
        frame('ICMP redirect of the gateway', eth(listener.mac, mallory.mac, 0x0800, redirect())),
        frame('ICMPv6 redirect of the gateway', eth(listener.mac, mallory.mac, 0x86dd, redirect6())),
      ],
    );
  });

  const redirect = (): number[] => {
    const about = udp4(listener.v4, victim.v4, 1, 2, 'x');
    return ip4packet(stage.gateway.v4, listener.v4, 1, icmp4(5, 1, bytes([10, 5, 0, 66], about.slice(0, 28))));
  };
  const redirect6 = (): number[] => {
    const { ll } = stage.gateway;
    return ipv6(ll, listener.v6, ICMPV6, icmp6(ll, listener.v6, 137, bytes(0, 0, 0, 0, ip6(mallory.ll), ip6(victim.v6))));
  };

  test('OSSA-2021-004: ARP in the name of another', async () => {
    const say = (name: string, a: Parameters<typeof arp>[0], to = broadcast): Case =>
      frame(name, eth(to, mallory.mac, 0x0806, arp({ ...a, tha: a.tha ?? broadcast })));
    const [m, g] = [mallory.mac, stage.gateway];
    await trial(
      [
        say('own request', { op: 1, sha: m, spa: mallory.v4, tpa: listener.v4 }),
        say('own reply', { op: 2, sha: m, spa: mallory.v4, tpa: listener.v4 }, listener.mac),
        say('own announcement', { op: 1, sha: m, spa: mallory.v4, tpa: mallory.v4 }),
        say('own probe', { op: 1, sha: m, spa: '0.0.0.0', tpa: mallory.v4 }),
      ],
      [1, 2].flatMap(op => [
        say(`gateway announced (${op})`, { op, sha: m, spa: g.v4, tpa: g.v4 }),
        say(`gateway announced to one (${op})`, { op, sha: m, spa: g.v4, tpa: listener.v4 }, listener.mac),
        say(`the victim's address (${op})`, { op, sha: m, spa: victim.v4, tpa: listener.v4 }),
        say(`the victim's MAC (${op})`, { op, sha: victim.mac, spa: mallory.v4, tpa: listener.v4 }),
        say(`both of the victim (${op})`, { op, sha: victim.mac, spa: victim.v4, tpa: listener.v4 }),
        say(`an address in the host's own range (${op})`, { op, sha: m, spa: '198.18.0.1', tpa: listener.v4 }),
        say(`probe for the victim's address (${op})`, { op, sha: m, spa: '0.0.0.0', tpa: victim.v4 }),
        say(`odd lengths (${op})`, { op, sha: m, spa: mallory.v4, tpa: listener.v4, hlen: 5 }),
      ]),
    );
  });

  test('OSSA-2021-001: neighbour advertisements and solicitations in the name of another', async () => {
    const to = (payload: readonly number[], mac = ALL_MAC): number[] => eth(mac, mallory.mac, 0x86dd, payload);
    const { ll } = mallory;
    const na = (target: string, mac: string, dst = ALL): number[] => advertisement(ll, dst, target, linkOption(2, mac));
    const naFlags = (flags: number, target: string): number[] =>
      icmp6(ll, ALL, 136, bytes(flags, 0, 0, 0, ip6(target), linkOption(2, mallory.mac)));
    const plain = (payload: readonly number[], hops = 255): number[] => to(ipv6(ll, ALL, ICMPV6, payload, hops));
    const ns = (src: string, target: string, more: readonly number[]): number[] =>
      to(ipv6(src, ALL, ICMPV6, solicitation(src, ALL, target, more)));
    const mine = na(mallory.v6, mallory.mac);
    const stolen = (n: number): number[] => na(`fd00:5::bad:${n}`, mallory.mac);
    const hidden = (n: number, name: string, packet: (na: readonly number[]) => readonly number[]): Case =>
      frame(name, to(packet(stolen(n))), stolen(n));
    const pieces = (n: number, name: string, next: number, parts: readonly (readonly number[])[]): Case[] =>
      fragments6(ll, ALL, next, n, parts).map((p, i) => frame(`${name}, part ${i + 1}`, to(p), parts[i]));
    await trial(
      [
        frame('own NA', plain(mine)),
        frame('own NA of the link-local address', plain(na(ll, mallory.mac))),
        frame('own NA, solicited', to(ipv6(ll, listener.ll, ICMPV6, na(mallory.v6, mallory.mac, listener.ll)), listener.mac)),
        frame('own NS', ns(ll, listener.v6, linkOption(1, mallory.mac))),
        frame('own detection', ns('::', mallory.v6, nonce)),
      ],
      [
        ...[victim.v6, victim.ll, stage.gateway.ll, stage.gateway.v6, 'fd00:5::123'].map(target =>
          frame(`NA for ${target}`, plain(na(target, mallory.mac))),
        ),
        ...[0x00, 0x20, 0x40, 0x60, 0x80, 0xe0].map(flags => frame(`NA with flags ${flags}`, plain(naFlags(flags, victim.v6)))),
        frame('NA for the victim, solicited', to(ipv6(ll, listener.ll, ICMPV6, na(victim.v6, mallory.mac, listener.ll)), listener.mac)),
        frame("NA with the victim's MAC", plain(na(mallory.v6, victim.mac))),
        frame('NA without a MAC for the victim', plain(advertisement(ll, ALL, victim.v6, []))),
        frame(
          "NA with the victim's MAC behind an option",
          plain(advertisement(ll, ALL, mallory.v6, bytes(nonce, linkOption(2, victim.mac)))),
        ),
        frame('NA from afar', plain(na(victim.v6, mallory.mac), 64)),
        frame("NS with the victim's MAC", ns(ll, listener.v6, linkOption(1, victim.mac))),
        frame("NS from the victim's address", ns(victim.v6, listener.v6, linkOption(1, mallory.mac))),
        frame("detection of the victim's address", ns('::', victim.v6, [])),
        frame("detection of the victim's link-local address, with a nonce", ns('::', victim.ll, nonce)),
        hidden(1, 'NA behind hop-by-hop options', p => ipv6(ll, ALL, HOP_BY_HOP, bytes(options(ICMPV6), p))),
        hidden(2, 'NA behind destination options', p => ipv6(ll, ALL, DESTINATION, bytes(options(ICMPV6), p))),
        hidden(3, 'NA behind a routing header', p => ipv6(ll, ALL, ROUTING, bytes(routing(ICMPV6), p))),
        hidden(4, 'NA behind both', p => ipv6(ll, ALL, HOP_BY_HOP, bytes(options(DESTINATION), options(ICMPV6), p))),
        ...pieces(0x71, 'NA in one fragment', ICMPV6, [stolen(5)]),
        ...pieces(0x72, 'NA in two fragments', ICMPV6, [stolen(6).slice(0, 16), stolen(6).slice(16)]),
        ...late(pieces(0x73, 'NA behind a header in fragments', DESTINATION, [options(ICMPV6), stolen(7)])),
        ...late(pieces(0x74, 'NA behind two headers in fragments', DESTINATION, [bytes(options(DESTINATION), options(ICMPV6)), stolen(8)])),
      ],
    );
  });

  test('RFC 7113: router advertisements, however they are wrapped', async () => {
    const { ll } = mallory;
    const to = (payload: readonly number[]): number[] => eth(ALL_MAC, mallory.mac, 0x86dd, payload);
    // Each says another lifetime, so that they can be told from each other.
    const ra = (n: number): number[] => icmp6(ll, ALL, 134, bytes(64, 0, u16(0), u16(0), u16(n), 0, 0, 0, 0));
    const one = (n: number, name: string, packet: (ra: readonly number[]) => readonly number[]): Case =>
      frame(name, to(packet(ra(n))), ra(n));
    const pieces = (n: number, name: string, next: number, parts: readonly (readonly number[])[]): Case[] =>
      fragments6(ll, ALL, next, n, parts).map((p, i) => frame(`${name}, part ${i + 1}`, to(p), parts[i]));
    const rs = icmp6(ll, 'ff02::2', 133, bytes(0, 0, 0, 0, linkOption(1, mallory.mac)));
    await trial(
      [frame('own RS', eth('33:33:00:00:00:02', mallory.mac, 0x86dd, ipv6(ll, 'ff02::2', ICMPV6, rs)))],
      [
        one(1, 'RA', p => ipv6(ll, ALL, ICMPV6, p)),
        one(2, 'RA of the gateway', p => ipv6(stage.gateway.ll, ALL, ICMPV6, p)),
        one(3, 'RA behind hop-by-hop options', p => ipv6(ll, ALL, HOP_BY_HOP, bytes(options(ICMPV6), p))),
        one(4, 'RA behind destination options', p => ipv6(ll, ALL, DESTINATION, bytes(options(ICMPV6), p))),
        one(5, 'RA behind a routing header', p => ipv6(ll, ALL, ROUTING, bytes(routing(ICMPV6), p))),
        one(6, 'RA behind three headers', p =>
          ipv6(ll, ALL, HOP_BY_HOP, bytes(options(DESTINATION), options(ROUTING), routing(ICMPV6), p)),
        ),
        ...pieces(0x81, 'RA in one fragment', ICMPV6, [ra(7)]),
        ...pieces(0x82, 'RA in two fragments', ICMPV6, [ra(8).slice(0, 8), ra(8).slice(8)]),
        ...late(pieces(0x83, 'RA in the second fragment', DESTINATION, [options(ICMPV6), ra(9)])),
        ...late(pieces(0x84, 'RA behind headers in two fragments', DESTINATION, [bytes(options(DESTINATION), options(ICMPV6)), ra(10)])),
        frame('RA in SNAP', eth(ALL_MAC, mallory.mac, ...snap(0x86dd, ipv6(ll, ALL, ICMPV6, ra(11)))), ra(11)),
        frame('RA behind a priority tag', eth(ALL_MAC, mallory.mac, 0x8100, bytes(u16(0), u16(0x86dd), ipv6(ll, ALL, ICMPV6, ra(12))))),
        frame('the usual RA', to(ipv6(ll, ALL, ICMPV6, routerAdvertisement(ll, ALL)))),
      ],
    );
  });

  test('DHCP: answers of a server, from any port; requests in the name of another; relays', async () => {
    const say = (name: string, payload: readonly number[], to = listener.mac, mark?: readonly number[]): Case =>
      frame(name, eth(to, mallory.mac, 0x0800, payload), mark);
    const six = (name: string, payload: readonly number[]): Case => frame(name, eth(listener.mac, mallory.mac, 0x86dd, payload));
    const offer = dhcp4({ type: 2, chaddr: listener.mac, server: mallory.v4 });
    const ask = (more: Parameters<typeof dhcp4>[0], from = '0.0.0.0', sport = 68): number[] =>
      udp4(from, '255.255.255.255', sport, 67, dhcp4(more));
    const hiddenOffer = udp4(mallory.v4, listener.v4, 67, 68, dhcp4({ type: 5, chaddr: listener.mac, requested: '10.5.0.99' }));
    const hiddenAsk = udp4(mallory.v4, listener.v4, 68, 67, dhcp4({ type: 4, chaddr: victim.mac, requested: victim.v4 }));
    /** For whom a client's message is, is written where no flow of a switch can look. */
    const inside = (...cases: Case[]): Case[] => (ovs ? [] : cases);
    const v6message = (type: number): number[] => bytes(type, 1, 2, 3, text(`message ${type}`));
    await trial(
      [
        say('own discover', ask({ type: 1, chaddr: mallory.mac }), broadcast),
        say('own request', ask({ type: 3, chaddr: mallory.mac }, mallory.v4), broadcast),
        say('UDP from port 67', udp4(mallory.v4, listener.v4, 67, 69, 'to another port')),
        six('own solicit', udp6(mallory.ll, listener.ll, 546, 547, v6message(1))),
        six('UDP from port 547', udp6(mallory.ll, listener.ll, 547, 548, 'to another port')),
      ],
      [
        say('offer', udp4(mallory.v4, listener.v4, 67, 68, offer)),
        say('offer to all', udp4(mallory.v4, '255.255.255.255', 67, 68, offer), broadcast),
        say('offer from another port', udp4(mallory.v4, listener.v4, 6767, 68, offer)),
        ...fragment4(hiddenOffer, 0x77, 24).map((p, i) => say(`ACK in fragments, part ${i + 1}`, p, listener.mac, p.slice(20, 44))),
        ...inside(
          say("the victim's decline", ask({ type: 4, chaddr: victim.mac, requested: victim.v4 }), broadcast),
          say("the victim's release", ask({ type: 7, chaddr: victim.mac, ciaddr: victim.v4 }, mallory.v4), broadcast),
          say(
            'a relayed decline',
            ask({ type: 4, chaddr: victim.mac, giaddr: mallory.v4, requested: victim.v4 }, mallory.v4, 67),
            broadcast,
          ),
          ...fragment4(hiddenAsk, 0x78, 16).map((p, i) =>
            say(`a decline in fragments, part ${i + 1}`, p, listener.mac, i === 0 ? p.slice(20, 36) : p.slice(20, 80)),
          ),
          six('DHCPv6 relay-forward', udp6(mallory.ll, listener.ll, 547, 547, v6message(12))),
        ),
        six('DHCPv6 advertise', udp6(mallory.ll, listener.ll, 547, 546, v6message(2))),
        six('DHCPv6 reply from another port', udp6(mallory.ll, listener.ll, 5470, 546, v6message(7))),
        six('DHCPv6 reconfigure', udp6(mallory.v6, listener.v6, 547, 546, v6message(10))),
        frame(
          'DHCPv6 behind an extension header',
          eth(
            listener.mac,
            mallory.mac,
            0x86dd,
            ipv6(
              mallory.ll,
              listener.ll,
              DESTINATION,
              bytes(options(UDP), udp6(mallory.ll, listener.ll, 547, 546, v6message(3)).slice(40)),
            ),
          ),
        ),
      ],
    );
  });

  test('what only switches and bridges say, and IP in wrappings that filters do not look into', async () => {
    const bpdu = bytes(0x42, 0x42, 3, Array<number>(35).fill(1));
    const to = (name: string, dst: string, type: number, payload: readonly number[]): Case =>
      frame(name, eth(dst, mallory.mac, type, payload));
    const ip = (n: number): number[] => udp4(victim.v4, listener.v4, 1000, 2000, `wrapped ${n}`);
    const isis = bytes(0xfe, 0xfe, 3, text('intermediate systems may talk in their own frames'));
    /** Open vSwitch forwards none of its address. */
    const pvst = to('PVST+', '01:00:0c:cc:cc:cd', 50, bytes(0xaa, 0xaa, 3, 0, 0, 0x0c, u16(0x010b), Array<number>(42).fill(3)));
    const switches = noIp(to('IS-IS', '01:80:c2:00:00:14', isis.length, isis));
    await trial(
      [...switches.honest, to('multicast', '01:00:5e:00:00:05', 0x0800, udp4(mallory.v4, '224.0.0.5', 1, 2, 'm'))],
      [
        ...switches.denied,
        { ...to('spanning tree', '01:80:c2:00:00:00', 38, bpdu), never: true },
        { ...to('LACP', '01:80:c2:00:00:02', 0x8809, bytes(1, 1, text('marker'))), never: true },
        { ...to('LLDP', '01:80:c2:00:00:0e', 0x88cc, text('neighbour')), never: true },
        { ...to('pause', '01:80:c2:00:00:01', 0x8808, bytes(u16(1), u16(0xffff))), never: true },
        to('pause to one', listener.mac, 0x8808, bytes(u16(1), u16(0xffff), Array<number>(42).fill(0))),
        to('GARP', '01:80:c2:00:00:21', 38, bytes(0x42, 0x42, 3, Array<number>(35).fill(2))),
        ...(ovs ? late([pvst]) : [pvst]),
        to('IPv4 in SNAP', listener.mac, ...snap(0x0800, ip(1))),
        to('IPv4 in SNAP of another organisation', listener.mac, ...snap(0x0800, ip(2), 0xf8)),
        to('ARP in SNAP', broadcast, ...snap(0x0806, arp({ op: 2, sha: mallory.mac, spa: victim.v4, tpa: listener.v4 }))),
        to('IPv4 in LLC', listener.mac, ip(3).length + 3, bytes(6, 6, 3, ip(3))),
        to('IPv4 behind a tag', listener.mac, 0x8100, bytes(u16(5), u16(0x0800), ip(4))),
        to('IPv4 behind a priority tag', listener.mac, 0x8100, bytes(u16(0), u16(0x0800), ip(5))),
        to('IPv4 behind two tags', listener.mac, 0x88a8, bytes(u16(0), u16(0x8100), u16(0), u16(0x0800), ip(6))),
        to('IPv4 in PPPoE', listener.mac, 0x8864, bytes(0x11, 0, u16(1), u16(ip(7).length + 2), u16(0x0021), ip(7))),
        to('IPv4 behind an MPLS label', listener.mac, 0x8847, bytes(0, 0, 1, 64, ip(8))),
      ],
    );
  });

  test("IGMP and MLD: membership is one's own to tell", async () => {
    const report = (src: string): Case =>
      frame(
        `IGMP report from ${src}`,
        eth('01:00:5e:01:02:03', mallory.mac, 0x0800, ip4packet(src, '224.1.2.3', 2, bytes(0x16, 0, 0x08, 0xf9, 224, 1, 2, 3))),
      );
    const query = (src: string): Case =>
      frame(
        `MLD query from ${src}`,
        eth(
          ALL_MAC,
          mallory.mac,
          0x86dd,
          ipv6(src, ALL, 0, bytes(ICMPV6, 0, 5, 2, 0, 0, 1, 0, icmp6(src, ALL, 130, bytes(u16(0), u16(0), ip6('::')))), 1),
        ),
      );
    await trial(
      [report(mallory.v4), query(mallory.ll)],
      [report(victim.v4), report(stage.gateway.v4), query(victim.ll), query(stage.gateway.ll)],
    );
  });

  /** What a port with pairs may and may not say, from whom. */
  const claim = (mac: string, ip: string, n = 0): Case[] => {
    const name = `${ip} from ${mac} ${n}`;
    const to = (dst: string, type: number, payload: readonly number[]): number[] => eth(dst, mac, type, payload);
    if (ip.includes(':')) {
      // The reserved bytes tell one try from the next.
      const na = icmp6(ip, ALL, 136, bytes(0x20, 0, u16(n), ip6(ip), linkOption(2, mac)));
      return [
        frame(name, to(listener.mac, 0x86dd, udp6(ip, listener.v6, 1000, 2000, name))),
        frame(`NA of ${name}`, to(ALL_MAC, 0x86dd, ipv6(ip, ALL, ICMPV6, na))),
      ];
    }
    return [
      frame(name, to(listener.mac, 0x0800, udp4(ip, listener.v4, 1000, 2000, name))),
      frame(`ARP of ${name}`, to(broadcast, 0x0806, bytes(arp({ op: 2, sha: mac, spa: ip, tpa: listener.v4 }), text(name)))),
    ];
  };

  test('allowed address pairs: exactly these pass; a /0 frees the address, never the MAC; port security off passes all', async () => {
    const paired = await stage.actor('paired');
    const PAIR = 'fa:16:3e:77:77:77';
    const put = async (port: object, what: string, passes: Case[]): Promise<void> => {
      await stage.world.admin.put(`/ports/${paired.vm.port}`, { port });
      await stage.world.until(what, async () => {
        await stage.send(paired, passes);
        return passes.every(c => ear.heard(c));
      });
    };
    const pair = (ip_address: string, mac_address?: string): object => ({ ip_address, ...(mac_address ? { mac_address } : {}) });
    const own = claim(paired.mac, paired.v4);

    await stage.expectOnly({ from: paired, ear, honest: own, denied: [...claim(PAIR, '10.7.7.7'), ...claim(paired.mac, '10.8.8.8')] });
    const pairs = [pair('10.7.7.0/24', PAIR), pair('10.8.8.8'), pair('fd00:77::/64', PAIR)];
    await put({ allowed_address_pairs: pairs }, 'the pairs pass', claim(PAIR, '10.7.7.7'));
    await stage.expectOnly({
      from: paired,
      ear,
      honest: [PAIR, PAIR, paired.mac, paired.mac, paired.mac].flatMap((mac, i) =>
        claim(mac, ['10.7.7.8', 'fd00:77::7', '10.8.8.8', paired.v4, paired.v6][i] ?? '', 1),
      ),
      denied: [
        ...['10.8.8.8', paired.v4, paired.v6, victim.v4, '10.7.8.1', 'fd00:78::1'].flatMap(ip => claim(PAIR, ip, 1)),
        ...['10.7.7.7', 'fd00:77::7', '10.8.8.9', victim.v4, victim.v6].flatMap(ip => claim(paired.mac, ip, 1)),
        ...claim(NOBODY, '10.7.7.7', 1),
      ],
    });

    const free = claim(paired.mac, '10.200.0.1', 2);
    await put({ allowed_address_pairs: [pair('0.0.0.0/0'), pair('::/0')] }, 'every address passes', free);
    const server = udp4(paired.v4, listener.v4, 67, 68, dhcp4({ type: 2, chaddr: listener.mac, requested: '10.5.0.98' }));
    await stage.expectOnly({
      from: paired,
      ear,
      honest: [...claim(paired.mac, '10.200.0.2', 2), ...claim(paired.mac, 'fd00:99::1', 2)],
      denied: [
        ...claim(NOBODY, '10.200.0.1', 2),
        ...claim(PAIR, '10.7.7.7', 2),
        frame('DHCP offer', eth(listener.mac, paired.mac, 0x0800, server)),
        frame('RA', eth(ALL_MAC, paired.mac, 0x86dd, ipv6(paired.ll, ALL, ICMPV6, routerAdvertisement(paired.ll, ALL)))),
      ],
    });

    const anybody = claim(NOBODY, '10.9.9.9', 3);
    await put({ allowed_address_pairs: [], port_security_enabled: false, security_groups: [] }, 'everything passes', anybody);
    await put(
      { port_security_enabled: true, security_groups: [stage.any.weft.id] },
      'it is guarded again',
      claim(paired.mac, paired.v4, 4),
    );
    await stage.world.until('and the guard stands', async () => {
      const late = claim(NOBODY, '10.9.9.9', Math.floor(performance.now()));
      await stage.send(paired, [...late, ...claim(paired.mac, paired.v4, 5)]);
      return !late.some(c => ear.heard(c));
    });
    await stage.expectOnly({ from: paired, ear, honest: claim(paired.mac, paired.v4, 6), denied: claim(NOBODY, '10.9.9.9', 6) });
  });

  test('OSSA-2015-018, CVE-2026-50266: a port is trusted when the owner of its network says so, never because its own owner does', async () => {
    const trusted = 'network:dhcp';
    const refused = { name: 'ApiError', status: 403 };
    const { other, admin } = stage.world;
    for (const device_owner of [trusted, 'network:router_interface', 'network:ha_router_replicated_interface', 'network:floatingip'])
      await assert.rejects(other.put(`/ports/${mallory.vm.port}`, { port: { device_owner } }), refused, device_owner);
    await assert.rejects(
      stage.world.create(other, 'port', { network_id: stage.shared.id, device_owner: trusted, device_id: 'reserved_dhcp_port' }),
      refused,
    );
    const claims: Body[] = [
      { allowed_address_pairs: [{ ip_address: victim.v4 }] },
      { allowed_address_pairs: [{ ip_address: '0.0.0.0/0' }] },
      { port_security_enabled: false, security_groups: [] },
      { mac_address: 'fa:16:3e:12:34:56' },
      { fixed_ips: [{ ip_address: '10.5.0.250' }] },
      { 'binding:host_id': 'h9' },
      { 'binding:profile': { a: 1 } },
    ];
    for (const port of claims)
      await assert.rejects(other.put(`/ports/${mallory.vm.port}`, { port }), refused, `on a foreign network: ${JSON.stringify(port)}`);
    const lie = claim(NOBODY, '10.6.6.6', 1);
    await stage.expectOnly({ from: mallory, ear, honest: claim(mallory.mac, mallory.v4, 1), denied: lie });
    await admin.put(`/ports/${mallory.vm.port}`, { port: { device_owner: trusted } });
    await stage.world.until('what is trusted is not filtered', async () => {
      await stage.send(mallory, lie);
      return lie.every(c => ear.heard(c));
    });
    await admin.put(`/ports/${mallory.vm.port}`, { port: { device_owner: 'compute:nova' } });
    await stage.active({ id: mallory.vm.port });
    let n = 1;
    await stage.world.until('it is filtered again', async () => {
      const again = claim(NOBODY, '10.6.6.6', ++n);
      await stage.send(mallory, [...again, ...claim(mallory.mac, mallory.v4, n)]);
      return !again.some(c => ear.heard(c));
    });
  });

  test('OSSA-2019-004: what two say to each other is not flooded to a third', async () => {
    const bridges = ovs ? '300' : await stage.world.host('h1', 'sh', '-c', 'cat /sys/class/net/brq*/bridge/ageing_time');
    assert.ok(
      bridges
        .trim()
        .split('\n')
        .every(t => Number(t) >= 100),
      `ageing times ${bridges}`,
    );
    // Both have spoken lately: the bridge knows where they are.
    await stage.world.inside(victim.vm, 'ping', '-n', '-c1', '-W2', mallory.v4);
    const before = ear.frames().length;
    await stage.world.inside(mallory.vm, 'ping', '-n', '-q', '-c50', '-i0.01', '-W2', '-p', 'abcdabcd', victim.v4);
    const seen = frame('broadcast', eth(broadcast, mallory.mac, 0x0800, udp4(mallory.v4, '255.255.255.255', 1, 2, 'after the ping')));
    await stage.expectOnly({ from: mallory, ear, honest: [seen], denied: [] });
    const flooded = ear
      .frames()
      .slice(before)
      .filter(f => f.includes('abcdabcdabcdabcd'));
    assert.deepEqual(flooded, []);
  });

  test('a port without port security sends the very same frames, and they arrive', async () => {
    // A switch takes a tag for that of a network, and one of priority alone away.
    const isTagged = ({ frame: f }: Case): boolean => /^(8100|88a8)/.test(hex(f.slice(12, 14)));
    const cases = sent.filter(c => !c.never && !(ovs && isTagged(c)));
    assert.ok(cases.length > 110, `${cases.length} frames`);
    for (let at = 0; at < cases.length; at += 60) await stage.send(open, cases.slice(at, at + 60));
    await stage.world.until('all arrived', () => cases.every(c => ear.heard(c)), 4000).catch(() => {});
    assert.deepEqual(
      cases.filter(c => !ear.heard(c)).map(c => c.name),
      [],
    );
  });
}
