// For tests: the whole Open vSwitch agent on a simulated database and switch, and a small server.
import { localBus } from '../../adapters/bus-local/local-bus.ts';
import { systemClock } from '../../adapters/clock/system-clock.ts';
import { type SimHost, simHost } from '../../adapters/host/sim-host.ts';
import { textLog } from '../../adapters/log/text-log.ts';
import type { OvsdbSession, OvsWanted } from '../../contracts/host/ovsdb.ts';
import type { Flow } from '../../domain/openflow/flow.ts';
import { flowText } from '../../domain/openflow/identity.ts';
import type { AgentConfig, AgentContext, AgentPart, OpenvswitchConfig } from '../context.ts';
import { type FakePort, FakeServer } from '../l2/fake-server.suite.ts';
import { startOpenvswitchAgent } from './agent.ts';

/** Without tunnels; `br-ex` is there. */
export const base: OpenvswitchConfig = {
  connection: 'unix:/run/openvswitch/db.sock',
  timeoutMs: 5000,
  integrationBridge: 'br-int',
  tunnelBridge: 'br-tun',
  intPatch: 'patch-tun',
  tunPatch: 'patch-int',
  bridgeMappings: { public: 'br-ex' },
  datapathType: 'netdev',
  vhostuserDir: '/run/openvswitch',
  macTableSize: 50_000,
  igmpSnooping: false,
  firewall: 'noop',
  permittedEthertypes: [],
};
export const tunnels = {
  types: ['vxlan'],
  localIp: '192.0.2.1',
  l2population: true,
  arpResponder: true,
  vxlanPort: 4789,
  dontFragment: true,
  checksum: false,
} as const;

export const tapOf = (port: FakePort): string => `tap${port.id.slice(0, 11)}`;

/** The simulated flow tables have the bridges and ports of the simulated database. */
export function mirror({ ovsdb, openflow }: SimHost): void {
  const { bridges } = ovsdb.now();
  for (const name of openflow.bridges.keys()) if (!bridges.has(name)) openflow.removeBridge(name);
  for (const [name, bridge] of bridges) {
    openflow.addBridge(name);
    for (const port of bridge.ports.values()) {
      const ofport = port.interfaces[0]?.ofport;
      if (ofport !== undefined && ofport > 0 && !openflow.bridges.get(name)?.ports.has(port.name))
        openflow.addPort(name, { port: ofport === 65534 ? 'local' : ofport, name: port.name, mac: '', up: true });
    }
  }
}

/** Its others are Nova, and operators. */
export class OvsWorld implements AsyncDisposable {
  readonly host: SimHost = simHost();
  readonly lines: string[] = [];
  readonly log = textLog({ sink: { write: line => void this.lines.push(line) }, level: 'debug' });
  readonly bus = localBus({ clock: systemClock, log: this.log });
  /** Nova, and operators. */
  readonly others: OvsdbSession;
  server!: FakeServer;
  agent: AgentPart | undefined;

  constructor() {
    this.host.ovsdb.server.onCommit(() => mirror(this.host));
    this.others = this.host.ovsdb.open({ connection: base.connection });
  }

  static async open(): Promise<OvsWorld> {
    const world = new OvsWorld();
    world.server = await FakeServer.open(world.bus, id => id);
    world.server.ends.set('h1', '192.0.2.1').set('h2', '192.0.2.2');
    await world.database({ bridges: { 'br-ex': { datapath_type: 'netdev' } } });
    return world;
  }

  async database(wanted: OvsWanted): Promise<void> {
    await this.others.apply(wanted, { taken: false });
  }

  async start(
    config: Partial<OpenvswitchConfig> = { tunnels },
    wait = true,
    reportIntervalMs = 30_000,
    { config: common, ...more }: { readonly config?: Partial<AgentConfig> } & Partial<Omit<AgentContext, 'config'>> = {},
  ): Promise<void> {
    this.agent = await startOpenvswitchAgent({
      bus: this.bus,
      host: this.host,
      clock: systemClock,
      log: this.log,
      random: () => 0.5,
      ...more,
      config: { host: 'h1', statePath: '/nowhere', reportIntervalMs, ...common, openvswitch: { ...base, ...config } },
    });
    if (wait) await this.agent.synced;
  }

  async stop(): Promise<void> {
    await this.agent?.[Symbol.asyncDispose]();
    this.agent = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.others[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
    await this.bus[Symbol.asyncDispose]();
  }

  async plug(...ports: readonly FakePort[]): Promise<void> {
    const named = ports.map(p => [
      tapOf(p),
      { interface: { type: 'internal', external_ids: { 'iface-id': p.id, 'attached-mac': p.mac, 'iface-status': 'active' } } },
    ]);
    await this.database({ bridges: { 'br-int': { datapath_type: 'netdev', ports: Object.fromEntries(named) } } });
  }

  async unplug(...ports: readonly FakePort[]): Promise<void> {
    await this.database({ bridges: { 'br-int': { ports: Object.fromEntries(ports.map(p => [tapOf(p), null])) } } });
  }

  async until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
    for (const deadline = performance.now() + 10_000; !(await look()); await systemClock.sleep(2)) {
      if (performance.now() > deadline) throw new Error(`not within 10 s: ${what}\n${this.lines.join('')}`);
    }
  }

  active(...ports: readonly FakePort[]): Promise<void> {
    return this.until('ACTIVE', () => ports.every(p => p.status === 'ACTIVE'));
  }

  /** Of the last report. */
  problem(): string | undefined {
    return this.lastReport()?.configurations.problem;
  }

  /** Once a report was taken, none says that the agent starts. */
  isReported(): boolean {
    const last = this.lastReport();
    return last !== undefined && last.start_flag !== true;
  }

  private lastReport(): { configurations: { problem?: string }; start_flag?: boolean } | undefined {
    const last = this.server.heard.findLast(h => h.method === 'report_state')?.args['agent_state'] as unknown;
    return (last as { agent_state: { configurations: { problem?: string }; start_flag?: boolean } } | undefined)?.agent_state;
  }

  flows(bridge: string): Flow[] {
    return [...(this.host.openflow.bridges.get(bridge)?.tables.flows.values() ?? [])].map(stored => stored.flow);
  }

  texts(bridge: string): string[] {
    return this.flows(bridge).map(flowText).sort();
  }

  tag(port: FakePort): number | undefined {
    return this.host.ovsdb.now().port(tapOf(port))?.tag;
  }

  /** All that is there, numbers of ports and local VLANs by what they stand for. */
  snapshot(): string {
    const picture = this.host.ovsdb.now();
    const vlans = new Map<string, string>();
    const numbers = new Map<string, string>();
    const lines: string[] = [];
    for (const bridge of picture.bridges.values()) {
      lines.push(`bridge ${bridge.name} ${bridge.fail_mode}`);
      for (const port of bridge.ports.values()) {
        const [device] = port.interfaces;
        numbers.set(`${bridge.name} ${device?.ofport}`, port.name);
        if (port.tag !== undefined && port.tag !== 4095) vlans.set(String(port.tag), `${port.other_config['net_uuid']}`);
        // What a dead port was before is of no interest.
        const config = port.tag === 4095 ? 'dead' : JSON.stringify({ ...port.other_config, tag: vlans.get(String(port.tag)) });
        lines.push(`port ${bridge.name} ${port.name} ${config} ${port.vlan_mode} ${port.trunks.join()} ${JSON.stringify(device?.options)}`);
      }
    }
    for (const name of picture.bridges.keys())
      for (const text of this.texts(name)) {
        const named = text
          .replaceAll(/(in_port=|output:)(\d+)/g, (_, what, n) => `${what}${numbers.get(`${name} ${n}`)}`)
          .replaceAll(/dl_vlan=(\d+)/g, (_, n) => `dl_vlan=${vlans.get(n) ?? n}`)
          .replaceAll(/set_field:(4\d\d\d)->vlan_vid/g, (_, n) => `set_field:${vlans.get(String(Number(n) - 4096)) ?? n}->vlan_vid`);
        lines.push(`flow ${name} ${named}`);
      }
    return lines.sort().join('\n');
  }

  async settled(): Promise<string> {
    for (let last = ''; ; ) {
      await systemClock.sleep(40);
      // On a busy machine that may have been one turn of the loop.
      for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve));
      const now = this.snapshot();
      if (now === last) return now;
      last = now;
    }
  }
}
