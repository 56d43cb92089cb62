// Templates of the rules that new security groups start with. Four are there from the beginning, and may be removed like any other.
import type { Predicate, Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { normalizeRule, parentGroup, type RuleInput, ruleKey } from '../../domain/security-groups.ts';
import { importPrefix } from '../../model/beginnings.ts';
import { defaultSecurityGroupRule } from '../../model/default-security-group-rule.ts';
import { newColumns, shownColumns } from '../columns.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { commitDecision } from '../retry.ts';
import type { Commands, Created } from './commands.ts';
import { byIds } from './load.ts';

const table = defaultSecurityGroupRule.table.name;

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const row = templateRow(draft, input);
  await refuseTwin(ctx, draft, row);
  await relyOnRemotes(ctx, draft, row);
  draft.create(defaultSecurityGroupRule, row);
  return { id: String(row.id) };
}

function templateRow(draft: Draft, input: RuleInput): Row {
  const { security_group_id: _none, normalized_cidr: _derived, ...rule } = normalizeRule({ ...input, security_group_id: '' });
  const key = ruleKey(rule);
  return {
    ...newColumns(defaultSecurityGroupRule, input),
    ...rule,
    id: draft.newId(),
    default_key: input.used_in_default_sg === true ? key : null,
    non_default_key: input.used_in_non_default_sg === true ? key : null,
  };
}

/** Only tells; the unique keys decide. */
async function refuseTwin(services: Services, draft: Draft, row: Row): Promise<void> {
  for (const column of ['default_key', 'non_default_key']) {
    const key = row[column];
    if (typeof key !== 'string') continue;
    const [twin] = await services.store.select({ table, where: { eq: [column, key] } });
    if (twin) throw apiError('DefaultSecurityGroupRuleExists', { rule_id: String(twin.id) });
    if (draft.taken.has(`${column}/${key}`)) throw apiError('DuplicateDefaultSgRuleInPost');
    draft.taken.add(`${column}/${key}`);
  }
}

async function relyOnRemotes(services: Services, draft: Draft, { remote_group_id, remote_address_group_id }: Row): Promise<void> {
  if (typeof remote_group_id === 'string' && remote_group_id !== parentGroup) {
    if (!(await byIds(services, 'security_groups', [remote_group_id])).has(remote_group_id))
      throw apiError('SecurityGroupNotFound', { id: remote_group_id });
    draft.present('security_groups', { eq: ['id', remote_group_id] });
  }
  if (typeof remote_address_group_id === 'string') {
    if (!(await byIds(services, 'address_groups', [remote_address_group_id])).has(remote_address_group_id))
      throw apiError('AddressGroupNotFound', { address_group_id: remote_address_group_id });
    draft.present('address_groups', { eq: ['id', remote_address_group_id] });
  }
}

async function remove(_ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  draft.remove(defaultSecurityGroupRule, row);
}

/** Templates that name a group that goes. */
export async function removeTemplates(services: Services, draft: Draft, groupId: string): Promise<void> {
  const where: Predicate = { eq: ['remote_group_id', groupId] };
  const rows = await services.store.select({ table, where });
  for (const row of rows) draft.remove(defaultSecurityGroupRule, row);
  draft.absent(table, { and: [where, { not: { in: ['id', rows.map(r => String(r.id))] } }] });
}

export const defaultSecurityGroupRules: Commands = {
  resource: defaultSecurityGroupRule,
  present: async (_services, rows) => rows.map(row => shownColumns(defaultSecurityGroupRule, row)),
  create,
  delete: remove,
};

const first = (direction: string, ethertype: string, remote_group_id: string | null): RuleInput => ({
  direction,
  ethertype,
  remote_group_id,
  used_in_default_sg: true,
  used_in_non_default_sg: remote_group_id === null,
  description: `Legacy default SG rule for ${direction} traffic`,
});

const unfinished: Predicate = { startsWith: ['name', importPrefix] };

/** The state is what an import has got to before it was broken off, or has got to by now. */
export class Unfinished extends Error {
  constructor() {
    super(
      'the database is not complete: an import into it is under way, or was broken off. Let it end, or run the same "weft db import" again, which begins anew',
    );
  }
}

/** Before anything is made of what the state holds. */
export async function refuseUnfinished({ store }: Pick<Services, 'store'>): Promise<void> {
  if ((await store.count('beginnings', unfinished)) > 0) throw new Unfinished();
}

/** The templates of a new state. Of two servers that start at once, one puts them in. */
export async function putFirstTemplates(services: Services): Promise<void> {
  const name = table;
  await commitDecision(services, {
    decide: async draft => {
      if (await services.store.get('beginnings', { name })) return;
      await refuseUnfinished(services);
      draft.absent('beginnings', unfinished);
      draft.insert('beginnings', { name });
      for (const ethertype of ['IPv4', 'IPv6']) {
        draft.create(defaultSecurityGroupRule, templateRow(draft, first('egress', ethertype, null)));
        draft.create(defaultSecurityGroupRule, templateRow(draft, first('ingress', ethertype, parentGroup)));
      }
    },
  });
}
