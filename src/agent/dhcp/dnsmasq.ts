// One network's dnsmasq: its files, its start, its reload. It outlives the agent; a restarted agent finds it by its command line.
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

export const networkFolder = (statePath: string, networkId: string): string => `${statePath}/dhcp/${networkId}`;

export class Dnsmasq {
  private readonly ctx: DnsmasqContext;
  private readonly dhcp: DhcpConfig;
  private readonly folder: string;
  private readonly name: string;
  /** False until this agent has told it once to read its files: the agent before us may have died between writing and telling. */
  private told = false;

  constructor(ctx: DnsmasqContext, dhcp: DhcpConfig, networkId: string) {
    this.ctx = ctx;
    this.dhcp = dhcp;
    this.folder = networkFolder(ctx.config.statePath, networkId);
    this.name = `dnsmasq-${networkId}`;
  }

  alive(): Promise<number | undefined> {
    return this.ctx.host.processes.alive(dnsmasqFiles(this.folder).pid, this.folder);
  }

  /** Files written and read by a dnsmasq that runs with the wanted command line. Answers whether it had to be started. */
  async ensure(served: Served): Promise<boolean> {
    const files = dnsmasqFiles(this.folder);
    const argv = dnsmasqArgv(this.command(served.plan));
    // The command line as a whole tells whether the one that runs is the wanted one.
    const runs = (await this.ctx.host.processes.alive(files.pid, argv.join(' '))) !== undefined;
    if (runs && !(await this.releaseStale(served))) return this.restart(served, argv);
    const changed = await this.write(served.plan);
    if (!runs) return this.restart(served, argv);
    if ((changed || !this.told) && !(await this.ctx.host.processes.signal(files.pid, this.folder, 'SIGHUP'))) {
      return this.restart(served, argv);
    }
    this.told = true;
    return false;
  }

  async stop(): Promise<void> {
    await this.ctx.host.processes.stop(dnsmasqFiles(this.folder).pid, this.folder);
    this.told = false;
  }

  private async restart({ network, plan }: Served, argv: readonly string[]): Promise<boolean> {
    const { host, clock } = this.ctx;
    const files = dnsmasqFiles(this.folder);
    await this.stop();
    await this.write(plan);
    const old = readLeaseFile((await host.files.read(files.leases)) ?? '');
    const expiry = this.dhcp.leaseSeconds === -1 ? 0 : Math.floor(clock.now() / 1000) + this.dhcp.leaseSeconds;
    await host.files.write(files.leases, initialLeases(network, old, expiry));
    await host.processes.ensure({ name: this.name, netns: plan.device.netns, argv, pidFile: files.pid, selfPid: true });
    this.told = true;
    return true;
  }

  private async write(plan: NetworkPlan): Promise<boolean> {
    const files = dnsmasqFiles(this.folder);
    const texts = [
      [files.host, hostsText(plan.hosts.hosts)],
      [files.addnHosts, namesText(plan.hosts.names)],
      [files.opts, optionsText(plan.options)],
    ] as const;
    let changed = false;
    for (const [path, text] of texts) if (await this.ctx.host.files.write(path, text)) changed = true;
    return changed;
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
      ...(this.dhcp.dropUser ? {} : { user: currentUser() }),
    };
  }
}

/** dnsmasq wants to become somebody; where it cannot, it is told to stay who it is. */
function currentUser(): string {
  return process.getuid?.() === 0 ? 'root' : String(process.getuid?.() ?? 'root');
}
