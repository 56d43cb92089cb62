// The security groups of ports: the project's own, or groups that are shared with it.
import type { Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import { isServicePort } from '../../domain/ipam/owners.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { defaultGroup } from './default-group.ts';
import { byIds } from './load.ts';
import { isShared, relyOnSharing, sharingOf } from './sharing.ts';

export interface NewPortGroups {
  /** Undefined: the project's default group, where groups apply. */
  readonly given: readonly string[] | undefined;
  readonly project: string;
  readonly owner: string;
  /** Port security is on. */
  readonly security: boolean;
}

/** The groups of a new port, written into the draft. */
export async function giveGroups(services: Services, draft: Draft, portId: string, wanted: NewPortGroups): Promise<readonly string[]> {
  const ids = await chosenGroups(services, draft, wanted);
  for (const security_group_id of ids) draft.insert('port_security_groups', { port_id: portId, security_group_id });
  return ids;
}

async function chosenGroups(services: Services, draft: Draft, wanted: NewPortGroups): Promise<readonly string[]> {
  const { given, project, owner, security } = wanted;
  if (given === undefined) {
    if (isServicePort(owner) || !security || project === '') return [];
    const { id, isNew } = await defaultGroup(services, draft, project);
    if (!isNew) draft.present('security_groups', { eq: ['id', id] });
    return [id];
  }
  if (given.length > 0 && !security) throw apiError('PortSecurityAndIPRequiredForSecurityGroups');
  await requireGroups(services, draft, given, project);
  return given;
}

async function requireGroups(services: Services, draft: Draft, ids: readonly string[], project: string): Promise<void> {
  const found = await byIds(services, 'security_groups', ids);
  const foreign = ids.filter(id => found.get(id)?.project_id !== project);
  const sharing = await sharingOf(services, foreign);
  for (const id of foreign) {
    if (!found.has(id) || !isShared(sharing.get(id), 'access_as_shared', { project_id: project }))
      throw apiError('SecurityGroupNotFound', { id });
  }
  for (const id of ids) draft.present('security_groups', { eq: ['id', id] });
  for (const id of foreign) relyOnSharing(draft, found.get(id) as Row, project);
}

export interface PortGroups {
  readonly given: readonly string[] | undefined;
  readonly now: readonly string[];
  /** Port security is on after the change. */
  readonly security: boolean;
}

export async function changeGroups(services: Services, draft: Draft, row: Row, { given, now, security }: PortGroups): Promise<void> {
  if (given === undefined) {
    if (now.length > 0 && !security) throw apiError('PortSecurityPortHasSecurityGroup');
    return;
  }
  if (given.length > 0 && !security) throw apiError('PortSecurityAndIPRequiredForSecurityGroups');
  const port_id = String(row.id);
  const added = given.filter(g => !now.includes(g));
  await requireGroups(services, draft, added, String(row.project_id));
  draft.delete('port_security_groups', { and: [{ eq: ['port_id', port_id] }, { not: { in: ['security_group_id', given] } }] });
  for (const security_group_id of added) draft.insert('port_security_groups', { port_id, security_group_id }, { onConflict: 'ignore' });
}
