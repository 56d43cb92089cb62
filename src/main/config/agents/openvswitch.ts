// Options of the Open vSwitch agent: openvswitch_agent.ini.
import { idleOption, noEffect, notHere, option, section } from '../option.ts';
import { bool, int, named, port, string } from '../values.ts';
import { switchOptions } from './interface.ts';
import { extensionsOption, packetLogOptions } from './packet-log.ts';
import { resourceOptions } from './resource-providers.ts';
import { type AgentSettings, within } from './settings.ts';
import { absolutePath, bridges, etherTypes, ip, ovsFirewallDriver, tunnelTypeList } from './types.ts';

const sockets = noEffect('the agent speaks OpenFlow over the management sockets of the bridges');

export const openvswitchOptions = [
  ...section<AgentSettings>('DEFAULT', [
    option('ovs_all_ports', bool, '`neutron-ovs-cleanup` removes every port of every bridge', within('openvswitch', 'allPorts'), {
      default: 'false',
    }),
  ]),
  ...switchOptions,
  ...section<AgentSettings>('ovs', [
    option('tunnel_bridge', named, 'the bridge of the tunnels', within('openvswitch', 'tunnelBridge'), { default: 'br-tun' }),
    option('int_peer_patch_port', named, 'its port on the integration bridge', within('openvswitch', 'intPatch'), { default: 'patch-tun' }),
    option('tun_peer_patch_port', named, "the integration bridge's port on it", within('openvswitch', 'tunPatch'), {
      default: 'patch-int',
    }),
    option('local_ip', ip, 'the address of the tunnels of this machine', within('openvswitch', 'localIp')),
    option('bridge_mappings', bridges, 'physical networks with bridges that are there', within('openvswitch', 'bridgeMappings'), {
      default: '',
    }),
    option('vhostuser_socket_dir', absolutePath, 'where sockets of vhost-user are', within('openvswitch', 'vhostuserDir'), {
      default: '/var/run/openvswitch',
    }),
    option('bridge_mac_table_size', int(1), 'MAC addresses that a bridge learns', within('openvswitch', 'macTableSize'), {
      default: '50000',
    }),
    option('igmp_snooping_enable', bool, 'multicast goes where it is asked for', within('openvswitch', 'igmpSnooping'), {
      default: 'false',
    }),
    idleOption('of_listen_address', string, 'where the agent waits for switches', sockets, { default: '127.0.0.1' }),
    idleOption('of_listen_port', port, 'its port', sockets, { default: '6633' }),
    idleOption('of_connect_timeout', int(0), 'seconds that they may take to come', sockets, { default: '300' }),
    idleOption('of_request_timeout', int(0), 'seconds that an answer of theirs may take', sockets, { default: '300' }),
    option(
      'of_inactivity_probe',
      int(0),
      'seconds of silence after which a bridge is asked whether it is there, and as long again until it is thought away; 0 is never',
      within('openvswitch', 'probeSeconds'),
      { default: '10' },
    ),
    idleOption('openflow_processed_per_port', bool, "each port's flows by themselves", noEffect('a bundle has all that changed'), {
      default: 'false',
    }),
    idleOption('ovsdb_debug', bool, 'what is said to the database', noEffect('DEBUG shows what is changed'), { default: 'false' }),
  ]),
  ...resourceOptions,
  ...section<AgentSettings>('agent', [
    option('tunnel_types', tunnelTypeList, 'tunnels of this machine: gre, vxlan, geneve', within('openvswitch', 'tunnelTypes'), {
      default: '',
    }),
    option('vxlan_udp_port', port, "VXLAN's port", within('openvswitch', 'vxlanPort'), { default: '4789' }),
    option('l2_population', bool, "the server tells who is behind which tunnel's end", within('openvswitch', 'l2population'), {
      default: 'false',
    }),
    option(
      'arp_responder',
      bool,
      'the tunnel bridge answers for addresses that the server told of',
      within('openvswitch', 'arpResponder'),
      {
        default: 'false',
      },
    ),
    option('dont_fragment', bool, 'packets of tunnels are not fragmented on their way', within('openvswitch', 'dontFragment'), {
      default: 'true',
    }),
    option('tunnel_csum', bool, 'packets of tunnels have a checksum', within('openvswitch', 'checksum'), { default: 'false' }),
    option('dscp', int(0, 63), 'the mark of packets of tunnels', within('openvswitch', 'dscp')),
    option('dscp_inherit', bool, 'their mark is that of what they carry', within('openvswitch', 'dscpInherit'), { default: 'false' }),
    idleOption('polling_interval', int(1), 'seconds between looks for devices', noEffect('the database tells of them at once'), {
      default: '2',
    }),
    idleOption('minimize_polling', bool, 'looks only after changes', noEffect('the database tells of them at once'), { default: 'true' }),
    idleOption('ovsdb_monitor_respawn_interval', int(0), 'seconds', noEffect('a connection that is lost is made anew at once'), {
      default: '30',
    }),
    idleOption('quitting_rpc_timeout', int(0), 'seconds that an answer may take at the end', noEffect('nobody is waited for at the end'), {
      default: '10',
    }),
    idleOption('veth_mtu', int(68), 'the MTU of veths', noEffect('bridges are joined by patches'), { default: '9000' }),
    idleOption('enable_distributed_routing', bool, 'distributed routers', notHere('there are no distributed routers yet'), {
      default: 'false',
    }),
    idleOption('drop_flows_on_start', bool, 'flows are dropped at the start', notHere('a restart leaves what is right as it is'), {
      default: 'false',
    }),
    idleOption('explicitly_egress_direct', bool, 'known MACs are sent to directly', noEffect('they are, where there is a firewall'), {
      default: 'false',
    }),
    idleOption('baremetal_smartnic', bool, 'smart NICs', notHere('there are no smart NICs'), { default: 'false' }),
    extensionsOption,
  ]),
  ...section<AgentSettings>('securitygroup', [
    option(
      'firewall_driver',
      ovsFirewallDriver,
      "'openvswitch'; 'iptables_hybrid', where instances are plugged by Linux bridges; 'noop' for no security groups (default: openvswitch)",
      within('openvswitch', 'firewallDriver'),
    ),
    option('enable_security_group', bool, 'whether ports are guarded at all', within('openvswitch', 'securityGroups'), { default: 'true' }),
    idleOption('enable_ipset', bool, 'sets of addresses', noEffect('flows need none, and with iptables they are always used'), {
      default: 'true',
    }),
    option(
      'permitted_ethertypes',
      etherTypes,
      'what ports may send and receive beside ARP, IPv4 and IPv6: 0x88cc, …',
      within('openvswitch', 'permittedEthertypes'),
      { default: '' },
    ),
  ]),
  ...packetLogOptions,
  ...section<AgentSettings>('dhcp', [
    idleOption('enable_ipv6', bool, 'DHCPv6 of the extension', noEffect('this agent answers no DHCP'), { default: 'true' }),
    idleOption('dhcp_renewal_time', int(0), 'seconds', noEffect('this agent answers no DHCP'), { default: '0' }),
    idleOption('dhcp_rebinding_time', int(0), 'seconds', noEffect('this agent answers no DHCP'), { default: '0' }),
  ]),
  ...section<AgentSettings>('local_ip', [
    idleOption('static_nat', bool, 'local IPs without conntrack', noEffect('there are no local IPs here'), { default: 'false' }),
  ]),
];
