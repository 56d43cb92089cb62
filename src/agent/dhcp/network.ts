// One network on this host: from what the server says to namespace, device, dnsmasq and metadata proxy, and back to nothing.
import { RemoteError } from '../../contracts/bus.ts';
import type { AgentContext, DhcpConfig } from '../context.ts';
import { netnsOf, withoutIpv6 } from '../desired/dhcp/device.ts';
import { METADATA_IPV4, METADATA_IPV6 } from '../desired/dhcp/options.ts';
import { isServed, type NetworkPlan, planNetwork } from '../desired/dhcp/plan.ts';
import type { DhcpNetwork } from '../desired/dhcp/wire.ts';
import type { InterfaceDriver } from '../interface/driver.ts';
import { keyOf } from '../interface/names.ts';
import { ensureMetadataProxy, metadataProxyAlive, removeMetadataProxy } from '../metadata/proxy.ts';
import { ensureDevice, knowsIpv6, removeDevice } from './device.ts';
import { dhcpDeviceId } from './device-id.ts';
import { Dnsmasq, networkFolder } from './dnsmasq.ts';
import { ensureOwnPort } from './own-port.ts';
import type { DhcpServer } from './server.ts';

/** `idle`: nothing is to be served, and nothing is there. `refused`: the server gave no port; an event will tell more. */
export type Realised =
  | { readonly kind: 'served'; readonly network: DhcpNetwork; readonly told: boolean }
  | { readonly kind: 'idle' }
  | { readonly kind: 'refused' };

export class NetworkOnHost {
  readonly id: string;
  private readonly ctx: AgentContext;
  private readonly dhcp: DhcpConfig;
  private readonly server: DhcpServer;
  private readonly driver: InterfaceDriver;
  private readonly dnsmasq: Dnsmasq;
  private readonly netns: string;
  /** What the device was last brought to by this agent, as text; undefined: look again. */
  private device: string | undefined;
  /** Of the port that it has here. */
  private key: string | undefined;
  private ipv6: boolean | undefined;
  private warned = new Set<string>();
  /** What should be running: dnsmasq, and perhaps the proxy. */
  private running: 'nothing' | 'dnsmasq' | 'both' = 'nothing';
  /** This agent has seen to it that there is no proxy. */
  private proxyGone = false;

  constructor(ctx: AgentContext, dhcp: DhcpConfig, server: DhcpServer, driver: InterfaceDriver, id: string) {
    this.id = id;
    this.ctx = ctx;
    this.dhcp = dhcp;
    this.server = server;
    this.driver = driver;
    this.dnsmasq = new Dnsmasq(ctx, dhcp, id);
    this.netns = netnsOf(id);
  }

  /** `look` reads back what is there; without it only what changed is touched. */
  async realise(network: DhcpNetwork, look: boolean): Promise<Realised> {
    if (!isServed(network)) {
      if (await this.anythingThere()) await this.remove();
      return { kind: 'idle' };
    }
    const port = await ensureOwnPort(this.server, network, dhcpDeviceId(this.ctx.config.host, this.id));
    if (!port) return { kind: 'refused' };
    const view = { ...network, ports: [...network.ports.filter(p => p.id !== port.id), port] };
    const plan = planNetwork(view, port, { ...this.dhcp, devicePrefix: this.driver.dhcpPrefix });
    this.key = keyOf(port.id);
    this.warn(plan.warnings);
    await this.bringDevice(plan, look);
    const told = await this.dnsmasq.ensure({ network: view, plan });
    this.running = 'dnsmasq';
    await this.bringMetadata(plan);
    return { kind: 'served', network: view, told };
  }

  hasDevice(key: string): boolean {
    return this.key === key;
  }

  /** Whether all that should run does; true as well when nothing should. */
  async healthy(): Promise<boolean> {
    if (this.running === 'nothing') return true;
    if ((await this.dnsmasq.alive()) === undefined) return false;
    return this.running === 'dnsmasq' || (await metadataProxyAlive(this.ctx, this.id)) !== undefined;
  }

  /** Takes all of it off the host, then gives the port back. Idempotent; knows its things by the network's id alone. */
  async remove(): Promise<void> {
    this.running = 'nothing';
    this.device = undefined;
    await removeMetadataProxy(this.ctx, this.id);
    await this.dnsmasq.stop();
    const folder = networkFolder(this.ctx.config, this.id);
    const device = await this.ctx.host.files.read(`${folder}/interface`);
    await removeDevice(this.ctx.host, this.driver, this.netns, device?.trim());
    await this.releasePort();
    // The folder is the mark that something of ours may be there: it goes last.
    await this.ctx.host.files.remove(folder);
  }

  /** A server that says no has said it; one that says nothing is asked again. */
  private async releasePort(): Promise<void> {
    try {
      await this.server.releasePort(this.id);
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      this.ctx.log.info('the server did not release the DHCP port', { network_id: this.id, error: error.message });
    }
  }

  private async anythingThere(): Promise<boolean> {
    const folder = networkFolder(this.ctx.config, this.id);
    return (await this.ctx.host.files.list(folder)).length > 0;
  }

  private async bringDevice(plan: NetworkPlan, look: boolean): Promise<void> {
    const text = JSON.stringify(plan.device);
    if (!look && this.device === text) return;
    this.device = undefined;
    await this.ctx.host.files.write(`${networkFolder(this.ctx.config, this.id)}/interface`, plan.device.inside);
    this.ipv6 ??= await knowsIpv6(this.ctx.host);
    await ensureDevice(this.ctx.host, this.driver, this.ipv6 ? plan.device : withoutIpv6(plan.device), async () => {
      await this.dnsmasq.stop();
      await removeMetadataProxy(this.ctx, this.id);
    });
    this.device = text;
  }

  private async bringMetadata(plan: NetworkPlan): Promise<void> {
    if (!plan.metadata) {
      if (!this.proxyGone) await removeMetadataProxy(this.ctx, this.id);
      this.proxyGone = true;
      return;
    }
    this.proxyGone = false;
    await ensureMetadataProxy(this.ctx, {
      kind: 'network',
      id: this.id,
      netns: this.netns,
      bindPort: 80,
      bindAddress: METADATA_IPV4,
      ...(this.ipv6 ? { ipv6: { address: METADATA_IPV6, device: plan.device.inside } } : {}),
    });
    this.running = 'both';
  }

  /** Each complaint once, not at every pass. */
  private warn(warnings: readonly string[]): void {
    for (const warning of warnings) if (!this.warned.has(warning)) this.ctx.log.warning(warning, { network_id: this.id });
    this.warned = new Set(warnings);
  }
}
