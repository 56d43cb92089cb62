// The simulated door to links: a small kernel that keeps state, tells its watchers, and fails on request.
import { HostRefusal } from '../../../contracts/host/firewall.ts';
import type { FdbEntry, Link, LinkChange, LinkEvent, Links, Neighbour, Route } from '../../../contracts/host/links.ts';
import type { Netns, Refusal } from '../../../contracts/host/netns.ts';
import { netns, vetted } from '../names.ts';
import { type FailOptions, Failures } from '../sim-failures.ts';
import { plan } from './batch.ts';
import { change, delLink, type SimKernel } from './sim-changes.ts';
import { type SimLink, SimNet } from './sim-net.ts';
import { Refused } from './sim-refused.ts';

type Failing = LinkChange['do'] | 'list' | 'routes' | 'fdb' | 'neighbours' | 'addNamespace' | 'delNamespace';

interface Watcher {
  readonly ns: Netns;
  readonly onEvent: (e: LinkEvent) => void;
  readonly onGap: () => void;
}

export class SimLinks implements Links, SimKernel {
  readonly nets = new Map<Netns, SimNet>([['', new SimNet('')]]);
  readonly announced: { readonly ns: Netns; readonly dev: string; readonly ip: string }[] = [];
  /** Every batch that reached the kernel, for tests that count them. */
  readonly batches: { readonly ns: Netns; readonly changes: readonly LinkChange[] }[] = [];
  private readonly failures = new Failures<Failing>();
  private readonly watchers = new Set<Watcher>();
  private readonly goneListeners: ((ns: Netns) => void)[] = [];
  private macs = 0;

  /** The next change of this kind (or of this device: `name`) is refused; the next read throws. */
  failNext(what: Failing, options: FailOptions = {}): void {
    this.failures.failNext(what, options);
  }

  async list(ns: Netns): Promise<readonly Link[]> {
    const net = this.reading(ns, 'list');
    return [...net.links.values()].map(l => asLink(net, l));
  }

  async routes(ns: Netns, family: 4 | 6): Promise<readonly Route[]> {
    return this.reading(ns, 'routes').allRoutes(family);
  }

  async fdb(ns: Netns): Promise<readonly FdbEntry[]> {
    return [...this.reading(ns, 'fdb').fdb];
  }

  async neighbours(ns: Netns): Promise<readonly Neighbour[]> {
    return [...this.reading(ns, 'neighbours').neighbours];
  }

  async apply(ns: Netns, batch: readonly LinkChange[]): Promise<readonly Refusal[]> {
    const { refused } = plan(batch); // the same words are refused as by the real door
    const net = this.nets.get(ns);
    const all: Refusal[] = [...refused];
    this.batches.push({ ns, changes: batch });
    batch.forEach((c, index) => {
      if (refused.some(r => r.index === index)) return;
      const reason = net ? this.attempt(net, c) : noNetns(ns);
      if (reason !== undefined) all.push({ index, reason });
    });
    for (const n of this.nets.values()) n.settle();
    return all.sort((a, b) => a.index - b.index);
  }

  async namespaces(): Promise<readonly Netns[]> {
    return [...this.nets.keys()].filter(n => n !== '');
  }

  async addNamespace(ns: Netns): Promise<void> {
    this.named(ns, 'addNamespace');
    if (this.nets.has(ns)) return;
    this.nets.set(ns, new SimNet(ns));
    this.gap(ns);
  }

  async delNamespace(ns: Netns): Promise<void> {
    this.named(ns, 'delNamespace');
    const net = this.nets.get(ns);
    for (const link of [...(net?.links.values() ?? [])]) if (net?.link(link.name) === link && link.kind !== '') delLink(this, net, link);
    this.nets.delete(ns);
    for (const tell of this.goneListeners) tell(ns);
  }

  /** For the other doors: what was in the namespace goes with it. */
  onNamespaceGone(tell: (ns: Netns) => void): void {
    this.goneListeners.push(tell);
  }

  watch(ns: Netns, onEvent: (e: LinkEvent) => void, onGap: () => void): AsyncDisposable {
    const watcher = { ns, onEvent, onGap };
    this.watchers.add(watcher);
    if (this.nets.has(ns)) queueMicrotask(() => this.watchers.has(watcher) && onGap());
    return {
      [Symbol.asyncDispose]: async () => {
        this.watchers.delete(watcher);
      },
    };
  }

  async announce(ns: Netns, dev: string, ip: string): Promise<void> {
    this.announced.push({ ns, dev, ip });
  }

  /** A device that somebody else made: a hypervisor's tap, a physical port. */
  plug(ns: Netns, device: { name: string; kind?: string; mac?: string; mtu?: number; up?: boolean }): void {
    const net = this.open(ns);
    if (net.link(device.name)) throw new Error(`there is a ${device.name} already`);
    net.add({ kind: 'tun', mac: this.newMac(), ...device });
    net.settle();
    this.tell(ns, { kind: 'added', name: device.name });
  }

  /** Somebody else took the device away. */
  unplug(ns: Netns, name: string): void {
    const net = this.open(ns);
    const link = net.link(name);
    if (!link) return;
    net.drop(link);
    this.tell(ns, { kind: 'removed', name });
  }

  /** The event source dies and comes back: watchers of the namespace have missed something. */
  gap(ns: Netns): void {
    for (const w of this.watchers) if (w.ns === ns) queueMicrotask(() => this.watchers.has(w) && w.onGap());
  }

  /** Flags that `list` does not tell. */
  port(ns: Netns, name: string): Readonly<SimLink['port']> | undefined {
    return this.open(ns).link(name)?.port;
  }

  newMac(): string {
    const n = ++this.macs;
    return ['02', '5e', '00', n >> 16, (n >> 8) & 255, n & 255]
      .map(b => (typeof b === 'string' ? b : b.toString(16).padStart(2, '0')))
      .join(':');
  }

  tell(ns: Netns, event: LinkEvent): void {
    for (const w of this.watchers) if (w.ns === ns) queueMicrotask(() => this.watchers.has(w) && w.onEvent(event));
  }

  private attempt(net: SimNet, c: LinkChange): string | undefined {
    const failure = this.failures.take(c.do, subject(c));
    if (failure !== undefined) return failure;
    try {
      change(this, net, c);
      return undefined;
    } catch (error) {
      if (error instanceof Refused) return error.message;
      throw error;
    }
  }

  private open(ns: Netns): SimNet {
    const net = this.nets.get(ns);
    if (!net) throw new HostRefusal('ip', noNetns(ns));
    return net;
  }

  private reading(ns: Netns, what: Failing): SimNet {
    const failure = this.failures.take(what, ns);
    if (failure !== undefined) throw new HostRefusal('ip', failure);
    return this.open(ns);
  }

  private named(ns: Netns, what: Failing): void {
    const failure = this.failures.take(what, ns);
    if (failure !== undefined) throw new HostRefusal('ip netns', failure);
    vetted('ip netns', () => netns(ns));
  }
}

export const noNetns = (ns: Netns): string => `Cannot open network namespace "${ns}": No such file or directory`;

/** What a failure switch's `name` is compared with. */
function subject(c: LinkChange): string | undefined {
  switch (c.do) {
    case 'add-link':
      return c.link.name;
    case 'del-link':
    case 'set-link':
    case 'set-bridge':
    case 'set-bridge-port':
      return c.name;
    case 'replace-route':
    case 'del-route':
      return c.route.dev;
    default:
      return c.dev;
  }
}

function asLink(net: SimNet, l: SimLink): Link {
  return {
    index: l.index,
    name: l.name,
    kind: l.kind,
    mac: l.mac,
    mtu: l.mtu,
    up: l.up,
    ...(l.up && !net.carrier(l) ? { noCarrier: true as const } : {}),
    addresses: l.addresses.map(({ cidr, scope, dynamic }) => ({ cidr, scope, dynamic })),
    ...(l.master === undefined ? {} : { master: l.master }),
    ...(l.alias === undefined ? {} : { alias: l.alias }),
    ...(l.vxlan === undefined ? {} : { vxlan: l.vxlan }),
    ...(l.tag === undefined ? {} : { vlan: { dev: l.lower ?? '', id: l.tag } }),
  };
}
