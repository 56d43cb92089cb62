// A simulated Open vSwitch: bridges with flow tables, groups, meters and ports, and what the outside does to them. No packets.
import {
  type FlowFilter,
  type FoundFlow,
  type HandedPacket,
  type MeterChange,
  type Openflow,
  OpenflowAway,
  OpenflowRefusal,
  type Switch,
  type SwitchEvents,
  type SwitchOptions,
  type SwitchPort,
  type TableChange,
} from '../../../contracts/host/openflow.ts';
import type { Flow, Group, Meter } from '../../../domain/openflow/flow.ts';
import { flowKey } from '../../../domain/openflow/identity.ts';
import { BadFlow } from '../../../domain/openflow/values.ts';
import { type FailOptions, Failures } from '../sim-failures.ts';
import { badChange, changeText } from './bundle.ts';
import { Writer } from './bytes.ts';
import { meterBody } from './messages.ts';
import { SimRefused } from './sim-check.ts';
import { filtered, SimTables, uses } from './sim-tables.ts';
import { targetOf } from './target.ts';

type Call = 'flows' | 'apply' | 'groups' | 'meters' | 'applyMeters' | 'ports';

class SimBridge {
  readonly tables = new SimTables();
  readonly meters = new Map<number, Meter>();
  readonly ports = new Map<string, SwitchPort>();

  constructor(name: string, ports: Iterable<SwitchPort> = []) {
    for (const port of ports) this.ports.set(port.name, port);
    if (!this.ports.has(name)) this.ports.set(name, { port: 'local', name, mac: '02:00:00:00:00:01', up: false });
  }
}

export class SimOpenflow implements Openflow {
  readonly bridges = new Map<string, SimBridge>();
  readonly failures = new Failures<Call>();
  private readonly switches = new Set<SimSwitch>();
  private running = true;
  /** Every transaction that was taken, for tests that count them. */
  readonly applied: { readonly bridge: string; readonly changes: readonly TableChange[] }[] = [];

  open(bridge: string, events: SwitchEvents, { controllerId }: SwitchOptions = {}): Switch {
    targetOf(bridge, '/run');
    const opened = new SimSwitch(this, bridge, { ...events, controllerId }, () => this.switches.delete(opened));
    this.switches.add(opened);
    queueMicrotask(() => opened.look());
    return opened;
  }

  /** The call is refused; `name` is the bridge's. */
  failNext(what: Call, options: FailOptions = {}): void {
    this.failures.failNext(what, options);
  }

  standing(bridge: string): SimBridge | undefined {
    return this.running ? this.bridges.get(bridge) : undefined;
  }

  addBridge(name: string): void {
    if (!this.bridges.has(name)) this.bridges.set(name, new SimBridge(name));
    this.lookAgain();
  }

  removeBridge(name: string): void {
    this.bridges.delete(name);
    this.lookAgain();
  }

  /** In place of the port of that name, if there is one. */
  addPort(bridge: string, port: SwitchPort): void {
    const found = this.bridges.get(bridge);
    if (!found) throw new Error(`no bridge ${bridge}`);
    const kind = found.ports.has(port.name) ? 'changed' : 'added';
    found.ports.set(port.name, port);
    this.tell(bridge, events => events.onPort?.(kind, port));
  }

  removePort(bridge: string, name: string): void {
    const ports = this.bridges.get(bridge)?.ports;
    const port = ports?.get(name);
    if (port && ports?.delete(name)) this.tell(bridge, events => events.onPort?.('removed', port));
  }

  /** The packet meets an action `controller` with this id. */
  hand(bridge: string, controllerId: number, packet: HandedPacket): void {
    this.tell(bridge, events => {
      if (events.controllerId === controllerId) events.onPacket?.(packet);
    });
  }

  /** All flows go, and those who asked are told. */
  flush(bridge: string): void {
    const tables = this.bridges.get(bridge)?.tables;
    const gone = [...(tables?.flows.values() ?? [])];
    tables?.remove(() => false);
    for (const { flow } of gone) this.tellRemoved(bridge, flow, 'delete');
  }

  /** The daemon goes, and all flows, groups and meters with it; the bridges and ports stay in its database. */
  stop(): void {
    this.running = false;
    for (const [name, bridge] of this.bridges) this.bridges.set(name, new SimBridge(name, bridge.ports.values()));
    this.lookAgain();
  }

  start(): void {
    this.running = true;
    this.lookAgain();
  }

  tell(bridge: string, news: (events: SimEvents) => void): void {
    for (const opened of this.switches) if (opened.bridge === bridge && this.standing(bridge)) queueMicrotask(() => opened.tell(news));
  }

  /** Timeouts end a flow as they would without packets. */
  expire(bridge: string, flow: Flow, why: 'idle' | 'hard'): void {
    const tables = this.bridges.get(bridge)?.tables;
    const stored = tables?.flows.get(flowKey(flow));
    if (!tables || stored?.flow !== flow) return;
    tables.remove(f => f !== flow);
    this.tellRemoved(bridge, flow, why);
  }

  tellRemoved(bridge: string, flow: Flow, why: 'idle' | 'hard' | 'delete' | 'group'): void {
    if (!flow.flags?.includes('send_flow_rem')) return;
    const { table, priority, match, cookie } = flow;
    this.tell(bridge, events => events.onRemoved?.({ table, priority, match, cookie }, why));
  }

  private lookAgain(): void {
    for (const opened of this.switches) queueMicrotask(() => opened.look());
  }
}

interface SimEvents extends SwitchEvents {
  readonly controllerId: number | undefined;
}

class SimSwitch implements Switch {
  readonly bridge: string;
  private readonly sim: SimOpenflow;
  private readonly events: SimEvents;
  private readonly forget: () => void;
  private readonly waiting = new Set<() => void>();
  private stood: SimBridge | undefined;
  private closed = false;

  constructor(sim: SimOpenflow, bridge: string, events: SimEvents, forget: () => void) {
    this.sim = sim;
    this.bridge = bridge;
    this.events = events;
    this.forget = forget;
  }

  look(): void {
    const now = this.closed ? undefined : this.sim.standing(this.bridge);
    if (now === this.stood) return;
    const before = this.stood;
    this.stood = now;
    if (before && !this.closed) this.events.onAway?.('the switch closed the connection');
    if (now) this.events.onGap();
    for (const wake of [...this.waiting]) wake();
  }

  tell(news: (events: SimEvents) => void): void {
    if (!this.closed) news(this.events);
  }

  async up(timeoutMs = 10_000): Promise<void> {
    await this.standing(timeoutMs);
  }

  private async standing(timeoutMs = 10_000): Promise<SimBridge> {
    if (this.closed) throw new OpenflowAway('closed');
    if (!this.stood) await this.wake(timeoutMs);
    if (!this.stood) throw new OpenflowAway(this.closed ? 'closed' : `connect ENOENT ${this.bridge}.mgmt`);
    return this.stood;
  }

  private wake(ms: number): Promise<void> {
    return new Promise(resolve => {
      const wake = (): void => {
        clearTimeout(timer);
        this.waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.waiting.add(wake);
    });
  }

  private async begin(call: Call): Promise<SimBridge> {
    const bridge = await this.standing();
    const failure = this.sim.failures.take(call, this.bridge);
    if (failure !== undefined) throw new OpenflowRefusal('SIMULATED', failure);
    return bridge;
  }

  async flows(filter: FlowFilter = {}): Promise<readonly FoundFlow[]> {
    const { tables } = await this.begin('flows');
    const fit = filtered(filter);
    const now = Date.now();
    return [...tables.flows.values()]
      .filter(s => fit(s.flow))
      .map(({ flow, since }) => ({ ...flow, packets: 0n, bytes: 0n, duration: (now - since) / 1000 }));
  }

  async apply(changes: readonly TableChange[]): Promise<void> {
    const bridge = await this.begin('apply');
    const before = bridge.tables.flows;
    const gone = bridge.tables.apply(
      changes,
      id => bridge.meters.has(id),
      (error, index) => {
        const change = changes[index];
        if (change && error instanceof BadFlow) throw badChange(error, change, index);
        if (change && error instanceof SimRefused)
          throw new OpenflowRefusal(error.message, `${error.message}: ${changeText(change)}`, index);
        throw error;
      },
    );
    if (changes.length > 0) this.sim.applied.push({ bridge: this.bridge, changes });
    for (const { flow, why } of gone) this.sim.tellRemoved(this.bridge, flow, why);
    for (const [key, { flow }] of bridge.tables.flows) if (before.get(key)?.flow !== flow) this.willExpire(flow);
  }

  private willExpire(flow: Flow): void {
    for (const [seconds, why] of [[flow.idle_timeout, 'idle'] as const, [flow.hard_timeout, 'hard'] as const])
      if (seconds) setTimeout(() => this.sim.expire(this.bridge, flow, why), seconds * 1000).unref();
  }

  async groups(): Promise<readonly Group[]> {
    return [...(await this.begin('groups')).tables.groups.values()];
  }

  async meters(): Promise<readonly Meter[]> {
    return [...(await this.begin('meters')).meters.values()];
  }

  async applyMeters(changes: readonly MeterChange[]): Promise<void> {
    const bridge = await this.begin('applyMeters');
    for (const [index, change] of changes.entries()) {
      const id = change.do === 'delete' ? change.id : change.meter.id;
      const refuse = (code: string, why = code): never => {
        throw new OpenflowRefusal(code, `${why}: ${change.do} meter=${id}`, index);
      };
      try {
        meterBody(change).write(new Writer());
      } catch (error) {
        if (!(error instanceof BadFlow)) throw error;
        refuse('BAD_FLOW', error.message);
      }
      if (change.do === 'add' && bridge.meters.has(id)) refuse('OFPMMFC_METER_EXISTS');
      if (change.do === 'modify' && !bridge.meters.has(id)) refuse('OFPMMFC_UNKNOWN_METER');
      if (change.do !== 'delete') bridge.meters.set(id, change.meter);
      else if (bridge.meters.delete(id)) bridge.tables.remove(flow => !uses(flow.actions, 'meter', id));
    }
  }

  async ports(): Promise<readonly SwitchPort[]> {
    return [...(await this.begin('ports')).ports.values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed = true;
    this.forget();
    this.look();
    for (const wake of [...this.waiting]) wake();
  }
}
