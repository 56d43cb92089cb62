// The routes of every resource: /<collection>, /<collection>/<id>, and the actions below an object.
import { apiError } from '../../domain/errors.ts';
import { readQuery } from '../../domain/input/query.ts';
import type { Commands } from '../commands/commands.ts';
import * as pipeline from '../pipeline.ts';
import { pageLinks } from './links.ts';
import { afterwards, notified } from './notified.ts';
import type { Reply } from './reply.ts';
import type { ApiRequest } from './request.ts';

const maxFilterValues = 1000;

export async function collection(request: ApiRequest, commands: Commands): Promise<Reply> {
  const { ctx } = request;
  const { resource } = commands;
  switch (request.method) {
    case 'GET': {
      if (!resource.verbs.includes('list')) throw apiError('HTTPMethodNotAllowed');
      const query = readQuery(resource, request.query, { maxFilterValues, maxLimit: ctx.config.paginationMaxLimit });
      const page = await pipeline.list(ctx, commands, query);
      return {
        status: 200,
        json: { [resource.plural]: page.objects, ...pageLinks(request, resource.plural, page) },
      };
    }
    case 'POST': {
      if (!resource.verbs.includes('create')) throw apiError('HTTPMethodNotAllowed');
      return notified(request, commands, '', async () => {
        const { objects, bulk } = await pipeline.create(ctx, commands, request.body);
        return { status: 201, json: bulk ? { [resource.plural]: objects } : { [resource.bodyName]: objects[0] } };
      });
    }
    default:
      throw apiError('HTTPMethodNotAllowed');
  }
}

export async function member(request: ApiRequest, commands: Commands, id: string): Promise<Reply> {
  const { ctx } = request;
  const { resource } = commands;
  switch (request.method) {
    case 'GET': {
      if (!resource.verbs.includes('show')) throw apiError('HTTPMethodNotAllowed');
      const { fields } = readQuery(resource, request.query, { maxFilterValues, maxLimit: 0 });
      return { status: 200, json: { [resource.bodyName]: await pipeline.get(ctx, commands, id, fields) } };
    }
    case 'PUT':
      return notified(request, commands, id, async () => {
        const object = await pipeline.update(ctx, commands, id, request.body, request.ifMatch);
        return { status: 200, json: { [resource.bodyName]: object } };
      });
    case 'DELETE':
      if (!resource.verbs.includes('delete')) throw apiError('HTTPMethodNotAllowed');
      if (request.body !== undefined) throw apiError('HTTPBadRequest', { message: 'Request body is not supported in DELETE.' });
      return notified(request, commands, id, async () => {
        await pipeline.remove(ctx, commands, id, request.ifMatch);
        return { status: 204 };
      });
    default:
      throw apiError('HTTPMethodNotAllowed');
  }
}

export async function action(request: ApiRequest, commands: Commands, id: string, name: string): Promise<Reply> {
  const verb = commands.resource.actions[name];
  if (verb === undefined) throw apiError('HTTPNotFound');
  if (verb !== request.method) throw apiError('HTTPMethodNotAllowed');
  const json = await pipeline.act(request.ctx, commands, id, name, request.body);
  const what = told[name];
  if (what) await afterwards(request, { event_type: what, payload: { router_interface: json } });
  return { status: 200, json };
}

/** Actions that are told of. */
const told: Readonly<Record<string, string>> = {
  add_router_interface: 'router.interface.create',
  remove_router_interface: 'router.interface.delete',
};
