// What an attacker sends to its neighbour on a network, and what a port may: frame by frame, for every kind of switch.
import { type Case, linkLocal } from './attack-world.ts';
import {
  advertisement,
  arp,
  broadcast,
  bytes,
  dhcp4,
  eth,
  icmp6,
  ip6,
  ipv6,
  linkOption,
  nonce,
  routerAdvertisement,
  solicitation,
  u16,
  udp4,
  udp6,
} from './raw-frames.ts';

/** One end. The attacker may also use PAIR_MAC with 10.0.7.0/24. */
interface Party {
  readonly mac: string;
  readonly ips: readonly string[];
}

const OTHER_MAC = 'fa:16:3e:99:99:99';
export const PAIR_MAC = 'fa:16:3e:77:77:77';
const ALL_NODES = 'ff02::1';
const ALL_NODES_MAC = '33:33:00:00:00:01';

/** Frames of the attacker that its victim must not see. */
export function forbidden(a: Party, v: Party): Case[] {
  const [a4 = '', a6 = ''] = a.ips;
  const [v4 = '', v6 = ''] = v.ips;
  const own = linkLocal(a.mac);
  const toAll = (payload: readonly number[]): number[] => eth(ALL_NODES_MAC, a.mac, 0x86dd, payload);
  const na = (target: string, options: readonly number[]): number[] => advertisement(own, ALL_NODES, target, options);
  const ipv4 = udp4(a4, v4, 1000, 2000, 'hidden in another frame');
  const hopByDest = bytes(58, 0, 1, 4, 0, 0, 0, 0);
  const stolen = na(v6, linkOption(2, a.mac));
  const inFragment = na('fd00::fa', linkOption(2, a.mac));
  const inFragmentBehind = na('fd00::fb', linkOption(2, a.mac));
  return [
    { name: 'IPv4 from another MAC', frame: eth(v.mac, OTHER_MAC, 0x0800, udp4(a4, v4, 1000, 2000, 'mac')) },
    { name: 'IPv4 from another address', frame: eth(v.mac, a.mac, 0x0800, udp4('10.0.0.77', v4, 1000, 2000, 'ip')) },
    {
      name: "IPv4 from the pair's address with the port's MAC",
      frame: eth(v.mac, a.mac, 0x0800, udp4('10.0.7.7', v4, 1000, 2000, 'pair')),
    },
    { name: 'IPv6 from another MAC', frame: eth(v.mac, OTHER_MAC, 0x86dd, udp6(a6, v6, 1000, 2000, 'mac')) },
    { name: 'IPv6 from another address', frame: eth(v.mac, a.mac, 0x86dd, udp6('fd00::77', v6, 1000, 2000, 'ip')) },
    { name: 'IPv6 from another link-local address', frame: eth(v.mac, a.mac, 0x86dd, udp6('fe80::77', v6, 1000, 2000, 'll')) },
    { name: 'ARP reply for another address', frame: eth(broadcast, a.mac, 0x0806, arp({ op: 2, sha: a.mac, spa: '10.0.0.254', tpa: v4 })) },
    {
      name: 'ARP request with another sender address',
      frame: eth(broadcast, a.mac, 0x0806, arp({ op: 1, sha: a.mac, spa: '10.0.0.253', tpa: v4 })),
    },
    { name: 'ARP with another sender MAC inside', frame: eth(broadcast, a.mac, 0x0806, arp({ op: 2, sha: OTHER_MAC, spa: a4, tpa: v4 })) },
    { name: 'ARP from another MAC', frame: eth(broadcast, OTHER_MAC, 0x0806, arp({ op: 2, sha: a.mac, spa: a4, tpa: v4 })) },
    { name: 'ARP with odd lengths', frame: eth(broadcast, a.mac, 0x0806, arp({ op: 2, sha: a.mac, spa: a4, tpa: '10.0.0.250', hlen: 5 })) },
    {
      name: 'ARP probe for another address',
      frame: eth(broadcast, a.mac, 0x0806, arp({ op: 1, sha: a.mac, spa: '0.0.0.0', tpa: '10.0.0.99' })),
    },
    { name: 'NA for another address', frame: toAll(ipv6(own, ALL_NODES, 58, stolen)) },
    { name: 'NA with another MAC', frame: toAll(ipv6(own, ALL_NODES, 58, na(a6, linkOption(2, OTHER_MAC)))) },
    {
      name: 'NA with another MAC behind an option',
      frame: toAll(ipv6(own, ALL_NODES, 58, na(a6, bytes(nonce, linkOption(2, OTHER_MAC))))),
    },
    { name: 'NA behind an extension header', frame: toAll(ipv6(own, ALL_NODES, 60, bytes(hopByDest, stolen))) },
    { name: 'NA in a fragment', frame: toAll(ipv6(own, ALL_NODES, 44, bytes(58, 0, u16(0), 0, 0, 0, 7, inFragment))), mark: inFragment },
    {
      name: 'NA in a fragment behind an extension header',
      frame: toAll(ipv6(own, ALL_NODES, 44, bytes(60, 0, u16(0), 0, 0, 0, 8, hopByDest, inFragmentBehind))),
      mark: inFragmentBehind,
    },
    { name: 'NA from afar', frame: toAll(ipv6(own, ALL_NODES, 58, stolen, 64)) },
    { name: 'NS with another MAC', frame: toAll(ipv6(own, ALL_NODES, 58, solicitation(own, ALL_NODES, v6, linkOption(1, OTHER_MAC)))) },
    {
      name: 'RS with another MAC',
      frame: toAll(ipv6(own, ALL_NODES, 58, icmp6(own, ALL_NODES, 133, bytes(0, 0, 0, 0, linkOption(1, OTHER_MAC))))),
    },
    { name: 'RA', frame: toAll(ipv6(own, ALL_NODES, 58, routerAdvertisement(own, ALL_NODES))) },
    {
      name: 'RA behind an extension header',
      frame: toAll(ipv6(own, ALL_NODES, 60, bytes(hopByDest, routerAdvertisement(own, ALL_NODES)))),
    },
    { name: 'DHCP offer', frame: eth(v.mac, a.mac, 0x0800, udp4(a4, v4, 67, 68, 'offer')) },
    { name: 'DHCP offer to all', frame: eth(broadcast, a.mac, 0x0800, udp4(a4, '255.255.255.255', 67, 68, 'offer to all')) },
    { name: 'DHCPv6 advertise', frame: eth(v.mac, a.mac, 0x86dd, udp6(own, linkLocal(v.mac), 547, 546, 'advertise')) },
    { name: 'another protocol from another MAC', frame: eth(v.mac, OTHER_MAC, 0x88b5, bytes([...Buffer.from('experimental')])) },
    { name: 'IPv4 behind a VLAN tag', frame: eth(v.mac, a.mac, 0x8100, bytes(u16(5), u16(0x0800), ipv4)) },
    { name: 'IPv4 behind a priority tag', frame: eth(v.mac, a.mac, 0x8100, bytes(u16(0xe000), u16(0x0800), ipv4)) },
    { name: 'IPv4 behind two tags', frame: eth(v.mac, a.mac, 0x88a8, bytes(u16(6), u16(0x8100), u16(7), u16(0x0800), ipv4)) },
    { name: 'IPv4 in PPPoE', frame: eth(v.mac, a.mac, 0x8864, bytes(0x11, 0, u16(1), u16(ipv4.length + 2), u16(0x0021), ipv4)) },
    {
      name: 'ARP behind a VLAN tag',
      frame: eth(broadcast, a.mac, 0x8100, bytes(u16(5), u16(0x0806), arp({ op: 2, sha: a.mac, spa: '10.0.0.254', tpa: v4 }))),
    },
    {
      name: "a bridge's own frame",
      frame: eth('01:80:c2:00:00:00', a.mac, 0x0026, bytes(0x42, 0x42, 3, 0, 0, 0, 0, 0, Array<number>(30).fill(1))),
    },
  ];
}

/** Frames that must arrive: each stands beside a forbidden one. */
export function permitted(a: Party, v: Party): Case[] {
  const [a4 = '', a6 = ''] = a.ips;
  const [v4 = '', v6 = ''] = v.ips;
  const own = linkLocal(a.mac);
  const toAll = (payload: readonly number[]): number[] => eth(ALL_NODES_MAC, a.mac, 0x86dd, payload);
  const mld = bytes(58, 0, 5, 2, 0, 0, 1, 0, icmp6(own, 'ff02::16', 143, bytes(0, 0, u16(1), 4, 0, u16(0), ip6('ff02::1:ff00:77'))));
  return [
    { name: 'IPv4', frame: eth(v.mac, a.mac, 0x0800, udp4(a4, v4, 1000, 2000, 'own')) },
    { name: 'IPv4 of the allowed pair', frame: eth(v.mac, PAIR_MAC, 0x0800, udp4('10.0.7.7', v4, 1000, 2000, 'own pair')) },
    { name: 'IPv6', frame: eth(v.mac, a.mac, 0x86dd, udp6(a6, v6, 1000, 2000, 'own')) },
    { name: 'IPv6 link-local', frame: eth(v.mac, a.mac, 0x86dd, udp6(own, linkLocal(v.mac), 1000, 2000, 'own')) },
    { name: 'ARP request', frame: eth(broadcast, a.mac, 0x0806, arp({ op: 1, sha: a.mac, spa: a4, tpa: v4 })) },
    { name: 'ARP reply', frame: eth(v.mac, a.mac, 0x0806, arp({ op: 2, sha: a.mac, spa: a4, tpa: v4 })) },
    { name: 'ARP of the allowed pair', frame: eth(broadcast, PAIR_MAC, 0x0806, arp({ op: 2, sha: PAIR_MAC, spa: '10.0.7.9', tpa: v4 })) },
    { name: 'ARP probe', frame: eth(broadcast, a.mac, 0x0806, arp({ op: 1, sha: a.mac, spa: '0.0.0.0', tpa: a4 })) },
    { name: 'NA', frame: toAll(ipv6(own, ALL_NODES, 58, advertisement(own, ALL_NODES, a6, linkOption(2, a.mac)))) },
    {
      name: 'NA of the link-local address',
      frame: toAll(ipv6(own, ALL_NODES, 58, advertisement(own, ALL_NODES, own, linkOption(2, a.mac)))),
    },
    { name: 'NS', frame: toAll(ipv6(own, ALL_NODES, 58, solicitation(own, ALL_NODES, v6, linkOption(1, a.mac)))) },
    { name: 'duplicate address detection', frame: toAll(ipv6('::', ALL_NODES, 58, solicitation('::', ALL_NODES, a6, nonce))) },
    { name: 'RS', frame: toAll(ipv6(own, ALL_NODES, 58, icmp6(own, ALL_NODES, 133, bytes(0, 0, 0, 0, linkOption(1, a.mac))))) },
    { name: 'MLD report', frame: toAll(ipv6(own, 'ff02::16', 0, mld, 1)) },
    {
      name: 'DHCP discover',
      frame: eth(broadcast, a.mac, 0x0800, udp4('0.0.0.0', '255.255.255.255', 68, 67, dhcp4({ type: 1, chaddr: a.mac }))),
    },
    { name: 'DHCPv6 solicit', frame: eth('33:33:00:01:00:02', a.mac, 0x86dd, udp6(own, 'ff02::1:2', 546, 547, 'solicit')) },
    { name: 'another protocol', frame: eth(v.mac, a.mac, 0x88b5, bytes([...Buffer.from('experimental, own')])) },
  ];
}
