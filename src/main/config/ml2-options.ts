// Options of ml2_conf.ini.
import { option, section } from './option.ts';
import { type ServerProcess, sets, within } from './server-process.ts';
import { int, list, mapped, networkTypeOrNone, networkTypes, oneOf, physnetMtus, ranges, vlanRanges } from './values.ts';

function externalNetworkType(config: ServerProcess, type: string): ServerProcess {
  const { externalNetworkType: _, ...server } = config.server;
  return { ...config, server: type === '' ? server : { ...server, externalNetworkType: type } };
}

const ipVersion = mapped(oneOf('4', '6'), '4 or 6', version => (version === '6' ? 6 : 4) as 4 | 6);

export const ml2Options = [
  ...section('ml2', [
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
