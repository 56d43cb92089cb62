// Rules of QoS policies over plain values: which rules fit together, which a driver can do, and what a port asks of Placement for them.
import { apiError } from './errors.ts';

/** A rule of whatever type, with its attributes. */
export interface QosRule {
  readonly id: string;
  readonly type: string;
  readonly [attribute: string]: unknown;
}

export interface NewRule {
  /** Absent: it is about to be made. */
  readonly id?: string;
  readonly type: string;
  /** The attributes that the request names. */
  readonly given: Readonly<Record<string, unknown>>;
  /** All attributes as they will be. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** Refuses a rule that contradicts another of its policy, or is the second of its type and direction. */
export function checkRule(policyId: string, rules: readonly QosRule[], wanted: NewRule): void {
  for (const rule of rules) checkBandwidth(policyId, rule, wanted.given);
  const others = rules.filter(r => r.type === wanted.type && r.id !== wanted.id);
  if (wanted.type === 'minimum_packet_rate') for (const rule of others) checkDirection(policyId, rule, wanted.values.direction);
  const twin = others.find(r => r.direction === wanted.values.direction);
  if (twin) throw apiError('QoSRulesConflict', { new_rule_type: wanted.type, rule_id: twin.id, policy_id: policyId });
}

/** A maximum is not below a minimum, whatever the directions. */
function checkBandwidth(policyId: string, rule: QosRule, { max_kbps, min_kbps }: Readonly<Record<string, unknown>>): void {
  if (rule.type === 'minimum_bandwidth' && max_kbps !== undefined && Number(rule.min_kbps) > Number(max_kbps))
    throw conflict(policyId, max_kbps, rule.type, rule.min_kbps);
  if (rule.type === 'bandwidth_limit' && min_kbps !== undefined && Number(rule.max_kbps) < Number(min_kbps))
    throw conflict(policyId, min_kbps, rule.type, rule.max_kbps);
}

/** Packet rates are minima of each direction or of both together. */
function checkDirection(policyId: string, { type, direction }: QosRule, wanted: unknown): void {
  if ((direction === 'any') !== (wanted === 'any')) throw conflict(policyId, wanted, type, direction);
}

function conflict(policy_id: string, value: unknown, existing_rule: string, existing: unknown): Error {
  return apiError('QoSRuleParameterConflict', {
    rule_value: value as string,
    policy_id,
    existing_rule,
    existing_value: existing as string,
  });
}

/** The values of a parameter: from one number to another, or some. */
export type ParameterValues = { readonly start: number; readonly end: number } | readonly (string | number)[];

/** What a mechanism does for quality of service: on which ports, and for which values of which rules. */
export interface QosSupport {
  readonly vifTypes: readonly string[];
  readonly vnicTypes: readonly string[];
  readonly rules: Readonly<Record<string, Readonly<Record<string, ParameterValues>>>>;
  /** Types of rules that are carried out only where a network's first segment is on a physical network. */
  readonly physicalOnly?: readonly string[];
}

/** `physical`: on a network whose first segment is on a physical one. */
export function isSupportedOn(support: QosSupport, rule: QosRule, physical: boolean): boolean {
  return isSupported(support, rule) && (physical || !support.physicalOnly?.includes(rule.type));
}

export function isSupported(support: QosSupport, rule: QosRule): boolean {
  const parameters = Object.hasOwn(support.rules, rule.type) ? support.rules[rule.type] : undefined;
  return parameters !== undefined && Object.entries(parameters).every(([name, values]) => accepts(values, rule[name]));
}

function accepts(values: ParameterValues, value: unknown): boolean {
  if ('start' in values) return Number(value) >= values.start && Number(value) <= values.end;
  return values.includes(value as string | number);
}

export interface Plug {
  readonly vif_type: string;
  readonly vnic_type: string;
}

/** Of ports that are nowhere: they may go wherever their kind of NIC is known. */
export const nowhereTypes: readonly string[] = ['unbound', 'binding_failed'];

export function servesPort(support: QosSupport, { vif_type, vnic_type }: Plug): boolean {
  return nowhereTypes.includes(vif_type) ? support.vnicTypes.includes(vnic_type) : support.vifTypes.includes(vif_type);
}

export interface ParameterDetail {
  readonly parameter_name: string;
  readonly parameter_type: 'range' | 'choices';
  readonly parameter_values: ParameterValues;
}

export function parameterDetails(support: QosSupport, type: string): ParameterDetail[] {
  return Object.entries(support.rules[type] ?? {}).map(([parameter_name, parameter_values]) => ({
    parameter_name,
    parameter_values,
    parameter_type: 'start' in parameter_values ? 'range' : 'choices',
  }));
}

/** Placement's names of what a rule reserves, by type and direction. */
const resourceClasses: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  minimum_bandwidth: { ingress: 'NET_BW_IGR_KILOBIT_PER_SEC', egress: 'NET_BW_EGR_KILOBIT_PER_SEC' },
  minimum_packet_rate: {
    ingress: 'NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC',
    egress: 'NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC',
    any: 'NET_PACKET_RATE_KILOPACKET_PER_SEC',
  },
};

const amounts: Readonly<Record<string, string>> = { minimum_bandwidth: 'min_kbps', minimum_packet_rate: 'min_kpps' };

/** Types whose rules are reserved in Placement. */
export const reservedTypes: readonly string[] = Object.keys(resourceClasses);

/** A trait of Placement: other characters than letters and digits are an underscore. */
const trait = (kind: string, name: string): string => `CUSTOM_${kind}_${name}`.toUpperCase().replaceAll(/[^0-9A-Z]+/g, '_');

export interface Demand {
  readonly rules: readonly QosRule[];
  readonly vnic_type: string;
  /** Of the network's first segment. */
  readonly physical_network: string | null;
  /** A UUID of the port and a name, the same each time. */
  readonly groupId: (name: string) => string;
}

interface Group {
  readonly id: string;
  readonly required: readonly string[];
  readonly resources: Readonly<Record<string, number>>;
}

/** Null: the port asks for nothing. */
export function resourceRequest(
  demand: Demand,
): { readonly request_groups: readonly Group[]; readonly same_subtree: readonly string[] } | null {
  if (demand.rules.length === 0) return null;
  const vnic = trait('VNIC_TYPE', demand.vnic_type);
  const { physical_network } = demand;
  const groups = [
    // Bandwidth is that of a physical network.
    ...(physical_network === null ? [] : group(demand, 'minimum_bandwidth', [trait('PHYSNET', physical_network), vnic])),
    ...group(demand, 'minimum_packet_rate', [vnic]),
  ];
  return groups.length === 0 ? null : { request_groups: groups, same_subtree: groups.map(g => g.id) };
}

function group({ rules, groupId }: Demand, type: string, required: readonly string[]): Group[] {
  const own = rules.filter(r => r.type === type);
  return own.length === 0 ? [] : [{ id: groupId(groupName(own)), required, resources: resourcesOf(own) }];
}

/** What the UUID of a group of a request is made of. */
export const groupName = (rules: readonly QosRule[]): string => rules.map(r => r.id).join(':');

/** By class, of rules that are reserved. */
export const resourcesOf = (rules: readonly QosRule[]): Record<string, number> =>
  Object.fromEntries(rules.map(r => [resourceClasses[r.type]![String(r.direction)]!, Number(r[amounts[r.type]!])]));
