// What the server answers, read into typed values. One malformed item is reported and left out; it never spoils the others.
import { canonicalIp } from '../../domain/net/ip.ts';
import { parseMac } from '../../domain/net/mac.ts';
import type { PortDetails } from '../desired/l2-port.ts';
import { memberText } from '../render/any-member.ts';
import type { WireRule } from '../render/security-rules.ts';
import type { MemberChange, MemberPort } from './members.ts';

/** The server's word on one device: a port bound here, one that is active elsewhere, or no port at all. */
export type Answer =
  | { readonly kind: 'port'; readonly details: PortDetails }
  | { readonly kind: 'inactive' }
  | { readonly kind: 'unknown' };

/** What the device of a port is called, here and in what the server is asked. */
export type NameOf = (portId: string) => string;

type Raw = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Raw => typeof value === 'object' && value !== null && !Array.isArray(value);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

export const isUuid = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(value);

export const uuidOrNull = (value: unknown): string | null => (isUuid(value) ? value : null);

/** Device → answer, of `get_devices_details_list`. `complain` hears of what cannot be read. */
export function parseDetailsList(wire: unknown, nameOf: NameOf, complain: (device: string, why: string) => void): Map<string, Answer> {
  const answers = new Map<string, Answer>();
  for (const item of list(wire)) {
    const device = isRecord(item) ? text(item['device']) : undefined;
    if (!isRecord(item) || device === undefined) continue;
    const answer = parseDetails(device, item, nameOf);
    if (typeof answer === 'string') complain(device, answer);
    else answers.set(device, answer);
  }
  return answers;
}

function parseDetails(device: string, item: Raw, nameOf: NameOf): Answer | string {
  if (item['no_active_binding'] === true) return { kind: 'inactive' };
  if (item['port_id'] === undefined) return { kind: 'unknown' };
  const { port_id, network_id, network_type, segmentation_id, physical_network, mtu, device_owner } = item;
  const mac = parseMac(text(item['mac_address']) ?? '');
  if (!isUuid(port_id) || nameOf(port_id) !== device) return `port id ${JSON.stringify(port_id)}`;
  if (!isUuid(network_id)) return `network id ${JSON.stringify(network_id)}`;
  if (mac === undefined) return `MAC address ${JSON.stringify(item['mac_address'])}`;
  if (typeof network_type !== 'string') return `network type ${JSON.stringify(network_type)}`;
  if (typeof mtu === 'number' && (!Number.isInteger(mtu) || mtu < 68 || mtu > 65_535)) return `MTU ${mtu}`;
  return {
    kind: 'port',
    details: {
      device,
      port_id,
      network_id,
      mac_address: mac,
      admin_state_up: item['admin_state_up'] === true,
      network_type,
      segmentation_id: typeof segmentation_id === 'number' ? segmentation_id : null,
      physical_network: text(physical_network) ?? null,
      mtu: typeof mtu === 'number' && mtu > 0 ? mtu : null,
      device_owner: text(device_owner) ?? '',
      port_security_enabled: item['port_security_enabled'] !== false,
      fixed_ips: addresses(item['fixed_ips']),
      qos_policy_id: uuidOrNull(item['qos_policy_id']),
      qos_network_policy_id: uuidOrNull(item['qos_network_policy_id']),
    },
  };
}

/** `fixed_ips` in either of its forms: plain addresses, or `{subnet_id, ip_address}`. */
export function addresses(wire: unknown): string[] {
  return list(wire).flatMap(item => {
    const address = canonicalIp(text(isRecord(item) ? item['ip_address'] : item) ?? '');
    return address === undefined ? [] : [address];
  });
}

/** A port of `security_group_info_for_devices`; addresses and rules stay as they came, to be compiled, and refused, per port. */
export interface SecurityDevice {
  readonly id: string;
  readonly device: string;
  readonly mac_address: unknown;
  readonly fixed_ips: readonly unknown[];
  readonly allowed_address_pairs: readonly Raw[];
  readonly security_groups: readonly string[];
  readonly provider_rules: readonly WireRule[];
  readonly port_security_enabled: boolean;
  readonly admin_state_up: boolean;
}

export interface SecurityInfo {
  /** By device. */
  readonly devices: ReadonlyMap<string, SecurityDevice>;
  readonly groups: ReadonlyMap<string, readonly WireRule[]>;
  /** Members of groups and address groups, both families, as `memberText` has them. */
  readonly members: ReadonlyMap<string, readonly string[] | ReadonlyMap<string, MemberPort>>;
}

export function parseSecurityInfo(wire: unknown, nameOf: NameOf): SecurityInfo {
  const answer = isRecord(wire) ? wire : {};
  const devices = new Map<string, SecurityDevice>();
  for (const [id, port] of Object.entries(isRecord(answer['devices']) ? answer['devices'] : {})) {
    if (isUuid(id) && isRecord(port)) devices.set(nameOf(id), securityDevice(id, nameOf(id), port));
  }
  const groups = new Map<string, readonly WireRule[]>();
  for (const [id, rules] of Object.entries(isRecord(answer['security_groups']) ? answer['security_groups'] : {})) {
    groups.set(id, list(rules).filter(isRecord));
  }
  const members = new Map<string, readonly string[] | ReadonlyMap<string, MemberPort>>();
  for (const [id, byFamily] of Object.entries(isRecord(answer['sg_member_ips']) ? answer['sg_member_ips'] : {})) {
    members.set(id, isRecord(byFamily) ? [...memberTexts(byFamily['IPv4']), ...memberTexts(byFamily['IPv6'])] : []);
  }
  for (const [id, ports] of Object.entries(isRecord(answer['sg_member_ports']) ? answer['sg_member_ports'] : {}))
    if (isRecord(ports)) members.set(id, memberPorts(ports));
  return { devices, groups, members };
}

/** Port → its revision, and then its addresses. */
function memberPorts(wire: Raw): ReadonlyMap<string, MemberPort> {
  return new Map(
    Object.entries(wire).map(([port, told]) => {
      const [revision, ...all] = list(told);
      return [port, { revision: typeof revision === 'number' ? revision : 0, addresses: memberTexts(all) }];
    }),
  );
}

/** Ports of `security_groups_member_updated`; undefined where the message does not say what changed, as Neutron's does not. */
export function parseMemberChanges(wire: unknown): MemberChange[] | undefined {
  if (!Array.isArray(wire)) return undefined;
  return wire.filter(isRecord).flatMap(({ port_id, security_groups, revision, addresses }) =>
    typeof port_id === 'string'
      ? {
          port: port_id,
          groups: new Set(list(security_groups).filter(g => typeof g === 'string')),
          revision: typeof revision === 'number' ? revision : Number.POSITIVE_INFINITY,
          addresses: memberTexts(addresses),
        }
      : [],
  );
}

export interface GroupRules {
  readonly id: string;
  readonly revision: number;
  readonly rules: readonly WireRule[];
}

/** Groups of `security_groups_rule_updated`, by id; those whose rules the message does not tell are not among them. */
export function parseGroupRules(wire: unknown): Map<string, GroupRules> {
  const told = list(wire)
    .filter(isRecord)
    .flatMap(({ id, revision, rules }) =>
      typeof id === 'string' && typeof revision === 'number' && Array.isArray(rules) ? { id, revision, rules: rules.filter(isRecord) } : [],
    );
  return new Map(told.map(group => [group.id, group]));
}

function securityDevice(id: string, device: string, port: Raw): SecurityDevice {
  return {
    id,
    device,
    mac_address: port['mac_address'],
    fixed_ips: list(port['fixed_ips']).map(ip => (isRecord(ip) ? ip['ip_address'] : ip)),
    allowed_address_pairs: list(port['allowed_address_pairs']).filter(isRecord),
    security_groups: list(port['security_groups']).filter(g => typeof g === 'string'),
    provider_rules: list(port['security_group_rules']).filter(isRecord),
    port_security_enabled: port['port_security_enabled'] !== false,
    admin_state_up: port['admin_state_up'] !== false,
  };
}

/** `[address, mac or null]` since call version 1.3, plain addresses before. */
function memberTexts(wire: unknown): string[] {
  return list(wire).flatMap(m => {
    const [address, mac]: readonly unknown[] = Array.isArray(m) ? m : [m];
    return typeof address === 'string' ? [memberText(address, mac)] : [];
  });
}
