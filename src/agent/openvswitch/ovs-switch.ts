// The host's side of the Open vSwitch agent's passes: the database first, then flows, and the ports' tags when their flows stand.
import { createHash } from 'node:crypto';
import type { TableChange } from '../../contracts/host/openflow.ts';
import { interfaceProblem, type OvsdbSession, type OvsPicture } from '../../contracts/host/ovsdb.ts';
import type { Flow } from '../../domain/openflow/flow.ts';
import type { OpenvswitchConfig } from '../context.ts';
import type { FdbState } from '../desired/l2-fdb.ts';
import type { PortDetails } from '../desired/l2-port.ts';
import { integrationFlows, type Translation } from '../desired/openvswitch/flows-integration.ts';
import { physicalFlows } from '../desired/openvswitch/flows-physical.ts';
import { type TunnelSegment, tunnelFlows } from '../desired/openvswitch/flows-tunnel.ts';
import { foundFdb } from '../desired/openvswitch/found-fdb.ts';
import { isHybridPort } from '../desired/openvswitch/hybrid.ts';
import { isTunnelType, type TunnelType, tunnelTypeOf } from '../desired/openvswitch/names.ts';
import { planSwitch, type SwitchPlan, type Vif } from '../desired/openvswitch/plan.ts';
import { LocalVlans } from '../desired/openvswitch/segments.ts';
import { tunTable } from '../desired/openvswitch/tables.ts';
import { type Tunnel, wantedTunnels } from '../desired/openvswitch/tunnels.ts';
import type { L2Core } from '../l2/agent.ts';
import { type Guard, guardOf, shut } from '../l2/guard.ts';
import { inherit } from '../l2/inherit.ts';
import { type Switch, settled } from '../l2/pass.ts';
import { PortsFile } from '../l2/ports-file.ts';
import { Problems } from '../l2/problems.ts';
import type { Statistics } from '../l2/statistics.ts';
import type { Device } from '../l2/view.ts';
import { canMatch } from '../render/openflow/rule-matches.ts';
import { firewallTable } from '../render/openflow/tables.ts';
import type { PortSecurity } from '../render/security-port.ts';
import { ruleKey } from '../render/security-rules.ts';
import { GRACE_MS } from './absence.ts';
import { type BridgeOptions, type Patch, patchesOf, staleTunnels, wantedBridges, wantedPorts } from './bridges.ts';
import { type FirewallPort, OvsFirewall } from './firewall.ts';
import { FlowRefused, FlowTable } from './flow-table.ts';
import { leftOut, placedByOthers } from './fresh-ports.ts';
import { HybridFirewall, removeHybrid } from './hybrid.ts';
import type { OvsPacketLog } from './packet-log.ts';
import type { OvsQos, QosScene } from './qos.ts';
import { interfaceStatistics } from './statistics.ts';
import type { TunnelEnds } from './tunnel-ends.ts';
import { ofportOf, vifsOf } from './vifs.ts';

/** More ports than this are not set aside one by one in one pass: then something else is wrong. */
const MAX_SET_ASIDE = 20;

const sha1Hex = (text: string): string => createHash('sha1').update(text).digest('hex');

export interface Seen {
  readonly picture: OvsPicture;
  readonly vifs: ReadonlyMap<string, Vif>;
  /** Further ports that name an owner who has one. */
  readonly twins: readonly Vif[];
}

export interface OvsSwitchGiven extends Pick<L2Core, 'ctx' | 'view' | 'reports' | 'mark' | 'report'> {
  readonly session: OvsdbSession;
  readonly options: BridgeOptions;
  readonly firewall: OpenvswitchConfig['firewall'];
  readonly permittedEthertypes: readonly number[];
  readonly probeMs: number | undefined;
  /** Without tunnels there are none. */
  readonly ends: TunnelEnds | undefined;
  readonly packetLog: OvsPacketLog | undefined;
  /** Without the extension there is none. */
  readonly qos: OvsQos | undefined;
}

/** What a pass works with, once the bridges are there. */
interface Scene {
  readonly picture: OvsPicture;
  readonly plan: SwitchPlan;
  readonly tunnels: ReadonlyMap<string, Tunnel>;
  readonly patches: readonly Patch[];
  readonly dead: readonly Vif[];
  readonly spoofing: ReadonlyMap<number, PortSecurity>;
  /** Of networks that have a local VLAN; none where there is no firewall. */
  readonly firewalled: readonly FirewallPort[];
  /** Local VLANs that nobody has any more. */
  readonly freed: readonly number[];
  /** Local VLANs that their network did not have before. */
  readonly fresh: readonly number[];
  readonly qos?: QosScene;
}

export class OvsSwitch implements Switch<Seen>, AsyncDisposable {
  private readonly given: OvsSwitchGiven;
  private readonly vlans = new LocalVlans();
  private readonly problems: Problems;
  private readonly leftOut: Problems;
  private readonly told: PortsFile;
  private readonly tables = new Map<string, FlowTable>();
  /** Of each physical bridge, the port whose flows there are ours. */
  private readonly physicalPatch = new Map<string, number>();
  private readonly firewall: OvsFirewall;
  /** Where the firewall is `iptables_hybrid`. */
  private readonly hybrid: HybridFirewall | undefined;
  /** What another firewall may have left is gone. */
  private tidy: boolean;
  /** By device, the row of its interface at the last look. */
  private rows = new Map<string, string>();
  /** Ports as the switch refused them, and its words; they are tried again at the next look at everything, and when they change. */
  private refused = new WeakMap<PortSecurity, string>();
  private readonly warned = new WeakSet<PortSecurity>();
  private loaded = false;
  /** Why the switch does not answer, by bridge. */
  private readonly lost = new Map<string, string>();

  constructor(given: OvsSwitchGiven) {
    this.given = given;
    const { ctx, options, permittedEthertypes } = given;
    this.firewall = new OvsFirewall({ datapath: ctx.host.datapath, type: options.datapathType, permitted: permittedEthertypes });
    this.hybrid = given.firewall === 'iptables_hybrid' ? new HybridFirewall(ctx) : undefined;
    this.tidy = this.hybrid !== undefined;
    this.problems = new Problems(given.ctx.log);
    this.told = new PortsFile(ctx.host.files, `${ctx.config.statePath}/openvswitch-ports`, ctx.log);
    this.leftOut = new Problems(given.ctx.log, 'a port of the integration bridge');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      [...this.tables.values(), ...(this.given.packetLog ? [this.given.packetLog] : [])].map(t => t[Symbol.asyncDispose]()),
    );
  }

  /** Why nothing can be done to the integration bridge, as long as that is so. */
  away(): string | undefined {
    return this.lost.get(this.given.options.integrationBridge);
  }

  /** Empty while the switch does not answer. */
  async statistics(): Promise<Statistics> {
    const { session, options, firewall } = this.given;
    if (this.away() !== undefined) return new Map();
    const { vifs } = vifsOf(await session.picture(), options.integrationBridge);
    const table = firewall === 'openvswitch' ? this.tables.get(options.integrationBridge) : undefined;
    return interfaceStatistics(session, vifs, (await table?.found({ table: firewallTable.dropped })) ?? []);
  }

  async look(): Promise<Seen> {
    const picture = await this.given.session.picture();
    const seen = vifsOf(picture, this.given.options.integrationBridge);
    this.noteReplugged(seen.vifs);
    return { picture, ...seen };
  }

  /** A port that went and came between two looks is one that came: Nova waits to hear of it when it starts an instance anew. */
  private noteReplugged(vifs: ReadonlyMap<string, Vif>): void {
    for (const [device, { row }] of vifs) {
      const before = this.rows.get(device);
      if (before !== undefined && before !== row) this.given.view.touch(device);
    }
    this.rows = new Map([...vifs].map(([device, { row }]) => [device, row]));
  }

  devices({ vifs }: Seen): ReadonlySet<string> {
    return new Set(vifs.keys());
  }

  async load(reread: boolean, seen: Seen): Promise<void> {
    if (reread) {
      this.refused = new WeakMap();
      this.given.qos?.again();
    }
    const { ends, options } = this.given;
    if (ends && !this.loaded) await ends.refresh();
    if (!this.loaded) {
      this.vlans.adopt(seen.vifs.values());
      for (const port of await this.told.read()) if (!seen.vifs.has(port)) this.given.view.gone.add(port);
      if (options.tunnels?.l2population && seen.picture.bridges.has(options.tunnelBridge)) await this.inheritFdb(seen);
    } else if (reread) {
      for (const table of this.tables.values()) table.forget();
      this.given.packetLog?.reread();
    }
    if (reread || !this.loaded) await this.hybrid?.load(!this.loaded);
    this.loaded = true;
  }

  async realise(seen: Seen): Promise<void> {
    const { session, options, view, reports, ends } = this.given;
    const trouble = await settled(ends?.refresh());
    const { scene, problems } = await this.prepareAndProgram(seen);
    const tagged = await session.apply(
      wantedPorts(options, scene.patches, scene.plan, segment => this.vlans.get(segment), scene.dead),
      { taken: true, comment: 'neutron-openvswitch-agent: ports' },
    );
    const stale = staleTunnels(options, scene.tunnels, scene.picture);
    if (stale && !trouble) await session.apply(stale, { comment: 'neutron-openvswitch-agent: tunnels that lead nowhere' });
    this.problems.tell([...problems, ...this.unserved(scene, tagged.problems)]);
    if (scene.qos) await this.given.qos?.finish(scene.qos, this.table(options.integrationBridge).door);
    const missing = new Set(tagged.absent);
    const wired = [...scene.plan.ports.values()].filter(p => !missing.has(`${options.integrationBridge}/${p.vif.name}`));
    this.keepFdb(scene.plan);
    // Whoever hears that a change is done may rely on it: what it permits no more has ended. Ports do not wait for a judge that fails.
    const judged = await settled(this.endConnections(scene));
    const up = new Set(wired.map(p => p.details.device).filter(d => view.devices.has(d)));
    await this.told.keep([...up, ...view.gone]);
    await reports.report(up);
    if (judged) throw judged;
    await this.tidyUp(seen);
    this.vlans.settled();
    if (trouble) throw trouble;
  }

  private async endConnections({ firewalled, freed }: Scene): Promise<void> {
    const { firewall, view } = this.given;
    if (firewall === 'openvswitch') await this.firewall.end(firewalled, view, freed);
    await this.hybrid?.end(view);
  }

  /** Ports that the switch refuses are set aside, and the others go on. */
  private async prepareAndProgram(seen: Seen): ReturnType<OvsSwitch['prepare']> {
    for (let tries = 0; ; tries++) {
      const prepared = await this.prepare(seen);
      const { scene } = prepared;
      await this.firewall.begin(scene.firewalled, new Set([...seen.vifs.values()].flatMap(v => v.tag ?? [])));
      try {
        await this.program(scene);
        return prepared;
      } catch (error) {
        if (error instanceof FlowRefused && this.given.packetLog?.refuses(error.flow, error.message)) continue;
        if (error instanceof FlowRefused && tries < MAX_SET_ASIDE && scene.qos && this.given.qos?.noteRefused(error.flow, scene.qos))
          continue;
        const guilty = error instanceof FlowRefused ? portOf(error.flow, scene.firewalled) : undefined;
        if (!guilty || tries >= MAX_SET_ASIDE) throw error;
        this.refused.set(guilty, `its flows were refused: ${String(error)}`);
      }
    }
  }

  /** Bridges, patches and tunnels are made; what is alive and what is not is decided. */
  private async prepare(seen: Seen): Promise<{ scene: Scene; problems: ReadonlyMap<string, string> }> {
    const { session, options, view, ends } = this.given;
    const bridges = new Set(seen.picture.bridges.keys());
    const planned = planSwitch(view.ports(), seen.vifs, options, bridges);
    const { freed, fresh, without } = this.vlans.assign(new Set(planned.segments.keys()));
    const tunnels = wantedTunnels({
      segments: planned.segments.values(),
      options,
      ends: ends?.ends ?? new Map(),
      fdbOf: network => view.fdbOf(network),
      sha1Hex,
    });
    const patches = patchesOf(options, bridges, sha1Hex);
    const applied = await session.apply(wantedBridges(options, patches, tunnels.values(), seen.picture), {
      comment: 'neutron-openvswitch-agent: bridges',
    });
    const filtered = await this.hybrid?.apply(view, planned, seen.vifs);
    const judged = this.judge(planned, new Set(without), filtered);
    const waiting = (vif: Vif): boolean => planned.waiting.has(vif.device);
    const dead = [...seen.vifs.values(), ...seen.twins].filter(v => judged.plan.ports.get(v.device)?.vif.name !== v.name && !waiting(v));
    const { picture } = applied;
    const qos = await this.given.qos?.prepare(picture, judged.plan, s => this.vlans.get(s), this.table(options.integrationBridge).door);
    return { scene: { picture, tunnels, patches, freed, fresh, dead, ...judged, ...(qos ? { qos } : {}) }, problems: judged.problems };
  }

  /** Ports that cannot be guarded as they are to be leave the plan. */
  private judge(
    plan: SwitchPlan,
    without: ReadonlySet<string>,
    filtered: ReadonlyMap<string, Guard> | undefined,
  ): Pick<Scene, 'plan' | 'spoofing' | 'firewalled'> & { problems: Map<string, string> } {
    const { view, firewall } = this.given;
    const problems = new Map(plan.problems);
    const ports = new Map(plan.ports);
    const spoofing = new Map<number, PortSecurity>();
    const firewalled: FirewallPort[] = [];
    for (const [device, port] of plan.ports) {
      const known = view.devices.get(device);
      const vlan = this.vlans.get(port.segment);
      const judged: Guard =
        without.has(port.segment) || vlan === undefined
          ? shut('no local VLAN is left for its network')
          : known
            ? (filtered?.get(device) ?? this.guardOf(known, port.details))
            : shut('it is gone');
      const refused = judged.kind === 'guarded' ? this.refused.get(judged.port) : undefined;
      const guard = refused === undefined ? judged : shut(refused);
      const { ofport } = port.vif;
      if (firewall === 'noop') {
        if (guard.kind === 'guarded') spoofing.set(ofport, guard.port);
      } else if (firewall === 'openvswitch' && vlan !== undefined)
        firewalled.push({ device, ofport, vlan, addresses: port.details.fixed_ips, guard, ...onlyMac(port.details) });
      if (guard.kind === 'guarded' && firewall === 'openvswitch') this.warnOf(device, guard.port);
      if (guard.kind !== 'closed') continue;
      ports.delete(device);
      problems.set(device, guard.why);
    }
    return { plan: { ...plan, ports }, spoofing, firewalled, problems };
  }

  /** Of a port that is not behind a Linux bridge of its own, where the firewall's rules are. */
  private guardOf(device: Device, details: PortDetails): Guard {
    const { view, firewall } = this.given;
    const guard = guardOf(view, device, details, firewall !== 'noop');
    return guard.kind === 'guarded' && this.hybrid
      ? shut('it is plugged into the switch itself, where iptables sees none of its packets (vif_details.ovs_hybrid_plug)')
      : guard;
  }

  /** Once this agent's own rules stand, those of the firewall `iptables_hybrid` go. */
  private async tidyUp({ vifs }: Seen): Promise<void> {
    if (this.tidy) return;
    try {
      await removeHybrid(this.given.ctx);
    } catch (error) {
      // Without such ports there is nothing to filter, and perhaps no iptables.
      if ([...vifs.values()].some(v => isHybridPort(v.name))) throw error;
    }
    this.tidy = true;
  }

  /** Once for each word of the server on the port. */
  private warnOf(device: string, port: PortSecurity): void {
    const rules = port.rules.filter(r => !canMatch(r)).map(ruleKey);
    if (rules.length > 0 && !this.warned.has(port))
      this.given.ctx.log.warning('rules that no flow can match permit nothing', { device, rules });
    this.warned.add(port);
  }

  /** Ports with which the switch can do nothing, in its words; a patch is told of when it is to be connected. */
  private unserved({ plan, tunnels, picture }: Scene, problems: Readonly<Record<string, string>>): [string, string][] {
    const devices = new Map([...plan.ports].map(([device, { vif }]) => [vif.name, device]));
    const ends = [...tunnels.keys()].flatMap((name): [string, string][] => {
      const [device] = picture.port(name)?.interfaces ?? [];
      const why = device && interfaceProblem(device);
      return why === undefined ? [] : [[name, why]];
    });
    return [...Object.entries(problems).map(([port, why]): [string, string] => [devices.get(port) ?? port, why]), ...ends];
  }

  /** All flows of all bridges, each in one bundle; the integration bridge first, on which what is not translated is dropped. */
  private async program(scene: Scene): Promise<void> {
    const { options, firewall, view, packetLog, qos } = this.given;
    const { picture, patches } = scene;
    const ints = patches.flatMap(p => {
      const port = ofportOf(picture, options.integrationBridge, p.int);
      return port === undefined ? [] : [{ physical: p.physical, port }];
    });
    const dead = scene.dead.flatMap(v => (v.ofport !== undefined && v.ofport > 0 ? [v.ofport] : []));
    const translations = ints.flatMap(p => this.translations(scene.plan, p.physical, p.port));
    const integration = this.table(options.integrationBridge);
    const logged = firewall !== 'openvswitch' ? [] : ((await packetLog?.flows(scene.firewalled, integration)) ?? []);
    await integration.apply([
      ...integrationFlows({ ...this.admitted(scene), patches: ints.map(p => p.port), translations, dead, spoofing: scene.spoofing }),
      ...(qos && scene.qos ? await qos.flows(scene.qos, integration) : []),
      ...(firewall !== 'openvswitch' ? [] : this.firewall.flows(scene.firewalled, view, this.outward(scene, ints))),
      ...logged,
    ]);
    await packetLog?.settle(logged);
    const others = await Promise.allSettled([this.programTunnels(scene), ...patches.map(p => this.programPhysical(scene, p))]);
    // All have ended by now: the next pass begins beside none of them.
    for (const bridge of others) if (bridge.status === 'rejected') throw bridge.reason;
  }

  /** Ports whose frames are let in. */
  private admitted({ plan, patches, picture }: Scene): { admitted: number[]; untagged: number[] } {
    const { firewall, options } = this.given;
    const { integrationBridge: bridge, intPatch } = options;
    const ours = new Set([intPatch, ...patches.map(p => p.int)]);
    this.leftOut.tell(leftOut(picture, bridge, ours).map(name => [name, 'it has no owner and no VLAN']));
    const live = [...plan.ports.values()].map(p => p.vif.ofport);
    const tunnel = options.tunnels && ofportOf(picture, bridge, intPatch);
    return {
      admitted: [...(tunnel === undefined ? [] : [tunnel]), ...placedByOthers(picture, bridge, ours), ...live],
      untagged: firewall === 'openvswitch' ? [] : live,
    };
  }

  /** Local VLAN → the port of the integration bridge that leads out of the host, once that has a number. */
  private outward({ plan, picture }: Scene, ints: readonly { physical: string; port: number }[]): Map<number, readonly number[]> {
    const { integrationBridge, intPatch } = this.given.options;
    const tunnel = ofportOf(picture, integrationBridge, intPatch);
    const out = new Map<number, readonly number[]>();
    for (const [key, { type, physical }] of plan.segments) {
      const vlan = this.vlans.get(key);
      const port = isTunnelType(type) ? tunnel : ints.find(p => p.physical === physical)?.port;
      if (vlan !== undefined && (port !== undefined || type === 'local')) out.set(vlan, port === undefined ? [] : [port]);
    }
    return out;
  }

  private async programPhysical({ picture, plan, qos }: Scene, { bridge, phy, physical }: Patch): Promise<void> {
    const port = ofportOf(picture, bridge, phy);
    if (port === undefined) return;
    this.physicalPatch.set(bridge, port);
    const table = this.table(bridge);
    const classes = qos ? await this.given.qos?.classFlows(qos, physical, port, table) : undefined;
    await table.apply([...physicalFlows(port, this.translations(plan, physical, port)), ...(classes ?? [])]);
  }

  private translations(plan: SwitchPlan, physical: string, patch: number): Translation[] {
    return [...plan.segments].flatMap(([key, segment]) => {
      const local = this.vlans.get(key);
      return segment.physical !== physical || local === undefined ? [] : [{ patch, local, outer: segment.id }];
    });
  }

  private async programTunnels({ picture, plan, tunnels, freed, fresh }: Scene): Promise<void> {
    const { options, view } = this.given;
    const config = options.tunnels;
    if (!config) return;
    const patch = ofportOf(picture, options.tunnelBridge, options.tunPatch);
    if (patch === undefined) throw new Error(`the switch has no port ${options.tunPatch} on ${options.tunnelBridge}`);
    const segments = [...plan.segments].flatMap(([key, { type, id, network }]): TunnelSegment[] => {
      const local = this.vlans.get(key);
      if (!isTunnelType(type) || id === null || local === undefined) return [];
      return [{ type, id, local, ...(config.l2population ? { fdb: view.fdbOf(network) } : {}) }];
    });
    const ports = new Map<TunnelType, Map<string, number>>();
    for (const { name, type, remote } of tunnels.values()) {
      const port = ofportOf(picture, options.tunnelBridge, name);
      const ends = ports.get(type) ?? new Map<string, number>();
      if (port !== undefined) ports.set(type, ends.set(remote, port));
    }
    await this.table(options.tunnelBridge).apply(
      tunnelFlows({ patch, arpResponder: config.l2population && config.arpResponder, segments, ports }),
      [...freed, ...fresh].map(learnedOf),
    );
  }

  private table(bridge: string): FlowTable {
    const known = this.tables.get(bridge);
    if (known) return known;
    const { ctx, options, mark, report, probeMs } = this.given;
    const ours = bridge === options.integrationBridge || bridge === options.tunnelBridge;
    const table = new FlowTable({
      openflow: ctx.host.openflow,
      bridge,
      ...(probeMs === undefined ? {} : { probeMs }),
      sweeps: (flow: Flow) => ours || (flow.match.in_port !== undefined && flow.match.in_port === this.physicalPatch.get(bridge)),
      onAway: reason => {
        this.lost.set(bridge, `ovs-vswitchd does not answer on ${bridge}: ${reason}`);
        void ctx.clock.sleep(GRACE_MS).then(() => this.away() !== undefined && report());
      },
      onGap: () => {
        this.lost.delete(bridge);
        this.given.qos?.forget();
        mark();
      },
    });
    this.tables.set(bridge, table);
    return table;
  }

  private async inheritFdb({ picture, vifs }: Seen): Promise<void> {
    const { options, view } = this.given;
    const remotes = new Map<number, string>();
    for (const port of picture.bridges.get(options.tunnelBridge)?.ports.values() ?? []) {
      const [device] = port.interfaces;
      if (device?.ofport !== undefined && tunnelTypeOf(port.name) && device.options['remote_ip'])
        remotes.set(device.ofport, device.options['remote_ip']);
    }
    const networks = new Map<number, string>();
    for (const { otherConfig, tag } of vifs.values())
      if (tag !== undefined && otherConfig['net_uuid'] !== undefined && otherConfig['tag'] === String(tag))
        networks.set(tag, otherConfig['net_uuid']);
    const flows = await this.table(options.tunnelBridge).read();
    const found = foundFdb({ flows, networkOf: vlan => networks.get(vlan), remoteOf: port => remotes.get(port) });
    for (const [network, state] of found) inherit(view, network, state);
  }

  /** What was told of networks that left the host is forgotten. */
  private keepFdb(plan: SwitchPlan): void {
    const networks = new Set([...plan.segments.values()].map(s => s.network));
    const { fdb }: { fdb: Map<string, FdbState> } = this.given.view;
    for (const network of fdb.keys()) if (!networks.has(network)) fdb.delete(network);
  }
}

/** The guarded port that a flow speaks of. */
function portOf({ match }: Flow, ports: readonly FirewallPort[]): PortSecurity | undefined {
  const found = ports.find(p => p.ofport === match.reg5 || p.ofport === match.in_port);
  return found?.guard.kind === 'guarded' ? found.guard.port : undefined;
}

/** Owners whose port is on one host alone, with nobody behind it. */
const onlyThere = new Set(['network:dhcp', 'network:router_interface']);
const onlyMac = ({ device_owner, mac_address }: PortDetails): { readonly mac?: string } =>
  onlyThere.has(device_owner) ? { mac: mac_address } : {};

/** What was learned of a local VLAN by whoever had it before. */
const learnedOf = (vlan: number): TableChange => ({
  do: 'delete-all',
  where: { table: tunTable.unicast, match: { vlan_vid: { value: vlan, mask: 0xfff } } },
});
