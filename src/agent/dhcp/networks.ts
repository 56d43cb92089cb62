// All networks of this agent: their inboxes, and the passes that bring them to the host.
import { RemoteError } from '../../contracts/bus.ts';
import { Backoff } from '../../engine/backoff.ts';
import type { AgentContext, DhcpConfig } from '../context.ts';
import { type Folded, fold, type Message, type NetworkEvent } from '../desired/dhcp/inbox.ts';
import type { DhcpNetwork } from '../desired/dhcp/wire.ts';
import type { InterfaceDriver } from '../interface/driver.ts';
import { dhcpDeviceId } from './device-id.ts';
import { Lanes } from './lanes.ts';
import { NetworkOnHost } from './network.ts';
import type { ReadyPorts } from './ready.ts';
import type { DhcpServer } from './server.ts';

/** Networks that are worked on at once. */
const AT_ONCE = 8;
const LOWEST = 9;
const SOON_MS = 250;
/** Deleted ports that are remembered for each network. */
const GONE_KEPT = 1000;
const HEARD_KEPT = 10_000;
/** What the server refused is asked for again after this, should no event come. */
const REFUSED_MS = 60_000;
/** After so many checks in a row a process counts as one that stays alive. */
const HEALTHY_CHECKS = 30;
/** A burst of port messages costs one reload of dnsmasq, not one each. */
const RELOAD_GAP_MS = 50;

interface Entry {
  readonly onHost: NetworkOnHost;
  /** Waits between passes that fail, and between starts of processes that die. */
  readonly retry: Backoff;
  readonly revive: Backoff;
  healthyChecks: number;
  checkedSoon: boolean;
  /** What the server last said; undefined: not known, or not ours. */
  network: DhcpNetwork | undefined;
  inbox: Message[];
  gone: ReadonlySet<string>;
  served: boolean;
  /** The last pass failed: everything is asked and looked at anew. */
  failed: boolean;
  /** Still to be done, however often it fails: ask the server; take everything away. */
  ask: boolean;
  removing: boolean;
  notBefore: number;
}

export class Networks {
  private readonly ctx: AgentContext;
  private readonly dhcp: DhcpConfig;
  private readonly server: DhcpServer;
  private readonly ready: ReadyPorts;
  private readonly driver: InterfaceDriver;
  private readonly lanes: Lanes;
  private readonly entries = new Map<string, Entry>();
  /** Arrival number of the last message about each network, for comparing with what a synchronisation has seen. */
  private readonly heard = new Map<string, number>();
  private readonly tried = new Set<(id: string) => void>();
  private readonly stop = new AbortController();
  private arrivals = 0;

  constructor(ctx: AgentContext, dhcp: DhcpConfig, server: DhcpServer, ready: ReadyPorts, driver: InterfaceDriver) {
    this.ctx = ctx;
    this.dhcp = dhcp;
    this.server = server;
    this.ready = ready;
    this.driver = driver;
    this.lanes = new Lanes(ctx.clock, AT_ONCE, id => this.serve(id));
  }

  /** A number that grows with every message. */
  get now(): number {
    return this.arrivals;
  }

  ids(): readonly string[] {
    return [...this.entries.keys()];
  }

  /** Whether a message about the network, ours or not, came after that number. */
  heardSince(id: string, arrival: number): boolean {
    return (this.heard.get(id) ?? -1) > arrival;
  }

  push(id: string, event: NetworkEvent, priority: number, afterMs = 0): void {
    const entry = this.entry(id);
    const arrival = ++this.arrivals;
    if (event.kind !== 'look') this.remember(id, arrival);
    entry.inbox.push({ event, priority, arrival });
    this.lanes.mark(id, Math.max(0, entry.notBefore - this.ctx.clock.now(), afterMs));
  }

  private remember(id: string, arrival: number): void {
    this.heard.delete(id);
    this.heard.set(id, arrival);
    const oldest = this.heard.keys().next().value;
    if (this.heard.size > HEARD_KEPT && oldest !== undefined) this.heard.delete(oldest);
  }

  /** Resolves when each of these has been tried once, well or ill. */
  async triedOnce(ids: readonly string[]): Promise<void> {
    const left = new Set(ids);
    if (left.size === 0) return;
    await new Promise<void>(resolve => {
      const told = (id: string): void => {
        left.delete(id);
        if (left.size > 0) return;
        this.tried.delete(told);
        resolve();
      };
      this.tried.add(told);
    });
  }

  /** Networks of which something that should run does not, or that were not looked at for long, get a pass. */
  async checkAll(look: boolean): Promise<void> {
    for (const [id, entry] of this.entries) {
      if (!(await this.check(id, entry))) continue;
      if (++entry.healthyChecks >= HEALTHY_CHECKS) entry.revive.reset();
      if (look) this.push(id, { kind: 'look' }, LOWEST);
    }
  }

  /** Something of the device of the port of this key may have gone. */
  lost(key: string): void {
    for (const [id, entry] of this.entries) if (entry.onHost.hasDevice(key)) this.push(id, { kind: 'look' }, LOWEST);
  }

  /** Whether the network is served and all is well; what died is started again. */
  private async check(id: string, entry: Entry): Promise<boolean> {
    if (!entry.served || entry.inbox.length > 0) return false;
    const healthy = await entry.onHost.healthy().catch(() => false);
    if (!healthy && entry.served) this.revive(id, entry);
    return healthy;
  }

  private revive(id: string, entry: Entry): void {
    const afterMs = entry.revive.attempts === 0 ? 0 : entry.revive.next();
    if (entry.revive.attempts === 0) entry.revive.next();
    entry.healthyChecks = 0;
    entry.served = false;
    this.ctx.log.warning('a process of a DHCP network has died; starting it again', { network_id: id, after_ms: afterMs });
    this.push(id, { kind: 'look' }, LOWEST, afterMs);
  }

  /** For the state report: networks, subnets and ports that are served. */
  counts(): { readonly networks: number; readonly subnets: number; readonly ports: number } {
    let [networks, subnets, ports] = [0, 0, 0];
    for (const { network, served } of this.entries.values()) {
      if (!network || !served) continue;
      networks++;
      subnets += network.subnets.length;
      ports += network.ports.length;
    }
    return { networks, subnets, ports };
  }

  close(): Promise<void> {
    this.stop.abort();
    return this.lanes.close();
  }

  private entry(id: string): Entry {
    let entry = this.entries.get(id);
    if (!entry) {
      entry = {
        onHost: new NetworkOnHost(this.ctx, this.dhcp, this.server, this.driver, id),
        retry: new Backoff({ firstMs: 500, maxMs: 60_000 }, this.ctx.random),
        revive: new Backoff({ firstMs: 1000, maxMs: 60_000 }, this.ctx.random),
        healthyChecks: 0,
        checkedSoon: false,
        network: undefined,
        inbox: [],
        gone: new Set(),
        served: false,
        failed: false,
        ask: false,
        removing: false,
        notBefore: 0,
      };
      this.entries.set(id, entry);
    }
    return entry;
  }

  private async serve(id: string): Promise<void> {
    const entry = this.entries.get(id);
    if (!entry || (entry.inbox.length === 0 && !entry.failed)) return;
    const messages = entry.inbox;
    entry.inbox = [];
    try {
      await this.pass(id, entry, messages);
      entry.failed = false;
    } catch (error) {
      entry.failed = true;
      const afterMs = entry.retry.next();
      this.ctx.log.warning('a pass over a DHCP network failed; trying again', { network_id: id, after_ms: afterMs, error: String(error) });
      entry.notBefore = this.ctx.clock.now() + Math.min(afterMs, RELOAD_GAP_MS);
      this.lanes.mark(id, afterMs);
    } finally {
      for (const told of this.tried) told(id);
    }
  }

  private async pass(id: string, entry: Entry, messages: readonly Message[]): Promise<void> {
    const deviceId = dhcpDeviceId(this.ctx.config.host, id);
    const folded = fold(entry.network, messages, deviceId, entry.gone);
    entry.gone = new Set([...folded.gone].slice(-GONE_KEPT));
    for (const portId of folded.gone) this.ready.forget(portId);
    entry.network = folded.network;
    entry.ask ||= folded.fetch || (entry.failed && entry.network !== undefined);
    if (folded.remove) entry.removing = true;
    else if (messages.some(m => m.event.kind === 'scheduled' || m.event.kind === 'view')) entry.removing = false;
    if (entry.removing) await this.remove(entry);
    const asked = entry.ask;
    if (asked) await this.fetch(id, entry);
    if (entry.network) await this.realise(id, entry, { ...folded, whole: folded.whole || asked }, messages);
    else if (entry.inbox.length === 0) this.entries.delete(id);
  }

  private async remove(entry: Entry): Promise<void> {
    entry.served = false;
    await entry.onHost.remove();
    entry.removing = false;
  }

  /** When the server does not know the network, nothing of it stays. */
  private async fetch(id: string, entry: Entry): Promise<void> {
    const read = await this.server.network(id);
    entry.ask = false;
    entry.network = read && { ...read.value, ports: read.value.ports.filter(p => !entry.gone.has(p.id)) };
    for (const warning of read?.warnings ?? []) this.ctx.log.warning(warning, { network_id: id });
    if (read) return;
    entry.removing = true;
    await this.remove(entry);
  }

  private async realise(id: string, entry: Entry, folded: Folded, messages: readonly Message[]): Promise<void> {
    const network = entry.network;
    if (!network) return;
    const look = entry.failed || folded.whole || messages.some(m => m.event.kind === 'look');
    const realised = await this.realiseOrGiveUp(entry, network, look);
    entry.served = realised.kind === 'served';
    if (realised.kind === 'refused') this.push(id, { kind: 'changed' }, LOWEST, REFUSED_MS);
    if (realised.kind !== 'served') return;
    entry.network = realised.network;
    entry.notBefore = this.ctx.clock.now() + RELOAD_GAP_MS;
    if (folded.whole) for (const port of realised.network.ports) this.ready.add(port.id, folded.ports.get(port.id) ?? 6);
    else for (const [portId, priority] of folded.ports) this.ready.add(portId, priority);
    if (entry.failed) entry.retry.reset();
    if (realised.told) void this.checkSoon(id, entry);
    this.ctx.log.debug('DHCP network is served', { network_id: id, ports: realised.network.ports.length });
  }

  /** What dies of a reload dies at once: the next regular check may be seconds away. */
  private async checkSoon(id: string, entry: Entry): Promise<void> {
    if (entry.checkedSoon) return;
    entry.checkedSoon = true;
    await this.ctx.clock.sleep(SOON_MS, this.stop.signal);
    entry.checkedSoon = false;
    if (!this.stop.signal.aborted) await this.check(id, entry);
  }

  /** Some refusals say that trying again is of no use until something changes, which then sends an event. */
  private async realiseOrGiveUp(entry: Entry, network: DhcpNetwork, look: boolean): ReturnType<NetworkOnHost['realise']> {
    try {
      return await entry.onHost.realise(network, look);
    } catch (error) {
      if (!(error instanceof RemoteError) || !/^(NetworkNotFound|IpAddressGenerationFailure)/.test(error.excType)) throw error;
      this.ctx.log.warning('no DHCP port on a network', { network_id: network.id, error: error.message });
      return { kind: 'refused' };
    }
  }
}
