// Rules of security groups: what they may name, and that no two of a group are the same.
import type { Predicate, Query, Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { readBool } from '../../domain/input/values.ts';
import { likeness, normalizeRule, ruleKey, type SecurityGroupRuleValues } from '../../domain/security-groups.ts';
import { securityGroup, securityGroupRule } from '../../model/security-group.ts';
import { newColumns } from '../columns.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import { findAll, seenQuery } from '../find.ts';
import { addressGroups } from './address-groups.ts';
import type { ApiObject, Commands, Created } from './commands.ts';
import { ensureOwnDefaultGroup } from './default-group.ts';
import { byIds, idsQuery } from './load.ts';
import { defaultsQuery, presentRules } from './security-group-rows.ts';
import { securityGroups } from './security-groups.ts';
import { isShared, relyOnSharing, sharingOf } from './sharing.ts';

const inDefaultGroup: Predicate = { exists: { table: 'default_security_groups', on: [['security_group_id', 'security_group_id']] } };

/** Malformed rules, and groups that the caller does not see. */
async function admitRules(ctx: RequestContext, inputs: readonly Attributes[]): Promise<ApiObject[]> {
  const rules = inputs.map(normalizeRule);
  if (new Set(rules.map(r => r.security_group_id)).size > 1) throw apiError('SecurityGroupNotSingleGroupRules');
  if (new Set(inputs.map(i => i.project_id)).size > 1) throw apiError('SecurityGroupRulesNotSingleProject');
  const named = rules.flatMap(groupsOf);
  const seen = await findAll(ctx, securityGroups, [...new Set(named)]);
  for (const id of named) if (!seen.has(id)) throw apiError('SecurityGroupNotFound', { id });
  const addresses = rules.flatMap(r => r.remote_address_group_id ?? []);
  const known = addresses.length > 0 ? await findAll(ctx, addressGroups, addresses) : new Map();
  for (const address_group_id of addresses) if (!known.has(address_group_id)) throw apiError('AddressGroupNotFound', { address_group_id });
  return rules.map(rule => groupTarget(seen.get(rule.security_group_id)));
}

function groupTarget(group: Row | undefined): ApiObject {
  const owner = group?.project_id ?? null;
  return { 'security_group:project_id': owner, 'security_group:tenant_id': owner };
}

function foreseeRules(ctx: RequestContext, inputs: readonly Attributes[]): readonly Query[] {
  const rules = inputs.map(normalizeRule);
  const groups = [...new Set(rules.map(r => r.security_group_id))];
  const named = [...new Set(rules.flatMap(groupsOf))];
  const [only, ...more] = rules;
  const twins = only && more.length === 0 ? [rulesQuery(like(only))] : [];
  return [seenQuery(ctx, securityGroups, named), idsQuery('security_groups', named), defaultsQuery(groups), ...twins];
}

const groupsOf = ({ security_group_id, remote_group_id }: SecurityGroupRuleValues): string[] => [
  security_group_id,
  ...(remote_group_id === null ? [] : [remote_group_id]),
];

async function createRule(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const rule = normalizeRule(input);
  const groupId = String(input.security_group_id);
  const groups = await byIds(ctx, 'security_groups', [groupId, rule.remote_group_id]);
  const group = groups.get(groupId);
  if (!group) throw apiError('SecurityGroupNotFound', { id: groupId });
  if (rule.remote_group_id !== null && !groups.has(String(rule.remote_group_id)))
    throw apiError('SecurityGroupNotFound', { id: String(rule.remote_group_id) });
  const row = { ...newColumns(securityGroupRule, input), ...rule, id: draft.newId(), project_id: String(input.project_id ?? '') };
  await refuseTwin(ctx, draft, groupId, row);
  if (rule.remote_address_group_id !== null) await relyOnAddressGroup(ctx, draft, rule.remote_address_group_id, row.project_id);
  // The group's revision is part of the decision: two equal rules at once cannot both pass.
  draft.relyOn(securityGroup, group);
  if (rule.remote_group_id !== null && rule.remote_group_id !== groupId)
    draft.present('security_groups', { eq: ['id', String(rule.remote_group_id)] });
  draft.touch(securityGroup, groupId);
  const made = draft.create(securityGroupRule, row, { security_group_id: groupId, remote_group_id: rule.remote_group_id });
  // Which group is a project's default is settled when that is made.
  const [shown] = await presentRules(ctx, [made]);
  return { id: row.id, ...(shown ? { shown } : {}) };
}

/** The project's own, or one that is shared with it; administrators may name any. */
async function relyOnAddressGroup(ctx: RequestContext, draft: Draft, id: string, project_id: string): Promise<void> {
  const row = (await byIds(ctx, 'address_groups', [id])).get(id);
  const viewer = { project_id };
  const shared = row && row.project_id !== project_id && isShared((await sharingOf(ctx, [id])).get(id), 'access_as_shared', viewer);
  if (!row || (row.project_id !== project_id && !shared && !ctx.isAdmin)) throw apiError('AddressGroupNotFound', { address_group_id: id });
  draft.present('address_groups', { eq: ['id', id] });
  if (shared) relyOnSharing(draft, row, project_id);
}

async function refuseTwin(ctx: RequestContext, draft: Draft, groupId: string, row: Row): Promise<void> {
  const key = ruleKey(row);
  const pending = `rule/${key}`;
  // Of several in one request all of the group are read, once.
  const several = draft.ops.some(op => op.op === 'insert' && op.table === securityGroupRule.table.name);
  const rules = await (several ? draft.once(`rules of ${groupId}`, () => rulesByKey(ctx, inGroup(groupId))) : rulesByKey(ctx, like(row)));
  const twin = rules.get(key);
  if (twin) throw apiError('SecurityGroupRuleExists', { rule_id: String(twin.id) });
  if (draft.taken.has(pending)) throw apiError('DuplicateSecurityGroupRuleInPost');
  draft.taken.add(pending);
}

const inGroup = (groupId: string): Predicate => ({ eq: ['security_group_id', groupId] });

const like = (row: SecurityGroupRuleValues | Row): Predicate => ({
  and: Object.entries(likeness(row)).map(([column, values]) => ({ in: [column, values] })),
});

const rulesQuery = (where: Predicate): Query => ({ table: 'security_group_rules', where });

async function rulesByKey({ store }: RequestContext, where: Predicate): Promise<Map<string, Row>> {
  const rows = await store.select(rulesQuery(where));
  return new Map(rows.map(row => [ruleKey(row), row]));
}

async function removeRule(_ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  draft.touch(securityGroup, String(row.security_group_id));
  draft.remove(securityGroupRule, row, { security_group_id: row.security_group_id, remote_group_id: row.remote_group_id });
}

export const securityGroupRules: Commands = {
  resource: securityGroupRule,
  present: presentRules,
  derived: [],
  filters: { belongs_to_default_sg: values => ({ or: values.map(v => (readBool(v) ? inDefaultGroup : { not: inDefaultGroup })) }) },
  async targets(services, objects) {
    const groups = await byIds(
      services,
      'security_groups',
      objects.map(o => o.security_group_id),
    );
    return objects.map(o => groupTarget(groups.get(String(o.security_group_id))));
  },
  admit: admitRules,
  foresee: foreseeRules,
  create: createRule,
  delete: removeRule,
  beforeList: ensureOwnDefaultGroup,
};
