// The routes of every resource: /<collection>, /<collection>/<id>, and the actions and tags below an object.
import { apiError } from '../../domain/errors.ts';
import { readQuery } from '../../domain/input/query.ts';
import { authorizeAction } from '../authorize.ts';
import type { Commands } from '../commands/commands.ts';
import { changeTags, type TagRequest, tagNotFound, tagsOf } from '../commands/tags.ts';
import * as pipeline from '../pipeline.ts';
import { commitDecision } from '../retry.ts';
import { pageLinks } from './links.ts';
import type { Reply } from './reply.ts';
import type { ApiRequest } from './request.ts';

const maxFilterValues = 1000;

export async function collection(request: ApiRequest, commands: Commands): Promise<Reply> {
  const { ctx } = request;
  const { resource } = commands;
  switch (request.method) {
    case 'GET': {
      if (!resource.verbs.includes('list')) throw notAllowed(request);
      const query = readQuery(resource, request.query, { maxFilterValues, maxLimit: ctx.config.paginationMaxLimit });
      const { objects, page } = await pipeline.list(ctx, commands, query);
      const ids = page.rows.map(r => String(r.id));
      return {
        status: 200,
        json: { [resource.plural]: objects, ...(query.limitGiven ? pageLinks(request, resource.plural, ids, page) : {}) },
      };
    }
    case 'POST': {
      if (!resource.verbs.includes('create')) throw notAllowed(request);
      const { objects, bulk } = await pipeline.create(ctx, commands, request.body);
      return { status: 201, json: bulk ? { [resource.plural]: objects } : { [resource.name]: objects[0] } };
    }
    default:
      throw notAllowed(request);
  }
}

export async function member(request: ApiRequest, commands: Commands, id: string): Promise<Reply> {
  const { ctx } = request;
  const { resource } = commands;
  switch (request.method) {
    case 'GET': {
      const fields = request.query.filter(([k]) => k === 'fields').map(([, v]) => v);
      return { status: 200, json: { [resource.name]: await pipeline.get(ctx, commands, id, fields) } };
    }
    case 'PUT':
      if (!resource.verbs.includes('update')) throw notAllowed(request);
      return { status: 200, json: { [resource.name]: await pipeline.update(ctx, commands, id, request.body, request.ifMatch) } };
    case 'DELETE':
      if (!resource.verbs.includes('delete')) throw notAllowed(request);
      if (request.body !== undefined) throw apiError('HTTPBadRequest', { message: 'Request body is not supported in DELETE.' });
      await pipeline.remove(ctx, commands, id, request.ifMatch);
      return { status: 204 };
    default:
      throw notAllowed(request);
  }
}

export async function action(request: ApiRequest, commands: Commands, id: string, name: string): Promise<Reply> {
  const verb = commands.resource.actions[name];
  if (verb === undefined) throw apiError('HTTPNotFound');
  if (verb !== request.method) throw notAllowed(request);
  return { status: 200, json: await pipeline.act(request.ctx, commands, id, name, request.body) };
}

export async function tags(request: ApiRequest, commands: Commands, id: string, tag: string | undefined): Promise<Reply> {
  const { ctx, method } = request;
  if (method === 'GET') {
    await pipeline.get(ctx, commands, id, ['id']);
    const list = (await tagsOf(ctx, [id])).get(id) ?? [];
    if (tag === undefined) return { status: 200, json: { tags: list } };
    if (!list.includes(tag)) throw tagNotFound(tag);
    return { status: 204 };
  }
  const change = tagChange(request, tag);
  await commitDecision(ctx, {
    decide: async draft => {
      const { row, target } = await pipeline.subject(ctx, commands, id);
      const rule = tagRule(commands.resource.name, change);
      authorizeAction(ctx, commands.resource, rule, target, id);
      await changeTags(ctx, draft, commands.resource, row, change);
    },
  });
  if (change.verb === 'put') return { status: 201, json: null };
  if (change.verb === 'delete' || change.verb === 'clear') return { status: 204 };
  return { status: change.verb === 'add' ? 201 : 200, json: { tags: (await tagsOf(ctx, [id])).get(id) ?? [] } };
}

function tagChange({ method, body }: ApiRequest, tag: string | undefined): TagRequest {
  if (tag !== undefined) {
    if (method === 'PUT') return { verb: 'put', tag };
    if (method === 'DELETE') return { verb: 'delete', tag };
  } else {
    if (method === 'PUT') return { verb: 'replace', body };
    if (method === 'POST') return { verb: 'add', body };
    if (method === 'DELETE') return { verb: 'clear' };
  }
  throw apiError('HTTPMethodNotAllowed', { method });
}

function tagRule(resource: string, { verb }: TagRequest): string {
  if (verb === 'delete' || verb === 'clear') return `delete_${resource}:tags`;
  return verb === 'add' ? `create_${resource}:tags` : `update_${resource}:tags`;
}

export function notAllowed(request: ApiRequest): Error {
  return apiError('HTTPMethodNotAllowed', { method: request.method });
}
