// Subnets that are there already join a pool: all of its version on one network, so that the network stays whole.
import { apiError, invalidInput } from '../../domain/errors.ts';
import { pyStr } from '../../domain/input/python.ts';
import { delegated } from '../../domain/input/special.ts';
import { prefixesOverlap } from '../../domain/ipam/subnet-pool.ts';
import { endsOf } from '../../domain/net/cidr.ts';
import { network } from '../../model/network.ts';
import { subnet } from '../../model/subnet.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import { find } from '../find.ts';
import type { Action } from './commands.ts';
import { networks } from './networks.ts';
import { changePool, plannedChange } from './pool-change.ts';
import { allocatedOf } from './pool-prefixes.ts';
import { countAllocation, relyOnAllocations } from './pool-scope.ts';

export const onboardSubnets: Action = async (ctx, draft, row, body) => {
  const network_id = await ownNetwork(ctx, draft, body);
  const id = String(row.id);
  const ours = { and: [{ eq: ['network_id', network_id] }, { eq: ['ip_version', row.ip_version as number] }] } as const;
  const subnets = await ctx.store.select({ table: 'subnets', where: ours, order: [['id', 'asc']] });
  const taken = await allocatedOf(ctx, row);
  for (const { id: subnet_id, cidr, subnetpool_id } of subnets) {
    if (subnetpool_id === delegated)
      throw apiError('IllegalSubnetPoolUpdate', { reason: `Onboarding subnet ${subnet_id}: its prefix comes from outside` });
    if (!prefixesOverlap([String(cidr)], taken)) continue;
    const reason = `Onboarding subnet ${subnet_id}: ${cidr} conflicts with allocated prefixes in subnet pool ${id}`;
    throw apiError('IllegalSubnetPoolUpdate', { reason });
  }
  if (subnets.length > 0) {
    const prefixes = [...(row.prefixes as readonly string[]), ...subnets.map(s => String(s.cidr))];
    relyOnAllocations(draft, row);
    countAllocation(draft, row);
    await changePool(ctx, draft, row, plannedChange(row, { prefixes }));
    draft.announce({ kind: 'subnetpool', id, event: 'updated', revision: 0, facts: { scope_changed: true } });
  }
  for (const s of subnets)
    draft.update(subnet, s, { subnetpool_id: id, ...endsOf(String(s.cidr)) }, { facts: { network_id, changed: ['subnetpool_id'] } });
  return async () => subnets.map(s => ({ id: s.id, cidr: s.cidr }));
};

/** Whoever sees a network does not own it: what is on another project's network stays that project's (N fdf0943dbe). */
async function ownNetwork(ctx: RequestContext, draft: Draft, body: unknown): Promise<string> {
  const given = typeof body === 'object' && body !== null ? (body as { network_id?: unknown }).network_id : undefined;
  if (given === undefined || given === null) throw invalidInput('network_id must be specified.');
  const net = await find(ctx, networks, pyStr(given));
  if (!ctx.isAdmin && net.project_id !== ctx.caller.project_id) throw apiError('NotAuthorized');
  // Subnets that come or go meanwhile count, and those that come see that the others are in a pool now.
  draft.relyOn(network, net);
  draft.touch(network, String(net.id));
  return String(net.id);
}
