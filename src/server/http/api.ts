// From a request to its handler: one table of collections from the model, and the few URLs that are not collections.
import { apiError } from '../../domain/errors.ts';
import type { Extension, Resource } from '../../model/kit/resource.ts';
import { denial, notFound } from '../authorize.ts';
import type { Commands } from '../commands/commands.ts';
import type { RequestContext } from '../context.ts';
import { find } from '../find.ts';
import * as pipeline from '../pipeline.ts';
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

/** A collection of a URL, and what of the path is behind it. */
interface Found {
  readonly commands: Commands;
  readonly rest: readonly string[];
}

export function buildApi(api: Api, prefix: string): Handler {
  const top = byPath(api.commands.filter(c => !c.resource.parent || c.resource.aliasOf));
  const below = new Map<string, Map<string, Commands>>();
  for (const { resource } of api.commands)
    below.set(resource.name, byPath(api.commands.filter(c => c.resource.parent?.resource === resource.name && !c.resource.aliasOf)));
  const named = (path: string): Commands => top.get(path) as Commands;
  const parentOf = ({ parent }: Resource): Commands => api.commands.find(c => c.resource.name === parent?.resource) as Commands;

  return async request => {
    const [first] = request.path;
    if (first === undefined || first === '') return root(request, prefix, api.resources);
    if (first === 'extensions') return extensions(request, api.extensions, request.path.slice(1));
    if (first === 'quotas') return quotas(request, api.resources);
    const found = collectionAt(top, request.path);
    if (!found) throw apiError('HTTPNotFound');
    const agents = await schedulers(request, found, named);
    return agents ?? within(request, found, below);
  };

  /** A collection, a member, or what is below a member. */
  async function within(request: ApiRequest, { commands, rest }: Found, children?: typeof below): Promise<Reply> {
    const [id, sub, child, ...more] = rest;
    const { resource } = commands;
    if (id === undefined) return collection(request, commands);
    if (sub === undefined) {
      const ctx = resource.aliasOf ? await belowItsParent(request.ctx, commands, parentOf(resource), id) : request.ctx;
      return member({ ...request, ctx }, commands, id);
    }
    if (sub === 'tags' && resource.taggable && more.length === 0) return tags(request, commands, id, child);
    const inner = children?.get(resource.name)?.get(canonical(sub));
    if (inner) {
      const creates = request.method === 'POST' && child === undefined;
      const updates = request.method === 'PUT' && child !== undefined && more.length === 0;
      if (creates || updates) pipeline.refuseBody(request.ctx, inner, request);
      const row = await find(request.ctx, commands, id, creates ? () => nothingBelow(request.ctx, commands, inner, id) : undefined);
      const ctx = { ...request.ctx, parent: { resource, row } };
      return within({ ...request, ctx }, { commands: inner, rest: rest.slice(2) });
    }
    if (child === undefined && Object.hasOwn(resource.actions, sub)) return action(request, commands, id, sub);
    throw apiError('HTTPNotFound');
  }
}

/** A create below what is not there: 404; but whoever may create such a thing below nothing at all is told that. */
function nothingBelow(ctx: RequestContext, { resource }: Commands, inner: Commands, id: string): Error {
  const action = `create_${inner.resource.policyName}`;
  return ctx.policy.scope(action, ctx.caller) === false ? denial(ctx, action) : notFound(resource, id);
}

/** A short URL names no parent: the object's own is found, as the caller sees it. */
async function belowItsParent(ctx: RequestContext, { resource }: Commands, parents: Commands, id: string): Promise<RequestContext> {
  const object = await ctx.store.get(resource.table.name, { id });
  const parentId = String(object?.[resource.parent?.column ?? ''] ?? '');
  const row = await find(ctx, parents, parentId, () => notFound(resource, id));
  return { ...ctx, parent: { resource: parents.resource, row } };
}

function byPath(all: readonly Commands[]): Map<string, Commands> {
  return new Map(all.map(c => [canonical(c.resource.path), c]));
}

/** `networks/…`, or behind a prefix `qos/policies/…`. */
function collectionAt(top: ReadonlyMap<string, Commands>, path: readonly string[]): Found | undefined {
  for (const length of [1, 2]) {
    const commands = path.length < length ? undefined : top.get(path.slice(0, length).map(canonical).join('/'));
    if (commands) return { commands, rest: path.slice(length) };
  }
  return tagsOnly(top, path);
}

/** Tags are below the collection's own name, too, without its prefix: `policies/…/tags`. */
function tagsOnly(top: ReadonlyMap<string, Commands>, [name, id, sub, ...rest]: readonly string[]): Found | undefined {
  if (id === undefined || sub !== 'tags') return undefined;
  const commands = [...top.values()].find(c => c.resource.taggable && c.resource.path.endsWith(`/${name}`));
  return commands && { commands, rest: [id, sub, ...rest] };
}

/** What agents serve, and the agents that serve something: bindings that are no resources of their own. */
async function schedulers(request: ApiRequest, { commands, rest }: Found, named: (path: string) => Commands): Promise<Reply | undefined> {
  const { path } = commands.resource;
  const [id, sub, child, ...more] = rest;
  if (id === undefined || sub === undefined || more.length > 0) return undefined;
  const what = canonical(sub);
  if (path === 'agents' && (what === 'dhcp-networks' || what === 'l3-routers')) {
    const inner = { ...request, path: [path, id, what, ...(child === undefined ? [] : [child])] };
    return ofAgent(inner, commands, named('networks'), named('routers'));
  }
  if (child === undefined && ((path === 'networks' && what === 'dhcp-agents') || (path === 'routers' && what === 'l3-agents'))) {
    return agentsOf({ ...request, path: [path, id] }, commands, named('agents'));
  }
  return undefined;
}

function root(request: ApiRequest, prefix: string, resources: readonly Resource[]): Reply {
  if (request.method !== 'GET') throw apiError('HTTPMethodNotAllowed');
  return rootResources(request.base(), prefix, resources);
}

function extensions(request: ApiRequest, all: readonly Extension[], [alias, ...more]: readonly string[]): Reply {
  if (more.length > 0) throw apiError('HTTPNotFound');
  if (request.method !== 'GET') throw apiError('HTTPMethodNotAllowed');
  return alias === undefined ? extensionList(all) : extension(all, alias, request.accept);
}
