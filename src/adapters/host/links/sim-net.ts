// One simulated network namespace: links, routes, FDB, neighbours and sysctls, with the side effects that the kernel has.
import type { Address, FdbEntry, Neighbour, Route, VxlanInfo } from '../../../contracts/host/links.ts';
import { type Cidr, formatCidr, parseCidr } from '../../../domain/net/cidr.ts';
import { ipText } from '../../../domain/net/ip.ts';
import { eui64 } from '../../../domain/net/mac.ts';

export interface SimAddress extends Address {
  readonly noprefixroute?: boolean;
}

export interface SimLink {
  readonly index: number;
  name: string;
  readonly kind: string;
  mac: string;
  mtu: number;
  up: boolean;
  master?: string | undefined;
  alias?: string | undefined;
  addresses: SimAddress[];
  readonly vxlan?: VxlanInfo;
  /** Of a VLAN. */
  readonly tag?: number;
  /** The other end of a veth, in whichever namespace it is now. */
  peer?: SimLink | undefined;
  /** The device that a VLAN or VXLAN stands on: it goes with it. */
  lower?: string | undefined;
  /** Of a tap: the program that served it has died. */
  abandoned?: boolean | undefined;
  ageing?: number | undefined;
  multicastSnooping?: boolean | undefined;
  readonly port: { hairpin: boolean; learning: boolean; flood: boolean; isolated: boolean };
  /** The kernel made the link-local address already; a deleted one does not come back before the next up. */
  linkLocalMade: boolean;
}

export class SimNet {
  readonly name: string;
  readonly links = new Map<string, SimLink>();
  readonly sysctls = new Map<string, string>();
  routes: Route[] = [];
  fdb: FdbEntry[] = [];
  neighbours: Neighbour[] = [];
  private nextIndex = 1;

  constructor(name: string) {
    this.name = name;
    this.add({ name: 'lo', kind: '', mac: '00:00:00:00:00:00', mtu: 65_536, up: true });
    this.link('lo')?.addresses.push(
      { cidr: '127.0.0.1/8', scope: 'host', dynamic: false },
      { cidr: '::1/128', scope: 'host', dynamic: false },
    );
  }

  link(name: string): SimLink | undefined {
    return this.links.get(name);
  }

  add(fields: Omit<Partial<SimLink>, 'index'> & Pick<SimLink, 'name' | 'kind' | 'mac'>): SimLink {
    const link: SimLink = {
      mtu: 1500,
      up: false,
      addresses: [],
      port: { hairpin: false, learning: true, flood: true, isolated: false },
      linkLocalMade: false,
      ...fields,
      index: this.nextIndex++,
    };
    this.links.set(link.name, link);
    return link;
  }

  /** Takes the link out with all that hangs on it; answers the names of the links that go with it. */
  drop(link: SimLink): string[] {
    this.links.delete(link.name);
    this.routes = this.routes.filter(r => r.dev !== link.name);
    this.fdb = this.fdb.filter(e => e.dev !== link.name);
    this.neighbours = this.neighbours.filter(n => n.dev !== link.name);
    for (const other of this.links.values()) if (other.master === link.name) other.master = undefined;
    return [...this.links.values()].filter(l => l.lower === link.name).map(l => l.name);
  }

  /** IPv6 addresses, routes and neighbours do not survive a link that goes down; IPv4 addresses do. */
  down(link: SimLink): void {
    link.up = false;
    link.linkLocalMade = false;
    link.addresses = link.addresses.filter(a => !a.cidr.includes(':') || link.name === 'lo');
    this.routes = this.routes.filter(r => r.dev !== link.name);
    this.neighbours = this.neighbours.filter(n => n.dev !== link.name);
  }

  /** The kernel's own routes of the addresses, then the ones that were set. */
  allRoutes(family: 4 | 6): Route[] {
    return [...this.connected(family).map(c => c.route), ...this.routes.filter(r => r.family === family)];
  }

  /** Prefixes that are on a link, with the route that says so. */
  connected(family: 4 | 6): { prefix: Cidr; dev: string; route: Route }[] {
    return [...this.links.values()].flatMap(link => {
      if (!link.up || link.name === 'lo') return [];
      return link.addresses.flatMap(a => {
        const prefix = parseCidr(a.cidr);
        if (prefix?.version !== family || a.noprefixroute || (family === 4 && prefix.prefix === 32)) return [];
        const route: Route = {
          dst: formatCidr(prefix),
          dev: link.name,
          table: 'main',
          family,
          proto: 'kernel',
          ...(family === 4 ? { scope: 'link', src: ipText(4, prefix.address) } : { scope: 'global', metric: 256 }),
        };
        return [{ prefix, dev: link.name, route }];
      });
    });
  }

  /** IPv6 off on the device, by its own switch or the one for all. */
  ipv6Off(dev: string): boolean {
    return ['all', dev].some(d => this.sysctls.get(`net/ipv6/conf/${d}/disable_ipv6`) === '1');
  }

  carrier(link: SimLink): boolean {
    if (link.kind === 'veth') return link.peer?.up ?? false;
    if (link.kind === 'bridge') return [...this.links.values()].some(l => l.master === link.name && l.up && this.carrier(l));
    return !link.abandoned;
  }

  /** Gives an IPv6 link-local address to each link that has come up with a carrier since. */
  settle(): void {
    for (const link of this.links.values()) {
      if (!link.up || link.name === 'lo' || link.linkLocalMade || this.ipv6Off(link.name) || !this.carrier(link)) continue;
      link.linkLocalMade = true;
      const address = eui64({ version: 6, network: 0xfe80n << 112n, prefix: 64 }, link.mac);
      if (address === undefined || link.addresses.some(a => a.cidr.startsWith('fe80:'))) continue;
      link.addresses.push({ cidr: `${ipText(6, address)}/64`, scope: 'link', dynamic: false });
    }
  }
}
