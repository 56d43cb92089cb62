// Counts of a subnet's addresses: of its pools, of all of it, and of what is in use.
import { lastOf, parseCidr } from '../net/cidr.ts';
import { parseIp } from '../net/ip.ts';
import { inRange, mergeRanges, totalSize } from '../net/ranges.ts';
import { type Pool, rangesOf } from './pools.ts';

export interface Counted {
  readonly cidr: string;
  readonly ip_version: number;
  readonly allocation_pools: readonly Pool[];
}

export interface Availability {
  readonly total: bigint;
  readonly used: bigint;
  readonly details: {
    readonly total_ips_in_subnet: bigint;
    readonly total_ips_in_allocation_pool: bigint;
    readonly used_ips_in_subnet: bigint;
    readonly used_ips_in_allocation_pool: bigint;
  };
}

/** The total is that of the pools, or of the whole prefix where there are none. */
export function availabilityOf({ cidr, ip_version, allocation_pools }: Counted, taken: readonly string[]): Availability {
  const block = parseCidr(cidr);
  const size = block ? lastOf(block) - block.network + 1n : 0n;
  const pools = mergeRanges(rangesOf(allocation_pools));
  const inPools = totalSize(pools);
  const used = BigInt(taken.length);
  return {
    total: pools.length > 0 ? inPools : size,
    used,
    details: {
      total_ips_in_subnet: ip_version === 4 && size > 2n ? size - 2n : size,
      total_ips_in_allocation_pool: inPools,
      used_ips_in_subnet: used,
      used_ips_in_allocation_pool: BigInt(taken.filter(ip => pools.some(p => inRange(p, parseIp(ip)?.value ?? -1n))).length),
    },
  };
}

export function sumOf(all: readonly Availability[]): Availability {
  const sum = (of: (a: Availability) => bigint): bigint => all.reduce((n, a) => n + of(a), 0n);
  return {
    total: sum(a => a.total),
    used: sum(a => a.used),
    details: {
      total_ips_in_subnet: sum(a => a.details.total_ips_in_subnet),
      total_ips_in_allocation_pool: sum(a => a.details.total_ips_in_allocation_pool),
      used_ips_in_subnet: sum(a => a.details.used_ips_in_subnet),
      used_ips_in_allocation_pool: sum(a => a.details.used_ips_in_allocation_pool),
    },
  };
}
