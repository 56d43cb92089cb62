// A project's "default" security group, made when the project is first seen.

import { securityGroup, securityGroupRule } from '../../model/security-group.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { commitDecision } from '../retry.ts';

type Template = { readonly direction: 'ingress' | 'egress'; readonly ethertype: 'IPv4' | 'IPv6'; readonly remote: boolean };

const egress: readonly Template[] = [
  { direction: 'egress', ethertype: 'IPv4', remote: false },
  { direction: 'egress', ethertype: 'IPv6', remote: false },
];
const fromItself: readonly Template[] = [
  { direction: 'ingress', ethertype: 'IPv4', remote: true },
  { direction: 'ingress', ethertype: 'IPv6', remote: true },
];

/** The rules that a new group starts with. */
export function addStartingRules(draft: Draft, groupId: string, projectId: string, isDefault: boolean): void {
  for (const { direction, ethertype, remote } of isDefault ? [...fromItself, ...egress] : egress) {
    draft.create(
      securityGroupRule,
      {
        id: draft.newId(),
        project_id: projectId,
        security_group_id: groupId,
        direction,
        ethertype,
        protocol: null,
        port_range_min: null,
        port_range_max: null,
        remote_ip_prefix: null,
        remote_group_id: remote ? groupId : null,
        normalized_cidr: null,
        // As in Neutron: only rules that somebody asked for have a description.
        description: null,
      },
      { security_group_id: groupId, born: true },
      { unasked: isDefault },
    );
  }
}

export interface DefaultGroup {
  readonly id: string;
  /** It comes with this draft. */
  readonly isNew: boolean;
}

/** The project's default group; adds it to the draft when it is not there yet. Two first requests at once: the unique key decides. */
export async function defaultGroup(services: Services, draft: Draft, projectId: string): Promise<DefaultGroup> {
  const known = draft.defaultGroups.get(projectId);
  if (known) return { id: known, isNew: true };
  const row = await services.store.get('default_security_groups', { project_id: projectId });
  if (row) return { id: String(row.security_group_id), isNew: false };
  const id = draft.newId();
  draft.defaultGroups.set(projectId, id);
  draft.insert('default_security_groups', { project_id: projectId, security_group_id: id }, { tag: 'default-group' });
  const group = { id, project_id: projectId, name: 'default', description: 'Default security group', stateful: true };
  draft.create(securityGroup, group, {}, { unasked: true });
  addStartingRules(draft, id, projectId, true);
  return { id, isNew: true };
}

/** Makes the caller's own default group, never that of a project named in a filter (CVE-2022-3277). */
export async function ensureOwnDefaultGroup(ctx: RequestContext): Promise<void> {
  const project = ctx.caller.project_id;
  if (project === null || (await ctx.store.get('default_security_groups', { project_id: project }))) return;
  await commitDecision(ctx, { decide: draft => defaultGroup(ctx, draft, project) });
}
