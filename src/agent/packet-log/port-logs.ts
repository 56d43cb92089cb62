// Which ports here are logged, and by which logs. The server is asked beside the passes of the agent: no port waits for its log.
import type { Bus } from '../../contracts/bus.ts';
import type { Log } from '../../contracts/log.ts';
import { Backoff } from '../../engine/backoff.ts';
import type { Clock } from '../../engine/clock.ts';
import { DirtyQueue } from '../../engine/dirty-queue.ts';
import type { ObjectPart } from '../l2/resources.ts';
import { isUuid } from '../l2/wire.ts';
import { type PortLog, parseLogs } from './wire.ts';

const target = { topic: 'logging-plugin', version: '1.0', namespace: 'logging-plugin' } as const;
const KIND = { resource_type: 'security_group' } as const;

/** Questions on their way at once. */
const WIDTH = 8;
/** A port that was asked about lately may not be up yet: then the server does not name it when it is asked about a log. */
const LATELY_MS = 60_000;

export interface PortLogsGiven {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Some port's logs are not what they were. */
  onChange(): void;
  /** For some port the server has answered for the first time. */
  onKnown?(): void;
}

interface Known {
  /** What the port's details were when its logs were asked for. */
  version: number;
  askedAt: number;
  answered: boolean;
  logs: readonly PortLog[];
}

export class PortLogs implements ObjectPart, Disposable {
  private readonly given: PortLogsGiven;
  private readonly ports = new Map<string, Known>();
  private readonly queue: DirtyQueue;
  private readonly stop = new AbortController();
  private failing = false;

  constructor(given: PortLogsGiven) {
    this.given = given;
    this.queue = new DirtyQueue(given.clock);
    void this.run();
  }

  [Symbol.dispose](): void {
    this.stop.abort();
  }

  readonly listens: ObjectPart['listens'] = {
    Log: (event, objects) => {
      const ids = objects.map(o => o.data['id']).filter(isUuid);
      for (const id of ids)
        if (event === 'deleted') this.forget(id);
        else this.queue.mark(`log ${id}`);
      return false;
    },
  };

  /** No pass waits for an answer. */
  async refresh(): Promise<void> {}

  touchAll(): void {
    for (const id of this.ports.keys()) this.queue.mark(`port ${id}`);
  }

  of(portId: string): readonly PortLog[] {
    return this.ports.get(portId)?.logs ?? [];
  }

  /** Whether the server has ever answered for the port. */
  isKnown(portId: string): boolean {
    return this.ports.get(portId)?.answered ?? false;
  }

  /** The ports that are here now; `version` grows whenever the server has something new on one. */
  present(ports: ReadonlyMap<string, number>): void {
    for (const id of this.ports.keys()) if (!ports.has(id)) this.ports.delete(id);
    for (const [id, version] of ports) {
      const known = this.ports.get(id);
      if (known?.version === version) continue;
      if (known) known.version = version;
      else this.ports.set(id, { version, askedAt: 0, answered: false, logs: [] });
      this.queue.mark(`port ${id}`);
    }
  }

  private forget(id: string): void {
    let had = false;
    for (const known of this.ports.values()) {
      if (!known.logs.some(l => l.id === id)) continue;
      known.logs = known.logs.filter(l => l.id !== id);
      had = true;
    }
    // An answer that is on its way may still name it.
    for (const [port, { askedAt }] of this.ports) if (this.lately(askedAt)) this.queue.mark(`port ${port}`);
    if (had) this.given.onChange();
  }

  private readonly lately = (at: number): boolean => this.given.clock.now() - at < LATELY_MS;

  private async run(): Promise<void> {
    const { clock, log } = this.given;
    const retry = new Backoff({ firstMs: 500, maxMs: 30_000 }, this.given.random);
    for (;;) {
      const keys = await this.queue.take(this.stop.signal);
      if (this.stop.signal.aborted) return;
      try {
        await this.ask(keys);
        if (this.failing) log.info('the server tells of logs again');
        this.failing = false;
        retry.reset();
      } catch (error) {
        if (this.stop.signal.aborted) return;
        if (!this.failing) log.warning('the server does not tell which ports are logged; trying on', { error: String(error) });
        this.failing = true;
        for (const key of keys) this.queue.mark(key);
        await clock.sleep(retry.next(), this.stop.signal);
      }
    }
  }

  private async ask(keys: readonly string[]): Promise<void> {
    const of = (kind: string): string[] => keys.flatMap(k => (k.startsWith(`${kind} `) ? [k.slice(kind.length + 1)] : []));
    const asked = new Set(of('port'));
    const logs = of('log');
    if (logs.length > 0) for (const id of await this.portsOf(logs)) asked.add(id);
    const here = [...asked].filter(id => this.ports.has(id));
    for (let at = 0; at < here.length; at += WIDTH) await Promise.all(here.slice(at, at + WIDTH).map(id => this.askFor(id)));
  }

  /** The ports here that the logs are about, were about, or may be about. */
  private async portsOf(logs: readonly string[]): Promise<string[]> {
    const log_resources = logs.map(id => ({ id }));
    const named = parseLogs(await this.given.bus.call(target, 'get_sg_log_info_for_log_resources', { ...KIND, log_resources }));
    return [...this.ports].flatMap(([id, known]) =>
      named.has(id) || this.lately(known.askedAt) || known.logs.some(l => logs.includes(l.id)) ? [id] : [],
    );
  }

  private async askFor(id: string): Promise<void> {
    const known = this.ports.get(id);
    if (!known) return;
    known.askedAt = this.given.clock.now();
    const answer = await this.given.bus.call(target, 'get_sg_log_info_for_port', { ...KIND, port_id: id });
    const logs = parseLogs(answer).get(id) ?? [];
    if (this.ports.get(id) !== known) return;
    const first = !known.answered;
    known.answered = true;
    if (first) this.given.onKnown?.();
    if (JSON.stringify(logs, plain) === JSON.stringify(known.logs, plain)) return;
    known.logs = logs;
    this.given.onChange();
  }
}

const plain = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
