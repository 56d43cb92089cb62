// Sharing entries: who besides its owner may see or use an object.
import type { Predicate, Row } from '../../contracts/store.ts';
import { readBool } from '../../domain/input/values.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { Viewer } from './commands.ts';
import { grouped } from './load.ts';

export type SharingAction = 'access_as_shared' | 'access_as_external';

const everyone = '*';

function forViewer(action: SharingAction, { project_id }: Viewer): Predicate {
  const targets = project_id === null ? [everyone] : [everyone, project_id];
  return { and: [{ eq: ['action', action] }, { in: ['target_project', targets] }] };
}

function entry(objectColumn: string, action: SharingAction, viewer: Viewer): Predicate {
  return { exists: { table: 'rbac_entries', on: [['object_id', objectColumn]], where: forViewer(action, viewer) } };
}

/** Entries that let the viewer use the object. */
export function sharedWith(objectId: string, viewer: Viewer): Predicate {
  return { and: [{ eq: ['object_id', objectId] }, forViewer('access_as_shared', viewer)] };
}

/** `shared=True` and the like, relative to who asks. `column` names the shared object's id in the listed table. */
export function sharingFilter(action: SharingAction, column = 'id'): (values: readonly string[], viewer: Viewer) => Predicate {
  return (values, viewer) => ({
    or: values.map(v => (readBool(v) ? entry(column, action, viewer) : { not: entry(column, action, viewer) })),
  });
}

export async function sharingOf(services: Services, ids: readonly string[]): Promise<Map<string, Row[]>> {
  return grouped(services, 'rbac_entries', 'object_id', ids);
}

export function isShared(entries: readonly Row[] | undefined, action: SharingAction, viewer: Viewer): boolean {
  return (entries ?? []).some(e => e.action === action && (e.target_project === everyone || e.target_project === viewer.project_id));
}

export function share(draft: Draft, objectType: string, object: Row, action: SharingAction): void {
  draft.insert(
    'rbac_entries',
    {
      id: draft.newId(),
      project_id: object.project_id ?? '',
      object_type: objectType,
      object_id: object.id ?? '',
      action,
      target_project: everyone,
    },
    { onConflict: 'ignore' },
  );
}

export function unshare(draft: Draft, id: string, action: SharingAction): void {
  draft.delete('rbac_entries', { and: [{ eq: ['object_id', id] }, { eq: ['action', action] }, { eq: ['target_project', everyone] }] });
}
