// Where the prefix of a new subnet comes from: its request, or a pool that it is allocated from.
import type { Row } from '../../contracts/store.ts';
import { badRequest } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { delegated } from '../../domain/input/special.ts';
import { provisional } from '../../domain/ipam/delegation.ts';
import { isAutoAddress } from '../../domain/ipam/modes.ts';
import {
  type AllocatingPool,
  type Allocation,
  allocatePrefix,
  checkAffinity,
  cidrAround,
  type PrefixWish,
} from '../../domain/ipam/subnet-pool.ts';
import { type Cidr, formatCidr, mask, parseCidr } from '../../domain/net/cidr.ts';
import { ipText } from '../../domain/net/ip.ts';
import { subnetpool } from '../../model/subnet-pool.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import { find } from '../find.ts';
import { countAllocation, originsOf, relyOnAllocations, relyOnFree } from './pool-scope.ts';
import { relyOnSharing } from './sharing.ts';
import { defaultPool, subnetPools } from './subnet-pools.ts';

/** Whether the prefix is to come from outside, by an agent. */
export const isDelegated = ({ subnetpool_id, cidr }: Attributes): boolean => subnetpool_id === delegated && !cidr;

/** The pool that the request names or asks for, as the caller sees it; of prefixes from outside, one that is in no table. */
export async function poolOf(ctx: RequestContext, input: Attributes): Promise<Row | undefined> {
  const pools = input.allocation_pools as readonly unknown[] | undefined;
  if (input.use_default_subnetpool !== true && !input.subnetpool_id) return undefined;
  const pool = input.use_default_subnetpool === true ? await theDefault(ctx, input) : undefined;
  if (!input.cidr && pools?.length) throw badRequest('subnets', 'allocation_pools allowed only for specific subnet requests.');
  if (input.subnetpool_id !== delegated) return pool ?? find(ctx, subnetPools, String(input.subnetpool_id));
  // As in Neutron: a cidr that is named is not delegated.
  if (!isDelegated(input)) return undefined;
  requireAutoAddresses(input);
  return { id: delegated };
}

async function theDefault(ctx: RequestContext, input: Attributes): Promise<Row> {
  const version = typeof input.cidr === 'string' ? parseCidr(input.cidr)?.version : input.ip_version;
  const pool = await defaultPool(ctx, Number(version));
  if (!pool) throw badRequest('subnets', `No default subnetpool found for IPv${version}`);
  return pool;
}

function requireAutoAddresses(input: Attributes): void {
  const modes = (name: string): boolean => isAutoAddress({ ip_version: 6, ipv6_ra_mode: input[name] as string });
  if (input.ip_version !== 6) throw badRequest('subnets', 'Prefix Delegation can only be used with IPv6 subnets.');
  for (const [name, text] of [
    ['ipv6_ra_mode', 'RA'],
    ['ipv6_address_mode', 'Address'],
  ] as const) {
    if (!modes(name)) throw badRequest('subnets', `IPv6 ${text} Mode must be SLAAC or Stateless for Prefix Delegation.`);
  }
}

/** What a subnet takes from its pool. */
export interface Taken {
  readonly cidr: string;
  /** Undefined: the usual one. */
  readonly gateway_ip: string | null | undefined;
}

/**
 * Takes a prefix of the pool. Who takes one that overlaps at the same moment decides again; where there is a quota, whoever takes any.
 */
export async function takeFrom(ctx: RequestContext, draft: Draft, pool: Row, input: Attributes): Promise<Taken> {
  if (isDelegated(input)) return { cidr: provisional, gateway_ip: input.gateway_ip as string | null | undefined };
  if (input.ip_version !== pool.ip_version) {
    throw badRequest('subnets', `Cannot allocate IPv${input.ip_version} subnet from IPv${pool.ip_version} subnet pool`);
  }
  const id = String(pool.id);
  const project_id = String(input.project_id ?? '');
  const prefixlen = Number(input.prefixlen ?? pool.default_prefixlen);
  const named = namedCidr(input, prefixlen);
  const taken = await allocationsOf(ctx, draft, id);
  const wish = { project_id, cidr: named, prefixlen: named?.prefix ?? prefixlen, among: amongOf(ctx, draft) };
  const cidr = allocatePrefix(pool as unknown as AllocatingPool, taken, wish);
  draft.relyOn(subnetpool, pool);
  relyOnFree(draft, pool, formatCidr(cidr));
  if (pool.default_quota) relyOnAllocations(draft, pool);
  if (!ctx.isAdmin) relyOnSharing(draft, pool, String(ctx.caller.project_id));
  countAllocation(draft, pool);
  draft.taken.add(`${takenMark(id)}${formatCidr(cidr)}/${project_id}`);
  const gateway_ip = input.gateway_ip as string | null | undefined;
  return { cidr: formatCidr(cidr), gateway_ip: gateway_ip === undefined && !named ? firstHost(cidr) : gateway_ip };
}

/** The first free prefix, as from Neutron; after others were faster, one of the next, so that many at once do not all want the same. */
function amongOf({ random }: RequestContext, { attempt }: Draft): PrefixWish['among'] {
  return attempt === 1 ? undefined : { first: 16 * attempt, random: n => Math.floor(random() * n) };
}

/** A gateway names a prefix, too: the one around it. */
function namedCidr(input: Attributes, prefixlen: number): Cidr | undefined {
  if (typeof input.cidr === 'string') return parseCidr(input.cidr);
  return typeof input.gateway_ip === 'string' ? cidrAround(input.gateway_ip, prefixlen) : undefined;
}

/** Of prefixes that a pool chose, the gateway has the first address after the network's, whatever the IP version. */
function firstHost(cidr: Cidr): string {
  return ipText(cidr.version, (cidr.network + 1n) & mask(cidr.version, cidr.version === 4 ? 32 : 128));
}

const takenMark = (pool: string): string => `subnetpool/${pool}/`;

/** What the pool has given out, to this request as well. */
async function allocationsOf(ctx: RequestContext, draft: Draft, pool: string): Promise<Allocation[]> {
  const where = { eq: ['subnetpool_id', pool] } as const;
  const rows = await ctx.store.select({ table: 'subnets', where, columns: ['project_id', 'cidr'] });
  const mark = takenMark(pool);
  const pending = [...draft.taken].filter(k => k.startsWith(mark)).map(k => k.slice(mark.length).split('/'));
  return [
    ...rows.map(r => ({ project_id: String(r.project_id), cidr: String(r.cidr) })),
    ...pending.map(([address, length, project_id = '']) => ({ project_id, cidr: `${address}/${length}` })),
  ];
}

/** Refuses a subnet that comes from elsewhere than the others of its version on the network. */
export async function refuseStranger(ctx: RequestContext, draft: Draft, pool: Row | undefined, others: readonly Row[]): Promise<void> {
  const wanted = {
    subnetpool_id: (pool?.id ?? null) as string | null,
    address_scope_id: (pool?.address_scope_id ?? null) as string | null,
  };
  checkAffinity(wanted, await originsOf(ctx, draft, others));
}
