// Pools and their address scopes: the pools of a scope do not overlap, and the subnets of a network are all in one scope.
import type { Predicate, Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import { type Origin, type PlannedPool, prefixesOverlap } from '../../domain/ipam/subnet-pool.ts';
import { endsOf } from '../../domain/net/cidr.ts';
import { subnetpool } from '../../model/subnet-pool.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { find } from '../find.ts';
import { addressScopes } from './address-scopes.ts';
import { byIds } from './load.ts';
import { relyOnSharing } from './sharing.ts';

export interface ScopedPool extends Pick<PlannedPool, 'ip_version' | 'prefixes'> {
  readonly id: string;
}

/** Refuses what does not fit into the scope; whatever would make it not fit meanwhile fails the commit. */
export async function joinScope(ctx: RequestContext, draft: Draft, pool: ScopedPool, scopeId: string): Promise<void> {
  const scope = await find(ctx, addressScopes, scopeId);
  const names = { subnetpool_id: pool.id, address_scope_id: scopeId };
  if (scope.ip_version !== pool.ip_version)
    throw apiError('IllegalSubnetPoolIpVersionAssociationToAddressScope', { ...names, ip_version: Number(scope.ip_version) });
  draft.present('address_scopes', { eq: ['id', scopeId] });
  if (!ctx.isAdmin) relyOnSharing(draft, scope, String(ctx.caller.project_id));
  const within: Predicate = { eq: ['address_scope_id', scopeId] };
  const others = (await ctx.store.select({ table: 'subnetpools', where: within })).filter(p => p.id !== pool.id);
  const prefixes = [...others.flatMap(p => p.prefixes as readonly string[]), ...pendingIn(draft, scopeId)];
  if (prefixesOverlap(pool.prefixes, prefixes)) throw apiError('AddressScopePrefixConflict');
  for (const other of others) draft.relyOn(subnetpool, other);
  draft.absent('subnetpools', { and: [within, { not: { in: ['id', [pool.id, ...others.map(p => String(p.id))]] } }] });
  for (const prefix of pool.prefixes) draft.taken.add(`${scopeMark(scopeId)}${prefix}`);
}

const scopeMark = (scopeId: string): string => `scope/${scopeId}/`;

/** Prefixes that pools of the same request have taken in the scope. */
function pendingIn(draft: Draft, scopeId: string): string[] {
  const mark = scopeMark(scopeId);
  return [...draft.taken].filter(k => k.startsWith(mark)).map(k => k.slice(mark.length));
}

/** A pool that moves to another scope takes whole networks with it: those whose subnets of its version all come from it. */
export async function refuseSplit(services: Services, draft: Draft, row: Row): Promise<void> {
  const own = await services.store.select({
    table: 'subnets',
    where: { eq: ['subnetpool_id', String(row.id)] },
    columns: ['network_id'],
  });
  relyOnAllocations(draft, row);
  if (own.length === 0) return;
  const elsewhere: Predicate = {
    or: [{ eq: ['subnetpool_id', null] }, { not: { eq: ['subnetpool_id', String(row.id)] } }],
  };
  const networks = [...new Set(own.map(s => String(s.network_id)))];
  const left: Predicate = { and: [{ in: ['network_id', networks] }, { eq: ['ip_version', row.ip_version as number] }, elsewhere] };
  if ((await services.store.count('subnets', left)) > 0) throw apiError('NetworkAddressScopeAffinityError');
  draft.absent('subnets', left);
}

/** The decision relied on which subnets come from the pool. */
export function relyOnAllocations(draft: Draft, pool: Row): void {
  draft.present('subnetpools', { and: [{ eq: ['id', String(pool.id)] }, { eq: ['allocations', pool.allocations as number] }] });
}

/** Nothing of the prefix is given out meanwhile. */
export function relyOnFree(draft: Draft, pool: Row, cidr: string): void {
  const { first_address, last_address } = endsOf(cidr);
  draft.absent('subnets', {
    and: [{ eq: ['subnetpool_id', String(pool.id)] }, { lte: ['first_address', last_address] }, { gte: ['last_address', first_address] }],
  });
}

/** Subnets have joined the pool: whoever relied on those that are in it decides again. */
export function countAllocation(draft: Draft, pool: Row): void {
  const where: Predicate = { eq: ['id', String(pool.id)] };
  draft.ops.push({ op: 'update', table: 'subnetpools', where, bump: { allocations: 1 }, expect: 1, tag: 'subnetpool' });
}

/** The address scope of each pool that the subnets come from, in one query. */
export async function scopesOf(services: Services, subnets: Iterable<Row>): Promise<(subnet: Row) => string | null> {
  const pools = await byIds(
    services,
    'subnetpools',
    [...subnets].map(s => s.subnetpool_id),
  );
  return subnet => (pools.get(String(subnet.subnetpool_id))?.address_scope_id as string | null | undefined) ?? null;
}

/** Where subnets come from. The pools stay in their scopes until the decision is committed. */
export async function originsOf(services: Services, draft: Draft, subnets: readonly Row[]): Promise<Origin[]> {
  const pools = await byIds(
    services,
    'subnetpools',
    subnets.map(s => s.subnetpool_id),
  );
  for (const pool of pools.values()) draft.relyOn(subnetpool, pool);
  return subnets.map(s => ({
    subnetpool_id: s.subnetpool_id as string | null,
    address_scope_id: (pools.get(String(s.subnetpool_id))?.address_scope_id as string | null | undefined) ?? null,
  }));
}
