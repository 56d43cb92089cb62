// The options of the API server by the names that Neutron's configuration files give them. One line makes an option.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isPlugin } from '../../model/plugins.ts';
import { resources } from '../../model/registry.ts';
import { defaultConfig, type ServerConfig } from '../../server/context.ts';
import { ConfigError, parseIni, type Setting } from './ini.ts';

/** `file` is where it stands, for what is relative to it. */
type Option = (config: ServerConfig, text: string, file: string) => ServerConfig;

const truths: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
};

function bool(text: string): boolean {
  const value = truths[text.toLowerCase()];
  if (value === undefined) throw new ConfigError('true or false is wanted');
  return value;
}

const int =
  (least: number, most = 2 ** 31 - 1) =>
  (text: string): number => {
    const n = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(n >= least && n <= most)) throw new ConfigError(`a number from ${least} to ${most} is wanted`);
    return n;
  };

const list = (text: string): string[] =>
  text
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '');
const string = (text: string): string => text;

/** `infinite` and everything below one mean no limit. */
const pageLimit = (text: string): number => (text.toLowerCase() === 'infinite' ? 0 : Math.max(0, int(-1)(text)));

const range = (text: string): readonly [number, number] => {
  const [from, to] = text.split(':').map(int(1, 2 ** 32 - 1));
  if (from === undefined || to === undefined || from > to) throw new ConfigError('ranges such as 1:1000 are wanted');
  return [from, to];
};

/** `physnet1:100:200,physnet2` */
function vlanRanges(text: string): ServerConfig['vlanRanges'] {
  const out: Record<string, (readonly [number, number])[]> = {};
  for (const item of list(text)) {
    const [network = '', ...bounds] = item.split(':');
    out[network] ??= [];
    if (bounds.length > 0) out[network].push(range(bounds.join(':')));
  }
  return out;
}

/** `physnet1:1500,physnet2:9000` */
function physnetMtus(text: string): Record<string, number> {
  return Object.fromEntries(
    list(text).map(item => {
      const at = item.lastIndexOf(':');
      return [item.slice(0, at), int(68, 65535)(item.slice(at + 1))];
    }),
  );
}

/** An option that is one value of the configuration. */
function sets<K extends keyof ServerConfig>(key: K, read: (text: string) => ServerConfig[K]): Option {
  return (config, text) => ({ ...config, [key]: read(text) });
}

/** An option that is a part of one. */
function within<K extends 'proxy' | 'cors' | 'mtu' | 'policy' | 'externalDns', P extends keyof ServerConfig[K]>(
  key: K,
  part: P,
  read: (text: string, file: string) => ServerConfig[K][P],
): Option {
  return (config, text, file) => ({ ...config, [key]: { ...config[key], [part]: read(text, file) } });
}

const path = (text: string, file: string): string => resolve(dirname(file), text);

/** May be repeated: each adds one. */
const policyDir: Option = (config, text, file) => ({
  ...config,
  policy: { ...config.policy, dirs: [...(config.policy.dirs ?? []), path(text, file)] },
});

const oneOf =
  <const V extends string>(...values: readonly V[]) =>
  (text: string): V => {
    const value = values.find(v => v === text);
    if (value === undefined) throw new ConfigError(`one of ${values.map(v => `'${v}'`).join(', ')} is wanted`);
    return value;
  };

/** Reverse zones end at whole octets, or whole nibbles. */
function reverse(family: 'ipv4' | 'ipv6', unit: number): Option {
  return (config, text) => {
    const size = int(unit, family === 'ipv4' ? 24 : 124)(text);
    if (size % unit !== 0) throw new ConfigError(`a multiple of ${unit} is wanted`);
    const now = config.externalDns.reverse ?? { ipv4: 24, ipv6: 64 };
    return { ...config, externalDns: { ...config.externalDns, reverse: { ...now, [family]: size } } };
  };
}

const bodySize = sets('maxRequestBody', int(1024));

export const serverOptions: Readonly<Record<string, Option>> = {
  'DEFAULT.dns_domain': sets('dnsDomain', string),
  'DEFAULT.base_mac': sets('baseMac', string),
  'DEFAULT.agent_down_time': sets('agentDownTime', int(1)),
  'DEFAULT.dhcp_agents_per_network': sets('dhcpAgentsPerNetwork', int(1)),
  'DEFAULT.l3_ha': sets('l3Ha', bool),
  'DEFAULT.router_distributed': sets('routerDistributed', bool),
  'DEFAULT.enable_default_route_ecmp': sets('defaultRouteEcmp', bool),
  'DEFAULT.enable_default_route_bfd': sets('defaultRouteBfd', bool),
  'DEFAULT.max_l3_agents_per_router': sets('maxL3AgentsPerRouter', int(0)),
  'DEFAULT.l3_ha_net_cidr': sets('l3HaNetCidr', string),
  'DEFAULT.default_availability_zones': sets('defaultAvailabilityZones', list),
  'DEFAULT.max_allowed_address_pair': sets('maxAllowedAddressPair', int(0, 1000)),
  'DEFAULT.max_dns_nameservers': sets('maxDnsNameservers', int(0, 1000)),
  'DEFAULT.max_subnet_host_routes': sets('maxSubnetHostRoutes', int(0, 1000)),
  'DEFAULT.max_routes': sets('maxRoutes', int(0, 1000)),
  'DEFAULT.service_plugins': sets('servicePlugins', list),
  'DEFAULT.global_physnet_mtu': within('mtu', 'global_physnet_mtu', int(68, 65535)),
  'DEFAULT.pagination_max_limit': sets('paginationMaxLimit', pageLimit),
  'DEFAULT.network_link_prefix': within('proxy', 'linkPrefix', string),
  'DEFAULT.client_socket_timeout': sets('clientSocketTimeout', int(1, 3600)),
  'DEFAULT.max_request_body_size': bodySize,
  'oslo_middleware.max_request_body_size': bodySize,
  'oslo_middleware.enable_proxy_headers_parsing': within('proxy', 'enabled', bool),
  'cors.allowed_origin': within('cors', 'allowedOrigin', list),
  'cors.allow_credentials': within('cors', 'allowCredentials', bool),
  'cors.expose_headers': within('cors', 'exposeHeaders', list),
  'cors.max_age': within('cors', 'maxAge', int(0)),
  'cors.allow_methods': within('cors', 'allowMethods', list),
  'cors.allow_headers': within('cors', 'allowHeaders', list),
  'oslo_policy.policy_file': within('policy', 'file', path),
  'oslo_policy.policy_dirs': policyDir,
  'oslo_policy.enforce_new_defaults': within('policy', 'enforceNewDefaults', bool),
  'oslo_policy.enforce_scope': within('policy', 'enforceScope', bool),
  'ml2.type_drivers': sets('typeDrivers', list),
  'ml2.tenant_network_types': sets('tenantNetworkTypes', list),
  'DEFAULT.external_dns_driver': within('externalDns', 'driver', oneOf('rfc2136', '')),
  'rfc2136.server': within('externalDns', 'host', string),
  'rfc2136.port': within('externalDns', 'port', int(1, 65535)),
  'rfc2136.key_name': within('externalDns', 'keyName', string),
  'rfc2136.key_algorithm': within('externalDns', 'keyAlgorithm', oneOf('hmac-sha256', 'hmac-sha384', 'hmac-sha512')),
  'rfc2136.key_secret': within('externalDns', 'keySecret', string),
  'rfc2136.ttl': within('externalDns', 'ttl', int(1)),
  'rfc2136.zones': within('externalDns', 'zones', text => list(text).map(zone => (zone.endsWith('.') ? zone : `${zone}.`))),
  'rfc2136.allow_reverse_dns_lookup': within('externalDns', 'reverse', text =>
    bool(text) ? defaultConfig.externalDns.reverse : undefined,
  ),
  'rfc2136.ipv4_ptr_zone_prefix_size': reverse('ipv4', 8),
  'rfc2136.ipv6_ptr_zone_prefix_size': reverse('ipv6', 4),
  'ml2.external_network_type': sets('externalNetworkType', string),
  'ml2.overlay_ip_version': within('mtu', 'overlay_ip_version', text => (int(4, 6)(text) === 6 ? 6 : 4)),
  'ml2.physical_network_mtus': within('mtu', 'physical_network_mtus', physnetMtus),
  'ml2.path_mtu': within('mtu', 'path_mtu', int(0, 65535)),
  'ml2_type_flat.flat_networks': sets('flatNetworks', list),
  'ml2_type_vlan.network_vlan_ranges': sets('vlanRanges', vlanRanges),
  'ml2_type_vxlan.vni_ranges': sets('vniRanges', text => list(text).map(range)),
  'ml2_type_gre.tunnel_id_ranges': sets('greRanges', text => list(text).map(range)),
  'ml2_type_geneve.vni_ranges': sets('geneveRanges', text => list(text).map(range)),
  'ml2_type_geneve.max_header_size': sets('geneveHeader', int(30, 1000)),
  ...Object.fromEntries(resources.filter(r => r.quota !== undefined).map(r => [`quotas.quota_${r.name}`, quota(r.name)])),
};

function quota(resource: string): Option {
  return (config, text) => ({ ...config, quotas: { ...config.quotas, [resource]: int(-1)(text) } });
}

export interface ServerSettings {
  readonly config: ServerConfig;
  /** What the files set that this server knows nothing of: `group.name (file:line)`; and plug-ins. */
  readonly unknown: readonly string[];
}

/** Files in order: what a later one sets counts; what the command line says counts more. */
export function readServerOptions(files: readonly string[], policyFile?: string): ServerSettings {
  let config = defaultConfig;
  const unknown: string[] = [];
  for (const file of files) {
    for (const setting of parseIni(readFileSync(file, 'utf8'), file)) {
      const option = serverOptions[`${setting.group}.${setting.name}`];
      if (option) config = applied(option, config, setting, file);
      else unknown.push(`${setting.group}.${setting.name} (${file}:${setting.line})`);
    }
  }
  for (const name of config.servicePlugins) if (!isPlugin(name)) unknown.push(`DEFAULT.service_plugins: ${name}`);
  if (policyFile !== undefined) config = { ...config, policy: { ...config.policy, file: resolve(policyFile) } };
  return { config, unknown };
}

function applied(option: Option, config: ServerConfig, { name, value, line }: Setting, file: string): ServerConfig {
  try {
    return option(config, value, file);
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`${file}:${line}: ${name} = ${value}: ${error.message}`);
    throw error;
  }
}
