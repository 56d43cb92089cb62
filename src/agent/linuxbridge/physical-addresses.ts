// A physical device that becomes a port of a bridge cannot keep the host's addresses: they, and the routes through it, move to the bridge and back.
import type { Link, LinkChange, Route } from '../../contracts/host/links.ts';

/** Routes of both families that the host has, when a device with addresses is concerned; otherwise empty. */
export type HostRoutes = readonly Route[];

const globalOf = (link: Link): string[] => link.addresses.filter(a => a.scope === 'global').map(a => a.cidr);

/** From the device to its bridge, in two looks: the old ones go when the new ones were seen to be there, since the bridge may refuse them. */
export function addressesToBridge(device: Link, bridge: Link, routes: HostRoutes): LinkChange[] {
  const there = globalOf(bridge);
  const all = globalOf(device).every(cidr => there.includes(cidr));
  return [...copied(device, bridge.name, routes), ...(all ? taken(device) : [])];
}

/**
 * From the bridge to the device, which leaves it in between; undefined while the device has not got all of them, which it may refuse: `addressesShared`
 * comes before. Whoever is stopped at any of these leaves each address on one of the two, and the next agent goes on.
 */
export function addressesBack(bridge: Link, device: Link, routes: HostRoutes): LinkChange[] | undefined {
  const there = globalOf(device);
  if (!globalOf(bridge).every(cidr => there.includes(cidr))) return undefined;
  const out = device.master === undefined ? [] : [{ do: 'set-link', name: device.name, master: null } as const];
  return [...copied(bridge, device.name, routes), ...out, ...taken(bridge)];
}

export const addressesShared = (bridge: Link, device: Link, routes: HostRoutes): LinkChange[] => copied(bridge, device.name, routes);

function copied(from: Link, to: string, routes: HostRoutes): LinkChange[] {
  const cidrs = globalOf(from);
  if (cidrs.length === 0) return [];
  // The kernel makes the routes of the addresses themselves.
  const own = routes.filter(r => r.dev === from.name && r.proto !== 'kernel' && r.proto !== 'ra');
  const gatewaysLast = [...own].sort((a, b) => Number(a.via !== undefined) - Number(b.via !== undefined));
  return [
    ...cidrs.map(cidr => ({ do: 'add-address', dev: to, cidr, nodad: true }) as const),
    ...gatewaysLast.map(route => ({ do: 'replace-route', route: { ...route, dev: to } }) as const),
  ];
}

/** The last first: the first of a subnet would take the others along. */
const taken = (from: Link): LinkChange[] =>
  globalOf(from)
    .map(cidr => ({ do: 'del-address', dev: from.name, cidr }) as const)
    .reverse();
