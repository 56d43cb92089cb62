// Options of networks, routers and agents in [DEFAULT].
import { option, section } from './option.ts';
import { sets, within } from './server-process.ts';
import { bool, cidr4, domain, int, list, mac } from './values.ts';

export const networkOptions = section('DEFAULT', [
  option('service_plugins', list, 'extensions that are off otherwise, by their plug-ins', sets('servicePlugins'), { default: '' }),
  option('dns_domain', domain, 'the domain of names on networks that have none of their own', sets('dnsDomain'), {
    default: 'openstacklocal',
  }),
  option('base_mac', mac, 'what the MAC addresses of ports begin with', sets('baseMac'), { default: 'fa:16:3e:00:00:00' }),
  option('global_physnet_mtu', int(68, 65535), 'MTU of the physical networks', within('mtu', 'global_physnet_mtu'), {
    default: '1500',
    deprecated: [{ group: 'ml2', name: 'segment_mtu' }],
  }),
  option('default_availability_zones', list, 'zones of networks and routers without hints', sets('defaultAvailabilityZones'), {
    default: '',
  }),
  option('max_allowed_address_pair', int(0, 1000), 'allowed address pairs of a port', sets('maxAllowedAddressPair'), { default: '10' }),
  option('max_dns_nameservers', int(0, 1000), 'name servers of a subnet', sets('maxDnsNameservers'), { default: '5' }),
  option('max_subnet_host_routes', int(0, 1000), 'host routes of a subnet', sets('maxSubnetHostRoutes'), { default: '20' }),
  option('max_routes', int(0, 1000), 'routes of a router', sets('maxRoutes'), { default: '30' }),
  option('agent_down_time', int(1), 'seconds after its last report when an agent counts as down', sets('agentDownTime'), { default: '75' }),
  option('enable_new_agents', bool, 'whether agents that report for the first time are switched on', sets('enableNewAgents'), {
    default: 'true',
  }),
  option('network_auto_schedule', bool, 'whether networks get DHCP agents by themselves', sets('networkAutoSchedule'), { default: 'true' }),
  option('allow_automatic_dhcp_failover', bool, 'whether networks are taken from DHCP agents that are down', sets('dhcpFailover'), {
    default: 'true',
  }),
  option('dhcp_agent_notification', bool, 'whether DHCP agents hear of changes at once', sets('dhcpAgentNotification'), {
    default: 'true',
  }),
  option('router_auto_schedule', bool, 'whether an L3 agent that asks is given routers that have none', sets('routerAutoSchedule'), {
    default: 'true',
  }),
  option('enable_snat_by_default', bool, 'whether routers translate addresses where a request does not say', sets('snatByDefault'), {
    default: 'true',
  }),
  option('dhcp_agents_per_network', int(1), 'DHCP agents that serve a network', sets('dhcpAgentsPerNetwork'), { default: '1' }),
  option('l3_ha', bool, 'whether routers are highly available where a request does not say', sets('l3Ha'), { default: 'false' }),
  option('router_distributed', bool, 'whether routers are distributed where a request does not say', sets('routerDistributed'), {
    default: 'false',
  }),
  option('enable_default_route_ecmp', bool, 'of routers whose request does not say', sets('defaultRouteEcmp'), { default: 'false' }),
  option('enable_default_route_bfd', bool, 'of routers whose request does not say', sets('defaultRouteBfd'), { default: 'false' }),
  option('max_l3_agents_per_router', int(0), 'L3 agents of a highly available router; 0: all', sets('maxL3AgentsPerRouter'), {
    default: '3',
  }),
  option('l3_ha_net_cidr', cidr4, 'addresses of the network that joins the agents of such a router', sets('l3HaNetCidr'), {
    default: '169.254.192.0/18',
  }),
]);

export const guardOptions = section('securitygroup', [
  option(
    'enable_security_group',
    bool,
    'whether agents guard ports, which is what `port_filter` in the VIF details says; the API has security groups all the same',
    sets('guardsPorts'),
    { default: 'true' },
  ),
]);
