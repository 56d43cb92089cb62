// A physical device that becomes a port of a bridge cannot keep the host's addresses: they, and the routes through it, move to the bridge and back.
import type { Link, LinkChange, Route } from '../../contracts/host/links.ts';

/** Routes of both families that the host has, when a device with addresses is concerned; otherwise empty. */
export type HostRoutes = readonly Route[];

const globalOf = (link: Link): string[] => link.addresses.filter(a => a.scope === 'global').map(a => a.cidr);

/** From the device to its bridge. New addresses and routes are there before the old addresses go. */
export function addressesToBridge(device: Link, bridge: string, routes: HostRoutes): LinkChange[] {
  return move(globalOf(device), device.name, bridge, routes);
}

export function addressesBack(bridge: Link, device: string, routes: HostRoutes): LinkChange[] {
  return move(globalOf(bridge), bridge.name, device, routes);
}

function move(cidrs: readonly string[], from: string, to: string, routes: HostRoutes): LinkChange[] {
  if (cidrs.length === 0) return [];
  // The kernel makes the routes of the addresses themselves.
  const own = routes.filter(r => r.dev === from && r.proto !== 'kernel' && r.proto !== 'ra');
  const gatewaysLast = [...own].sort((a, b) => Number(a.via !== undefined) - Number(b.via !== undefined));
  return [
    ...cidrs.map(cidr => ({ do: 'add-address', dev: to, cidr, nodad: true }) as const),
    ...gatewaysLast.map(route => ({ do: 'replace-route', route: { ...route, dev: to } }) as const),
    ...cidrs.map(cidr => ({ do: 'del-address', dev: from, cidr }) as const),
  ];
}
