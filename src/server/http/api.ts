// From a request to its handler: one table of collections from the model, and the few URLs that are not collections.
import { apiError } from '../../domain/errors.ts';
import type { Extension, Resource } from '../../model/kit/resource.ts';
import type { Commands } from '../commands/commands.ts';
import { extension, extensionList, rootResources } from './discovery.ts';
import { quotas } from './quotas.ts';
import type { Reply } from './reply.ts';
import type { ApiRequest } from './request.ts';
import { action, collection, member } from './resources.ts';
import { agentsOf, ofAgent } from './schedulers.ts';
import { tags } from './tags.ts';

export interface Api {
  readonly commands: readonly Commands[];
  readonly resources: readonly Resource[];
  readonly extensions: readonly Extension[];
}

type Handler = (request: ApiRequest) => Promise<Reply> | Reply;

/** Collections are found with dashes or underscores. */
const canonical = (segment: string): string => segment.replaceAll('_', '-');

export function buildApi(api: Api, prefix: string): Handler {
  const byPath = new Map(api.commands.map(c => [c.resource.path, c]));
  const named = (path: string): Commands => byPath.get(path) as Commands;
  return request => {
    const [first, id, sub, child, ...more] = request.path;
    if (first === undefined || first === '') return root(request, prefix, api.resources);
    if (more.length > 0) throw apiError('HTTPNotFound');
    const path = canonical(first);
    if (path === 'extensions') return extensions(request, api.extensions, id);
    if (path === 'quotas') return quotas(request, api.resources);
    const commands = byPath.get(path);
    if (!commands) throw apiError('HTTPNotFound');
    if (id === undefined) return collection(request, commands);
    if (sub === undefined) return member(request, commands, id);
    if (sub === 'tags' && commands.resource.taggable) return tags(request, commands, id, child);
    const below = canonical(sub);
    if (path === 'agents' && (below === 'dhcp-networks' || below === 'l3-routers')) {
      const inner = { ...request, path: [path, id, below, ...(child === undefined ? [] : [child])] };
      return ofAgent(inner, commands, named('networks'), named('routers'));
    }
    if (child === undefined && ((path === 'networks' && below === 'dhcp-agents') || (path === 'routers' && below === 'l3-agents'))) {
      return agentsOf({ ...request, path: [path, id] }, commands, named('agents'));
    }
    if (child === undefined && Object.hasOwn(commands.resource.actions, sub)) return action(request, commands, id, sub);
    throw apiError('HTTPNotFound');
  };
}

function root(request: ApiRequest, prefix: string, resources: readonly Resource[]): Reply {
  if (request.method !== 'GET') throw apiError('HTTPMethodNotAllowed');
  return rootResources(request.base, prefix, resources);
}

function extensions(request: ApiRequest, all: readonly Extension[], alias: string | undefined): Reply {
  if (request.method !== 'GET') throw apiError('HTTPMethodNotAllowed');
  return alias === undefined ? extensionList(all) : extension(all, alias, request.accept);
}
