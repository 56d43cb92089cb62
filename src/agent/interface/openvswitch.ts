// The driver for Open vSwitch: a port of the integration bridge that says whose it is, and that is dead until the L2 agent has wired it.
// Its device is the switch's own, moved into the namespace, or one end of a pair (`ovs_use_veth`).
import type { Host } from '../../contracts/host/host.ts';
import type { Link } from '../../contracts/host/links.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import { type OvsdbSession, type OvsNews, SwitchAway, type WantedPort } from '../../contracts/host/ovsdb.ts';
import type { InterfaceDriverConfig } from '../context.ts';
import { DEAD_VLAN } from '../desired/openvswitch/tables.ts';
import { applyRemovals } from './batches.ts';
import { Coalesced } from './coalesced.ts';
import type { DriverNews, InterfaceDriver, PlugJob, PortDevice, Problem } from './driver.ts';
import { keyIn, keyOf } from './names.ts';
import { adjustPairs, applyEach, clearDevices, makePairs } from './pairs.ts';
import { idsOf, portName, SwitchSeen } from './switch-seen.ts';

type Config = Extract<InterfaceDriverConfig, { readonly kind: 'openvswitch' }>;
type Doors = Pick<Host, 'links' | 'files' | 'processes'>;

const comment = 'interface driver';
const ALIVE_MS = 5000;

export class OpenvswitchDriver implements InterfaceDriver {
  readonly name = 'openvswitch';
  readonly dhcpPrefix: 'tap' | 'ns-';
  private readonly host: Doors;
  private readonly config: Config;
  private readonly session: OvsdbSession;
  private readonly outside: Coalesced<ReadonlyMap<string, Link>>;
  private readonly listeners = new Set<DriverNews>();
  /** Keys of devices that are just being made: what is heard of them is our own doing. */
  private readonly busy = new Set<string>();
  /** Keys of devices that could not be made while the switch or its bridge was away. */
  private readonly unserved = new Set<string>();

  constructor(host: Doors, config: Config, session: OvsdbSession) {
    this.host = host;
    this.config = config;
    this.session = session;
    this.dhcpPrefix = config.useVeth ? 'ns-' : 'tap';
    this.outside = new Coalesced(async () => new Map((await host.links.list(hostNetns)).map(l => [l.name, l])));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session[Symbol.asyncDispose]();
  }

  async look(): Promise<SwitchSeen> {
    const [picture, links] = await Promise.all([this.session.picture(), this.outside.get()]);
    return new SwitchSeen(this.config, picture, links);
  }

  async plug(jobs: readonly PlugJob[]): Promise<readonly Problem[]> {
    const anew = jobs.filter(j => j.verdict.kind === 'anew').map(j => j.device);
    const rest = jobs.filter(j => j.verdict.kind === 'adjust').map(j => j.device);
    const adjusted = await this.adjust(rest);
    if (anew.length === 0) return adjusted;
    const keys = anew.map(d => keyOf(d.portId));
    for (const key of keys) this.busy.add(key);
    try {
      const problems = await this.makeAll(anew);
      const made = anew.filter(d => !problems.some(p => p.device === d.name));
      await this.lookAfter(made);
      return [...adjusted, ...problems];
    } finally {
      for (const key of keys) this.busy.delete(key);
    }
  }

  async unplug(netns: string, names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const seen = await this.look();
    await this.removePorts(names.flatMap(name => seen.madeFor(keyIn(name) ?? '')));
    // The switch takes what it serves; a device that it has lost stays.
    await applyRemovals(
      this.host.links,
      netns,
      names.map(name => ({ do: 'del-link', name })),
    );
  }

  watch(news: DriverNews): AsyncDisposable {
    this.listeners.add(news);
    const session = this.session.watch(told => this.hear(told));
    const links = this.host.links.watch(
      hostNetns,
      ({ kind, name }) => {
        // A device of the switch that is outside has lost its way; one of a pair is at home there.
        const key = kind === (this.config.useVeth ? 'removed' : 'added') ? keyIn(name) : undefined;
        if (key !== undefined) this.lost(key);
      },
      () => void this.gap(),
    );
    return {
      [Symbol.asyncDispose]: async () => {
        this.listeners.delete(news);
        session[Symbol.dispose]();
        await links[Symbol.asyncDispose]();
      },
    };
  }

  private hear(news: OvsNews): void {
    if (news.kind !== 'changed') return;
    let changed = false;
    for (const change of news.changes) {
      if (change.table === 'Port') {
        const key = keyIn((change.before ?? change.after)?.name ?? '');
        if (key !== undefined && change.after === undefined) this.lost(key);
        changed = true;
      }
      if (change.table === 'Interface') changed = true;
      if (change.table === 'Bridge' && change.before === undefined) this.tryUnserved();
      // The switch has taken something up: it is there.
      if (change.table === 'Open_vSwitch' && change.before?.cur_cfg !== change.after?.cur_cfg) this.tryUnserved();
    }
    if (changed) for (const listener of this.listeners) listener.changed();
  }

  private tryUnserved(): void {
    const keys = [...this.unserved];
    this.unserved.clear();
    for (const key of keys) this.lost(key);
  }

  private lost(key: string): void {
    if (!this.busy.has(key)) for (const listener of this.listeners) listener.lost(key);
  }

  private async gap(): Promise<void> {
    const links = await this.outside.get().catch(() => new Map<string, Link>());
    for (const listener of this.listeners) listener.changed();
    if (this.config.useVeth) return;
    for (const name of links.keys()) {
      const key = keyIn(name);
      if (key !== undefined) this.lost(key);
    }
  }

  private async adjust(devices: readonly PortDevice[]): Promise<Problem[]> {
    if (devices.length === 0) return [];
    const ports = devices.map(d => [portName(d, this.config), { make: false, interface: { external_ids: idsOf(d) } }] as const);
    await this.session.apply({ bridges: { [this.config.bridge]: { make: false, ports: Object.fromEntries(ports) } } }, { comment });
    return this.config.useVeth ? adjustPairs(this.host.links, devices) : [];
  }

  private async makeAll(devices: readonly PortDevice[]): Promise<Problem[]> {
    // Nothing is taken away that could not be made again.
    if (!(await this.session.switchAlive(Math.min(ALIVE_MS, this.config.timeoutMs))))
      return this.postponed(devices, 'ovs-vswitchd does not answer');
    const seen = await this.look();
    if (!seen.picture.bridges.has(this.config.bridge)) return this.postponed(devices, `there is no bridge ${this.config.bridge}`);
    await this.clear(devices, seen);
    const pairs = this.config.useVeth ? await this.makePairs(devices) : [];
    const ported = await this.makePorts(
      devices.filter(d => !pairs.some(p => p.device === d.name)),
      seen,
    );
    const failed = new Set([...pairs, ...ported].map(p => p.device));
    const made = devices.filter(d => !failed.has(d.name));
    return [...pairs, ...ported, ...(this.config.useVeth ? [] : await this.move(made))];
  }

  private postponed(devices: readonly PortDevice[], what: string): Problem[] {
    for (const { portId } of devices) this.unserved.add(keyOf(portId));
    return devices.map(d => ({ what: `${d.name}: ${what}`, device: d.name }));
  }

  /** A port that goes and one of its name that comes are two transactions: the switch would take them for one. */
  private async clear(devices: readonly PortDevice[], seen: SwitchSeen): Promise<void> {
    const ports = devices.flatMap(d => {
      const kept = this.isKept(d, seen) ? portName(d, this.config) : undefined;
      return [...new Set([portName(d, this.config), ...seen.madeFor(keyOf(d.portId))])].filter(name => name !== kept);
    });
    await this.removePorts(ports.filter(name => seen.picture.port(name)?.bridge === this.config.bridge));
    await clearDevices(this.host.links, devices);
  }

  /** The switch has a device for the port already: it is moved, and the port goes on as it was wired. */
  private isKept(device: PortDevice, seen: SwitchSeen): boolean {
    return seen.strays(device) && seen.port(device) !== undefined;
  }

  private async removePorts(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const { bridge } = this.config;
    const ports = Object.fromEntries(names.map(name => [name, null]));
    try {
      await this.session.apply({ bridges: { [bridge]: { make: false, ports } } }, { comment });
    } catch (error) {
      // It is in the database; a switch that comes back does so without them.
      if (!(error instanceof SwitchAway)) throw error;
    }
  }

  private async makePairs(devices: readonly PortDevice[]): Promise<Problem[]> {
    const problems = await makePairs(this.host, devices);
    if (this.config.datapathType !== 'netdev') return problems;
    const stand = devices.filter(d => !problems.some(p => p.device === d.name));
    const offloads = stand.map(async ({ netns, name }): Promise<Problem[]> => {
      // A switch in user space reads what the kernel would have completed on the way out.
      const { code, stderr } = await this.host.processes.run(netns, ['ethtool', '-K', name, 'rx', 'off', 'tx', 'off']);
      return code === 0 ? [] : [{ what: `ethtool ${name}: ${stderr.trim()}`, device: name }];
    });
    return [...problems, ...(await Promise.all(offloads)).flat()];
  }

  private async makePorts(devices: readonly PortDevice[], seen: SwitchSeen): Promise<Problem[]> {
    if (devices.length === 0) return [];
    const { bridge, useVeth } = this.config;
    const fresh = { tag: DEAD_VLAN, vlan_mode: 'trunk', trunks: [DEAD_VLAN] } as const;
    const ports = devices.map((device): [string, WantedPort] => {
      const said = { type: useVeth ? '' : 'internal', external_ids: idsOf(device) };
      return [portName(device, this.config), { ...(this.isKept(device, seen) ? {} : fresh), interface: said }];
    });
    const { problems } = await this.session.apply(
      { bridges: { [bridge]: { make: false, ports: Object.fromEntries(ports) } } },
      { taken: true, comment },
    );
    return devices.flatMap(d => {
      const what = problems[portName(d, this.config)];
      return what === undefined ? [] : [{ what: `${d.name}: ${what}`, device: d.name }];
    });
  }

  private move(devices: readonly PortDevice[]): Promise<Problem[]> {
    return applyEach(this.host.links, devices, ({ name, mac, netns }) => ({ do: 'set-link', name, mac, netns }));
  }

  /** Nothing was listened to meanwhile: should the switch have ended and begun again, its devices are outside anew. */
  private async lookAfter(devices: readonly PortDevice[]): Promise<void> {
    if (this.config.useVeth) return;
    const links = await this.outside.get();
    for (const { name, portId } of devices) {
      this.busy.delete(keyOf(portId));
      if (links.has(name)) this.lost(keyOf(portId));
    }
  }
}
