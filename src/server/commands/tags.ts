// Tags of objects, and the tag sub-resource of every taggable one.
import type { Query, Row } from '../../contracts/store.ts';
import { type ApiError, apiError, invalidInput } from '../../domain/errors.ts';
import { readTags } from '../../domain/input/special.ts';
import type { Resource } from '../../model/kit/resource.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { type Among, groupedAs, groupedQuery } from './load.ts';

const byTag = { order: [['tag', 'asc']] } as const;

/** What `tagsOf` asks. */
export const tagsQuery = (ids: readonly string[]): Query => groupedQuery('tags', 'object_id', ids, byTag);

export function tagsOf(services: Services, ids: readonly string[], among?: Among): Promise<Map<string, string[]>> {
  return groupedAs(services, 'tags', 'object_id', ids, { ...byTag, among, as: r => String(r.tag) });
}

export function addTags(draft: Draft, id: string, tags: readonly string[]): void {
  for (const tag of tags) draft.insert('tags', { object_id: id, tag }, { onConflict: 'ignore' });
}

const most = 50;

export type TagChange =
  | { readonly verb: 'put' | 'delete'; readonly tag: string }
  | { readonly verb: 'replace' | 'add'; readonly tags: readonly string[] }
  | { readonly verb: 'clear' };

/** Decides a change of tags on a row that the caller may change. */
export async function changeTags(ctx: RequestContext, draft: Draft, resource: Resource, row: Row, change: TagChange): Promise<void> {
  const id = String(row.id);
  const now = (await tagsOf(ctx, [id])).get(id) ?? [];
  const wanted = wantedTags(now, change);
  if (wanted.length > most) throw invalidInput(`The number of tags exceed the per-resource limit of ${most}`);
  const gone = now.filter(t => !wanted.includes(t));
  const added = wanted.filter(t => !now.includes(t));
  if (gone.length === 0 && added.length === 0) return;
  draft.update(resource, row, {}, { facts: { tags: true } });
  if (gone.length > 0) draft.delete('tags', { and: [{ eq: ['object_id', id] }, { in: ['tag', gone] }] });
  addTags(draft, id, added);
}

function wantedTags(now: readonly string[], change: TagChange): readonly string[] {
  switch (change.verb) {
    case 'put':
      return [...new Set([...now, ...readTags([change.tag])])];
    case 'replace':
      return change.tags;
    case 'add':
      return [...new Set([...now, ...change.tags])];
    case 'delete':
      if (!now.includes(change.tag)) throw tagNotFound(change.tag);
      return now.filter(t => t !== change.tag);
    case 'clear':
      return [];
  }
}

/** `{"tags": […]}` */
export function readTagBody(body: unknown): string[] {
  const tags = typeof body === 'object' && body !== null ? (body as { tags?: unknown }).tags : undefined;
  if (tags === undefined) throw invalidInput('Invalid tags body');
  return readTags(tags);
}

export function tagNotFound(tag: string): ApiError {
  return apiError('TagNotFound', { tag });
}
