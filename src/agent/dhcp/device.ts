// Brings the DHCP port of a network to the host: namespace, veth, addresses, routes, checksums.
// The outside end is only made here; the L2 agent of the host finds it by its name and wires it.

import { HostRefusal } from '../../contracts/host/firewall.ts';
import type { Host } from '../../contracts/host/host.ts';
import type { Link, LinkChange, Route } from '../../contracts/host/links.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import type { DhcpDevice } from '../desired/dhcp/device.ts';
import { fillChecksums } from './checksums.ts';

export async function ensureDevice(host: Host, device: DhcpDevice): Promise<void> {
  if (!(await host.links.namespaces()).includes(device.netns)) await host.links.addNamespace(device.netns);
  await quietIpv6(host, device.netns);
  const [outside, inside] = await Promise.all([host.links.list(hostNetns), host.links.list(device.netns)]);
  const tap = outside.find(l => l.name === device.tap);
  const end = inside.find(l => l.name === device.inside);
  if (!tap || !end) await plug(host, device, tap, end);
  await settle(host, device, tap, end);
  await fillChecksums(host, device.netns, device.inside);
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

async function plug(host: Host, device: DhcpDevice, tap: Link | undefined, end: Link | undefined): Promise<void> {
  // Half a pair is an end of some other pair.
  if (tap) await apply(host, hostNetns, [{ do: 'del-link', name: device.tap }]);
  if (end) await apply(host, device.netns, [{ do: 'del-link', name: device.inside }]);
  const mtu = device.mtu > 0 ? { mtu: device.mtu } : {};
  const link = { kind: 'veth', name: device.tap, peer: device.inside, peerNetns: device.netns, peerMac: device.mac, ...mtu } as const;
  await apply(host, hostNetns, [{ do: 'add-link', link }]);
}

async function settle(host: Host, device: DhcpDevice, tap: Link | undefined, end: Link | undefined): Promise<void> {
  // The bridge side must not speak for itself.
  if (!tap?.up) await host.files.sysctl(hostNetns, `net/ipv6/conf/${device.tap}/disable_ipv6`, '1');
  const mtu = device.mtu > 0 ? { mtu: device.mtu } : {};
  if (!tap?.up || (device.mtu > 0 && tap.mtu !== device.mtu)) {
    await apply(host, hostNetns, [{ do: 'set-link', name: device.tap, up: true, ...mtu }]);
  }
  const [links, routes] = [await host.links.list(device.netns), await readRoutes(host, device)];
  const changes = insideChanges(device, links, routes);
  await apply(host, device.netns, changes);
  // A device that is up has its link-local address already; a new one waits for none, see above.
  if (!end) await host.files.sysctl(device.netns, `net/ipv6/conf/${device.inside}/accept_ra`, '0');
}

async function readRoutes(host: Host, device: DhcpDevice): Promise<readonly Route[]> {
  const all = [...(await host.links.routes(device.netns, 4)), ...(await host.links.routes(device.netns, 6))];
  return all.filter(r => r.dst === 'default' && (r.table === undefined || r.table === 'main'));
}

/** Steps from what is inside the namespace to what should be: stale devices away, then link, addresses and routes. */
export function insideChanges(device: DhcpDevice, links: readonly Link[], routes: readonly Route[]): readonly LinkChange[] {
  const changes: LinkChange[] = [];
  for (const link of links) {
    if (link.kind === 'veth' && link.name !== device.inside) changes.push({ do: 'del-link', name: link.name });
  }
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

/** Takes device and namespace away; the outside end goes with the inside one. Idempotent. */
export async function removeDevice(host: Host, netns: string): Promise<void> {
  if (!(await host.links.namespaces()).includes(netns)) return;
  const veths = (await host.links.list(netns)).filter(l => l.kind === 'veth');
  // A namespace that something still holds open would keep them alive.
  await host.links.apply(
    netns,
    veths.map(l => ({ do: 'del-link', name: l.name })),
  );
  await host.links.delNamespace(netns);
}
