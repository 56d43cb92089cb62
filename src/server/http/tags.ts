// Tags below an object: /<collection>/<id>/tags and /<collection>/<id>/tags/<tag>.
import { apiError } from '../../domain/errors.ts';
import { readTags } from '../../domain/input/special.ts';
import type { Resource } from '../../model/kit/resource.ts';
import { authorizeAction } from '../authorize.ts';
import type { ApiObject, Commands } from '../commands/commands.ts';
import { changeTags, readTagBody, type TagChange, tagNotFound, tagsOf } from '../commands/tags.ts';
import type { RequestContext } from '../context.ts';
import { subject } from '../pipeline.ts';
import { commitDecision } from '../retry.ts';
import { between } from './notified.ts';
import type { Reply } from './reply.ts';
import type { ApiRequest } from './request.ts';

export async function tags(request: ApiRequest, commands: Commands, id: string, tag: string | undefined): Promise<Reply> {
  const { ctx, method } = request;
  if (method === 'GET') return read(ctx, commands, id, tag);
  const change = tagChange(request, tag);
  const payload = { parent_resource: commands.resource.plural, parent_resource_id: id, ...tagsIn(change) };
  return between(
    request,
    `tag.${events[change.verb]}`,
    payload,
    () => write(ctx, commands, id, change),
    () => payload,
  );
}

const events = { put: 'create', add: 'create', replace: 'update', delete: 'delete', clear: 'delete_all' } as const;

function tagsIn(change: TagChange): { readonly tags?: readonly string[] } {
  if (change.verb === 'clear') return {};
  return { tags: 'tag' in change ? [change.tag] : change.tags };
}

async function write(ctx: RequestContext, commands: Commands, id: string, change: TagChange): Promise<Reply> {
  await commitDecision(ctx, {
    decide: async (draft, now) => {
      const { row } = await allowed(now, commands, id, verbOf(change));
      await changeTags(now, draft, commands.resource, row, change);
    },
  });
  switch (change.verb) {
    case 'put':
      return { status: 201, json: null };
    case 'delete':
    case 'clear':
      return { status: 204 };
    case 'add':
    case 'replace':
      return { status: change.verb === 'add' ? 201 : 200, json: { tags: (await tagsOf(ctx, [id])).get(id) ?? [] } };
  }
}

async function read(ctx: RequestContext, commands: Commands, id: string, tag: string | undefined): Promise<Reply> {
  await allowed(ctx, commands, id, 'get');
  const list = (await tagsOf(ctx, [id])).get(id) ?? [];
  if (tag === undefined) return { status: 200, json: { tags: list } };
  readTags([tag]);
  if (!list.includes(tag)) throw tagNotFound(tag);
  return { status: 204 };
}

/** The parent, as far as the caller sees it and may do this to its tags (OSSA-2024-005, OSSA-2026-016). */
async function allowed(ctx: RequestContext, commands: Commands, id: string, verb: string): ReturnType<typeof subject> {
  const { resource } = commands;
  const found = await subject(ctx, commands, id, () => noParent(resource, id));
  authorizeAction(ctx, resource, `${verb}_${resource.policyName}:tags`, found.target as ApiObject);
  return found;
}

function noParent({ plural }: Resource, id: string): Error {
  return apiError('TagResourceNotFound', { resource: plural, resource_id: id });
}

function tagChange({ method, body }: ApiRequest, tag: string | undefined): TagChange {
  if (tag !== undefined) {
    if (method === 'PUT') return { verb: 'put', tag };
    if (method === 'DELETE') return { verb: 'delete', tag: readTags([tag])[0] as string };
  } else {
    if (method === 'PUT') return { verb: 'replace', tags: readTagBody(body) };
    if (method === 'POST') return { verb: 'add', tags: readTagBody(body) };
    if (method === 'DELETE') return { verb: 'clear' };
  }
  throw apiError('HTTPMethodNotAllowed');
}

function verbOf({ verb }: TagChange): 'create' | 'update' | 'delete' {
  if (verb === 'delete' || verb === 'clear') return 'delete';
  return verb === 'add' ? 'create' : 'update';
}
