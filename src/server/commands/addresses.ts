// Addresses of ports: what the pure rules choose, from what the database knows. Taking an address is an insert.
import type { Predicate, Query, Row } from '../../contracts/store.ts';
import { ApiError, apiError } from '../../domain/errors.ts';
import {
  type Addresses,
  autoAddress,
  type CandidateSubnet,
  changePortAddresses,
  choosePortAddresses,
  eligible,
  type RequestedIp,
} from '../../domain/ipam/addresses.ts';
import { freeCandidates } from '../../domain/ipam/free.ts';
import { isAutoAddress } from '../../domain/ipam/modes.ts';
import { prefersLowest } from '../../domain/ipam/owners.ts';
import { type Pool, rangesOf } from '../../domain/ipam/pools.ts';
import { ipText, parseIp } from '../../domain/net/ip.ts';
import { subnetsFor } from '../../domain/routed-networks.ts';
import type { FixedIp } from '../../model/port.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { Unlucky } from '../retry.ts';
import { routed, segmentsOfHost } from './routed-networks.ts';

export interface AddressWish {
  readonly port_id: string;
  readonly network_id: string;
  readonly mac: string;
  readonly owner: string;
  /** Where the port is bound; empty: nowhere. Routed networks give addresses of the host's segment. */
  readonly host: string;
  /** Undefined: automatic. `any_of` takes an address of the first of these subnets that has one. */
  readonly requested: readonly (RequestedIp & { readonly any_of?: readonly string[] })[] | undefined;
}

/** How many of a subnet's addresses are tried before all that are taken are read. */
const sample = 24;
/** How many more than are wanted are tried first: that is enough where a subnet is not nearly full. */
const few = 3;
const key = (subnet: string, ip: string): string => `address/${subnet}/${ip}`;

export interface GivenAddresses {
  readonly fixedIps: readonly FixedIp[];
  /** Some of them is on a subnet with DHCP. */
  readonly withDhcp: boolean;
  /** None yet: the host of the port has to be known first. */
  readonly waits: boolean;
}

export async function giveAddresses(services: Services, draft: Draft, wish: AddressWish): Promise<GivenAddresses> {
  const { subnets: all, waits } = await usable(services, draft, wish, wish.requested);
  const anyOf = wish.requested?.[0]?.any_of;
  const subnets = anyOf ? all.filter(s => anyOf.includes(String(s.id))) : all;
  const fixed_ips = anyOf ? undefined : wish.requested;
  const chosen = await choose(
    services,
    draft,
    { ...wish, subnets, ips: askedIps(fixed_ips, subnets, wish.mac), lowest: prefersLowest(wish.owner) },
    addresses =>
      choosePortAddresses({
        network_id: wish.network_id,
        fixed_ips,
        subnets: subnets.map(candidate),
        mac_address: wish.mac,
        device_owner: wish.owner,
        addresses,
      }),
  );
  take(draft, wish, chosen, { subnets, from: 0 });
  const withDhcp = subnets.some(s => s.enable_dhcp === true && chosen.some(c => c.subnet_id === s.id));
  return { fixedIps: chosen, withDhcp, waits };
}

/** Replaces the addresses of a port by the asked ones; what stays the same stays allocated. */
export async function changeAddresses(
  services: Services,
  draft: Draft,
  wish: AddressWish & { readonly requested: readonly RequestedIp[]; readonly now: readonly FixedIp[] },
): Promise<readonly FixedIp[]> {
  const kept = wish.requested.every(r => wish.now.some(n => n.ip_address === r.ip_address));
  const { subnets } = kept ? { subnets: await besideThem(services, wish) } : await usable(services, draft, wish, wish.requested);
  const change = await choose(
    services,
    draft,
    { ...wish, subnets, ips: askedIps(wish.requested, subnets, wish.mac), lowest: prefersLowest(wish.owner) },
    addresses =>
      changePortAddresses({
        network_id: wish.network_id,
        fixed_ips: wish.requested,
        subnets: subnets.map(candidate),
        mac_address: wish.mac,
        device_owner: wish.owner,
        addresses,
        current: wish.now,
      }),
  );
  for (const { subnet_id, ip_address } of change.remove) {
    draft.delete('ip_allocations', {
      and: [{ eq: ['subnet_id', subnet_id] }, { eq: ['ip_address', ip_address] }, { eq: ['port_id', wish.port_id] }],
    });
  }
  take(draft, wish, change.add, { subnets, from: change.keep.length });
  return [...change.keep, ...change.add];
}

interface Taking {
  readonly subnets: readonly Row[];
  /** The position of the first. */
  readonly from: number;
}

/** From subnets that still have the prefix that the addresses are of. */
function take(draft: Draft, wish: AddressWish, chosen: readonly FixedIp[], { subnets, from }: Taking): void {
  for (const [i, { subnet_id, ip_address }] of chosen.entries()) {
    draft.taken.add(key(subnet_id, ip_address));
    const cidr = String(subnets.find(s => s.id === subnet_id)?.cidr);
    draft.present('subnets', { and: [{ eq: ['id', subnet_id] }, { eq: ['cidr', cidr] }] });
    draft.insert(
      'ip_allocations',
      { subnet_id, ip_address, port_id: wish.port_id, network_id: wish.network_id, position: from + i },
      { tag: 'address' },
    );
  }
}

/** The subnets on the segments that the port has addresses of. */
async function besideThem(services: Services, { network_id, now }: AddressWish & { readonly now: readonly FixedIp[] }): Promise<Row[]> {
  const rows = (await subnetRows(services, network_id)).map(routed);
  const own = new Set(rows.filter(r => now.some(n => n.subnet_id === r.id)).map(r => r.segment_id));
  return own.size === 0 ? rows : rows.filter(r => r.segment_id === null || own.has(r.segment_id));
}

/** The subnets of the network that the port may have addresses of. */
async function usable(
  services: Services,
  draft: Draft,
  { network_id, host, owner }: AddressWish,
  fixed_ips: readonly RequestedIp[] | undefined,
): Promise<{ readonly subnets: readonly Row[]; readonly waits: boolean }> {
  const rows = (await draft.once(`subnets of ${network_id}`, () => subnetRows(services, network_id))).map(routed);
  if (rows.every(r => r.segment_id === null) || owner === distributed) return { subnets: rows, waits: false };
  const reached = await segmentsOfHost(services, network_id, host);
  // Whether some subnet serves this kind of port at all is asked first.
  eligible(rows.map(candidate), owner, network_id);
  return subnetsFor({ network_id, subnets: rows, host, reached, fixed_ips });
}

/** The port's addresses must be of subnets that its new host is connected to. */
export async function requireReached(
  services: Services,
  draft: Draft,
  wish: Omit<AddressWish, 'requested'>,
  fixedIps: readonly FixedIp[],
): Promise<void> {
  const { subnets } = await usable(services, draft, { ...wish, requested: undefined }, undefined);
  const fits = fixedIps.every(f => subnets.some(s => s.id === f.subnet_id));
  if (!fits) throw apiError('HostNotCompatibleWithFixedIps', { host: wish.host, port_id: wish.port_id });
}

/** Neutron's owner of ports that are on every host. */
const distributed = 'network:distributed';

async function subnetRows(services: Services, network_id: string): Promise<Row[]> {
  return services.store.select(subnetsQuery(network_id));
}

export const subnetsQuery = (network_id: string): Query => ({
  table: 'subnets',
  where: { eq: ['network_id', network_id] },
  order: [
    ['created_at', 'asc'],
    ['id', 'asc'],
  ],
});

function candidate(row: Row): CandidateSubnet {
  return {
    id: String(row.id),
    cidr: String(row.cidr),
    enable_dhcp: row.enable_dhcp === true,
    ip_version: Number(row.ip_version),
    ipv6_ra_mode: row.ipv6_ra_mode as string | null,
    ipv6_address_mode: row.ipv6_address_mode as string | null,
    service_types: row.service_types as readonly string[],
  };
}

/** Addresses that the rules may ask about: named in the request, or made of the MAC. */
function askedIps(requested: readonly RequestedIp[] | undefined, subnets: readonly Row[], mac: string): string[] {
  const named = (requested ?? []).flatMap(r => (r.ip_address === undefined ? [] : [r.ip_address]));
  const auto = subnets
    .map(candidate)
    .filter(isAutoAddress)
    .flatMap(s => autoAddress(s, mac) ?? []);
  return [...named, ...auto];
}

interface Known extends Pick<AddressWish, 'network_id' | 'mac' | 'requested'> {
  readonly subnets: readonly Row[];
  readonly ips: readonly string[];
  /** Not a random address but the first free one. */
  readonly lowest: boolean;
}

class Scarce extends Error {}

/** By subnet, addresses that nobody had when they were read. */
type Spare = ReadonlyMap<string, readonly string[]>;

/**
 * First with what is left of those that were read for another port of the same request; then with some addresses of each subnet at random;
 * only where none of them is free with all that are taken.
 */
async function choose<T>(services: Services, draft: Draft, known: Known, decide: (addresses: Addresses) => T): Promise<T> {
  try {
    return await chooseOnce(services, draft, known, decide);
  } catch (error) {
    throw isOfDrawnMac(draft, known, error) ? new Unlucky(error) : error;
  }
}

/** Somebody has the address that follows from a MAC that nobody asked for. */
function isOfDrawnMac(draft: Draft, { mac, requested }: Known, error: unknown): error is ApiError<'IpAddressAlreadyAllocated'> {
  if (!draft.drawnMacs.has(mac) || !(error instanceof ApiError) || error.type !== 'IpAddressAlreadyAllocated') return false;
  const { ip } = (error as ApiError<'IpAddressAlreadyAllocated'>).params;
  return requested?.every(r => r.ip_address !== ip) ?? true;
}

async function chooseOnce<T>(services: Services, draft: Draft, known: Known, decide: (addresses: Addresses) => T): Promise<T> {
  const random = (n: number): number => Math.floor(services.random() * n);
  if (known.lowest) return decide(await exact(services, draft, known, random));
  const spares = await draft.once('spare addresses', async () => new Map<string, Spare>());
  const subnets = known.subnets.map(s => String(s.id)).join();
  const left = spares.get(subnets);
  // Those that are asked for by name have to be looked at.
  if (left && known.ips.length === 0) {
    const decided = ifEnough(() => decide(among(draft, left, new Set())));
    if (decided) return decided.value;
  }
  // Whoever was overtaken, or makes many, has more to choose from at once.
  const isOne = left === undefined && draft.attempt === 1;
  for (const size of isOne ? [(known.requested?.length ?? 1) + few, sample] : [sample]) {
    const { addresses, spare } = await someAddresses(services, draft, known, subnet => sampled(subnet, random, size));
    spares.set(subnets, spare);
    const decided = ifEnough(() => decide(addresses));
    if (decided) return decided.value;
  }
  return decide(await exact(services, draft, known, random));
}

function ifEnough<T>(decide: () => T): { readonly value: T } | undefined {
  try {
    return { value: decide() };
  } catch (error) {
    if (error instanceof Scarce) return undefined;
    throw error;
  }
}

async function someAddresses(services: Services, draft: Draft, known: Known, draw: (subnet: Row) => string[]) {
  const tries = new Map(known.subnets.map(s => [String(s.id), draw(s)]));
  const taken = await takenAmong(services, known.subnets, [...known.ips, ...[...tries.values()].flat()]);
  const spare: Spare = new Map([...tries].map(([subnet, ips]) => [subnet, ips.filter(ip => !taken.has(key(subnet, ip)))]));
  return { spare, addresses: among(draft, spare, taken) };
}

function among(draft: Draft, spare: Spare, taken: ReadonlySet<string>): Addresses {
  const isTaken = (subnet: string, ip: string): boolean => draft.taken.has(key(subnet, ip)) || taken.has(key(subnet, ip));
  return {
    taken: isTaken,
    free(subnet, besides) {
      const found = spare.get(subnet)?.find(ip => !besides.has(ip) && !isTaken(subnet, ip));
      if (found === undefined) throw new Scarce();
      return found;
    },
  };
}

function sampled(subnet: Row, random: (n: number) => number, size: number): string[] {
  const pools = rangesOf(subnet.allocation_pools as readonly Pool[]);
  const version = subnet.ip_version === 6 ? 6 : 4;
  return freeCandidates({ pools, taken: [], window: 65_536, random }, size).map(v => ipText(version, v));
}

/** By the table's key, since a network may have very many addresses in use. */
async function takenAmong(services: Services, subnets: readonly Row[], ips: readonly string[]): Promise<Set<string>> {
  if (ips.length === 0 || subnets.length === 0) return new Set();
  const where: Predicate = { and: [{ in: ['subnet_id', subnets.map(s => String(s.id))] }, { in: ['ip_address', [...new Set(ips)]] }] };
  const rows = await services.store.select({ table: 'ip_allocations', where, columns: ['subnet_id', 'ip_address'] });
  return new Set(rows.map(r => key(String(r.subnet_id), String(r.ip_address))));
}

async function exact(services: Services, draft: Draft, known: Known, random: (n: number) => number): Promise<Addresses> {
  const rows = await services.store.select({
    table: 'ip_allocations',
    where: { eq: ['network_id', known.network_id] },
    columns: ['subnet_id', 'ip_address'],
  });
  const taken = new Set([...rows.map(r => key(String(r.subnet_id), String(r.ip_address))), ...draft.taken]);
  const free = new Map<string, readonly string[]>();
  const freeOf = (row: Row): readonly string[] => {
    const id = String(row.id);
    const found = free.get(id) ?? freeAddresses(row, taken, known.lowest ? () => 0 : random);
    free.set(id, found);
    return found;
  };
  return {
    taken: (subnet, ip) => taken.has(key(subnet, ip)),
    free(subnet, besides) {
      const row = known.subnets.find(s => s.id === subnet);
      return row && freeOf(row).find(ip => !besides.has(ip));
    },
  };
}

/** Free addresses of the subnet: all, or more than one port can have. */
function freeAddresses(row: Row, taken: ReadonlySet<string>, random: (n: number) => number): string[] {
  const prefix = key(String(row.id), '');
  const used = [...taken].filter(k => k.startsWith(prefix)).flatMap(k => parseIp(k.slice(prefix.length))?.value ?? []);
  const pools = rangesOf(row.allocation_pools as readonly Pool[]);
  const values = freeCandidates({ pools, taken: new Set(used), window: 1024, random }, 300);
  return values.map(v => ipText(row.ip_version === 6 ? 6 : 4, v));
}
