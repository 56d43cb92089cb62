// One network's dnsmasq: its files, its start, its reload. It outlives the agent; a restarted agent finds it by its command line.
import { createHash } from 'node:crypto';
import { formatIp, parseIp } from '../../domain/net/ip.ts';
import type { AgentContext, DhcpConfig } from '../context.ts';
import { initialLeases, type Lease, readHostsFile, readLeaseFile, staleLeases } from '../desired/dhcp/leases.ts';
import type { NetworkPlan } from '../desired/dhcp/plan.ts';
import type { DhcpNetwork } from '../desired/dhcp/wire.ts';
import { type DnsmasqCommand, dnsmasqArgv, dnsmasqFiles, hostsText, namesText, optionsText } from '../render/dnsmasq.ts';
import { releaseLeases } from './release.ts';

type DnsmasqContext = Pick<AgentContext, 'host' | 'clock' | 'random' | 'config' | 'log'>;

export interface Served {
  readonly network: DhcpNetwork;
  readonly plan: NetworkPlan;
}

type Folders = Pick<AgentContext['config'], 'statePath' | 'dhcp'>;

/** `dhcp_confs` */
export const dhcpFolder = ({ statePath, dhcp }: Folders): string => dhcp?.folder ?? `${statePath}/dhcp`;
export const networkFolder = (config: Folders, networkId: string): string => `${dhcpFolder(config)}/${networkId}`;

export class Dnsmasq {
  private readonly ctx: DnsmasqContext;
  private readonly dhcp: DhcpConfig;
  private readonly networkId: string;
  private readonly folder: string;
  private readonly name: string;
  private readonly mark: string;
  /** Digest of what dnsmasq has read, as the mark says: an agent may die between writing files and telling it. */
  private loaded: string | undefined;

  constructor(ctx: DnsmasqContext, dhcp: DhcpConfig, networkId: string) {
    this.ctx = ctx;
    this.dhcp = dhcp;
    this.networkId = networkId;
    this.folder = networkFolder(ctx.config, networkId);
    this.mark = `${this.folder}/loaded`;
    this.name = `dnsmasq-${networkId}`;
  }

  alive(): Promise<number | undefined> {
    return this.ctx.host.processes.alive(dnsmasqFiles(this.folder).pid, this.folder);
  }

  /** Files written and read by a dnsmasq that runs with the wanted command line. Answers whether it had to be told or started. */
  async ensure(served: Served): Promise<boolean> {
    const { processes, files } = this.ctx.host;
    const paths = dnsmasqFiles(this.folder);
    const argv = dnsmasqArgv(this.command(served.plan));
    const texts = textsOf(paths, served.plan);
    const start = (why: string): Promise<boolean> => this.restart(served, argv, texts, why);
    // The command line as a whole tells whether the one that runs is the wanted one.
    if ((await processes.alive(paths.pid, argv.join(' '))) === undefined) return start('it does not run, or not with this command line');
    this.loaded ??= await files.read(this.mark);
    if (this.loaded === digestOf(texts)) return false;
    // dnsmasq (2.90 at least) frees foreign memory when it drops a tagged host that has asked for a lease: it dies of the reload.
    if (/,set:/.test((await files.read(paths.host)) ?? '')) return start('it has read tagged hosts, which it cannot reload');
    if (!(await this.releaseStale(served))) return start('leases are in the way');
    for (const [path, text] of texts) await files.write(path, text);
    if (!(await processes.signal(paths.pid, this.folder, 'SIGHUP'))) return start('it is gone');
    await this.remember(texts);
    return true;
  }

  private async restart({ network, plan }: Served, argv: readonly string[], texts: Texts, why: string): Promise<boolean> {
    const { host, clock } = this.ctx;
    const paths = dnsmasqFiles(this.folder);
    await this.stop();
    const old = readLeaseFile((await host.files.read(paths.leases)) ?? '');
    const before = readHostsFile((await host.files.read(paths.host)) ?? '');
    for (const [path, text] of texts) await host.files.write(path, text);
    const expiry = this.dhcp.leaseSeconds === -1 ? 0 : Math.floor(clock.now() / 1000) + this.dhcp.leaseSeconds;
    await host.files.write(paths.leases, initialLeases(network, old, before, expiry));
    await this.makeLog();
    await host.processes.ensure({ name: this.name, netns: plan.device.netns, argv, pidFile: paths.pid, selfPid: true });
    await this.remember(texts);
    this.ctx.log.info('dnsmasq was started', { network_id: network.id, why });
    return true;
  }

  /** It makes a file itself, but no folder. */
  private async makeLog(): Promise<void> {
    const { files } = this.ctx.host;
    const { logFile } = this;
    if (logFile !== undefined && (await files.read(logFile)) === undefined) await files.write(logFile, '');
  }

  private get logFile(): string | undefined {
    return this.dhcp.logDir === undefined ? undefined : `${this.dhcp.logDir}/${this.networkId}/dhcp_dns_log`;
  }

  /** A dnsmasq that gets a signal has read the files before it answers the next request. */
  private async remember(texts: Texts): Promise<void> {
    this.loaded = digestOf(texts);
    await this.ctx.host.files.write(this.mark, this.loaded);
  }

  /** The mark goes first: whatever happens in between, nobody takes the old state for what runs. */
  async stop(): Promise<void> {
    this.loaded = undefined;
    await this.ctx.host.files.remove(this.mark);
    await this.ctx.host.processes.stop(dnsmasqFiles(this.folder).pid, this.folder);
  }

  /** False when a lease that stands in the way of its address's new owner could not be ended. */
  private async releaseStale({ network, plan }: Served): Promise<boolean> {
    const { host } = this.ctx;
    const files = dnsmasqFiles(this.folder);
    const text = await host.files.read(files.leases);
    if (text === undefined || text === '') return true;
    const stale = staleLeases(network, readLeaseFile(text), readHostsFile((await host.files.read(files.host)) ?? ''));
    if (stale.length === 0) return true;
    const addresses = plan.device.addresses.map(a => a.split('/')[0] ?? '').filter(a => a !== '169.254.169.254');
    const job = { netns: plan.device.netns, device: plan.device.inside, leaseFile: files.leases, addresses, leases: stale };
    if (await releaseLeases(this.ctx, job)) return true;
    const wanted = new Set(plan.hosts.hosts.map(h => h.lease?.address));
    const blocking = stale.filter((lease: Lease) => wanted.has(lease.address));
    this.ctx.log.warning('leases could not be released', { folder: this.folder, addresses: stale.map(l => l.address) });
    return blocking.length === 0;
  }

  private command(plan: NetworkPlan): DnsmasqCommand {
    return {
      folder: this.folder,
      ranges: plan.ranges,
      mtu: plan.mtu,
      leaseSeconds: this.dhcp.leaseSeconds,
      maxLeases: plan.maxLeases,
      servers: this.dhcp.dnsServers.flatMap(s => {
        const ip = parseIp(s);
        return ip ? formatIp(ip) : [];
      }),
      domain: this.dhcp.dnsDomain,
      ...(this.dhcp.dnsmasqConfigFile === undefined ? {} : { configFile: this.dhcp.dnsmasqConfigFile }),
      localResolv: this.dhcp.localResolv ?? false,
      broadcastReply: this.dhcp.broadcastReply ?? false,
      ...(this.logFile === undefined ? {} : { logFile: this.logFile }),
      ...(this.dhcp.dropUser ? {} : { user: currentUser() }),
    };
  }
}

type Texts = readonly (readonly [path: string, text: string])[];

function textsOf(paths: ReturnType<typeof dnsmasqFiles>, plan: NetworkPlan): Texts {
  return [
    [paths.host, hostsText(plan.hosts.hosts)],
    [paths.addnHosts, namesText(plan.hosts.names)],
    [paths.opts, optionsText(plan.options)],
  ];
}

function digestOf(texts: Texts): string {
  const hash = createHash('sha256');
  for (const [, text] of texts) hash.update(`${text.length}\n${text}`);
  return hash.digest('hex');
}

/** dnsmasq wants to become somebody; where it cannot, it is told to stay who it is. */
function currentUser(): string {
  return process.getuid?.() === 0 ? 'root' : String(process.getuid?.() ?? 'root');
}
