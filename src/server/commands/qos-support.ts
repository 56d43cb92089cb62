// Which rules the loaded drivers can carry out, and whether the ports of a policy can have its rules.
import type { Predicate, Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import { isSupported, nowhereTypes, type Plug, type QosRule, type QosSupport, reservedTypes, servesPort } from '../../domain/qos.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { relyOnAll } from './load.ts';
import { usesPolicy } from './qos-rows.ts';

export interface NamedSupport {
  readonly name: string;
  readonly support: QosSupport;
}

export function supports({ drivers }: Services): NamedSupport[] {
  return drivers.mechanisms.flatMap(({ name, qos }) => (qos ? [{ name, support: qos }] : []));
}

export function refuseOnPort(services: Services, rules: readonly QosRule[], port_id: string, plug: Plug): void {
  const drivers = supports(services).filter(({ support }) => servesPort(support, plug));
  const unknown = rules.find(rule => !drivers.some(({ support }) => isSupported(support, rule)));
  if (unknown) throw apiError('QosRuleNotSupported', { rule_type: unknown.type, port_id });
}

export function refuseOnNetwork(services: Services, rules: readonly QosRule[], network_id: string): void {
  const unknown = rules.find(rule => !supports(services).some(({ support }) => isSupported(support, rule)));
  if (unknown) throw apiError('QosRuleNotSupportedByNetwork', { rule_type: unknown.type, network_id });
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
function without(services: Services, rule: QosRule): Predicate {
  const able = supports(services).filter(({ support }) => isSupported(support, rule));
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
    const where: Predicate = { and: [ports, without(services, rule)] };
    const [port] = await services.store.select({ table: 'ports', where, limit: 1, columns: ['id'] });
    if (port) throw apiError('QosRuleNotSupported', { rule_type: rule.type, port_id: String(port.id) });
    draft.absent('ports', where);
  }
}

/** What Placement has promised to an instance is not changed below it. */
export async function refuseReserved(services: Services, draft: Draft, type: string, ports: Predicate): Promise<void> {
  if (!reservedTypes.includes(type)) return;
  const where: Predicate = { and: [ports, { startsWith: ['device_owner', 'compute:'] }] };
  if ((await services.store.count('ports', where)) > 0)
    throw apiError('HTTPNotImplemented', { message: 'Cannot update QoS policies/rules backed by resources tracked in Placement' });
  draft.absent('ports', where);
}
