// Options of ml2_conf.ini.
import { drivers } from '../../drivers/all.ts';
import { ConfigError } from './ini.ts';
import { type Option, option, section } from './option.ts';
import { type ServerProcess, sets, within } from './server-process.ts';
import { int, list, listOf, mapped, networkTypeOrNone, networkTypes, oneOf, physnetMtus, ranges, string, vlanRanges } from './values.ts';

const mechanismNames = [...drivers.mechanisms.map(({ name }) => name), 'l2population'];

function externalNetworkType(config: ServerProcess, type: string): ServerProcess {
  const { externalNetworkType: _, ...server } = config.server;
  return { ...config, server: type === '' ? server : { ...server, externalNetworkType: type } };
}

const ipVersion = mapped(oneOf('4', '6'), '4 or 6', version => (version === '6' ? 6 : 4) as 4 | 6);

/** Mechanisms of Neutron that there are not here, and what to do about it. */
const absent: Readonly<Record<string, string>> = {
  ovn: 'there is no OVN here',
  sriovnicswitch: 'there is no SR-IOV here',
  macvtap: 'there is no macvtap here',
};

const mechanism = mapped(string, 'mechanism', name => {
  if (mechanismNames.includes(name)) return name;
  const why = Object.hasOwn(absent, name) ? `, since ${absent[name]}` : '';
  throw new ConfigError(`one of ${mechanismNames.map(known => `'${known}'`).join(', ')} is wanted${why}`);
});

const extensionDrivers = oneOf(
  ...(['port_security', 'qos', 'dns', 'dns_domain_ports', 'dns_domain_keywords', 'subnet_dns_publish_fixed_ip'] as const),
  ...(['data_plane_status', 'uplink_status_propagation', 'tag_ports_during_bulk_creation', 'port_device_profile'] as const),
  'port_numa_affinity_policy',
);

export const ml2Options: readonly Option<ServerProcess>[] = [
  ...section<ServerProcess>('ml2', [
    option(
      'mechanism_drivers',
      listOf(mechanism),
      'what binds ports, in the order in which it is tried; `l2population` tells agents where addresses are',
      sets('mechanismDrivers'),
      {
        default: 'openvswitch,linuxbridge,l2population',
      },
    ),
    option(
      'extension_drivers',
      listOf(extensionDrivers),
      'extensions of networks and ports; all of them are always there',
      config => config,
      {
        default: '',
      },
    ),
    option('type_drivers', networkTypes, 'network types that there are', sets('typeDrivers'), {
      default: 'local,flat,vlan,vxlan,gre,geneve',
    }),
    option(
      'tenant_network_types',
      networkTypes,
      'types of networks that a project makes, the first that has room',
      sets('tenantNetworkTypes'),
      {
        default: 'vxlan',
        deprecated: [{ name: 'project_network_types' }],
      },
    ),
    option('external_network_type', networkTypeOrNone, 'of external networks whose request names none', externalNetworkType, {
      default: '',
    }),
    option('overlay_ip_version', ipVersion, 'IP version of the ends of tunnels', within('mtu', 'overlay_ip_version'), { default: '4' }),
    option('physical_network_mtus', physnetMtus, 'physical networks with an MTU of their own', within('mtu', 'physical_network_mtus'), {
      default: '',
    }),
    option('path_mtu', int(0, 65535), 'MTU of the way that tunnels take; 0: no limit of its own', within('mtu', 'path_mtu'), {
      default: '0',
    }),
  ]),
  ...section('ml2_type_flat', [
    option('flat_networks', list, 'physical networks that may have flat networks; `*`: all', sets('flatNetworks'), { default: '*' }),
  ]),
  ...section('ml2_type_vlan', [
    option('network_vlan_ranges', vlanRanges, 'physical networks with the VLANs that projects get', sets('vlanRanges'), { default: '' }),
  ]),
  ...section('ml2_type_vxlan', [
    option('vni_ranges', ranges(2 ** 24 - 1), 'VXLAN ids that projects get', sets('vniRanges'), { default: '1:16777215' }),
  ]),
  ...section('ml2_type_gre', [
    option('tunnel_id_ranges', ranges(2 ** 32 - 1), 'GRE keys that projects get', sets('greRanges'), { default: '' }),
  ]),
  ...section('ml2_type_geneve', [
    option('vni_ranges', ranges(2 ** 24 - 1), 'Geneve ids that projects get', sets('geneveRanges'), { default: '' }),
    option('max_header_size', int(30, 1000), 'bytes of a Geneve header; without it what the type needs', sets('geneveHeader')),
  ]),
];
