// Which rules the loaded drivers can carry out, and whether the ports of a policy can have its rules.
import type { Predicate, Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import { isSupportedOn, nowhereTypes, type Plug, type QosRule, type QosSupport, reservedTypes, servesPort } from '../../domain/qos.ts';
import { segment } from '../../model/segment.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { grouped, relyOnAll } from './load.ts';
import { usesPolicy } from './qos-rows.ts';
import { segmentsOf } from './segments.ts';

export interface NamedSupport {
  readonly name: string;
  readonly support: QosSupport;
}

export function supports({ drivers }: Services): NamedSupport[] {
  return drivers.mechanisms.flatMap(({ name, qos }) => (qos ? [{ name, support: qos }] : []));
}

export interface PlacedPort extends Plug {
  readonly id: string;
  readonly network_id: string;
}

export async function refuseOnPort(services: Services, draft: Draft, rules: readonly QosRule[], port: PlacedPort): Promise<void> {
  const { id: port_id, network_id } = port;
  const drivers = supports(services).filter(({ support }) => servesPort(support, port));
  const physical = await isPhysical(services, draft, rules, network_id);
  const unknown = rules.find(rule => !drivers.some(({ support }) => isSupportedOn(support, rule, physical)));
  if (unknown) throw apiError('QosRuleNotSupported', { rule_type: unknown.type, port_id });
}

export async function refuseOnNetwork(services: Services, draft: Draft, rules: readonly QosRule[], network_id: string): Promise<void> {
  const physical = await isPhysical(services, draft, rules, network_id);
  const unknown = rules.find(rule => !supports(services).some(({ support }) => isSupportedOn(support, rule, physical)));
  if (unknown) throw apiError('QosRuleNotSupportedByNetwork', { rule_type: unknown.type, network_id });
}

const needsPhysical = (services: Services, rules: readonly QosRule[]): boolean =>
  rules.some(({ type }) => supports(services).some(({ support }) => support.physicalOnly?.includes(type)));

/** Whether a network's first segment is on a physical one, where a rule depends on it; that it is the first is part of the decision. */
async function isPhysical(services: Services, draft: Draft, rules: readonly QosRule[], network_id: string): Promise<boolean> {
  if (!needsPhysical(services, rules)) return false;
  const made = draft.allMade(segment).filter(s => s.network_id === network_id);
  const [first] = made.length > 0 ? made : await segmentsOf(services, network_id);
  if (first && made.length === 0) draft.present('segments', { eq: ['id', String(first.id)] });
  return typeof first?.physical_network === 'string';
}

export const plugOf = (binding: Row | undefined): Plug => ({
  vif_type: String(binding?.vif_type ?? 'unbound'),
  vnic_type: String(binding?.vnic_type ?? 'normal'),
});

/** Ports that a policy is in effect on: their own, or that of their network where they have none. That it is these networks is part of the decision. */
export async function underPolicy(services: Services, draft: Draft, policyId: string): Promise<Predicate> {
  const networks = await relyOnAll(services, draft, 'networks', usesPolicy(policyId), ['id']);
  const onThem: Predicate = { and: [{ in: ['network_id', networks.map(n => String(n.id))] }, { eq: ['qos_policy_id', null] }] };
  return networks.length === 0 ? usesPolicy(policyId) : { or: [usesPolicy(policyId), onThem] };
}

/** Ports whose place no driver that can carry the rule out knows. */
function without(services: Services, rule: QosRule, physical: boolean): Predicate {
  const able = supports(services).filter(({ support }) => isSupportedOn(support, rule, physical));
  const nowhere: Predicate = { in: ['vif_type', nowhereTypes] };
  const vnic: Predicate = { in: ['vnic_type', able.flatMap(({ support }) => support.vnicTypes)] };
  const vif: Predicate = { in: ['vif_type', able.flatMap(({ support }) => support.vifTypes)] };
  const wrong: Predicate = {
    or: [{ and: [nowhere, { not: vnic }] }, { and: [{ not: nowhere }, { not: vif }] }],
  };
  return {
    exists: { table: 'port_bindings', on: [['port_id', 'id']], where: { and: [{ eq: ['status', 'ACTIVE'] }, wrong] } },
  };
}

/** Refuses rules that one of these ports cannot have, and holds for as long as the decision takes. */
export async function refuseOnPorts(services: Services, draft: Draft, rules: readonly QosRule[], ports: Predicate): Promise<void> {
  for (const rule of rules) {
    const wrong: Predicate[] = [{ and: [ports, without(services, rule, true)] }];
    if (needsPhysical(services, [rule])) {
      const elsewhere: Predicate = { not: { in: ['network_id', await physicalOf(services, ports)] } };
      wrong.push({ and: [ports, elsewhere, without(services, rule, false)] });
    }
    for (const where of wrong) {
      const [port] = await services.store.select({ table: 'ports', where, limit: 1, columns: ['id'] });
      if (port) throw apiError('QosRuleNotSupported', { rule_type: rule.type, port_id: String(port.id) });
      draft.absent('ports', where);
    }
  }
}

/** Networks of these ports whose first segment is on a physical one. */
async function physicalOf(services: Services, ports: Predicate): Promise<string[]> {
  const networks = [...(await services.store.countBy('ports', 'network_id', ports)).keys()].map(String);
  const segments = await grouped(services, 'segments', 'network_id', networks, { order: [['segment_index', 'asc']] });
  return networks.filter(id => typeof segments.get(id)?.[0]?.physical_network === 'string');
}

/** What Placement has promised to an instance is not changed below it. */
export async function refuseReserved(services: Services, draft: Draft, type: string, ports: Predicate): Promise<void> {
  if (!reservedTypes.includes(type)) return;
  const where: Predicate = { and: [ports, { startsWith: ['device_owner', 'compute:'] }] };
  if ((await services.store.count('ports', where)) > 0)
    throw apiError('HTTPNotImplemented', { message: 'Cannot update QoS policies/rules backed by resources tracked in Placement' });
  draft.absent('ports', where);
}
