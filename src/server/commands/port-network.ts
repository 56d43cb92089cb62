// The network and the subnets that a port of a request stands on.
import type { Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { noSubnets, type RequestedIp } from '../../domain/ipam/addresses.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import { findAll, viewerOf } from '../find.ts';
import { byIds } from './load.ts';
import { admitOnNetworks } from './on-network.ts';
import { sharedWith } from './sharing.ts';
import { subnets } from './subnets.ts';

/** The network of a new port. Whoever may use it only because it is shared relies on the sharing, which may have ended since it was admitted. */
export async function networkFor(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Row> {
  const id = String(input.network_id);
  const row = (await draft.once(`network ${id}`, () => byIds(ctx, 'networks', [id]))).get(id);
  if (!row) throw apiError('NetworkNotFound', { net_id: id });
  if (!ctx.isPrivileged && row.project_id !== ctx.caller.project_id) {
    await admitOnNetworks(ctx, 'port', [input]);
    draft.present('rbac_entries', sharedWith(id, viewerOf(ctx)));
  }
  return row;
}

/** Subnets that are named must be ones that the caller sees; whether they are the network's is decided with the addresses. */
export async function requireSubnets(ctx: RequestContext, network_id: string, fixedIps: unknown): Promise<void> {
  const ids = ((fixedIps ?? []) as readonly RequestedIp[]).flatMap(f => f.subnet_id ?? []);
  if (ids.length === 0) return;
  const seen = await findAll(ctx, subnets, ids);
  const missing = ids.find(id => !seen.has(id));
  if (missing === undefined) return;
  if ((await ctx.store.count('subnets', { eq: ['network_id', network_id] })) === 0) throw noSubnets();
  throw apiError('SubnetNotFound', { subnet_id: missing });
}
