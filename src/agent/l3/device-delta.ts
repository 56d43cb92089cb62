// What was found in a router's namespace and on the host, what should be there, and the batches of changes that lie between.
import type { Link, LinkChange, Route } from '../../contracts/host/links.ts';
import { isRouterDevice } from '../desired/l3/names.ts';
import type { RouterState, WantedDevice, WantedRoute } from '../desired/l3/state.ts';
import type { Problem } from './batches.ts';

export interface FoundDevices {
  /** Links inside the namespace. */
  readonly inside: readonly Link[];
  /** Links of the host. */
  readonly outside: ReadonlyMap<string, Link>;
  readonly routes: readonly Route[];
}

export interface DeviceDelta {
  /** Inside, before the packet filter changes: routes, addresses and devices that go. */
  readonly remove: readonly LinkChange[];
  /** On the host, before `create`. */
  readonly clear: readonly LinkChange[];
  /** On the host: new pairs, and the outer ends up. */
  readonly create: readonly LinkChange[];
  /** Inside, last: devices up, addresses, routes. */
  readonly add: readonly LinkChange[];
  /** Devices that are made anew. */
  readonly created: readonly WantedDevice[];
  /** Addresses that are new on a device that was there: the neighbours are told. Those of a new device once it is plugged. */
  readonly announce: readonly { readonly dev: string; readonly ip: string }[];
  readonly problems: readonly Problem[];
}

interface Draft {
  remove: LinkChange[];
  clear: LinkChange[];
  create: LinkChange[];
  add: LinkChange[];
  created: WantedDevice[];
  announce: { dev: string; ip: string }[];
  problems: Problem[];
}

export function deviceDelta(netns: string, wanted: Pick<RouterState, 'devices' | 'routes'>, found: FoundDevices): DeviceDelta {
  const out: Draft = { remove: [], clear: [], create: [], add: [], created: [], announce: [], problems: [] };
  const inside = new Map(found.inside.map(l => [l.name, l]));
  const names = new Set(wanted.devices.map(d => d.name));
  /** Devices that lost an address or were down: the kernel drops routes with those, so they are set again. */
  const touched = new Set<string>();
  const usable = new Set<string>();

  for (const device of wanted.devices) {
    const link = inside.get(device.name);
    const outer = found.outside.get(device.outer);
    // A pair whose other end went astray, or whose address changed (its link-local one would stay behind), is made anew.
    const kept = link && outer && link.mac === device.mac ? link : undefined;
    if (!kept && outer && outer.kind !== 'veth') {
      out.problems.push({ what: `${device.outer} on the host is not ours: ${outer.kind || 'a physical device'}`, device: device.outer });
      continue;
    }
    usable.add(device.name);
    if (!kept) {
      if (link) out.remove.push({ do: 'del-link', name: device.name });
      // Deleting one end deletes both.
      else if (outer) out.clear.push({ do: 'del-link', name: device.outer });
      createDevice(netns, device, out);
    } else adjustDevice(device, kept, outer, out);
    if (addressDelta(device, kept, out) || !kept?.up) touched.add(device.name);
  }
  const stale = found.inside.filter(l => isRouterDevice(l.name) && !names.has(l.name));
  for (const link of stale) out.remove.push({ do: 'del-link', name: link.name });
  const routes = wanted.routes.filter(r => usable.has(r.dev));
  routeDelta(routes, found.routes, touched, out);
  return out;
}

function createDevice(netns: string, device: WantedDevice, out: Draft): void {
  const { name, outer, mac, mtu } = device;
  out.create.push({ do: 'add-link', link: { kind: 'veth', name: outer, peer: name, peerNetns: netns, peerMac: mac, mtu } });
  out.create.push({ do: 'set-link', name: outer, up: true });
  out.add.push({ do: 'set-link', name, mtu, up: true });
  out.created.push(device);
}

function adjustDevice(device: WantedDevice, link: Link, outer: Link | undefined, out: Draft): void {
  if (outer && (outer.mtu !== device.mtu || !outer.up)) out.create.push({ do: 'set-link', name: outer.name, mtu: device.mtu, up: true });
  if (link.mtu !== device.mtu || !link.up) out.add.push({ do: 'set-link', name: device.name, mtu: device.mtu, up: true });
}

/** Answers whether an address went. Link-local and learnt addresses are the kernel's. */
function addressDelta(device: WantedDevice, link: Link | undefined, out: Draft): boolean {
  const found = new Set((link?.addresses ?? []).filter(a => a.scope !== 'link' && !a.dynamic).map(a => a.cidr));
  // An address that somebody asked for may be of link scope.
  for (const a of link?.addresses ?? []) if (device.addresses.includes(a.cidr)) found.add(a.cidr);
  const gone = [...found].filter(cidr => !device.addresses.includes(cidr));
  const fresh = device.addresses.filter(cidr => !found.has(cidr));
  for (const cidr of gone) out.remove.push({ do: 'del-address', dev: device.name, cidr });
  for (const cidr of fresh) {
    out.add.push({ do: 'add-address', dev: device.name, cidr, nodad: true });
    if (link) out.announce.push({ dev: device.name, ip: cidr.slice(0, cidr.indexOf('/')) });
  }
  return gone.length > 0;
}

/** The kernel's and what advertisements brought are not ours. */
const KERNELS_OWN: readonly string[] = ['kernel', 'ra', 'redirect'];

function routeDelta(wanted: readonly WantedRoute[], found: readonly Route[], touched: ReadonlySet<string>, out: Draft): void {
  const ours = found.filter(r => (r.table ?? 'main') === 'main' && !KERNELS_OWN.includes(r.proto ?? ''));
  const want = new Map(wanted.map(r => [`${r.family} ${r.dst} ${metricOf(r)}`, r]));
  const there = new Map(ours.map(r => [`${r.family} ${r.dst} ${metricOf(r)}`, r]));
  const removed: LinkChange[] = [];
  for (const [key, route] of there) if (!want.has(key)) removed.push({ do: 'del-route', route: plain(route) });
  out.remove.unshift(...removed);
  for (const [key, route] of want) {
    const was = there.get(key);
    const same = was !== undefined && was.dev === route.dev && was.via === route.via;
    if (!same || touched.has(route.dev))
      out.add.push({ do: 'replace-route', route: { ...route, proto: 'static', ...(isLinkLocalHop(route) ? { onlink: true } : {}) } });
  }
}

/** On the link by definition, even while the device has no address of its own yet. */
const isLinkLocalHop = (route: WantedRoute): boolean => /^fe[89ab]/.test(route.via ?? '');

/** What the kernel gives when nobody names one. */
const metricOf = (route: { readonly family: 4 | 6; readonly metric?: number }): number => route.metric ?? (route.family === 6 ? 1024 : 0);

function plain(route: Route): Route {
  const { dst, family, via, dev, metric } = route;
  return {
    dst,
    family,
    ...(via === undefined ? {} : { via }),
    ...(dev === undefined ? {} : { dev }),
    ...(metric === undefined ? {} : { metric }),
  };
}
