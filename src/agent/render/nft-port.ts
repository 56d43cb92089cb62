// What a guarded port may say at layer 2, as one nftables chain of the bridge family: its MACs for every kind of frame, ARP, ND, no RA.

import { formatCidr, mask } from '../../domain/net/cidr.ts';
import { ipText } from '../../domain/net/ip.ts';
import { formatMac, macValue } from '../../domain/net/mac.ts';
import { type AddressPair, isHost, type PortSecurity } from './security-port.ts';

/** ICMPv6 options: type 1 source link-layer address, 2 target link-layer address, 14 nonce (RFC 7527); each of length 1 (8 bytes). */
const SOURCE_LINK = '0x0101';
const TARGET_LINK = '0x0201';
const NONCE = '0x0e01';

/** Frames that hide IP from iptables (tagged, PPPoE, MPLS). */
const opaque = ['vlan', '0x88a8', '0x9100', '0x8864', '0x8863', '0x8847', '0x8848'];

/** A frame with a length in place of a type, whose LLC header says that what follows is SNAP, or IP itself: other hosts read IP there. */
const LLC = '@ll,96,16 < 0x0600';

/** The chain that every port's chain begins with. */
export const commonChain = 'every-port';

/** What no guarded port may send, whatever its addresses. */
export const commonRules: readonly string[] = [
  // What only bridges say to each other.
  'ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 drop',
  'ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:20 drop',
  // Flow control, which only a wire's two ends say to each other.
  'ether type 0x8808 drop',
  'vlan id 0-4095 drop',
  `ether type { ${opaque.join(', ')} } drop`,
  `${LLC} @ll,112,16 & 0xfefe == 0xaaaa drop`,
  `${LLC} @ll,112,16 & 0xfefe == 0x0606 drop`,
  // Other lengths would move the addresses of ARP out of the places that are looked at.
  'ether type arp arp htype != 1 drop',
  'ether type arp arp ptype != 0x0800 drop',
  'ether type arp arp hlen != 6 drop',
  'ether type arp arp plen != 4 drop',
  'ether type arp arp operation != { request, reply } drop',
  // ND comes bare (RFC 6980); and no fragment may put a header before the one that tells what it is.
  'icmpv6 type { 133, 134, 135, 136, 137 } ip6 nexthdr != 58 drop',
  'icmpv6 type { 133, 134, 135, 136, 137 } ip6 hoplimit != 255 drop',
  'frag nexthdr { 0, 43, 44, 51, 60, 135 } drop',
  'icmpv6 type 134 drop',
  // Only servers write to a DHCP client; clients do not look at the port that it comes from.
  'ether type ip udp dport 68 drop',
  'ether type ip6 udp dport 546 drop',
  // A relay says for whom it speaks; and so could a fragment that hides it.
  'ether type ip6 udp dport 547 @th,64,8 12 drop',
  'ether type ip6 udp dport 547 exthdr frag exists drop',
  'ether type ip udp dport 67 ip frag-off & 0x3fff != 0 drop',
];

/** Statements of the chain that judges the frames that come from the port. The first that matches decides. */
export function spoofRules(port: PortSecurity): string[] {
  const ether = `ether saddr != { ${port.macs.join(', ')} } drop`;
  return [ether, `jump ${commonChain}`, ...arp(port), ...dhcpRequests(port), ...neighbourDiscovery(port), 'accept'];
}

/** Who asks a DHCP server is who the message says (`chaddr`): it must not decline or release a neighbour's address. */
function dhcpRequests(port: PortSecurity): string[] {
  return [...port.macs.map(mac => `ether type ip udp dport 67 @th,288,48 ${hex(mac)} accept`), 'ether type ip udp dport 67 drop'];
}

function arp(port: PortSecurity): string[] {
  const pairs = port.pairs.filter(p => p.prefix.version === 4);
  const address = (which: 'saddr' | 'daddr', p: AddressPair): string => (p.prefix.prefix === 0 ? '' : ` arp ${which} ip ${prefixWord(p)}`);
  return [
    ...pairs.map(p => `ether type arp arp saddr ether ${p.mac}${address('saddr', p)} accept`),
    // A probe (RFC 5227) has no sender address yet; it may only ask for an address of the port.
    ...pairs.map(p => `ether type arp arp saddr ether ${p.mac} arp saddr ip 0.0.0.0 arp operation request${address('daddr', p)} accept`),
    'ether type arp drop',
  ];
}

const prefixWord = (p: AddressPair): string => (isHost(p.prefix) ? ipText(p.prefix.version, p.prefix.network) : formatCidr(p.prefix));

function neighbourDiscovery(port: PortSecurity): string[] {
  const own = port.macs.map(hex);
  return [
    'icmpv6 type 133 ip6 length 8 accept',
    ...own.map(mac => `icmpv6 type 133 ip6 length 16 @th,64,16 ${SOURCE_LINK} @th,80,48 ${mac} accept`),
    'icmpv6 type 133 drop',
    ...port.pairs.filter(p => p.prefix.version === 6).flatMap(detection),
    'icmpv6 type 135 ip6 saddr :: drop',
    'icmpv6 type 135 ip6 length 24 accept',
    `icmpv6 type 135 ip6 length 32 @th,192,16 ${NONCE} accept`,
    ...own.map(mac => `icmpv6 type 135 ip6 length 32 @th,192,16 ${SOURCE_LINK} @th,208,48 ${mac} accept`),
    'icmpv6 type 135 drop',
    ...port.pairs.filter(p => p.prefix.version === 6).flatMap(advertisement),
    'icmpv6 type 136 drop',
  ];
}

/** Duplicate address detection: whoever hears it for an address that it is about to take does without that address. */
function detection(p: AddressPair): string[] {
  const asked = `icmpv6 type 135 ip6 saddr ::${target(p)}`;
  return [`${asked} ip6 length 24 accept`, `${asked} ip6 length 32 @th,192,16 ${NONCE} accept`];
}

/** An advertisement for an address of the port: without a link-layer address, or with the MAC that goes with it. */
function advertisement(p: AddressPair): string[] {
  return [
    `icmpv6 type 136 ip6 length 24${target(p)} accept`,
    `icmpv6 type 136 ip6 length 32${target(p)} @th,192,16 ${TARGET_LINK} @th,208,48 ${hex(p.mac)} accept`,
  ];
}

function target(p: AddressPair): string {
  if (p.prefix.prefix === 0) return '';
  const value = `0x${p.prefix.network.toString(16)}`;
  return isHost(p.prefix) ? ` @th,64,128 ${value}` : ` @th,64,128 & 0x${mask(6, p.prefix.prefix).toString(16)} == ${value}`;
}

const hex = (mac: string): string => `0x${formatMac(macValue(mac)!).replaceAll(':', '')}`;
