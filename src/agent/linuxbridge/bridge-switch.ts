// The host's side of the Linux bridge agent's passes.
// The whole is computed each time; what stands already costs nothing. Filters stand before a tap is plugged in, and fall after it is pulled out.
import type { LinkChange } from '../../contracts/host/links.ts';
import { hostNetns, type Refusal } from '../../contracts/host/netns.ts';
import type { Bridged } from '../bridge-firewall/bridged.ts';
import { type Filters, makeFilters } from '../bridge-firewall/filters.ts';
import { IptablesRules } from '../bridge-firewall/iptables-rules.ts';
import { NftRules } from '../bridge-firewall/nft-rules.ts';
import type { RuleTables } from '../bridge-firewall/rule-tables.ts';
import type { AgentContext } from '../context.ts';
import { type BridgeOptions, type HostPlan, planHost, type WantedBridge } from '../desired/linuxbridge.ts';
import { isBridgeName, isTapName } from '../desired/linuxbridge-names.ts';
import type { L2Core } from '../l2/agent.ts';
import { hasGlobalAddress } from '../l2/host-address.ts';
import { both, type Switch, settled } from '../l2/pass.ts';
import { Problems } from '../l2/problems.ts';
import { linuxbridgeNames } from '../render/iptables-names.ts';
import { quietDevice, unquietBridge } from './device-settings.ts';
import { FdbSync } from './fdb-sync.ts';
import {
  type BridgeChange,
  byName,
  type LinkMap,
  linksToMake,
  linksToRemove,
  linksToSet,
  type OwnDevices,
  tapsToSet,
} from './link-steps.ts';
import { type BridgeQos, type QosTap, withoutQos } from './qos.ts';

interface Given extends Pick<L2Core, 'ctx' | 'view' | 'reports'> {
  /** Without the extension there is none. */
  readonly qos: BridgeQos | undefined;
  readonly options: Omit<BridgeOptions, 'vxlan'> & { readonly vxlan?: Omit<NonNullable<BridgeOptions['vxlan']>, 'dev'> };
}

export class BridgeSwitch implements Switch<LinkMap> {
  private readonly given: Given;
  private readonly filters: Filters;
  private readonly fdb: FdbSync;
  private readonly problems: Problems;
  private readonly mapped: ReadonlySet<string>;
  /** Name and index of devices whose kernel settings are made. */
  private readonly quiet = new Set<string>();
  /** Widths that the kernel refused a device, not to be asked for again. */
  private readonly tooWide = new Set<string>();
  private loaded = false;

  constructor(given: Given) {
    const { ctx, options } = given;
    this.given = given;
    this.problems = new Problems(ctx.log);
    this.mapped = new Set(Object.values(options.bridgeMappings));
    this.filters = makeFilters({
      ctx,
      ...ruleTables(ctx),
      table: linuxbridgeNames.table,
      guards: ctx.config.linuxbridge?.firewallDriver !== 'noop',
      isOurs: bridge => isBridgeName(bridge) || this.mapped.has(bridge),
    });
    this.fdb = new FdbSync(ctx.host.links, ctx.log);
  }

  async look(): Promise<LinkMap> {
    return byName(await this.given.ctx.host.links.list(hostNetns));
  }

  async load(reread: boolean, links: LinkMap): Promise<void> {
    const { view } = this.given;
    if (this.loaded && !reread) return;
    const first = !this.loaded;
    await Promise.all([this.filters.load(first), this.fdb.load(), this.loadQos(first)]);
    // Ports that were wired when the last agent ended, and are gone.
    if (first) for (const name of this.filters.admittedBefore()) if (isTapName(name) && !links.has(name)) view.gone.add(name);
    this.loaded = true;
  }

  private async loadQos(first: boolean): Promise<void> {
    const { qos, ctx } = this.given;
    qos?.forget();
    if (!qos && first) await withoutQos(ctx.host);
  }

  devices(links: LinkMap): Set<string> {
    const ours = (master: string | undefined): boolean => master === undefined || isBridgeName(master) || this.mapped.has(master);
    return new Set([...links.values()].filter(l => isTapName(l.name) && ours(l.master)).map(l => l.name));
  }

  private bridgeOptions(links: LinkMap): BridgeOptions {
    const { vxlan, ...options } = this.given.options;
    if (!vxlan) return options;
    const dev = [...links.values()].find(l => l.addresses.some(a => a.cidr.split('/')[0] === vxlan.localIp))?.name;
    return { ...options, vxlan: { ...vxlan, ...(dev === undefined ? {} : { dev }) } };
  }

  async realise(links: LinkMap): Promise<void> {
    const { view } = this.given;
    const plan = planHost(view.ports(), this.bridgeOptions(links));
    const [bridges, firewall] = await both(this.makeBridges(plan, links), this.filters.apply(view, bridgedOf(plan), links));
    const wired = new Set([...firewall.admitted].filter(d => !bridges.broken.has(plan.taps.get(d)?.bridge ?? '')));
    // Who is to be limited is limited from the first packet on, but nobody is kept from the network for it.
    const trouble = await settled(this.given.qos?.apply(this.qosTaps(plan, bridges.links)));
    const plugged = this.plug(plan, bridges.links, wired).then(() => this.fdb.apply(view, plan));
    await both(plugged, this.filters.endConnections(view, bridgedOf(plan)));
    await this.remove(plan, bridges.links);
    this.problems.tell([...plan.problems, ...firewall.problems, ...brokenTaps(plan, bridges.broken)]);
    await this.given.reports.report(wired);
    if (trouble) throw trouble;
  }

  private qosTaps(plan: HostPlan, links: LinkMap): QosTap[] {
    const { view } = this.given;
    return [...plan.taps.values()].flatMap(({ name, mtu }) => {
      const device = view.devices.get(name);
      const details = device && view.details(device);
      const link = links.get(name);
      return link && details ? [{ device: name, index: link.index, mtu: mtu ?? link.mtu, details }] : [];
    });
  }

  /** Bridges and uplinks, made, set and in their place; `broken` are those that could not be, and why. */
  private async makeBridges(plan: HostPlan, before: LinkMap): Promise<{ links: LinkMap; broken: ReadonlyMap<string, string> }> {
    const { host } = this.given.ctx;
    const broken = new Map<string, string>();
    let links = before;
    const make = linksToMake(plan, links);
    if (make.length > 0) {
      this.note(
        make,
        await host.links.apply(
          hostNetns,
          make.map(m => m.change),
        ),
        broken,
      );
      for (const { change } of make) if (change.do === 'add-link' && change.link.kind === 'vxlan') this.fdb.forget(change.link.name);
      links = byName(await host.links.list(hostNetns));
    }
    const fresh = await this.settle(plan, links);
    links = await this.setBridges(plan, links, fresh, broken);
    // The bridges have the host's addresses: their devices lose them.
    if (this.moving(plan, links).length > 0) links = await this.setBridges(plan, links, [], broken);
    for (const b of plan.bridges.values()) {
      if (!links.has(b.name)) broken.set(b.name, broken.get(b.name) ?? `there is no bridge ${b.name}`);
      else if (b.uplink && links.get(b.uplink.name)?.master !== b.name)
        broken.set(
          b.name,
          broken.get(b.name) ?? (links.has(b.uplink.name) ? `${b.uplink.name} is not in ${b.name}` : `there is no device ${b.uplink.name}`),
        );
    }
    return { links, broken };
  }

  private async setBridges(plan: HostPlan, links: LinkMap, fresh: readonly BridgeChange[], broken: Map<string, string>): Promise<LinkMap> {
    const { host } = this.given.ctx;
    const moving = this.moving(plan, links);
    for (const b of moving) if (b.made && links.has(b.name)) await unquietBridge(host.files, b.name);
    const routes = moving.length > 0 ? (await Promise.all([host.links.routes(hostNetns, 4), host.links.routes(hostNetns, 6)])).flat() : [];
    const set = [...fresh, ...linksToSet(plan, links, routes).filter(s => !this.tooWide.has(widthOf(s.change)))];
    if (set.length === 0) return links;
    const changes = set.map(s => s.change);
    this.note(set, await host.links.apply(hostNetns, changes), broken);
    return byName(await host.links.list(hostNetns));
  }

  /** Settings of devices seen for the first time, before they are up: the kernel's own, and the bridge's. */
  private async settle(plan: HostPlan, links: LinkMap): Promise<BridgeChange[]> {
    const names = [...plan.bridges.values()].flatMap(b =>
      b.made ? [b.name, ...(b.uplink && b.uplink.kind !== 'physical' ? [b.uplink.name] : [])] : [],
    );
    const fresh = [...names, ...plan.taps.keys()].flatMap(n => links.get(n) ?? []).filter(l => !this.quiet.has(`${l.name} ${l.index}`));
    const keepsHost = new Set([...plan.bridges.values()].filter(b => this.hostIsOn(b.name, b.uplink?.name, links)).map(b => b.name));
    await Promise.all(fresh.filter(l => !keepsHost.has(l.name)).map(l => quietDevice(this.given.ctx.host.files, l.name, l.kind)));
    const there = new Set([...links.values()].map(l => `${l.name} ${l.index}`));
    for (const known of this.quiet) if (!there.has(known)) this.quiet.delete(known);
    for (const l of fresh) this.quiet.add(`${l.name} ${l.index}`);
    return fresh
      .filter(l => l.kind === 'bridge')
      .map(l => ({ bridge: l.name, change: { do: 'set-bridge', name: l.name, ageing: 300, multicastSnooping: false } }));
  }

  private hostIsOn(bridge: string, uplink: string | undefined, links: LinkMap): boolean {
    const device = uplink === undefined ? undefined : links.get(uplink);
    return hasGlobalAddress(links.get(bridge)) || (device?.kind !== 'vxlan' && hasGlobalAddress(device));
  }

  /** Bridges that are to have the addresses of their devices. */
  private moving(plan: HostPlan, links: LinkMap): WantedBridge[] {
    return [...plan.bridges.values()].filter(b => b.uplink?.kind === 'physical' && hasGlobalAddress(links.get(b.uplink.name)));
  }

  private note(batch: readonly BridgeChange[], refused: readonly Refusal[], broken: Map<string, string>): void {
    for (const r of refused) {
      const item = batch[r.index];
      if (!item) continue;
      const width = widthOf(item.change);
      if (width !== '') {
        this.tooWide.add(width);
        this.given.ctx.log.warning('the underlay is too narrow for the MTU of a network', { change: item.change, reason: r.reason });
      } else if (!broken.has(item.bridge)) broken.set(item.bridge, explain(item.change, r.reason));
    }
  }

  private async plug(plan: HostPlan, links: LinkMap, wired: ReadonlySet<string>): Promise<void> {
    const { ctx, view } = this.given;
    const changes = [...tapsToSet(plan, links, wired), ...this.unplug(links, wired)];
    if (changes.length === 0) return;
    const refused = await ctx.host.links.apply(hostNetns, changes);
    for (const r of refused) {
      const change = changes[r.index];
      const name = change?.do === 'set-link' ? change.name : '';
      // A device that went meanwhile will be missed in the next pass.
      ctx.log.warning('a tap could not be plugged', { device: name, reason: r.reason });
      if (!/Cannot find device/.test(r.reason)) view.touch(name);
    }
  }

  /** Devices in our bridges of which the server says that they should not be. */
  private unplug(links: LinkMap, wired: ReadonlySet<string>): LinkChange[] {
    return [...this.given.view.devices.values()].flatMap(d => {
      const link = links.get(d.name);
      if (!link || d.answer === undefined || wired.has(d.name)) return [];
      const out = link.master !== undefined && isBridgeName(link.master) ? { master: null } : {};
      const down = d.answer.kind === 'port' && !d.answer.details.admin_state_up && link.up ? { up: false } : {};
      return Object.keys({ ...out, ...down }).length === 0 ? [] : [{ do: 'set-link', name: d.name, ...out, ...down } as const];
    });
  }

  private async remove(plan: HostPlan, before: LinkMap): Promise<void> {
    const { view } = this.given;
    // A device of which nothing is known yet may be on its way into any of the bridges.
    if ([...view.devices.values()].some(d => d.answer === undefined)) return;
    if (linksToRemove(plan, before, this.own(), []).changes.length === 0 && !this.hasEmptied(plan, before)) return;
    if (await this.removeRound(plan)) await this.removeRound(plan);
  }

  /** Whether there is another one. */
  private async removeRound(plan: HostPlan): Promise<boolean> {
    const { host, log } = this.given.ctx;
    const links = byName(await host.links.list(hostNetns));
    const routes = (await Promise.all([host.links.routes(hostNetns, 4), host.links.routes(hostNetns, 6)])).flat();
    const { changes, again } = linksToRemove(plan, links, this.own(), routes);
    if (changes.length === 0) return false;
    for (const { index, reason } of await host.links.apply(hostNetns, changes))
      log.warning('a bridge could not be removed as a whole', { change: changes[index], reason });
    return again;
  }

  private hasEmptied(plan: HostPlan, links: LinkMap): boolean {
    return [...links.values()].some(l => l.kind === 'bridge' && isBridgeName(l.name) && !plan.bridges.has(l.name));
  }

  private own(): OwnDevices {
    const { options } = this.given;
    const physical = new Set(Object.values(options.interfaceMappings));
    return { physical, ...(options.vxlan ? { localIp: options.vxlan.localIp, port: options.vxlan.udpPort } : {}) };
  }
}

/** Of the driver that is configured, and of those that are not. */
function ruleTables({ host, config }: AgentContext): { rules: RuleTables; others: readonly RuleTables[] } {
  const iptables = new IptablesRules(host, linuxbridgeNames);
  const nftables = new NftRules(host.nft, linuxbridgeNames.table);
  return config.linuxbridge?.firewallDriver === 'nftables'
    ? { rules: nftables, others: [iptables] }
    : { rules: iptables, others: [nftables] };
}

const bridgedOf = ({ bridges, taps }: HostPlan): Bridged => ({
  bridges,
  taps: new Map([...taps].map(([name, { bridge }]) => [name, { name, bridge, device: name }])),
});

function brokenTaps(plan: HostPlan, broken: ReadonlyMap<string, string>): [string, string][] {
  return [...plan.taps.values()].flatMap(t => {
    const why = broken.get(t.bridge);
    return why === undefined ? [] : [[t.name, why] as [string, string]];
  });
}

/** Names a change of nothing but the MTU; '' for any other. */
const widthOf = (change: LinkChange): string =>
  change.do === 'set-link' && change.mtu !== undefined && change.up === undefined && change.master === undefined
    ? `${change.name} ${change.mtu}`
    : '';

/** The kernel's words for what an operator can do something about. */
function explain(change: LinkChange, reason: string): string {
  const vlan = change.do === 'add-link' && change.link.kind === 'vlan';
  if (vlan && /Unknown device type|not supported/i.test(reason)) return `this kernel has no VLAN devices (module 8021q): ${reason}`;
  return reason;
}
