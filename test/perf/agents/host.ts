// One simulated host: the L2 agent as it runs in production over a simulated kernel or switch, with a connection of its own to the broker.
import { openAmqp } from '../../../src/adapters/bus-amqp/amqp-bus.ts';
import type { AmqpOptions } from '../../../src/adapters/bus-amqp/options.ts';
import { OsloBus } from '../../../src/adapters/bus-oslo/oslo-bus.ts';
import { systemClock } from '../../../src/adapters/clock/system-clock.ts';
import { type SimHost, simHost } from '../../../src/adapters/host/sim-host.ts';
import { textLog } from '../../../src/adapters/log/text-log.ts';
import type { AgentConfig, AgentPart } from '../../../src/agent/context.ts';
import { tapName } from '../../../src/agent/desired/linuxbridge-names.ts';
import { startLinuxbridgeAgent } from '../../../src/agent/linuxbridge/agent.ts';
import { startOpenvswitchAgent } from '../../../src/agent/openvswitch/agent.ts';
import { base, mirror } from '../../../src/agent/openvswitch/ovs-world.suite.ts';
import { hostNetns } from '../../../src/contracts/host/netns.ts';
import type { OvsdbSession } from '../../../src/contracts/host/ovsdb.ts';
import { CountingTransport, type Traffic } from './counting.ts';
import type { HostSpec } from './protocol.ts';

export interface Surroundings {
  readonly amqp: AmqpOptions;
  readonly reportIntervalMs: number;
  readonly traffic: Traffic;
  /** Lines of warnings and errors. */
  readonly complaint: (host: string, line: string) => void;
}

/** What is waited for on a host: a message with this in it, and then a change that the agent makes. In ms since the epoch. */
interface Watch {
  readonly text: string;
  heardAt: number | undefined;
  doneAt: number | undefined;
  /** With the text in them, so far. */
  messages: number;
  bytes: number;
}

const now = (): number => performance.timeOrigin + performance.now();

export class SimulatedHost {
  readonly spec: HostSpec;
  private readonly sim: SimHost = simHost();
  private readonly around: Surroundings;
  private readonly ready: Promise<unknown>;
  private others: OvsdbSession | undefined;
  private bus: OsloBus | undefined;
  private agent: AgentPart | undefined;
  private watched: Watch | undefined;

  constructor(spec: HostSpec, around: Surroundings) {
    this.spec = spec;
    this.around = around;
    this.ready = spec.kind === 'openvswitch' ? this.makeSwitch() : this.makeKernel();
  }

  /** Resolves when the agent is in sync with the server. */
  async start(): Promise<void> {
    const { amqp, traffic, complaint, reportIntervalMs } = this.around;
    const { name, kind, tunnelIp } = this.spec;
    await this.ready;
    const log = textLog({ sink: { write: (line: string) => complaint(name, line) }, level: 'warning' });
    const given = { clock: systemClock, log, name: `neutron-${kind}-agent of ${name}` };
    const transport = new CountingTransport(await openAmqp({ ...given, amqp, connectMs: 120_000 }), traffic, body => this.heard(body));
    this.bus = new OsloBus(transport, given);
    const config: AgentConfig = {
      host: name,
      statePath: '/nowhere',
      reportIntervalMs,
      ...(kind === 'openvswitch'
        ? { openvswitch: { ...base, bridgeMappings: {}, firewall: 'openvswitch' as const, tunnels: { ...tunnels, localIp: tunnelIp } } }
        : { linuxbridge: { interfaceMappings: {}, bridgeMappings: {}, vxlan: { ...vxlan, localIp: tunnelIp } } }),
    };
    const start = kind === 'openvswitch' ? startOpenvswitchAgent : startLinuxbridgeAgent;
    this.agent = await start({ bus: this.bus, host: this.sim, clock: systemClock, log, random: Math.random, config });
    await this.agent.synced;
  }

  /** The host stays as it is. */
  async stop(): Promise<void> {
    await this.agent?.[Symbol.asyncDispose]();
    await this.bus?.[Symbol.asyncDispose]();
    this.agent = undefined;
    this.bus = undefined;
  }

  async plug(ports: readonly string[]): Promise<void> {
    if (!this.others) {
      for (const id of ports) this.sim.links.plug(hostNetns, { name: tapName(id), up: true });
      return;
    }
    const named = ports.map(id => [
      tapName(id),
      { interface: { type: 'internal', external_ids: { 'iface-id': id, 'iface-status': 'active' } } },
    ]);
    await this.others.apply({ bridges: { 'br-int': { datapath_type: 'netdev', ports: Object.fromEntries(named) } } }, { taken: false });
  }

  watch(text: string): void {
    this.watched = { text, heardAt: undefined, doneAt: undefined, messages: 0, bytes: 0 };
  }

  get seen(): Watch | undefined {
    return this.watched;
  }

  private heard(body: string): void {
    const { watched } = this;
    if (!watched || !body.includes(watched.text)) return;
    watched.heardAt ??= now();
    watched.messages++;
    watched.bytes += Buffer.byteLength(body);
  }

  private changed(): void {
    const { watched } = this;
    if (watched?.heardAt !== undefined && watched.doneAt === undefined) watched.doneAt = now();
  }

  private async makeKernel(): Promise<void> {
    const { links, ipsets, iptables } = this.sim;
    links.plug(hostNetns, { name: 'eth0', up: true });
    await links.apply(hostNetns, [{ do: 'add-address', dev: 'eth0', cidr: `${this.spec.tunnelIp}/10` }]);
    const [setsRestored, rulesRestored] = [ipsets.restore.bind(ipsets), iptables.restore.bind(iptables)];
    ipsets.restore = async (...given) => {
      await setsRestored(...given);
      this.changed();
    };
    iptables.restore = async (...given) => {
      await rulesRestored(...given);
      this.changed();
    };
  }

  private async makeSwitch(): Promise<void> {
    const { ovsdb, openflow } = this.sim;
    ovsdb.server.onCommit(() => mirror(this.sim));
    const opened = openflow.open.bind(openflow);
    openflow.open = (...given) => {
      const bridge = opened(...given);
      const apply = bridge.apply.bind(bridge);
      bridge.apply = async changes => {
        await apply(changes);
        this.changed();
      };
      return bridge;
    };
    this.others = ovsdb.open({ connection: base.connection });
    await this.others.apply({ bridges: { 'br-int': { datapath_type: 'netdev' } } }, { taken: false });
  }
}

const vxlan = { group: '239.0.0.1', l2population: true, udpPort: 8472 };
const tunnels = {
  types: ['vxlan'],
  l2population: true,
  arpResponder: true,
  vxlanPort: 4789,
  dontFragment: true,
  checksum: false,
} as const;
