// A project's "default" security group, made when the project is first seen.
import type { Query, Row } from '../../contracts/store.ts';
import { normalizedCidr, parentGroup } from '../../domain/security-groups.ts';
import { securityGroup, securityGroupRule } from '../../model/security-group.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { keyed } from '../read-set.ts';
import { commitDecision } from '../retry.ts';

/** The rules that a new group starts with: those of the templates. */
export async function addStartingRules(
  services: Services,
  draft: Draft,
  groupId: string,
  projectId: string,
  isDefault: boolean,
): Promise<void> {
  for (const template of await draft.once(`templates ${isDefault}`, () => templatesFor(services, isDefault))) {
    const { direction, ethertype, protocol, port_range_min, port_range_max, remote_ip_prefix, remote_address_group_id } = template;
    const { remote_group_id: named } = template;
    const remote_group_id = named === parentGroup ? groupId : (named ?? null);
    draft.create(
      securityGroupRule,
      {
        id: draft.newId(),
        project_id: projectId,
        security_group_id: groupId,
        ...{ direction, ethertype, protocol, port_range_min, port_range_max, remote_ip_prefix, remote_address_group_id },
        remote_group_id,
        normalized_cidr: normalizedCidr(remote_ip_prefix as string | null),
        // As in Neutron: only rules that somebody asked for have a description.
        description: null,
      } as Row,
      { security_group_id: groupId, born: true },
      { unasked: isDefault },
    );
    if (remote_group_id !== null && remote_group_id !== groupId) draft.present('security_groups', { eq: ['id', String(remote_group_id)] });
    if (typeof remote_address_group_id === 'string') draft.present('address_groups', { eq: ['id', remote_address_group_id] });
  }
}

async function templatesFor(services: Services, isDefault: boolean): Promise<readonly Row[]> {
  const where = { eq: [isDefault ? 'used_in_default_sg' : 'used_in_non_default_sg', true] } as const;
  return services.store.select({ table: 'default_security_group_rules', where, order: [['id', 'asc']] });
}

/** Whether a new group of the project follows connections. */
export async function defaultStateful(services: Services, projectId: string): Promise<boolean> {
  const where = { in: ['scope', [projectId, '*']] } as const;
  const settings = await services.store.select({ table: 'security_groups_default_statefulness', where });
  const setting = settings.find(s => s.scope === projectId) ?? settings[0];
  return setting?.stateful !== false;
}

export interface DefaultGroup {
  readonly id: string;
  /** It comes with this draft. */
  readonly isNew: boolean;
}

/** What `defaultGroup` asks. */
export const defaultGroupQuery = (project_id: string): Query => ({ table: 'default_security_groups', where: keyed({ project_id }) });

/** The project's default group; adds it to the draft when it is not there yet. Two first requests at once: the unique key decides. */
export async function defaultGroup(services: Services, draft: Draft, projectId: string): Promise<DefaultGroup> {
  const known = draft.defaultGroups.get(projectId);
  if (known) return { id: known, isNew: true };
  const row = await draft.once(`default group of ${projectId}`, () =>
    services.store.get('default_security_groups', { project_id: projectId }),
  );
  if (row) return { id: String(row.security_group_id), isNew: false };
  const id = draft.newId();
  draft.defaultGroups.set(projectId, id);
  draft.insert('default_security_groups', { project_id: projectId, security_group_id: id }, { tag: 'default-group' });
  const stateful = await defaultStateful(services, projectId);
  const group = { id, project_id: projectId, name: 'default', description: 'Default security group', stateful };
  draft.create(securityGroup, group, {}, { unasked: true });
  await addStartingRules(services, draft, id, projectId, true);
  return { id, isNew: true };
}

/** Makes the caller's own default group, never that of a project named in a filter (CVE-2022-3277). */
export async function ensureOwnDefaultGroup(ctx: RequestContext): Promise<void> {
  const project = ctx.caller.project_id;
  if (project === null || (await ctx.store.get('default_security_groups', { project_id: project }))) return;
  await commitDecision(ctx, { decide: (draft, now) => defaultGroup(now, draft, project) });
}
