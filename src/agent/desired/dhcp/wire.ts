// The network-info dictionary that the server answers, read into plain values. Extra keys are ignored; what is malformed is left out and named.
import { formatCidr, parseCidr } from '../../../domain/net/cidr.ts';
import { formatIp, parseIp } from '../../../domain/net/ip.ts';
import { parseMac } from '../../../domain/net/mac.ts';

export interface HostRoute {
  readonly destination: string;
  readonly nexthop: string;
}

export interface DhcpSubnet {
  readonly id: string;
  readonly ip_version: 4 | 6;
  readonly cidr: string;
  readonly gateway_ip: string | null;
  readonly dns_nameservers: readonly string[];
  readonly host_routes: readonly HostRoute[];
  readonly ipv6_ra_mode: string | null;
  readonly ipv6_address_mode: string | null;
  readonly segment_id: string | null;
}

export interface FixedIp {
  readonly subnet_id: string;
  readonly ip_address: string;
}

export interface ExtraDhcpOption {
  readonly opt_name: string;
  readonly opt_value: string;
  readonly ip_version: 4 | 6;
}

export interface DnsAssignment {
  readonly ip_address: string;
  readonly hostname: string;
  readonly fqdn: string;
}

export interface DhcpPort {
  readonly id: string;
  readonly network_id: string;
  readonly device_id: string;
  readonly device_owner: string;
  readonly mac_address: string;
  readonly fixed_ips: readonly FixedIp[];
  readonly extra_dhcp_opts: readonly ExtraDhcpOption[];
  readonly dns_assignment: readonly DnsAssignment[];
  readonly revision_number: number | undefined;
}

export interface DhcpNetwork {
  readonly id: string;
  readonly project_id: string;
  readonly admin_state_up: boolean;
  readonly mtu: number;
  /** Subnets with DHCP, which this agent serves. */
  readonly subnets: readonly DhcpSubnet[];
  /** Subnets with DHCP on other segments of a routed network: known, not served. */
  readonly non_local_subnets: readonly DhcpSubnet[];
  readonly ports: readonly DhcpPort[];
}

/** A value and what was wrong with parts of it. */
export interface Read<T> {
  readonly value: T;
  readonly warnings: readonly string[];
}

type Dict = Readonly<Record<string, unknown>>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Lower case with dashes: what may become a part of a file, namespace or device name. */
export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value);
}

const isDict = (value: unknown): value is Dict => typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const textOrNull = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
const dicts = (value: unknown): readonly Dict[] => (Array.isArray(value) ? value.filter(isDict) : []);
const strings = (value: unknown): readonly string[] => (Array.isArray(value) ? value.filter(v => typeof v === 'string') : []);
const version = (value: unknown): 4 | 6 | undefined => (Number(value) === 4 ? 4 : Number(value) === 6 ? 6 : undefined);

/** Undefined when it is no network at all (null means that the server does not know it). */
export function readNetwork(value: unknown): Read<DhcpNetwork> | undefined {
  if (!isDict(value) || !isUuid(value['id'])) return undefined;
  const warnings: string[] = [];
  const mtu = Number(value['mtu'] ?? 0);
  const network = {
    id: value['id'],
    project_id: text(value['project_id'] ?? value['tenant_id']),
    admin_state_up: value['admin_state_up'] !== false,
    mtu: Number.isInteger(mtu) && mtu > 0 && mtu <= 65535 ? mtu : 0,
    subnets: readSubnets(value['subnets'], warnings),
    non_local_subnets: readSubnets(value['non_local_subnets'], warnings),
    ports: dicts(value['ports']).flatMap(port => collect(readPort(port), warnings, `port ${text(port['id'])}`)),
  };
  return { value: network, warnings };
}

function collect<T>(read: Read<T> | undefined, warnings: string[], what: string): readonly T[] {
  if (!read) {
    warnings.push(`${what} is malformed and left out`);
    return [];
  }
  warnings.push(...read.warnings);
  return [read.value];
}

/** One of the server's answers names subnets without DHCP, the other does not: without them both lead to the same. */
function readSubnets(value: unknown, warnings: string[]): readonly DhcpSubnet[] {
  const withDhcp = dicts(value).filter(subnet => subnet['enable_dhcp'] === true);
  return withDhcp.flatMap(subnet => collect(readSubnet(subnet), warnings, `subnet ${text(subnet['id'])}`));
}

function readSubnet(value: Dict): Read<DhcpSubnet> | undefined {
  const cidr = parseCidr(text(value['cidr']));
  const ip_version = version(value['ip_version']);
  if (!isUuid(value['id']) || !cidr || cidr.version !== ip_version) return undefined;
  const warnings: string[] = [];
  const subnet = {
    id: value['id'],
    ip_version,
    cidr: formatCidr(cidr),
    gateway_ip: canonical(value['gateway_ip'], ip_version) ?? null,
    dns_nameservers: strings(value['dns_nameservers']).flatMap(s => {
      const ip = canonical(s, ip_version);
      if (ip === undefined) warnings.push(`subnet ${text(value['id'])}: nameserver ${JSON.stringify(s)} is left out`);
      return ip ?? [];
    }),
    host_routes: dicts(value['host_routes']).flatMap(route => {
      const destination = parseCidr(text(route['destination']));
      const nexthop = canonical(route['nexthop'], ip_version);
      if (destination?.version === ip_version && nexthop !== undefined) return { destination: formatCidr(destination), nexthop };
      warnings.push(`subnet ${text(value['id'])}: host route ${JSON.stringify(route)} is left out`);
      return [];
    }),
    ipv6_ra_mode: textOrNull(value['ipv6_ra_mode']),
    ipv6_address_mode: textOrNull(value['ipv6_address_mode']),
    segment_id: textOrNull(value['segment_id']),
  };
  return { value: subnet, warnings };
}

function canonical(value: unknown, family?: 4 | 6): string | undefined {
  const ip = parseIp(text(value));
  return ip && (family === undefined || ip.version === family) ? formatIp(ip) : undefined;
}

/** Undefined when it is no port at all. Addresses are canonical; options are not judged here. */
export function readPort(value: unknown): Read<DhcpPort> | undefined {
  if (!isDict(value)) return undefined;
  const mac = parseMac(text(value['mac_address']));
  if (!isUuid(value['id']) || !isUuid(value['network_id']) || mac === undefined) return undefined;
  const warnings: string[] = [];
  const revision = value['revision_number'];
  const port = {
    id: value['id'],
    network_id: value['network_id'],
    device_id: text(value['device_id']),
    device_owner: text(value['device_owner']),
    mac_address: mac,
    fixed_ips: dicts(value['fixed_ips']).flatMap(fixed => {
      const ip_address = canonical(fixed['ip_address']);
      if (isUuid(fixed['subnet_id']) && ip_address !== undefined) return { subnet_id: fixed['subnet_id'], ip_address };
      warnings.push(`port ${text(value['id'])}: fixed IP ${JSON.stringify(fixed)} is left out`);
      return [];
    }),
    extra_dhcp_opts: dicts(value['extra_dhcp_opts']).map(option => ({
      opt_name: text(option['opt_name']),
      opt_value: text(option['opt_value']),
      ip_version: version(option['ip_version']) ?? 4,
    })),
    dns_assignment: dicts(value['dns_assignment']).flatMap(dns => {
      const ip_address = canonical(dns['ip_address']);
      return ip_address === undefined ? [] : { ip_address, hostname: text(dns['hostname']), fqdn: text(dns['fqdn']) };
    }),
    revision_number: typeof revision === 'number' ? revision : undefined,
  };
  return { value: port, warnings };
}
