// What is made on a network: the caller must see the network, and it must be the project's own or shared with it.
import type { Query, Row } from '../../contracts/store.ts';
import { apiError, badRequest } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import type { RequestContext, Services } from '../context.ts';
import { find, findAll, seenQuery, viewerOf } from '../find.ts';
import type { ApiObject } from './commands.ts';
import { byIds, groupedQuery, idsQuery } from './load.ts';
import { networks } from './networks.ts';
import { isExternal, isShared, sharingOf } from './sharing.ts';

/** What `admitOnNetworks` asks. */
export function admittedQueries(ctx: RequestContext, ids: readonly string[]): Query[] {
  return [ctx.isPrivileged ? idsQuery('networks', ids) : seenQuery(ctx, networks, ids), groupedQuery('rbac_entries', 'object_id', ids)];
}

/** Neutron's ownership check, which comes before quota and policy. Answers what policy asks of the networks. */
export async function admitOnNetworks(ctx: RequestContext, what: 'port' | 'subnet', inputs: readonly Attributes[]): Promise<ApiObject[]> {
  const ids = [...new Set(inputs.map(i => String(i.network_id)))];
  const found = ctx.isPrivileged ? await byIds(ctx, 'networks', ids) : await findAll(ctx, networks, ids);
  const sharing = await sharingOf(ctx, ids);
  if (!ctx.isPrivileged) for (const input of inputs) refuseForeign(ctx, what, input, found, sharing);
  return inputs.map(input => targetOf(input, found, sharing));
}

type Rows = ReadonlyMap<string, Row>;
type Sharing = ReadonlyMap<string, readonly Row[]>;

function refuseForeign(ctx: RequestContext, what: string, { network_id, project_id }: Attributes, found: Rows, sharing: Sharing): void {
  const id = String(network_id);
  const row = found.get(id);
  if (!row) throw apiError('NetworkNotFound', { net_id: id });
  if (row.project_id !== project_id && !isShared(sharing.get(id), 'access_as_shared', viewerOf(ctx)))
    throw apiError('HTTPForbidden', { message: `Tenant ${String(project_id)} not allowed to create ${what} on this network` });
}

/** The network's owner and sharing, which rules about ports and subnets ask for. */
export async function networkTargets(services: Services, objects: readonly ApiObject[]): Promise<ApiObject[]> {
  const ids = objects.map(o => o.network_id);
  const found = await byIds(services, 'networks', ids);
  const sharing = await sharingOf(services, [...found.keys()]);
  return objects.map(o => targetOf(o, found, sharing));
}

function targetOf({ network_id, project_id }: ApiObject, found: Rows, sharing: Sharing): ApiObject {
  const id = String(network_id);
  const owner = found.get(id)?.project_id ?? null;
  const viewer = { project_id: String(project_id ?? '') };
  return {
    'network:project_id': owner,
    'network:tenant_id': owner,
    'networks:shared': isShared(sharing.get(id), 'access_as_shared', viewer),
    'networks:router:external': isShared(sharing.get(id), 'access_as_external', viewer),
  };
}

/** A network that the caller sees and that is external, whoever it is external for. */
export async function externalNetwork(ctx: RequestContext, id: string, refusal: { resource: string; text: string }): Promise<Row> {
  const row = await find(ctx, networks, id);
  const entries = (await sharingOf(ctx, [id])).get(id) ?? [];
  if (!isExternal(entries)) throw badRequest(refusal.resource, `Network ${id} ${refusal.text}`);
  return row;
}
