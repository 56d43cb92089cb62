// The rules of QoS policies: the same commands for every kind, below their policy and by their short URLs.
import type { Row } from '../../contracts/store.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { checkRule, type QosRule } from '../../domain/qos.ts';
import { qosPolicy, qosRules, type RuleType, ruleTypes } from '../../model/qos.ts';
import { notFound } from '../authorize.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import { relyOnParent } from '../find.ts';
import type { Commands, Created } from './commands.ts';
import { asRule, rulesOf } from './qos-rows.ts';
import { refuseOnPorts, refuseReserved, underPolicy } from './qos-support.ts';

/** The policy that a decision relies on, and its other rules. */
async function policyOf(ctx: RequestContext, draft: Draft): Promise<{ readonly id: string; readonly rules: readonly QosRule[] }> {
  const id = String((await relyOnParent(ctx, draft)).id);
  return { id, rules: (await rulesOf(ctx, [id])).get(id) ?? [] };
}

/** The policy's ports must be able to have all of its rules as they will be. */
async function admitOnPorts(ctx: RequestContext, draft: Draft, policyId: string, rules: readonly QosRule[], type: string): Promise<void> {
  const ports = await underPolicy(ctx, draft, policyId);
  await refuseOnPorts(ctx, draft, rules, ports);
  await refuseReserved(ctx, draft, type, ports);
  draft.touch(qosPolicy, policyId);
}

async function create(ctx: RequestContext, draft: Draft, type: RuleType, input: Attributes): Promise<Created> {
  const resource = qosRules[type].rule;
  const policy = await policyOf(ctx, draft);
  const columns = newColumns(resource, input);
  checkRule(policy.id, policy.rules, { type, given: columns, values: columns });
  const row = draft.create(resource, { ...columns, id: draft.newId() }, { qos_policy_id: policy.id });
  await admitOnPorts(ctx, draft, policy.id, [...policy.rules, asRule(type, row)], type);
  return { id: String(row.id), shown: shownColumns(resource, row) };
}

async function update(ctx: RequestContext, draft: Draft, type: RuleType, row: Row, input: Attributes): Promise<void> {
  const resource = qosRules[type].rule;
  const set = changedColumns(resource, input);
  if (Object.keys(set).length === 0) return;
  const policy = await policyOf(ctx, draft);
  const id = String(row.id);
  // As it is while the policy does not change: what was found first may have moved since.
  const now = policy.rules.find(r => r.id === id);
  if (!now) throw notFound(resource, id, policy.id);
  const after: QosRule = { ...now, ...set };
  checkRule(policy.id, policy.rules, { type, id, given: set, values: after });
  draft.update(resource, row, set, { facts: { qos_policy_id: policy.id } });
  const rules = policy.rules.map(r => (r.id === id ? after : r));
  await admitOnPorts(ctx, draft, policy.id, rules, type);
}

async function remove(ctx: RequestContext, draft: Draft, type: RuleType, row: Row): Promise<void> {
  const { id } = await relyOnParent(ctx, draft);
  draft.remove(qosRules[type].rule, row, { qos_policy_id: id });
  await refuseReserved(ctx, draft, type, await underPolicy(ctx, draft, String(id)));
  draft.touch(qosPolicy, String(id));
}

function commandsFor(type: RuleType): Commands[] {
  const { rule, alias } = qosRules[type];
  const shared = {
    update: (ctx: RequestContext, draft: Draft, row: Row, input: Attributes) => update(ctx, draft, type, row, input),
    delete: (ctx: RequestContext, draft: Draft, row: Row) => remove(ctx, draft, type, row),
    present: async (_services: unknown, rows: readonly Row[]) => rows.map(row => shownColumns(rule, row)),
  };
  const below: Commands = { ...shared, resource: rule, create: (ctx, draft, input) => create(ctx, draft, type, input) };
  return alias ? [below, { ...shared, resource: alias }] : [below];
}

export const qosRuleCommands: readonly Commands[] = ruleTypes.flatMap(commandsFor);
