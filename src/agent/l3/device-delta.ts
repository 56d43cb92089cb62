// What was found in a router's namespace and on the host, what should be there, and the batches of changes that lie between.
import type { Link, LinkChange, Route } from '../../contracts/host/links.ts';
import { isRouterDevice } from '../desired/l3/names.ts';
import type { RouterState, WantedDevice, WantedRoute } from '../desired/l3/state.ts';
import type { Outside, PlugJob, Problem } from '../interface/driver.ts';

export interface FoundDevices {
  /** Links inside the namespace. */
  readonly inside: readonly Link[];
  readonly outside: Outside;
  readonly routes: readonly Route[];
}

export interface DeviceDelta {
  /** Inside, before the packet filter changes: routes and addresses that go; and devices. */
  readonly remove: readonly LinkChange[];
  readonly unplug: readonly string[];
  /** For the interface driver, after the packet filter. */
  readonly plug: readonly PlugJob[];
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
  unplug: string[];
  plug: PlugJob[];
  add: LinkChange[];
  created: WantedDevice[];
  announce: { dev: string; ip: string }[];
  problems: Problem[];
}

export function deviceDelta(netns: string, wanted: Pick<RouterState, 'devices' | 'routes'>, found: FoundDevices): DeviceDelta {
  const out: Draft = { remove: [], unplug: [], plug: [], add: [], created: [], announce: [], problems: [] };
  const inside = new Map(found.inside.map(l => [l.name, l]));
  const names = new Set(wanted.devices.map(d => d.name));
  /** Devices that lost an address or were down: the kernel drops routes with those, so they are set again. */
  const touched = new Set<string>();
  const usable = new Set<string>();

  for (const device of wanted.devices) {
    const link = inside.get(device.name);
    const verdict = found.outside.judge({ ...device, netns }, link);
    if (verdict.kind === 'refused') {
      out.problems.push({ what: verdict.why, device: device.name });
      continue;
    }
    usable.add(device.name);
    if (verdict.kind !== 'whole') out.plug.push({ device: { ...device, netns }, verdict });
    const kept = verdict.kind === 'anew' ? undefined : link;
    if (!kept) out.created.push(device);
    if (!kept?.up || kept.mtu !== device.mtu) out.add.push({ do: 'set-link', name: device.name, mtu: device.mtu, up: true });
    if (addressDelta(device, kept, out) || !kept?.up) touched.add(device.name);
  }
  out.unplug.push(...found.inside.map(l => l.name).filter(name => isRouterDevice(name) && !names.has(name)));
  const routes = wanted.routes.filter(r => usable.has(r.dev));
  routeDelta(routes, found.routes, touched, out);
  return out;
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
