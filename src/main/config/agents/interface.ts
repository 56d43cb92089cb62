// Options of how the agents of namespaces plug their devices, and of the Open vSwitch that they plug them into.
import { idleOption, noEffect, option, section } from '../option.ts';
import { bool, int, named, oneOf, string } from '../values.ts';
import { type AgentSettings, sets, within } from './settings.ts';
import { absolutePath, interfaceDriver, ovsdbConnection } from './types.ts';

export const interfaceOptions = section<AgentSettings>('DEFAULT', [
  option('interface_driver', interfaceDriver, 'how devices are plugged: linuxbridge, openvswitch or null', sets('interfaceDriver')),
  option('ovs_use_veth', bool, "with openvswitch: pairs of veths in place of the switch's own devices", sets('ovsUseVeth'), {
    default: 'false',
  }),
  idleOption('ovs_integration_bridge', string, 'the bridge of Open vSwitch', noEffect('[ovs] integration_bridge says it'), {
    default: 'br-int',
  }),
]);

/** Where the switch is, as every agent reads it that works with it. */
export const switchOptions = section<AgentSettings>('ovs', [
  option('integration_bridge', named, 'the bridge that ports are plugged into', within('openvswitch', 'integrationBridge'), {
    default: 'br-int',
    deprecated: [{ name: 'ovs_integration_bridge' }],
  }),
  option(
    'ovsdb_connection',
    ovsdbConnection,
    "where Open vSwitch's database is, `unix:PATH`, `tcp:HOST:PORT` or `ssl:HOST:PORT`",
    within('openvswitch', 'connection'),
    { default: 'tcp:127.0.0.1:6640' },
  ),
  option('ssl_key_file', absolutePath, 'the key for `ssl:`', within('openvswitch', 'keyFile')),
  option('ssl_cert_file', absolutePath, 'the certificate for `ssl:`', within('openvswitch', 'certFile')),
  option('ssl_ca_cert_file', absolutePath, "whose signature the database's certificate needs", within('openvswitch', 'caFile')),
  option('ovsdb_timeout', int(1, 3600), 'seconds that the database and the switch may take', within('openvswitch', 'timeoutSeconds'), {
    default: '10',
  }),
  option('datapath_type', oneOf('system', 'netdev'), 'the datapath of the bridges', within('openvswitch', 'datapathType'), {
    default: 'system',
  }),
]);
