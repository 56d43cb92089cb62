// Prefixes from outside (RFC 3633): a subnet waits under a provisional one until a router's agent has been given one.
import { invalidInput } from '../errors.ts';
import { type Cidr, formatCidr, parseCidr } from '../net/cidr.ts';
import { ipText, parseIp } from '../net/ip.ts';
import { defaultPools, type Pool } from './pools.ts';

/** Of a subnet that waits; more than one of a network may. */
export const provisional = '::/64';

export const isProvisional = (cidr: unknown): boolean => cidr === provisional;

/** Of a subnet that waits: made of a MAC, and nobody's to reach. */
export function isProvisionalAddress(ip_address: string): boolean {
  const ip = parseIp(ip_address);
  return ip?.version === 6 && ip.value >> 64n === 0n;
}

export interface DelegatedPlan {
  readonly cidr: string;
  readonly gateway_ip: string;
  readonly allocation_pools: readonly Pool[];
}

/** What a subnet is under its prefix: as long as addresses made of MACs need it, and of global or unique local unicast. */
export function planDelegation(prefix: string): DelegatedPlan {
  const cidr = parseCidr(prefix);
  if (cidr?.version !== 6 || cidr.prefix !== 64 || !isUsable(cidr)) throw invalidInput(`'${prefix}' is not a prefix for a subnet`);
  const gateway_ip = ipText(6, cidr.network + 1n);
  return { cidr: formatCidr(cidr), gateway_ip, allocation_pools: defaultPools(cidr, gateway_ip) };
}

const isUsable = (cidr: Cidr): boolean => isProvisional(formatCidr(cidr)) || [1n, 0x7en].includes(leading(cidr));

/** 2000::/3 by its first three bits, fc00::/7 by its first seven. */
function leading({ network }: Cidr): bigint {
  return network >> 125n === 1n ? 1n : network >> 121n;
}
