// Simulated files in memory, and the sysctls of the simulated namespaces.
import type { Files } from '../../../contracts/host/files.ts';
import { HostRefusal } from '../../../contracts/host/firewall.ts';
import type { Netns } from '../../../contracts/host/netns.ts';
import type { SimNet } from '../links/sim-net.ts';
import { type FailOptions, Failures } from '../sim-failures.ts';
import { sysctlPath, sysctlValue } from './sysctl-key.ts';

/** What a fresh namespace answers before anybody wrote; every other key says 0. */
const DEFAULTS: Readonly<Record<string, string>> = {
  accept_ra: '1',
  autoconf: '1',
  accept_dad: '1',
  hop_limit: '64',
  nf_conntrack_max: '262144',
  'bridge-nf-call-iptables': '1',
  'bridge-nf-call-ip6tables': '1',
};

export class SimFiles implements Files {
  readonly texts = new Map<string, { text: string; mode: number }>();
  private readonly nets: ReadonlyMap<Netns, SimNet>;
  private readonly failures = new Failures<'read' | 'write' | 'remove' | 'list' | 'sysctl' | 'readSysctl'>();
  private readonly absent = new Set<string>();

  constructor(nets: ReadonlyMap<Netns, SimNet>) {
    this.nets = nets;
  }

  /** `name` is a path or a sysctl key, as the caller writes it. */
  failNext(what: 'read' | 'write' | 'remove' | 'list' | 'sysctl' | 'readSysctl', options: FailOptions = {}): void {
    this.failures.failNext(what, options);
  }

  /** From now on the kernel has no such key. */
  withoutSysctl(key: string): void {
    this.absent.add(sysctlPath(key));
  }

  async read(path: string): Promise<string | undefined> {
    this.check('read', path);
    return this.texts.get(path)?.text;
  }

  async write(path: string, text: string, mode = 0o644): Promise<boolean> {
    this.check('write', path);
    if ([...this.texts.keys()].some(p => p.startsWith(`${path}/`))) throw new Error(`EISDIR: ${path} is a folder`);
    const changed = this.texts.get(path)?.text !== text;
    this.texts.set(path, { text, mode });
    return changed;
  }

  async remove(path: string): Promise<void> {
    this.check('remove', path);
    for (const p of [...this.texts.keys()]) if (p === path || p.startsWith(`${path}/`)) this.texts.delete(p);
  }

  async list(folder: string): Promise<readonly string[]> {
    this.check('list', folder);
    const inside = [...this.texts.keys()].filter(p => p.startsWith(`${folder.replace(/\/$/, '')}/`));
    return [...new Set(inside.map(p => p.slice(folder.replace(/\/$/, '').length + 1).split('/')[0] ?? ''))].sort();
  }

  async sysctl(ns: Netns, key: string, value: string): Promise<boolean> {
    const path = sysctlPath(key);
    sysctlValue(value);
    const net = this.open(ns, 'sysctl', key);
    if (!this.known(net, path)) return false;
    if (/\/(ip_forward|forwarding|disable_ipv6)$/.test(path) && !/^\d+$/.test(value))
      throw new HostRefusal('sysctl', `${path}: Invalid argument`);
    net.sysctls.set(path, value);
    this.obey(net, path, value);
    return true;
  }

  async readSysctl(ns: Netns, key: string): Promise<string | undefined> {
    const path = sysctlPath(key);
    const net = this.open(ns, 'readSysctl', key);
    if (!this.known(net, path)) return undefined;
    return net.sysctls.get(path) ?? DEFAULTS[path.split('/').at(-1) ?? ''] ?? '0';
  }

  /** Keys of a device are there while the device is. */
  private known(net: SimNet, path: string): boolean {
    if (this.absent.has(path) || !/^(net|kernel|fs|vm)\//.test(path)) return false;
    const dev = /^net\/ipv[46]\/(?:conf|neigh)\/([^/]+)\/./.exec(path)?.[1];
    return dev === undefined || dev === 'all' || dev === 'default' || net.link(dev) !== undefined;
  }

  /** Turning IPv6 off takes its addresses away; on again, a link-local one comes back. */
  private obey(net: SimNet, path: string, value: string): void {
    const dev = /^net\/ipv6\/conf\/([^/]+)\/disable_ipv6$/.exec(path)?.[1];
    if (dev === undefined || dev === 'default') return;
    for (const link of net.links.values()) {
      if (dev !== 'all' && link.name !== dev) continue;
      if (value === '1') {
        link.addresses = link.addresses.filter(a => !a.cidr.includes(':'));
        net.routes = net.routes.filter(r => r.family === 4 || r.dev !== link.name);
      }
      link.linkLocalMade = false;
    }
    net.settle();
  }

  private open(ns: Netns, what: 'sysctl' | 'readSysctl', key: string): SimNet {
    this.check(what, key);
    const net = this.nets.get(ns);
    if (!net) throw new HostRefusal('ip netns', `Cannot open network namespace "${ns}": No such file or directory`);
    return net;
  }

  private check(what: 'read' | 'write' | 'remove' | 'list' | 'sysctl' | 'readSysctl', name: string): void {
    const failure = this.failures.take(what, name);
    if (failure !== undefined) throw new HostRefusal('files', failure);
  }
}
