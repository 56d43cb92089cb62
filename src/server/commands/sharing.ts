// Sharing entries: who besides its owner may see or use an object.
import type { Predicate, Row } from '../../contracts/store.ts';
import { readBool } from '../../domain/input/values.ts';
import { rbacPolicy } from '../../model/rbac-policy.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { Viewer } from './commands.ts';
import { grouped } from './load.ts';
import type { SharingAction } from './shared-types.ts';

export const everyone = '*';

function forViewer(action: SharingAction, { project_id }: Viewer): Predicate {
  const targets = project_id === null ? [everyone] : [everyone, project_id];
  return { and: [{ eq: ['action', action] }, { in: ['target_project', targets] }] };
}

function entry(objectColumn: string, where: Predicate): Predicate {
  return { exists: { table: 'rbac_entries', on: [['object_id', objectColumn]], where, first: true } };
}

/** Entries that let the viewer use the object: whoever uses it only by them relies on one of them. */
export function sharedWith(objectId: string, viewer: Viewer): Predicate {
  return { and: [{ eq: ['object_id', objectId] }, forViewer('access_as_shared', viewer)] };
}

/** The draft uses an object of another project, which is shared with this one. */
export function relyOnSharing(draft: Draft, object: Row, project: string): void {
  if (object.project_id !== project) draft.present('rbac_entries', sharedWith(String(object.id), { project_id: project }));
}

/** `shared=True` and the like, relative to who asks. `column` names the shared object's id in the listed table. */
export function sharingFilter(action: SharingAction, column = 'id'): (values: readonly string[], viewer: Viewer) => Predicate {
  return (values, viewer) => anyOf(values, entry(column, forViewer(action, viewer)));
}

/** Shared with whomever. */
export function sharedFilter(action: SharingAction, column = 'id'): (values: readonly string[]) => Predicate {
  return values => anyOf(values, entry(column, { eq: ['action', action] }));
}

function anyOf(values: readonly string[], condition: Predicate): Predicate {
  return { or: values.map(v => (readBool(v) ? condition : { not: condition })) };
}

export async function sharingOf(services: Services, ids: readonly string[]): Promise<Map<string, Row[]>> {
  return grouped(services, 'rbac_entries', 'object_id', ids);
}

export function isShared(entries: readonly Row[] | undefined, action: SharingAction, viewer: Viewer): boolean {
  return (entries ?? []).some(e => e.action === action && (e.target_project === everyone || e.target_project === viewer.project_id));
}

/** Shares a new object with everyone. */
/** Whether a network is external for anybody. */
export const isExternal = (entries: readonly Row[] | undefined): boolean => (entries ?? []).some(e => e.action === 'access_as_external');

export function share(draft: Draft, object_type: string, object: Row, action: SharingAction = 'access_as_shared'): void {
  const project_id = object.project_id ?? '';
  draft.create(rbacPolicy, { id: draft.newId(), project_id, object_type, object_id: object.id ?? '', action, target_project: everyone });
}

/** Removes entries. Whether somebody needs them is decided before. */
export function unshare(draft: Draft, entries: readonly Row[]): void {
  for (const entry of entries) draft.remove(rbacPolicy, entry);
}

/** The entries of an object that goes. */
export async function removeSharing(services: Services, draft: Draft, id: string): Promise<void> {
  const entries = (await sharingOf(services, [id])).get(id) ?? [];
  unshare(draft, entries);
  draft.absent('rbac_entries', { and: [{ eq: ['object_id', id] }, { not: { in: ['id', entries.map(e => String(e.id))] } }] });
}
