// The simulated door to Open vSwitch: its database and its switch behind the door's own client, on the simulated kernel.
import { duplexPair } from 'node:stream';
import { hostNetns } from '../../../contracts/host/netns.ts';
import type { Ovsdb, OvsdbOptions, OvsdbSession, OvsPicture } from '../../../contracts/host/ovsdb.ts';
import type { Clock } from '../../../engine/clock.ts';
import { systemClock } from '../../clock/system-clock.ts';
import type { SimLinks } from '../links/sim.ts';
import { localSocket, type OvsdbAddress } from './address.ts';
import type { Connect } from './connect.ts';
import { knownColumns, Replica, tableNames } from './replica.ts';
import { Session } from './session.ts';
import { toWire } from './sim-datum.ts';
import { simSchema } from './sim-schema.ts';
import { SimServer } from './sim-server.ts';
import { type SimDevice, type SimDevices, SimSwitch, type SimSwitchEvents } from './sim-switch.ts';

export class SimOvsdb implements Ovsdb {
  readonly server = new SimServer();
  private readonly clock: Clock;
  private readonly vswitchd: SimSwitch;
  private up = true;

  constructor(links: SimLinks, events?: SimSwitchEvents, clock: Clock = systemClock) {
    this.clock = clock;
    this.vswitchd = new SimSwitch(this.server, new KernelDevices(links), () => this.now(), events);
    this.server.onCommit(() => this.vswitchd.wake());
    // The kernel tells the switch of devices that come and go.
    links.watch(
      hostNetns,
      () => this.vswitchd.wake(),
      () => {},
    );
  }

  open(options: OvsdbOptions): OvsdbSession {
    return new Session({ options, connect: this.connect, clock: this.clock, random: Math.random });
  }

  /** What the database holds, whatever a session has been told. */
  now(): OvsPicture {
    const initial = tableNames.map(table => {
      const rows = [...this.server.rows(table)].map(([id, row]) => {
        const columns = Object.entries(simSchema.tables[table]!.columns);
        return [id, { initial: Object.fromEntries(columns.map(([name, column]) => [name, toWire(row.get(name) ?? new Map(), column)])) }];
      });
      return [table, Object.fromEntries(rows)];
    });
    const replica = new Replica();
    replica.restart(knownColumns(simSchema), Object.fromEntries(initial));
    return replica.picture;
  }

  /** ovsdb-server dies, and is there again when it is started. */
  stopServer(): void {
    this.up = false;
    this.server.restart();
  }

  startServer(): void {
    this.up = true;
    this.vswitchd.wake();
  }

  /** Somebody else's transaction. */
  transact(operations: readonly unknown[]): Promise<readonly unknown[]> {
    return this.server.transact(operations);
  }

  /** ovs-vswitchd dies, and takes up again what the database says when it is started. */
  stopSwitch(): void {
    this.vswitchd.stop();
  }

  startSwitch(): void {
    this.vswitchd.start();
  }

  private readonly connect: Connect = async address => {
    if (!this.up || !this.listens(address)) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const [ours, theirs] = duplexPair();
    for (const [end, other] of [
      [ours, theirs],
      [theirs, ours],
    ] as const)
      end.once('close', () => other.destroy());
    this.server.accept(theirs);
    return ours;
  };

  private listens(address: OvsdbAddress): boolean {
    if (address.kind === 'unix') return address.path === localSocket;
    const targets = [...this.server.rows('Manager').values()].flatMap(row => [...(row.get('target')?.keys() ?? [])]);
    return targets.some(target => String(target).startsWith(`p${address.kind}:${address.port}:`));
  }
}

class KernelDevices implements SimDevices {
  private readonly links: SimLinks;

  constructor(links: SimLinks) {
    this.links = links;
  }

  find(name: string): SimDevice | undefined {
    const link = this.links.nets.get(hostNetns)?.link(name);
    return link && { mac: link.mac, mtu: link.mtu, ifindex: link.index, up: link.up };
  }

  make(name: string): SimDevice | undefined {
    const there = this.links.nets.get(hostNetns)?.link(name);
    if (there && there.kind !== 'tun') return undefined;
    if (there) there.abandoned = false;
    else this.links.plug(hostNetns, { name, kind: 'tun' });
    return this.find(name);
  }

  remove(name: string): void {
    for (const [ns, net] of this.links.nets) {
      const link = net.link(name);
      if (link?.kind === 'tun' && !link.abandoned) this.links.unplug(ns, name);
    }
  }

  abandon(name: string): void {
    for (const net of this.links.nets.values()) {
      const link = net.link(name);
      if (link?.kind === 'tun') link.abandoned = true;
    }
  }
}
