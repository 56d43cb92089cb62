// The rules of QoS policies as rows, and who uses a policy.
import type { Predicate, Row } from '../../contracts/store.ts';
import type { QosRule } from '../../domain/qos.ts';
import { qosRules, type RuleType, ruleTypes } from '../../model/qos.ts';
import { shownColumns } from '../columns.ts';
import type { Services } from '../context.ts';
import { grouped } from './load.ts';

export function asRule(type: RuleType, row: Row): QosRule {
  return { ...shownColumns(qosRules[type].rule, row), id: String(row.id), qos_policy_id: row.qos_policy_id, type };
}

/** By policy, in the order of their kinds. One query for each kind. */
export async function rulesOf(
  services: Services,
  policyIds: Iterable<unknown>,
  types: readonly RuleType[] = ruleTypes,
): Promise<Map<string, QosRule[]>> {
  const wanted = [...policyIds];
  const out = new Map<string, QosRule[]>();
  for (const type of types) {
    const found = await grouped(services, qosRules[type].rule.table.name, 'qos_policy_id', wanted, { order: [['id', 'asc']] });
    for (const [id, rows] of found) out.set(id, [...(out.get(id) ?? []), ...rows.map(row => asRule(type, row))]);
  }
  return out;
}

export interface PolicyUse {
  /** As refusals call it. */
  readonly what: string;
  readonly table: string;
}

/** Where policies are used, in the order in which a refusal names them. */
export const policyUses: readonly PolicyUse[] = [
  { what: 'port', table: 'ports' },
  { what: 'network', table: 'networks' },
  { what: 'fip', table: 'floatingips' },
  { what: 'router', table: 'routers' },
];

export const usesPolicy = (policyId: string): Predicate => ({ eq: ['qos_policy_id', policyId] });
