// For tests: the Open vSwitch agent on a simulated database, a small server with trunks, and Nova, which plugs parents into bridges of their trunks.
import { localBus } from '../../adapters/bus-local/local-bus.ts';
import { systemClock } from '../../adapters/clock/system-clock.ts';
import { type SimHost, simHost } from '../../adapters/host/sim-host.ts';
import { textLog } from '../../adapters/log/text-log.ts';
import type { OvsdbSession, OvsPort, OvsWanted } from '../../contracts/host/ovsdb.ts';
import { until } from '../../contracts/host/under-test.ts';
import type { AgentPart } from '../context.ts';
import { trunkBridgeName } from '../desired/openvswitch/trunk-names.ts';
import { type FakePort, FakeServer } from '../l2/fake-server.suite.ts';
import { type FakeTrunk, FakeTrunks } from '../l2/trunks/fake-trunks.suite.ts';
import { startOpenvswitchAgent } from './agent.ts';
import { base, mirror, tapOf } from './ovs-world.suite.ts';

export class TrunkWorld implements AsyncDisposable {
  readonly host: SimHost = simHost();
  readonly lines: string[] = [];
  readonly log = textLog({ sink: { write: line => void this.lines.push(line) }, level: 'debug' });
  readonly bus = localBus({ clock: systemClock, log: this.log });
  /** Nova. */
  readonly nova: OvsdbSession = this.host.ovsdb.open({ connection: base.connection });
  server!: FakeServer;
  trunks!: FakeTrunks;
  private agent: AgentPart | undefined;

  static async open(): Promise<TrunkWorld> {
    const world = new TrunkWorld();
    world.host.ovsdb.server.onCommit(() => mirror(world.host));
    world.server = await FakeServer.open(world.bus, id => id);
    world.trunks = await FakeTrunks.open(world.bus, world.server);
    await world.database({ bridges: { 'br-ex': { datapath_type: 'netdev' } } });
    return world;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    for (const open of [this.nova, this.trunks, this.server, this.bus]) await open[Symbol.asyncDispose]();
  }

  async database(wanted: OvsWanted): Promise<void> {
    await this.nova.apply(wanted, { taken: false });
  }

  /** In sync when it answers. */
  async start(): Promise<void> {
    this.agent = await startOpenvswitchAgent({
      bus: this.bus,
      host: this.host,
      clock: systemClock,
      log: this.log,
      random: () => 0.5,
      config: { host: 'h1', statePath: '/nowhere', reportIntervalMs: 30_000, openvswitch: base },
    });
    await this.agent.synced;
  }

  async stop(): Promise<void> {
    await this.agent?.[Symbol.asyncDispose]();
    this.agent = undefined;
  }

  /** A port of a VLAN network of its own. */
  port(n: number, fields: Partial<FakePort> = {}): FakePort {
    return this.server.port(n, this.server.network(n, { type: 'vlan', segment: 100 + n, physical: 'public' }), fields);
  }

  /** One that is in no trunk yet, or not bound. */
  loose(n: number): FakePort {
    return this.port(n, { host: '', owner: '' });
  }

  /** Into the bridge of the trunk, as Nova does. */
  async plug(trunk: FakeTrunk): Promise<void> {
    const { parent } = trunk;
    const ids = { 'iface-id': parent.id, 'attached-mac': parent.mac, 'iface-status': 'active' };
    const ports = { [tapOf(parent)]: { interface: { type: 'internal', external_ids: ids } } };
    await this.database({ bridges: { [bridgeOf(trunk)]: { datapath_type: 'netdev', ports } } });
  }

  until(what: string, look: () => boolean): Promise<void> {
    return until(look, what, 10_000).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.lines.join('')}`);
    });
  }

  active(trunk: FakeTrunk, ...ports: readonly FakePort[]): Promise<void> {
    return this.until('ACTIVE', () => trunk.status === 'ACTIVE' && ports.every(p => p.status === 'ACTIVE'));
  }

  find(name: string): OvsPort | undefined {
    return this.host.ovsdb.now().port(name);
  }

  /** Ports of trunks' patches by bridge: what they are tagged with, and lead to. */
  patches(): string[] {
    return [...this.host.ovsdb.now().bridges.values()]
      .flatMap(b => [...b.ports.values()])
      .filter(p => /^[ts]p[ti]-/.test(p.name))
      .map(
        p =>
          `${p.bridge} ${p.name} → ${p.interfaces[0]?.options['peer']}${p.bridge === 'br-int' ? '' : ` tag ${p.tag} trunks ${p.trunks}`}`,
      )
      .sort();
  }
}

export const bridgeOf = (trunk: FakeTrunk): string => trunkBridgeName(trunk.id);
