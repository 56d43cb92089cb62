// Brings the DHCP port of a network to the host: namespace, device, addresses, routes, checksums.
// The device's other side is the interface driver's to make, and the L2 agent's to wire.

import { HostRefusal } from '../../contracts/host/firewall.ts';
import type { Host } from '../../contracts/host/host.ts';
import type { Link, LinkChange, Route } from '../../contracts/host/links.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import type { DhcpDevice } from '../desired/dhcp/device.ts';
import type { InterfaceDriver, PlugJob, PortDevice } from '../interface/driver.ts';
import { keyIn } from '../interface/names.ts';
import { fillChecksums } from './checksums.ts';

/** `beforeAnew`: what listens on the device ends before the device is made anew, for it would not hear the new one. */
export async function ensureDevice(
  host: Host,
  driver: InterfaceDriver,
  device: DhcpDevice,
  beforeAnew: () => Promise<void>,
): Promise<void> {
  if (!(await host.links.namespaces()).includes(device.netns)) await host.links.addNamespace(device.netns);
  await quietIpv6(host, device.netns);
  const port: PortDevice = { ...device, name: device.inside };
  const [outside, inside] = await Promise.all([driver.look(), host.links.list(device.netns)]);
  const stale = inside.map(l => l.name).filter(name => isPlugged(name) && name !== device.inside);
  const verdict = outside.judge(
    port,
    inside.find(l => l.name === device.inside),
  );
  if (verdict.kind === 'refused') throw new HostRefusal(driver.name, verdict.why);
  if (verdict.kind === 'anew' || stale.length > 0) await beforeAnew();
  await driver.unplug(device.netns, stale);
  if (verdict.kind !== 'whole') await plug(driver, { device: port, verdict });
  await settle(host, device, verdict.kind === 'anew');
  await fillChecksums(host, device.netns, device.inside);
}

const isPlugged = (name: string): boolean => keyIn(name) !== undefined;

async function plug(driver: InterfaceDriver, job: PlugJob): Promise<void> {
  const [problem] = await driver.plug([job]);
  if (problem) throw new HostRefusal(driver.name, problem.what);
}

/** Whether the kernel knows IPv6 at all: without it a network is served in IPv4 alone. */
export async function knowsIpv6(host: Host): Promise<boolean> {
  return (await host.files.readSysctl(hostNetns, 'net/ipv6/conf/default/disable_ipv6')) !== undefined;
}

const QUIET = [
  // A host that turned IPv6 off for itself has not turned it off for the networks of its tenants.
  ['disable_ipv6', '0'],
  // No address or route by router advertisements.
  ['accept_ra', '0'],
  // No waiting for duplicate address detection: the addresses are ours by IPAM.
  ['dad_transmits', '0'],
] as const;

async function quietIpv6(host: Host, netns: string): Promise<void> {
  for (const [key, value] of QUIET) await host.files.sysctl(netns, `net/ipv6/conf/default/${key}`, value);
  await host.files.sysctl(netns, 'net/ipv6/conf/all/accept_ra', '0');
  // A new namespace takes over whether the machine forwards; this one is nobody's way to anywhere.
  await host.files.sysctl(netns, 'net/ipv4/ip_forward', '0');
}

async function settle(host: Host, device: DhcpDevice, fresh: boolean): Promise<void> {
  const [links, routes] = [await host.links.list(device.netns), await readRoutes(host, device)];
  await apply(host, device.netns, insideChanges(device, links, routes));
  // A device that is up has its link-local address already; a new one waits for none, see above.
  if (fresh) await host.files.sysctl(device.netns, `net/ipv6/conf/${device.inside}/accept_ra`, '0');
}

async function readRoutes(host: Host, device: DhcpDevice): Promise<readonly Route[]> {
  const all = [...(await host.links.routes(device.netns, 4)), ...(await host.links.routes(device.netns, 6))];
  return all.filter(r => r.dst === 'default' && (r.table === undefined || r.table === 'main'));
}

/** Steps from what is inside the namespace to what should be: link, addresses and routes. */
export function insideChanges(device: DhcpDevice, links: readonly Link[], routes: readonly Route[]): readonly LinkChange[] {
  const changes: LinkChange[] = [];
  const link = links.find(l => l.name === device.inside);
  const wrongMtu = device.mtu > 0 && link?.mtu !== device.mtu;
  if (!link?.up || wrongMtu || link.mac !== device.mac) {
    changes.push({ do: 'set-link', name: device.inside, mac: device.mac, up: true, ...(device.mtu > 0 ? { mtu: device.mtu } : {}) });
  }
  const has = new Set(link?.addresses.map(a => a.cidr) ?? []);
  for (const cidr of device.addresses) {
    if (!has.has(cidr)) changes.push({ do: 'add-address', dev: device.inside, cidr, nodad: cidr.includes(':') });
  }
  for (const address of link?.addresses ?? []) {
    const own = address.scope === 'link' && address.cidr.startsWith('fe80:') && !address.cidr.startsWith('fe80::a9fe:a9fe/');
    if (!own && !device.addresses.includes(address.cidr)) changes.push({ do: 'del-address', dev: device.inside, cidr: address.cidr });
  }
  return [...changes, ...routeChanges(device, routes)];
}

function routeChanges(device: DhcpDevice, routes: readonly Route[]): readonly LinkChange[] {
  const changes: LinkChange[] = [];
  for (const family of [4, 6] as const) {
    const wanted = device.routes.find(r => r.family === family);
    const there = routes.filter(r => r.family === family && r.dev === device.inside);
    for (const route of there) if (route.via !== wanted?.via) changes.push({ do: 'del-route', route });
    if (!wanted || there.some(r => r.via === wanted.via)) continue;
    const onlink = wanted.onlink ? { onlink: true } : {};
    changes.push({ do: 'replace-route', route: { dst: 'default', via: wanted.via, dev: device.inside, family, ...onlink } });
  }
  return changes;
}

async function apply(host: Host, netns: string, batch: readonly LinkChange[]): Promise<void> {
  if (batch.length === 0) return;
  const [refusal] = await host.links.apply(netns, batch);
  if (refusal) throw new HostRefusal('ip', `${JSON.stringify(batch[refusal.index])}: ${refusal.reason}`);
}

/** Takes the devices away, among them the one of that name, and the namespace. Idempotent. */
export async function removeDevice({ links }: Pick<Host, 'links'>, driver: InterfaceDriver, netns: string, name?: string): Promise<void> {
  const there = (await links.namespaces()).includes(netns);
  // A namespace that something still holds open would keep them alive.
  const inside = there ? (await links.list(netns)).map(l => l.name).filter(isPlugged) : [];
  await driver.unplug(netns, [...new Set([...inside, ...(name === undefined ? [] : [name])])]);
  if (there) await links.delNamespace(netns);
}
