// Options of the Linux bridge agent: linuxbridge_agent.ini.

import { idleOption, noEffect, notHere, option, section } from '../option.ts';
import { bool, int, list, port, string } from '../values.ts';
import { extensionsOption, packetLogOptions } from './packet-log.ts';
import { type AgentSettings, within } from './settings.ts';
import { devices, firewallDriver, groupOfTunnels, ip, multicastRanges } from './types.ts';

export const linuxbridgeOptions = [
  ...section<AgentSettings>('linux_bridge', [
    option(
      'physical_interface_mappings',
      devices,
      'physical networks with the devices that lead to them',
      within('linuxbridge', 'interfaceMappings'),
      { default: '' },
    ),
    option('bridge_mappings', devices, 'physical networks with bridges that are there', within('linuxbridge', 'bridgeMappings'), {
      default: '',
    }),
  ]),
  ...section<AgentSettings>('vxlan', [
    option('enable_vxlan', bool, 'whether there are VXLAN networks here', within('linuxbridge', 'enableVxlan'), { default: 'true' }),
    option('local_ip', ip, 'the address of the tunnels of this machine', within('linuxbridge', 'localIp')),
    option('l2_population', bool, "the server tells who is behind which tunnel's end", within('linuxbridge', 'l2population'), {
      default: 'false',
    }),
    option('arp_responder', bool, 'tunnels answer for addresses that the server told of', within('linuxbridge', 'arpResponder'), {
      default: 'false',
    }),
    option('vxlan_group', groupOfTunnels, 'where frames for unknown places go without l2_population', within('linuxbridge', 'group'), {
      default: '224.0.0.1',
    }),
    option('udp_dstport', port, "the port of tunnels (default: the kernel's, 8472)", within('linuxbridge', 'udpPort')),
    option(
      'udp_srcport_min',
      int(0, 65_535),
      "the least port that tunnels send from (0: the kernel's)",
      within('linuxbridge', 'leastPort'),
      {
        default: '0',
      },
    ),
    option('udp_srcport_max', int(0, 65_535), 'the greatest', within('linuxbridge', 'greatestPort'), { default: '0' }),
    option('ttl', int(0, 255), "hops that packets of tunnels live for (0: the kernel's)", within('linuxbridge', 'ttl')),
    option('tos', int(0, 255), 'the whole byte of the mark of packets of tunnels; counts more than `dscp`', within('linuxbridge', 'tos')),
    option(
      'multicast_ranges',
      multicastRanges,
      'groups of some numbers, which count more than `vxlan_group`: `ADDRESS:MIN:MAX`, …',
      within('linuxbridge', 'groups'),
      { default: '' },
    ),
  ]),
  ...section<AgentSettings>('securitygroup', [
    option(
      'firewall_driver',
      firewallDriver,
      "'iptables', 'nftables', or 'noop' for no security groups on this machine (default: iptables)",
      within('linuxbridge', 'firewallDriver'),
    ),
    option('enable_security_group', bool, 'whether ports are guarded at all', within('linuxbridge', 'securityGroups'), { default: 'true' }),
    idleOption('enable_ipset', bool, 'sets of addresses', noEffect('they are always used'), { default: 'true' }),
    idleOption('permitted_ethertypes', list, 'other protocols that pass', notHere('ports pass ARP, IPv4 and IPv6 alone')),
  ]),
  ...section<AgentSettings>('QOS', [
    option(
      'kernel_hz',
      int(1, 10_000),
      'ticks of the kernel in a second, by which the least burst is reckoned',
      within('linuxbridge', 'kernelHz'),
      {
        default: '250',
      },
    ),
    option('tbf_latency', int(1, 60_000), 'milliseconds that a packet may wait for its limit', within('linuxbridge', 'tbfLatency'), {
      default: '50',
    }),
  ]),
  ...section<AgentSettings>('agent', [
    idleOption('polling_interval', int(1), 'seconds between looks for devices', noEffect('the kernel tells of them at once'), {
      default: '2',
    }),
    idleOption('quitting_rpc_timeout', int(0), 'seconds that an answer may take at the end', noEffect('nobody is waited for at the end'), {
      default: '10',
    }),
    extensionsOption,
    option('dscp', int(0, 63), 'the mark of packets of tunnels', within('linuxbridge', 'dscp')),
    option('dscp_inherit', bool, 'their mark is that of what they carry', within('linuxbridge', 'dscpInherit'), { default: 'false' }),
    idleOption('prevent_arp_spoofing', string, 'anti-spoofing', noEffect('it is part of port security')),
  ]),
  ...packetLogOptions,
];
