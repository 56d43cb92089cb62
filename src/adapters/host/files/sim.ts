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

/** The keys that the simulated kernel has. */
const KEYS = [
  /^net\/ipv4\/(ip_forward|ip_nonlocal_bind|ip_local_port_range|ip_default_ttl|igmp_max_memberships|tcp_[a-z_]+)$/,
  /^net\/ipv4\/conf\/[^/]+\/(accept_(local|redirects|source_route)|arp_(accept|announce|filter|ignore|notify)|forwarding|log_martians|promote_secondaries|proxy_arp|proxy_arp_pvlan|route_localnet|rp_filter|secure_redirects|send_redirects|shared_media|src_valid_mark)$/,
  /^net\/ipv6\/(bindv6only|ip_nonlocal_bind)$/,
  /^net\/ipv6\/conf\/[^/]+\/(accept_(dad|ra|ra_defrtr|ra_mtu|ra_pinfo|redirects|source_route)|addr_gen_mode|autoconf|dad_transmits|disable_ipv6|forwarding|hop_limit|keep_addr_on_down|max_addresses|mtu|ndisc_notify|optimistic_dad|proxy_ndp|router_solicitations|use_tempaddr)$/,
  /^net\/ipv[46]\/neigh\/[^/]+\/(gc_(interval|thresh[123]|stale_time)|base_reachable_time_ms|delay_first_probe_time|[mu]cast_solicit|unres_qlen)$/,
  /^net\/ipv6\/route\/(gc_thresh|max_size)$/,
  /^net\/bridge\/bridge-nf-(call-(arp|ip|ip6)tables|filter-vlan-tagged|pass-vlan-input-dev)$/,
  /^net\/netfilter\/nf_conntrack_(max|buckets|count|acct|helper|timestamp|tcp_[a-z_]+|udp_[a-z_]+|generic_timeout|icmp_timeout|icmpv6_timeout)$/,
  /^net\/(nf_conntrack_max|core\/[a-z_]+)$/,
];

export class SimFiles implements Files {
  readonly texts = new Map<string, { text: string; mode: number }>();
  private readonly nets: ReadonlyMap<Netns, SimNet>;
  private readonly failures = new Failures<'read' | 'write' | 'remove' | 'list' | 'sysctl' | 'readSysctl'>();
  private readonly absent = new Set<string>();
  private readonly present = new Set<string>();

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

  /** From now on the kernel has this key too. */
  withSysctl(key: string): void {
    this.present.add(sysctlPath(key));
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
    if (this.absent.has(path)) return false;
    if (this.present.has(path)) return true;
    if (!KEYS.some(pattern => pattern.test(path))) return false;
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
