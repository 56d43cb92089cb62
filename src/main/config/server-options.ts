// The options of the API server by the names that Neutron's configuration files give them. One line makes an option.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isSecretName, redacted } from '../../adapters/log/redact.ts';
import { isPlugin } from '../../model/plugins.ts';
import { resources } from '../../model/registry.ts';
import { defaultConfig, type ServerConfig } from '../../server/context.ts';
import { databaseUrl } from '../store.ts';
import { ConfigError, parseIni, type Setting } from './ini.ts';
import { amqpOptions, rabbitOptions, transportUrl } from './rabbit.ts';
import {
  absoluteDomain,
  base64,
  bool,
  cidr4,
  domain,
  int,
  list,
  mac,
  named,
  networkTypeOrNone,
  networkTypes,
  oneOf,
  pageLimit,
  physnetMtus,
  ranges,
  string,
  urlOrNone,
  vlanRanges,
} from './values.ts';

/** `file` is where it stands, for what is relative to it. */
type Option = (config: ServerConfig, text: string, file: string) => ServerConfig;

/** An option that is one value of the configuration. */
function sets<K extends keyof ServerConfig>(key: K, read: (text: string) => ServerConfig[K]): Option {
  return (config, text) => ({ ...config, [key]: read(text) });
}

/** An option that is a part of one. */
function within<K extends 'proxy' | 'cors' | 'mtu' | 'policy' | 'externalDns' | 'database' | 'messaging', P extends keyof ServerConfig[K]>(
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
  'DEFAULT.dns_domain': sets('dnsDomain', domain),
  'DEFAULT.base_mac': sets('baseMac', mac),
  'DEFAULT.agent_down_time': sets('agentDownTime', int(1)),
  'DEFAULT.dhcp_agents_per_network': sets('dhcpAgentsPerNetwork', int(1)),
  'DEFAULT.l3_ha': sets('l3Ha', bool),
  'DEFAULT.router_distributed': sets('routerDistributed', bool),
  'DEFAULT.enable_default_route_ecmp': sets('defaultRouteEcmp', bool),
  'DEFAULT.enable_default_route_bfd': sets('defaultRouteBfd', bool),
  'DEFAULT.max_l3_agents_per_router': sets('maxL3AgentsPerRouter', int(0)),
  'DEFAULT.l3_ha_net_cidr': sets('l3HaNetCidr', cidr4),
  'DEFAULT.default_availability_zones': sets('defaultAvailabilityZones', list),
  'DEFAULT.max_allowed_address_pair': sets('maxAllowedAddressPair', int(0, 1000)),
  'DEFAULT.max_dns_nameservers': sets('maxDnsNameservers', int(0, 1000)),
  'DEFAULT.max_subnet_host_routes': sets('maxSubnetHostRoutes', int(0, 1000)),
  'DEFAULT.max_routes': sets('maxRoutes', int(0, 1000)),
  'DEFAULT.service_plugins': sets('servicePlugins', list),
  'DEFAULT.global_physnet_mtu': within('mtu', 'global_physnet_mtu', int(68, 65535)),
  'DEFAULT.pagination_max_limit': sets('paginationMaxLimit', pageLimit),
  'DEFAULT.network_link_prefix': within('proxy', 'linkPrefix', urlOrNone),
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
  'DEFAULT.transport_url': within('messaging', 'transportUrl', transportUrl),
  'DEFAULT.control_exchange': within('messaging', 'controlExchange', named),
  'DEFAULT.host': within('messaging', 'host', named),
  'database.connection': within('database', 'connection', databaseUrl),
  'database.max_pool_size': within('database', 'max_pool_size', int(1, 1000)),
  'database.max_overflow': within('database', 'max_overflow', int(0, 1000)),
  'database.pool_timeout': within('database', 'pool_timeout', int(1, 3600)),
  'database.connection_recycle_time': within('database', 'connection_recycle_time', int(1)),
  'ml2.type_drivers': sets('typeDrivers', networkTypes),
  'ml2.tenant_network_types': sets('tenantNetworkTypes', networkTypes),
  'DEFAULT.external_dns_driver': within('externalDns', 'driver', oneOf('rfc2136', '')),
  'rfc2136.server': within('externalDns', 'host', string),
  'rfc2136.port': within('externalDns', 'port', int(1, 65535)),
  'rfc2136.key_name': within('externalDns', 'keyName', domain),
  'rfc2136.key_algorithm': within('externalDns', 'keyAlgorithm', oneOf('hmac-sha256', 'hmac-sha384', 'hmac-sha512')),
  'rfc2136.key_secret': within('externalDns', 'keySecret', base64),
  'rfc2136.ttl': within('externalDns', 'ttl', int(1)),
  'rfc2136.zones': within('externalDns', 'zones', text => list(text).map(absoluteDomain)),
  'rfc2136.allow_reverse_dns_lookup': within('externalDns', 'reverse', text =>
    bool(text) ? defaultConfig.externalDns.reverse : undefined,
  ),
  'rfc2136.ipv4_ptr_zone_prefix_size': reverse('ipv4', 8),
  'rfc2136.ipv6_ptr_zone_prefix_size': reverse('ipv6', 4),
  'ml2.external_network_type': ({ externalNetworkType: _, ...config }, text) => {
    const type = networkTypeOrNone(text);
    return type === undefined ? config : { ...config, externalNetworkType: type };
  },
  'ml2.overlay_ip_version': within('mtu', 'overlay_ip_version', text => (oneOf('4', '6')(text) === '6' ? 6 : 4)),
  'ml2.physical_network_mtus': within('mtu', 'physical_network_mtus', physnetMtus),
  'ml2.path_mtu': within('mtu', 'path_mtu', int(0, 65535)),
  'ml2_type_flat.flat_networks': sets('flatNetworks', list),
  'ml2_type_vlan.network_vlan_ranges': sets('vlanRanges', vlanRanges),
  'ml2_type_vxlan.vni_ranges': sets('vniRanges', ranges(2 ** 24 - 1)),
  'ml2_type_gre.tunnel_id_ranges': sets('greRanges', ranges(2 ** 32 - 1)),
  'ml2_type_geneve.vni_ranges': sets('geneveRanges', ranges(2 ** 24 - 1)),
  'ml2_type_geneve.max_header_size': sets('geneveHeader', int(30, 1000)),
  ...Object.fromEntries(Object.keys(rabbitOptions).map(name => [`oslo_messaging_rabbit.${name}`, rabbit(name)])),
  ...Object.fromEntries(resources.filter(r => r.quota !== undefined).map(r => [`quotas.quota_${r.name}`, quota(r.name)])),
};

function quota(resource: string): Option {
  return (config, text) => ({ ...config, quotas: { ...config.quotas, [resource]: int(-1)(text) } });
}

/** Looked at here, so that what is wrong is told with its place; the connection reads it again. */
function rabbit(name: string): Option {
  return (config, text) => {
    rabbitOptions[name]?.(text);
    return { ...config, messaging: { ...config.messaging, rabbit: { ...config.messaging.rabbit, [name]: text } } };
  };
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
    for (const setting of parseIni(contents(file), file)) {
      const option = serverOptions[`${setting.group}.${setting.name}`];
      if (option) config = applied(option, config, setting, file);
      else unknown.push(`${setting.group}.${setting.name} (${file}:${setting.line})`);
    }
  }
  for (const name of config.servicePlugins) if (!isPlugin(name)) unknown.push(`DEFAULT.service_plugins: ${name}`);
  refuseHalfDns(config);
  if (config.messaging.transportUrl !== '') amqpOptions(config.messaging);
  if (policyFile !== undefined) config = { ...config, policy: { ...config.policy, file: resolve(policyFile) } };
  return { config, unknown };
}

function contents(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function refuseHalfDns({ externalDns }: ServerConfig): void {
  const needed = { key_name: externalDns.keyName, key_secret: externalDns.keySecret, zones: externalDns.zones };
  const missing = Object.entries(needed).flatMap(([name, value]) => (value.length === 0 ? [name] : []));
  if (externalDns.driver !== '' && missing.length > 0)
    throw new ConfigError(`external_dns_driver = ${externalDns.driver} needs ${missing.join(', ')} in [rfc2136]`);
}

/** Options whose URL holds a password. */
const urls: ReadonlySet<string> = new Set(['connection', 'transport_url']);

/** As oslo.config writes what another option says. */
const reference = /(?:^|[^\\$])\$\{?[a-z_]/i;

function applied(option: Option, config: ServerConfig, { name, value, line }: Setting, file: string): ServerConfig {
  try {
    if (reference.test(value)) throw new ConfigError('a value is wanted, since those of other options ($name) are not put in here');
    return option(config, value, file);
  } catch (error) {
    const shown = isSecretName(name) || urls.has(name) ? redacted : value;
    if (error instanceof ConfigError) throw new ConfigError(`${file}:${line}: ${name} = ${shown}: ${error.message}`);
    throw error;
  }
}
