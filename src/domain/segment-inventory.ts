// What Placement is to know of the IPv4 addresses of a segment, as Neutron counts them. Pure.
import { parseIpv4 } from './net/ip.ts';

export const addressClass = 'IPV4_ADDRESS';

/** Of the resource provider, and of the aggregate in Nova. */
export const segmentProviderName = (segment_id: string): string => `Neutron segment id ${segment_id}`;

/** An IPv4 subnet. */
export interface CountedSubnet {
  readonly allocation_pools: readonly { readonly start: string; readonly end: string }[];
  readonly gateway_ip: string | null;
  readonly enable_dhcp: boolean;
}

export interface AddressInventory {
  readonly total: number;
  readonly reserved: number;
}

/** Where nobody has said something else. */
export const addressDefaults = { min_unit: 1, max_unit: 1, step_size: 1, allocation_ratio: 1 };

/** Ports whose addresses are not reserved: Nova asks for those of instances, and those of DHCP are counted with their subnets. */
export const unreserved = { prefix: 'compute:', owner: 'network:dhcp' };

const isReserved = (device_owner: string): boolean => !device_owner.startsWith(unreserved.prefix) && device_owner !== unreserved.owner;

/** Whether a port that has, or had, these owners has a part in the inventory. */
export const countsFor = (owners: readonly unknown[]): boolean => owners.some(owner => isReserved(String(owner ?? '')));

/**
 * Undefined where no subnet has a pool: nothing is said then. A subnet's gateway is one more address, and is taken; so is one for DHCP. `taken`: addresses of
 * the ports that count. Placement takes no more for reserved than there are.
 */
export function addressInventory(subnets: readonly CountedSubnet[], taken: number): AddressInventory | undefined {
  let [total, reserved] = [0, taken];
  for (const { allocation_pools, gateway_ip, enable_dhcp } of subnets) {
    if (allocation_pools.length === 0) continue;
    for (const { start, end } of allocation_pools) total += (parseIpv4(end) ?? 0) - (parseIpv4(start) ?? 0) + 1;
    total += gateway_ip === null ? 0 : 1;
    reserved += (gateway_ip === null ? 0 : 1) + (enable_dhcp ? 1 : 0);
  }
  return total === 0 ? undefined : { total, reserved: Math.min(reserved, total) };
}
