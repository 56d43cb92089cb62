// Security groups and their rules.
import type { Predicate, Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { normalizeRule, ruleKey } from '../../domain/security-groups.ts';
import { securityGroup, securityGroupRule } from '../../model/security-group.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { findAll } from '../find.ts';
import type { ApiObject, Commands, Created, Viewer } from './commands.ts';
import { addStartingRules, defaultGroup, ensureOwnDefaultGroup } from './default-group.ts';
import { byIds, grouped } from './load.ts';
import { isShared, removeSharing, sharingFilter, sharingOf } from './sharing.ts';
import { tagsOf } from './tags.ts';

function presentRule(row: Row): ApiObject {
  return { ...shownColumns(securityGroupRule, row), remote_address_group_id: null };
}

async function presentGroups(services: Services, rows: readonly Row[], viewer: Viewer): Promise<ApiObject[]> {
  const ids = rows.map(r => String(r.id));
  const rules = await grouped(services, 'security_group_rules', 'security_group_id', ids, { order: [['id', 'asc']] });
  const sharing = await sharingOf(services, ids);
  const tags = await tagsOf(services, ids);
  return rows.map(row => {
    const id = String(row.id);
    return {
      ...shownColumns(securityGroup, row),
      shared: isShared(sharing.get(id), 'access_as_shared', viewer),
      security_group_rules: (rules.get(id) ?? []).map(r => ({ ...presentRule(r), tenant_id: r.project_id, tags: [] })),
      tags: tags.get(id) ?? [],
    };
  });
}

const isDefaultName = (name: unknown): boolean => typeof name === 'string' && name.toLowerCase() === 'default';

async function createGroup(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  if (isDefaultName(input.name)) throw apiError('SecurityGroupDefaultAlreadyExists');
  const project = String(input.project_id ?? '');
  await defaultGroup(ctx, draft, project);
  const id = draft.newId();
  draft.create(securityGroup, { ...newColumns(securityGroup, input), id, project_id: project, revision_number: 1 });
  addStartingRules(draft, id, project, false);
  return { id };
}

async function isDefaultGroup(ctx: RequestContext, row: Row): Promise<boolean> {
  const found = await ctx.store.get('default_security_groups', { project_id: String(row.project_id) });
  return found?.security_group_id === row.id;
}

async function updateGroup(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  if (input.name !== undefined && input.name !== row.name) {
    if (await isDefaultGroup(ctx, row)) throw apiError('SecurityGroupCannotUpdateDefault');
    if (isDefaultName(input.name)) throw apiError('SecurityGroupDefaultAlreadyExists');
  }
  if (input.stateful !== undefined && input.stateful !== row.stateful) await refuseUsed(ctx, draft, row);
  const set = changedColumns(securityGroup, input);
  if (Object.keys(set).length > 0) draft.update(securityGroup, row, set);
}

async function refuseUsed(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const used: Predicate = { eq: ['security_group_id', String(row.id)] };
  if ((await ctx.store.count('port_security_groups', used)) > 0)
    throw apiError('SecurityGroupInUse', { id: String(row.id), reason: 'in use.' });
  draft.absent('port_security_groups', used);
}

async function removeGroup(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const id = String(row.id);
  const isDefault = await isDefaultGroup(ctx, row);
  if (isDefault && !ctx.isAdmin) throw apiError('SecurityGroupCannotRemoveDefault');
  await refuseUsed(ctx, draft, row);
  if (isDefault) draft.delete('default_security_groups', { eq: ['project_id', String(row.project_id)] });
  const where: Predicate = { or: [{ eq: ['security_group_id', id] }, { eq: ['remote_group_id', id] }] };
  const rules = await ctx.store.select({ table: 'security_group_rules', where });
  draft.absent('security_group_rules', { and: [where, { not: { in: ['id', rules.map(r => String(r.id))] } }] });
  for (const rule of rules) {
    draft.remove(securityGroupRule, rule, { security_group_id: rule.security_group_id });
    if (rule.security_group_id !== id) draft.touch(securityGroup, String(rule.security_group_id));
  }
  await removeSharing(ctx, draft, id);
  draft.remove(securityGroup, row);
}

export const securityGroups: Commands = {
  resource: securityGroup,
  present: presentGroups,
  filters: { shared: sharingFilter('access_as_shared') },
  create: createGroup,
  update: updateGroup,
  delete: removeGroup,
  beforeList: ensureOwnDefaultGroup,
};

/** Malformed rules, and groups that the caller does not see. */
async function admitRules(ctx: RequestContext, inputs: readonly Attributes[]): Promise<ApiObject[]> {
  const rules = inputs.map(normalizeRule);
  if (new Set(rules.map(r => r.security_group_id)).size > 1) throw apiError('SecurityGroupNotSingleGroupRules');
  if (new Set(inputs.map(i => i.project_id)).size > 1) throw apiError('SecurityGroupRulesNotSingleProject');
  const named = rules.flatMap(r => [r.security_group_id, ...(r.remote_group_id === null ? [] : [r.remote_group_id])]);
  const seen = await findAll(ctx, securityGroups, [...new Set(named)]);
  for (const id of named) if (!seen.has(id)) throw apiError('SecurityGroupNotFound', { id });
  return rules.map(rule => groupTarget(seen.get(rule.security_group_id)));
}

function groupTarget(group: Row | undefined): ApiObject {
  const owner = group?.project_id ?? null;
  return { 'security_group:project_id': owner, 'security_group:tenant_id': owner };
}

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
  // The group's revision is part of the decision: two equal rules at once cannot both pass.
  draft.relyOn(securityGroup, group);
  if (rule.remote_group_id !== null && rule.remote_group_id !== groupId)
    draft.present('security_groups', { eq: ['id', String(rule.remote_group_id)] });
  draft.touch(securityGroup, groupId);
  draft.create(securityGroupRule, row, { security_group_id: groupId, remote_group_id: rule.remote_group_id });
  return { id: row.id };
}

async function refuseTwin(ctx: RequestContext, draft: Draft, groupId: string, row: Row): Promise<void> {
  const key = ruleKey(row);
  const pending = `rule/${key}`;
  const rows = await ctx.store.select({ table: 'security_group_rules', where: { eq: ['security_group_id', groupId] } });
  const twin = rows.find(r => ruleKey(r) === key);
  if (twin) throw apiError('SecurityGroupRuleExists', { rule_id: String(twin.id) });
  if (draft.taken.has(pending)) throw apiError('DuplicateSecurityGroupRuleInPost');
  draft.taken.add(pending);
}

async function removeRule(_ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  draft.touch(securityGroup, String(row.security_group_id));
  draft.remove(securityGroupRule, row, { security_group_id: row.security_group_id, remote_group_id: row.remote_group_id });
}

export const securityGroupRules: Commands = {
  resource: securityGroupRule,
  present: async (_services, rows) => rows.map(presentRule),
  async targets(services, objects) {
    const groups = await byIds(
      services,
      'security_groups',
      objects.map(o => o.security_group_id),
    );
    return objects.map(o => groupTarget(groups.get(String(o.security_group_id))));
  },
  admit: admitRules,
  create: createRule,
  delete: removeRule,
  beforeList: ensureOwnDefaultGroup,
};
