// Kernel settings of the devices that carry tenants' frames, so that the host itself does not speak or listen there.
import type { Files } from '../../contracts/host/files.ts';
import { hostNetns } from '../../contracts/host/netns.ts';

/** Makes bridged IP pass iptables; false where the kernel cannot (no br_netfilter). */
export async function enableBridgeFilter(files: Files): Promise<boolean> {
  const keys = ['net/bridge/bridge-nf-call-iptables', 'net/bridge/bridge-nf-call-ip6tables'];
  const done = await Promise.all(keys.map(key => files.sysctl(hostNetns, key, '1')));
  return done.every(Boolean);
}

/** Before a device is up. A device on which the host has addresses of its own keeps its ways. */
export async function quietDevice(files: Files, device: string): Promise<void> {
  await Promise.all([
    files.sysctl(hostNetns, `net/ipv6/conf/${device}/disable_ipv6`, '1'),
    files.sysctl(hostNetns, `net/ipv6/conf/${device}/accept_ra`, '0'),
    // Not to answer ARP here for the addresses that the host has elsewhere.
    files.sysctl(hostNetns, `net/ipv4/conf/${device}/arp_ignore`, '1'),
  ]);
}
