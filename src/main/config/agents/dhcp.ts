// Options of the DHCP agent: dhcp_agent.ini, and what neutron.conf says for it.
import { parseIp } from '../../../domain/net/ip.ts';
import { ConfigError } from '../ini.ts';
import { idleOption, noEffect, notHere, option, section, type Type } from '../option.ts';
import { bool, domain, int, list, listOf, oneOf } from '../values.ts';
import { interfaceOptions, switchOptions } from './interface.ts';
import { type AgentSettings, within } from './settings.ts';
import { absolutePath } from './types.ts';

const server: Type<string> = {
  name: 'IP address',
  read(text) {
    if (!parseIp(text)) throw new ConfigError('addresses of name servers are wanted');
    return text;
  },
};
const itself = noEffect('it asks again by itself, later each time');

export const dhcpOptions = [
  ...interfaceOptions,
  ...section<AgentSettings>('DEFAULT', [
    option('dns_domain', domain, "what names of instances end with where their networks don't say", within('dhcp', 'dnsDomain'), {
      default: 'openstacklocal',
    }),
    option('dhcp_lease_duration', int(-1), 'seconds of a lease; -1: for ever', within('dhcp', 'leaseSeconds'), { default: '86400' }),
    idleOption('dhcp_driver', oneOf('neutron.agent.linux.dhcp.Dnsmasq', 'dnsmasq'), 'who answers', noEffect('it is always dnsmasq'), {
      default: 'neutron.agent.linux.dhcp.Dnsmasq',
    }),
    option('dhcp_confs', absolutePath, 'files of dnsmasq', within('dhcp', 'folder'), { default: '$state_path/dhcp' }),
    option('enable_isolated_metadata', bool, 'metadata on networks without a router', within('dhcp', 'enableIsolatedMetadata'), {
      default: 'false',
    }),
    option('force_metadata', bool, 'metadata from here on all networks', within('dhcp', 'forceMetadata'), { default: 'false' }),
    idleOption('enable_metadata_network', bool, 'metadata by a network of its own', notHere('there are no such networks here'), {
      default: 'false',
    }),
    option('dnsmasq_config_file', absolutePath, 'what dnsmasq is told besides', within('dhcp', 'dnsmasqConfigFile')),
    option('dnsmasq_dns_servers', listOf(server), 'where dnsmasq asks for names', within('dhcp', 'dnsServers'), { default: '' }),
    option('dnsmasq_local_resolv', bool, "dnsmasq asks this machine's name servers", within('dhcp', 'localResolv'), { default: 'false' }),
    option('dnsmasq_lease_max', int(1), 'leases of a network', within('dhcp', 'leaseMax'), { default: '16777216' }),
    option('dnsmasq_base_log_dir', absolutePath, 'a folder per network with what dnsmasq says', within('dhcp', 'logDir')),
    option('dhcp_broadcast_reply', bool, 'answers to everybody', within('dhcp', 'broadcastReply'), { default: 'false' }),
    idleOption('dnsmasq_enable_addr6_list', bool, 'several IPv6 addresses of a port in one line', noEffect('each has a line of its own'), {
      default: 'false',
    }),
    idleOption('resync_interval', int(0), 'seconds until the server is asked again', itself, { default: '5' }),
    idleOption('resync_throttle', int(0), 'seconds between two such questions', itself, { default: '1' }),
    idleOption('num_sync_threads', int(1), 'networks at once', noEffect('it works on eight'), { default: '4' }),
    idleOption('bulk_reload_interval', int(0), 'seconds between two reloads of dnsmasq', noEffect('a burst of changes costs one reload'), {
      default: '0',
    }),
  ]),
  ...section<AgentSettings>('agent', [idleOption('extensions', list, 'extensions', noEffect('this agent has none'), { default: '' })]),
  ...switchOptions,
];
