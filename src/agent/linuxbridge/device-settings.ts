// Kernel settings of the devices that carry tenants' frames, so that the host itself does not speak or listen there.
import type { Files } from '../../contracts/host/files.ts';
import { hostNetns } from '../../contracts/host/netns.ts';

/** Before a device is up: no address of its own, no answers. A device on which the host has addresses keeps its ways. */
export async function quietDevice(files: Files, device: string, kind: string): Promise<void> {
  // A tunnel needs IPv6 for its neighbour table, from which it answers solicitations; it only makes itself no address.
  const v6 = kind === 'vxlan' ? { disable_ipv6: '0', addr_gen_mode: '1' } : { disable_ipv6: '1' };
  await Promise.all([
    ...Object.entries({ ...v6, accept_ra: '0' }).map(([key, value]) => files.sysctl(hostNetns, `net/ipv6/conf/${device}/${key}`, value)),
    // Not to answer ARP here for the addresses that the host has elsewhere.
    files.sysctl(hostNetns, `net/ipv4/conf/${device}/arp_ignore`, '1'),
  ]);
}

/** A bridge that the host has got an address on since: it would take none of IPv6, and learn no router. */
export async function unquietBridge(files: Files, bridge: string): Promise<void> {
  for (const [key, value] of Object.entries({ disable_ipv6: '0', accept_ra: '1' }))
    await files.sysctl(hostNetns, `net/ipv6/conf/${bridge}/${key}`, value);
}
