// Each kind of link change on the simulated kernel; a refusal is thrown in iproute2's words.
import type { FdbEntry, LinkChange, LinkEvent, NewLink } from '../../../contracts/host/links.ts';
import type { Netns } from '../../../contracts/host/netns.ts';
import { formatCidr, formatCidrText, parseIpPrefix } from '../../../domain/net/cidr.ts';
import { canonicalIp } from '../../../domain/net/ip.ts';
import type { SimLink, SimNet } from './sim-net.ts';
import { Refused } from './sim-refused.ts';
import { delRoute, replaceRoute } from './sim-routes.ts';

/** All namespaces of the simulated host, and where its news goes. */
export interface SimKernel {
  readonly nets: ReadonlyMap<Netns, SimNet>;
  newMac(): string;
  tell(ns: Netns, event: LinkEvent): void;
}

const exists = (): never => {
  throw new Refused('RTNETLINK answers: File exists');
};

function mustFind(net: SimNet, name: string): SimLink {
  const link = net.link(name);
  if (!link) throw new Refused(`Cannot find device "${name}"`);
  return link;
}

function mustEnter(kernel: SimKernel, ns: Netns): SimNet {
  const net = kernel.nets.get(ns);
  if (!net) throw new Refused(`Error: argument "${ns}" is wrong: Invalid "netns" value`);
  return net;
}

export function change(kernel: SimKernel, net: SimNet, c: LinkChange): void {
  switch (c.do) {
    case 'add-link':
      addLink(kernel, net, c.link);
      break;
    case 'del-link':
      delLink(kernel, net, mustFind(net, c.name));
      break;
    case 'set-link':
      setLink(kernel, net, c);
      break;
    case 'set-bridge':
      setBridge(net, c);
      break;
    case 'set-bridge-port':
      setBridgePort(kernel, net, c);
      break;
    case 'add-address':
      addAddress(net, c);
      break;
    case 'del-address':
      delAddress(net, c);
      break;
    case 'replace-route':
      replaceRoute(net, c.route);
      break;
    case 'del-route':
      delRoute(net, c.route);
      break;
    case 'add-fdb':
    case 'del-fdb':
      changeFdb(net, c);
      break;
    case 'replace-neighbour':
    case 'del-neighbour':
      changeNeighbour(net, c);
  }
}

const canonical = (ip: string): string => canonicalIp(ip) ?? ip;

function withLength(cidr: string): string {
  const parsed = parseIpPrefix(cidr);
  return parsed ? formatCidrText(parsed) : cidr;
}

function subnet(cidr: string): string {
  const parsed = parseIpPrefix(cidr);
  return parsed ? formatCidr(parsed) : cidr;
}

function changeNeighbour(net: SimNet, c: Extract<LinkChange, { do: 'replace-neighbour' | 'del-neighbour' }>): void {
  mustFind(net, c.dev);
  const ip = canonical(c.ip);
  const rest = net.neighbours.filter(n => n.dev !== c.dev || n.ip !== ip);
  if (c.do === 'replace-neighbour') rest.push({ dev: c.dev, ip, mac: c.mac.toLowerCase(), permanent: true });
  else if (rest.length === net.neighbours.length) throw new Refused('RTNETLINK answers: No such file or directory');
  net.neighbours = rest;
}

function addLink(kernel: SimKernel, net: SimNet, link: NewLink): void {
  if (net.link(link.name)) exists();
  const fresh = { name: link.name, kind: link.kind, mac: kernel.newMac() };
  const mtu = 'mtu' in link && link.mtu !== undefined ? { mtu: link.mtu } : {};
  switch (link.kind) {
    case 'bridge':
      net.add({ ...fresh, ...mtu, ageing: link.ageing ?? 300, ...(link.mac ? { mac: link.mac.toLowerCase() } : {}) });
      break;
    case 'veth':
      addVeth(kernel, net, link);
      break;
    case 'vxlan':
      addVxlan(net, link, { ...fresh, ...mtu });
      break;
    case 'vlan':
      if ([...net.links.values()].some(l => l.lower === link.dev && l.tag === link.id)) exists();
      net.add({ ...fresh, mtu: mustFind(net, link.dev).mtu, mac: mustFind(net, link.dev).mac, lower: link.dev, tag: link.id });
      break;
    case 'dummy':
      net.add(fresh);
  }
  kernel.tell(net.name, { kind: 'added', name: link.name });
}

function addVeth(kernel: SimKernel, net: SimNet, link: Extract<NewLink, { kind: 'veth' }>): void {
  const far = link.peerNetns === undefined ? net : mustEnter(kernel, link.peerNetns);
  if (far.link(link.peer) || (far === net && link.peer === link.name)) exists();
  const mtu = link.mtu === undefined ? {} : { mtu: link.mtu };
  const peer = far.add({ name: link.peer, kind: 'veth', mac: (link.peerMac ?? kernel.newMac()).toLowerCase(), ...mtu });
  const near = net.add({ name: link.name, kind: 'veth', mac: (link.mac ?? kernel.newMac()).toLowerCase(), peer, ...mtu });
  peer.peer = near;
  kernel.tell(far.name, { kind: 'added', name: link.peer });
}

function addVxlan(net: SimNet, link: Extract<NewLink, { kind: 'vxlan' }>, fresh: Pick<SimLink, 'name' | 'kind' | 'mac'>): void {
  if (link.dev !== undefined) mustFind(net, link.dev);
  else if (link.group !== undefined) throw new Refused('Error: Local interface required for multicast remote group.');
  const taken = [...net.links.values()].some(l => l.vxlan?.id === link.id && l.vxlan.port === link.port);
  if (taken) throw new Refused('Error: A VXLAN device with the specified VNI already exists.');
  const { id, port, learning, proxy, local, dev, group, ttl, tos, sourcePorts } = link;
  const ends = { ...(local && { local }), ...(dev && { dev }), ...(group && { group }) };
  const vxlan = { id, port, learning, proxy, ...ends, ...(ttl && { ttl }), ...(tos && { tos }), ...(sourcePorts && { sourcePorts }) };
  const lowerMtu = dev === undefined ? undefined : mustFind(net, dev).mtu - 50;
  net.add({ ...(lowerMtu === undefined ? {} : { mtu: lowerMtu }), ...fresh, vxlan, lower: dev });
  if (group) net.fdb.push({ dev: link.name, mac: '00:00:00:00:00:00', dst: group, permanent: true });
}

export function delLink(kernel: SimKernel, net: SimNet, link: SimLink): void {
  if (link.kind === '') throw new Refused('RTNETLINK answers: Operation not supported');
  const above = net.drop(link);
  kernel.tell(net.name, { kind: 'removed', name: link.name });
  for (const name of above) {
    const upper = net.link(name);
    if (upper) delLink(kernel, net, upper);
  }
  const peer = link.peer;
  if (!peer) return;
  link.peer = undefined;
  peer.peer = undefined;
  const home = [...kernel.nets.values()].find(n => n.link(peer.name) === peer);
  if (home) delLink(kernel, home, peer);
}

/** In the kernel's order: a part that is refused leaves the ones before it done. */
function setLink(kernel: SimKernel, net: SimNet, c: Extract<LinkChange, { do: 'set-link' }>): void {
  let link = mustFind(net, c.name);
  if (typeof c.master === 'string') mustFind(net, c.master);
  let home = net;
  if (c.netns !== undefined) {
    home = mustEnter(kernel, c.netns);
    if (home !== net) link = move(kernel, net, home, link, c.rename ?? c.name);
  }
  if (c.mac !== undefined) {
    if (Number.parseInt(c.mac.slice(0, 2), 16) & 1) throw new Refused('RTNETLINK answers: Cannot assign requested address');
    link.mac = c.mac.toLowerCase();
  }
  if (c.mtu !== undefined) link.mtu = c.mtu;
  if (c.rename !== undefined && c.rename !== link.name) rename(kernel, home, link, c.rename);
  if (c.alias !== undefined) link.alias = c.alias === '' ? undefined : c.alias;
  if (c.master !== undefined) setMaster(home, link, c.master);
  if (c.up === true) link.up = true;
  if (c.up === false) home.down(link);
  kernel.tell(home.name, { kind: 'changed', name: link.name });
}

function move(kernel: SimKernel, from: SimNet, to: SimNet, link: SimLink, name: string): SimLink {
  if (link.kind === 'bridge' || link.name === 'lo') throw new Refused('RTNETLINK answers: Invalid argument');
  if (to.link(name)) throw new Refused('Error: An interface with the same name exists in the target netns.');
  from.down(link);
  from.drop(link);
  kernel.tell(from.name, { kind: 'removed', name: link.name });
  const { index: _, ...kept } = link;
  const moved = to.add({ ...kept, addresses: [], master: undefined, linkLocalMade: false });
  if (moved.peer) moved.peer.peer = moved;
  kernel.tell(to.name, { kind: 'added', name: moved.name });
  return moved;
}

function rename(kernel: SimKernel, net: SimNet, link: SimLink, name: string): void {
  if (net.link(name)) exists();
  const old = link.name;
  net.links.delete(old);
  link.name = name;
  net.links.set(name, link);
  for (const other of net.links.values()) {
    if (other.master === old) other.master = name;
    if (other.lower === old) other.lower = name;
  }
  const renamed = <T extends { readonly dev?: string }>(x: T): T => (x.dev === old ? { ...x, dev: name } : x);
  net.routes = net.routes.map(renamed);
  net.fdb = net.fdb.map(renamed);
  net.neighbours = net.neighbours.map(renamed);
  kernel.tell(net.name, { kind: 'removed', name: old });
  kernel.tell(net.name, { kind: 'added', name });
}

function setMaster(net: SimNet, link: SimLink, master: string | null): void {
  if (master === null) {
    link.master = undefined;
    return;
  }
  const bridge = mustFind(net, master);
  if (bridge.kind !== 'bridge' || link.kind === 'bridge' || link.name === 'lo')
    throw new Refused('RTNETLINK answers: Operation not supported');
  if (link.master !== master) Object.assign(link.port, { hairpin: false, learning: true, flood: true, isolated: false });
  link.master = master;
}

function setBridge(net: SimNet, c: Extract<LinkChange, { do: 'set-bridge' }>): void {
  const link = mustFind(net, c.name);
  if (link.kind !== 'bridge') throw new Refused('Error: Unknown device type.');
  if (c.ageing !== undefined) link.ageing = c.ageing;
  if (c.multicastSnooping !== undefined) link.multicastSnooping = c.multicastSnooping;
}

function setBridgePort(kernel: SimKernel, net: SimNet, c: Extract<LinkChange, { do: 'set-bridge-port' }>): void {
  const link = mustFind(net, c.name);
  if (link.master === undefined) throw new Refused('Error: Device is not a bridge port.');
  for (const flag of ['hairpin', 'learning', 'flood', 'isolated'] as const) {
    const value = c[flag];
    if (value !== undefined) link.port[flag] = value;
  }
  kernel.tell(net.name, { kind: 'changed', name: c.name });
}

function addAddress(net: SimNet, c: Extract<LinkChange, { do: 'add-address' }>): void {
  const link = mustFind(net, c.dev);
  const cidr = withLength(c.cidr);
  const v6 = cidr.includes(':');
  if (v6 && net.ipv6Off(c.dev)) throw new Refused('Error: IPv6 is disabled on this device.');
  const scope = cidr.startsWith('fe80:') ? 'link' : cidr.startsWith('127.') ? 'host' : 'global';
  link.addresses = link.addresses.filter(a => a.cidr !== cidr);
  link.addresses.push({ cidr, scope, dynamic: false, ...(c.noprefixroute ? { noprefixroute: true } : {}) });
}

/** The first IPv4 address of a subnet takes the others of that subnet with it, unless they are promoted. */
function delAddress(net: SimNet, c: Extract<LinkChange, { do: 'del-address' }>): void {
  const link = mustFind(net, c.dev);
  const cidr = withLength(c.cidr);
  const gone = link.addresses.find(a => a.cidr === cidr);
  if (!gone) throw new Refused(cidr.includes(':') ? 'Error: ipv6: address not found.' : 'Error: ipv4: Address not found.');
  const fellows = cidr.includes(':') ? [gone] : link.addresses.filter(a => !a.cidr.includes(':') && subnet(a.cidr) === subnet(cidr));
  const promoted = ['all', c.dev].some(d => net.sysctls.get(`net/ipv4/conf/${d}/promote_secondaries`) === '1');
  const removed = fellows[0] === gone && !promoted ? fellows : [gone];
  link.addresses = link.addresses.filter(a => !removed.includes(a));
  const lastOfV4 = !cidr.includes(':') && !link.addresses.some(a => !a.cidr.includes(':'));
  const sources = removed.map(a => a.cidr.split('/')[0]);
  net.routes = net.routes.filter(
    r => !(r.dev === c.dev && r.family === 4 && lastOfV4) && !(r.src !== undefined && sources.includes(r.src)),
  );
}

function changeFdb(net: SimNet, c: Extract<LinkChange, { do: 'add-fdb' | 'del-fdb' }>): void {
  // only VXLAN knows far ends: any other device takes the MAC and forgets them
  const dst = mustFind(net, c.dev).kind === 'vxlan' ? canonical(c.dst) : undefined;
  const mac = c.mac.toLowerCase();
  const same = (e: FdbEntry): boolean => e.dev === c.dev && e.mac === mac && e.dst === dst;
  if (c.do === 'del-fdb') {
    if (!net.fdb.some(same)) throw new Refused('RTNETLINK answers: No such file or directory');
    net.fdb = net.fdb.filter(e => !same(e));
    return;
  }
  const many = /^00(:00){5}$/.test(mac) || (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
  net.fdb = net.fdb.filter(e => !same(e) && (many || e.dev !== c.dev || e.mac !== mac));
  net.fdb.push({ dev: c.dev, mac, permanent: true, ...(dst === undefined ? {} : { dst }) });
}
