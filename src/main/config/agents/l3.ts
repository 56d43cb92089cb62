// Options of the L3 agent: l3_agent.ini.
import { idleOption, noEffect, notHere, option, section } from '../option.ts';
import { bool, int, list, oneOf, port, string } from '../values.ts';
import { interfaceOptions, switchOptions } from './interface.ts';
import { type AgentSettings, within } from './settings.ts';
import { absolutePath } from './types.ts';

const noHa = noEffect('HA routers are left alone');
const noDelegation = noEffect('it asks for no prefixes');

export const l3Options = [
  ...interfaceOptions,
  ...section<AgentSettings>('DEFAULT', [
    idleOption(
      'agent_mode',
      oneOf('legacy', 'dvr', 'dvr_snat', 'dvr_no_external'),
      'which routers there are',
      notHere('it has centralised routers alone'),
      { default: 'legacy' },
    ),
    option('handle_internal_only_routers', bool, 'also routers without a gateway', within('l3', 'handleInternalOnlyRouters'), {
      default: 'true',
    }),
    option('enable_metadata_proxy', bool, 'metadata behind routers', within('l3', 'enableMetadataProxy'), { default: 'true' }),
    option('metadata_port', port, 'where the metadata proxy of a router listens', within('l3', 'metadataPort'), { default: '9697' }),
    idleOption('metadata_access_mark', oneOf('0x1'), 'the mark of requests for metadata', noEffect('it is always that one'), {
      default: '0x1',
    }),
    idleOption('external_ingress_mark', oneOf('0x2'), 'the mark of what comes from outside', noEffect('it is always that one'), {
      default: '0x2',
    }),
    option('ra_confs', absolutePath, 'files of radvd', within('l3', 'raFolder'), { default: '$state_path/ra' }),
    option('min_rtr_adv_interval', int(3, 1350), 'seconds between two router advertisements at least', within('l3', 'least'), {
      default: '30',
    }),
    option('max_rtr_adv_interval', int(4, 1800), 'and at most', within('l3', 'most'), { default: '100' }),
    idleOption('radvd_user', string, 'who radvd runs as', noEffect('it is nobody'), { default: '' }),
    idleOption('cleanup_on_shutdown', bool, 'routers go with their agent', notHere('what the agent made outlives it'), {
      default: 'false',
    }),
    idleOption('ipv6_gateway', string, 'where IPv6 goes on an outer network without a subnet', notHere('the subnet of a gateway says it'), {
      default: '',
    }),
    idleOption('periodic_interval', int(0), 'seconds between two periodic tasks', noEffect('it has none'), { default: '40' }),
    idleOption('periodic_fuzzy_delay', int(0), 'seconds by which their start is delayed', noEffect('it has none'), { default: '5' }),
    idleOption('prefix_delegation_driver', string, 'who asks for prefixes', noDelegation, { default: 'dibbler' }),
    idleOption('pd_confs', string, 'files of that', noDelegation, { default: '$state_path/pd' }),
    idleOption('vendor_pen', string, 'a number of that', noDelegation, { default: '8888' }),
    idleOption('ha_confs_path', string, 'files of keepalived', noHa, { default: '$state_path/ha_confs' }),
    idleOption('ha_vrrp_auth_type', string, 'VRRP', noHa, { default: 'PASS' }),
    idleOption('ha_vrrp_auth_password', string, 'VRRP', noHa, { secret: true }),
    idleOption('ha_vrrp_advert_int', int(1), 'VRRP', noHa, { default: '2' }),
    idleOption('ha_vrrp_health_check_interval', int(0), 'VRRP', noHa, { default: '0' }),
    idleOption('ha_keepalived_state_change_server_threads', int(1), 'VRRP', noHa, { default: '1' }),
    idleOption('keepalived_use_no_track', bool, 'VRRP', noHa, { default: 'true' }),
  ]),
  ...section<AgentSettings>('agent', [
    idleOption('extensions', list, 'extensions', noEffect('port forwardings and conntrack helpers are always there, and no other'), {
      default: '',
    }),
  ]),
  ...switchOptions,
];
