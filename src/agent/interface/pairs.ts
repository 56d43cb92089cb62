// Pairs of veths: one end in a namespace with the port's MAC, the other outside, where it carries frames and has no address.
import type { Host } from '../../contracts/host/host.ts';
import type { LinkChange, Links } from '../../contracts/host/links.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import { applyRemovals } from './batches.ts';
import type { PortDevice, Problem } from './driver.ts';
import { keyIn, keyOf, outerName } from './names.ts';

/** What is in the namespaces under any name of these ports, and the ends of pairs outside that belong to it. */
export async function clearDevices(links: Links, devices: readonly PortDevice[]): Promise<void> {
  if (devices.length === 0) return;
  for (const [netns, of] of Map.groupBy(devices, d => d.netns)) {
    const keys = new Set(of.map(d => keyOf(d.portId)));
    const stale = (await links.list(netns)).filter(l => keys.has(keyIn(l.name) ?? ''));
    await applyRemovals(
      links,
      netns,
      stale.map(l => ({ do: 'del-link', name: l.name })),
    );
  }
  const outer = new Set(devices.map(d => outerName(d.portId)));
  const ends = (await links.list(hostNetns)).filter(l => l.kind === 'veth' && outer.has(l.name));
  await applyRemovals(
    links,
    hostNetns,
    ends.map(l => ({ do: 'del-link', name: l.name })),
  );
}

export async function makePairs({ links, files }: Pick<Host, 'links' | 'files'>, devices: readonly PortDevice[]): Promise<Problem[]> {
  const made = await applyEach(links, devices, ({ portId, netns, name, mac, mtu }) => ({
    do: 'add-link',
    link: { kind: 'veth', name: outerName(portId), peer: name, peerNetns: netns, peerMac: mac, ...(mtu > 0 ? { mtu } : {}) },
  }));
  const failed = new Set(made.map(p => p.device));
  const stand = devices.filter(d => !failed.has(d.name));
  // The outer end only carries frames: an address of its own would put the host on a tenant's network.
  for (const { portId } of stand) await files.sysctl(hostNetns, `net/ipv6/conf/${outerName(portId)}/disable_ipv6`, '1');
  return [...made, ...(await applyEach(links, stand, ({ portId }) => ({ do: 'set-link', name: outerName(portId), up: true })))];
}

export function adjustPairs(links: Links, devices: readonly PortDevice[]): Promise<Problem[]> {
  return applyEach(links, devices, ({ portId, mtu }) => ({
    do: 'set-link',
    name: outerName(portId),
    up: true,
    ...(mtu > 0 ? { mtu } : {}),
  }));
}

/** One change outside for each, in one batch. */
export async function applyEach(
  links: Links,
  devices: readonly PortDevice[],
  change: (device: PortDevice) => LinkChange,
): Promise<Problem[]> {
  if (devices.length === 0) return [];
  const refused = await links.apply(hostNetns, devices.map(change));
  return refused.map(({ index, reason }) => {
    const name = devices[index]?.name ?? '';
    return { what: `${name}: ${reason}`, device: name };
  });
}
