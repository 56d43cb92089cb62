// Logging of packets on Open vSwitch: flows of logged ports hand packets to a connection of their own, and this writes them to the log.
import type { HandedPacket, Switch } from '../../contracts/host/openflow.ts';
import type { Sample } from '../../contracts/metrics.ts';
import type { PacketLog } from '../../contracts/packet-log.ts';
import type { Flow } from '../../domain/openflow/flow.ts';
import type { PacketLogConfig } from '../context.ts';
import type { L2Core } from '../l2/agent.ts';
import { linesOf } from '../packet-log/lines.ts';
import { PortLogs } from '../packet-log/port-logs.ts';
import { PacketWriter } from '../packet-log/writer.ts';
import { isEgress, LOG_CONTROLLER, type LoggedPort, logCookieOf, logFlows } from '../render/openflow/log-flows.ts';
import { type FirewallPort, memberTestOf } from './firewall.ts';
import type { FlowTable } from './flow-table.ts';
import { type Logged, LogMarks } from './log-marks.ts';
import { LogMeters } from './log-meters.ts';

export interface OvsPacketLogGiven extends Pick<L2Core, 'ctx' | 'view' | 'mark'> {
  readonly bridge: string;
  readonly config: PacketLogConfig;
  readonly sink: PacketLog;
}

export class OvsPacketLog implements AsyncDisposable {
  private readonly given: OvsPacketLogGiven;
  private readonly door: Switch;
  readonly logs: PortLogs;
  private readonly writer: PacketWriter;
  private readonly marks = new LogMarks();
  private readonly meters: LogMeters;
  private made = new Map<string, readonly Flow[]>();
  /** The switch refused such a flow: none are made until what is known of it has been read anew. */
  private refused = false;
  /** Flows were left as they are: whoever hears more of logs looks again. */
  private holds = false;
  /** Whether the connection stands: no pass waits for it. */
  private standing = false;

  constructor(given: OvsPacketLogGiven) {
    this.given = given;
    const { bus, clock, random, log, host } = given.ctx;
    const { config: limit, sink, bridge, view } = given;
    this.logs = new PortLogs({ bus, clock, random, log, onChange: () => given.mark(), onKnown: () => this.holds && given.mark() });
    this.writer = new PacketWriter({
      ...{ clock, log, limit, sink },
      lines: packet => linesOf(packet, this.logs.of(packet.port), memberTestOf(view)),
    });
    this.door = host.openflow.open(
      bridge,
      {
        onGap: () => {
          this.meters.forget();
          this.refused = false;
          this.standing = true;
          given.mark();
        },
        onAway: () => (this.standing = false),
        onPacket: packet => this.heard(packet),
      },
      { controllerId: LOG_CONTROLLER },
    );
    this.meters = new LogMeters(this.door, limit, log);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.writer[Symbol.dispose]();
    this.logs[Symbol.dispose]();
    await this.door[Symbol.asyncDispose]();
  }

  /**
   * Of the ports that are guarded; where it is not known what is wanted, or nothing can be done, those that are in the table. What cannot be done for a
   * log is told, and keeps nothing else from being done.
   */
  async flows(ports: readonly FirewallPort[], table: Pick<FlowTable, 'those'>): Promise<Flow[]> {
    const { view, ctx } = this.given;
    // The others have no rules that would accept or drop anything.
    const secured = [...view.devices.values()].filter(d => d.security !== undefined);
    this.logs.present(new Map(secured.map(d => [d.name, d.asked])));
    const guarded = ports.filter(p => p.guard.kind === 'guarded');
    const wanted = guarded.flatMap(p => this.wantedOf(p));
    const logged = wanted.flatMap(w => w.logged);
    this.marks.keep(logged);
    if (this.refused) return [];
    const found = await this.found(this.standing ? guarded.filter(p => !this.logs.isKnown(p.device)) : guarded, table);
    if (!this.standing) return found;
    try {
      const metered = await this.meters.make(logged.map(l => this.marks.meter(l)));
      return [...found, ...this.flowsOf(wanted.map(w => this.portOf(w, metered)))];
    } catch (error) {
      ctx.log.warning('packets are not logged for now: the switch does not answer', { error: String(error) });
      return [];
    }
  }

  /** What this life, or the last one, has made for these ports. */
  private async found(ports: readonly FirewallPort[], table: Pick<FlowTable, 'those'>): Promise<Flow[]> {
    this.holds = ports.length > 0;
    if (!this.holds) return [];
    const numbers = new Set<unknown>(ports.map(p => p.ofport));
    const found = await table.those(({ cookie, match }) => logCookieOf(cookie) !== undefined && numbers.has(match.reg5));
    this.holds = found.length > 0;
    return found;
  }

  private wantedOf({ device, ofport }: FirewallPort): { ofport: number; logged: Logged[] }[] {
    const logs = this.logs.of(device);
    if (logs.length === 0) return [];
    const accept: Logged[] = logs.some(l => l.accepted) ? [{ port: device, action: 'ACCEPT' }] : [];
    const drop: Logged[] = logs.some(l => l.dropped) ? [{ port: device, action: 'DROP' }] : [];
    return [{ ofport, logged: [...accept, ...drop] }];
  }

  private portOf({ ofport, logged }: { ofport: number; logged: readonly Logged[] }, metered: boolean): LoggedPort {
    const of = (action: Logged['action']): LoggedPort['accept'] => {
      const found = logged.find(l => l.action === action);
      return found && { cookie: this.marks.cookie(found), meter: metered ? this.marks.meter(found) : undefined };
    };
    return { ofport, accept: of('ACCEPT'), drop: of('DROP') };
  }

  /** The same values again for what stays the same. */
  private flowsOf(ports: readonly LoggedPort[]): Flow[] {
    const before = this.made;
    this.made = new Map(
      ports.map(port => [JSON.stringify(port), port] as const).map(([key, port]) => [key, before.get(key) ?? logFlows(port)]),
    );
    return [...this.made.values()].flat();
  }

  /** When the flows of this pass stand, those of others are gone, and with them goes what they used. */
  async settle(flows: readonly Flow[]): Promise<void> {
    if (!this.standing) return;
    const used = flows.flatMap(f => f.actions.flatMap(a => (a.do === 'controller' && a.meter !== undefined ? [a.meter] : [])));
    try {
      await this.meters.keep(new Set(used));
    } catch (error) {
      this.given.ctx.log.debug('meters of logs stay for now', { error: String(error) });
    }
  }

  /** Whether the flow is one of these; then it is done without until the next gap or look at everything. */
  refuses({ cookie }: Flow, why: string): boolean {
    if (logCookieOf(cookie) === undefined) return false;
    this.given.ctx.log.error('packets are not logged for now: the switch refused the flows', { why });
    this.refused = true;
    return true;
  }

  samples(): Sample[] {
    return this.writer.samples();
  }

  /** Before everything is compared with the switch. */
  reread(): void {
    this.refused = false;
    this.meters.forget();
  }

  private heard({ cookie, table, data }: HandedPacket): void {
    const low = logCookieOf(cookie);
    const logged = low === undefined ? undefined : this.marks.loggedBy(low);
    if (!logged) return;
    const direction = logged.action === 'ACCEPT' && !isEgress(table) ? 'ingress' : 'egress';
    this.writer.hand({ ...logged, direction, data });
  }
}
