// Trunks of an L2 agent: a loop beside its passes that has the server bind subports, the host wire them, and tells how each trunk is. A subport is wired
// as a port of the host, which the passes find as they find any other.
import { Backoff } from '../../../engine/backoff.ts';
import { DirtyQueue } from '../../../engine/dirty-queue.ts';
import type { AgentContext } from '../../context.ts';
import { Problems } from '../problems.ts';
import type { ObjectPart, Resources } from '../resources.ts';
import { type Entry, TrunkBook } from './book.ts';
import { type BoundSubPort, CannotWire, type TrunkHost } from './host.ts';
import { TrunkServer, type TrunkStatus } from './server.ts';

/** The safety net: what others change on the host, and what could not be wired. */
const POLL_MS = 30_000;
const STOP_MS = 2_000;

export interface TrunksGiven {
  readonly ctx: AgentContext;
  readonly resources: Pick<Resources, 'bulkPull'>;
  readonly host: TrunkHost;
}

export class Trunks {
  /** By which the agent hears of trunks and subports, and of each of its passes. */
  readonly objects: ObjectPart;
  private readonly given: TrunksGiven;
  private readonly server: TrunkServer;
  private readonly book = new TrunkBook();
  private readonly queue: DirtyQueue;
  private readonly problems: Problems;

  constructor(given: TrunksGiven) {
    const { ctx, resources } = given;
    this.given = given;
    this.server = new TrunkServer(ctx.bus, resources);
    this.queue = new DirtyQueue(ctx.clock);
    this.problems = new Problems(ctx.log);
    const heard: NonNullable<ObjectPart['listens']['Trunk']> = (_event, objects) => {
      if (this.book.hear(objects)) this.mark();
      return false;
    };
    this.objects = {
      listens: { Trunk: heard, SubPort: heard },
      refresh: async () => this.mark(),
      touchAll: () => {
        this.book.touchAll();
        this.mark();
      },
    };
  }

  /** Parents may have come or gone, or something was changed of what is wired. */
  mark(): void {
    this.queue.mark('host');
  }

  /** Goes on until it is disposed. */
  start(): AsyncDisposable {
    const stop = new AbortController();
    const ended = this.run(stop.signal);
    const { clock } = this.given.ctx;
    return {
      async [Symbol.asyncDispose]() {
        stop.abort();
        // A question on its way may take a minute to time out: nobody waits for its answer.
        await Promise.race([ended, clock.sleep(STOP_MS)]);
      },
    };
  }

  private async run(signal: AbortSignal): Promise<void> {
    const { ctx } = this.given;
    const retry = new Backoff({ firstMs: 200, maxMs: POLL_MS }, ctx.random);
    this.queue.mark('poll');
    for (;;) {
      const keys = await this.queue.take(signal);
      if (signal.aborted) return;
      if (keys.includes('poll')) this.queue.mark('poll', POLL_MS);
      try {
        await this.pass(signal);
        retry.reset();
      } catch (error) {
        if (signal.aborted) return;
        const afterMs = retry.next();
        ctx.log.warning('not all could be done for trunks; trying again', { after_ms: afterMs, error: String(error) });
        this.queue.mark('again', afterMs);
      }
    }
  }

  private async pass(signal: AbortSignal): Promise<void> {
    const { host } = this.given;
    this.book.keep(await host.parents());
    await this.book.refresh(this.server);
    const entries = this.book.all();
    await this.clear(entries);
    const problems: [string, string][] = [];
    let trouble: unknown;
    for (const entry of entries) {
      if (signal.aborted) return;
      await this.settle(entry, problems).catch((error: unknown) => {
        trouble ??= error;
      });
    }
    this.problems.tell(problems);
    const dueMs = await host.sweep();
    if (dueMs !== undefined) this.queue.mark('sweep', dueMs);
    if (trouble) throw trouble;
  }

  /** Of all trunks before anything is made: a subport may have gone from one to another. */
  private async clear(entries: readonly Entry[]): Promise<void> {
    const due = entries.filter(e => e.trunk !== undefined && (e.trunk !== null || !e.cleared));
    if (due.length === 0) return;
    await this.given.host.clear(new Map(due.map(e => [e.parent, e.trunk ?? null])));
    for (const entry of due) entry.cleared = true;
  }

  private async settle(entry: Entry, problems: [string, string][]): Promise<void> {
    const { trunk } = entry;
    if (!trunk) return;
    await this.bind(entry);
    const bound = trunk.sub_ports.flatMap((s): BoundSubPort[] => {
      const mac = entry.macs.get(s.port_id);
      return mac === undefined ? [] : [{ ...s, mac }];
    });
    const all = trunk.sub_ports.length + trunk.unusable.size;
    problems.push(...trunk.unusable);
    let status: TrunkStatus = bound.length < all ? 'DEGRADED' : 'ACTIVE';
    try {
      const failed = await this.given.host.wire(trunk, bound);
      problems.push(...failed);
      if (failed.size > 0) status = 'DEGRADED';
    } catch (error) {
      if (!(error instanceof CannotWire)) throw error;
      problems.push([entry.parent, error.message]);
      status = 'ERROR';
    }
    await this.tell(entry, status);
  }

  /** Subports that the server was not asked to bind yet. */
  private async bind(entry: Entry): Promise<void> {
    const { trunk, macs, unbound } = entry;
    const missing = trunk?.sub_ports.filter(s => !macs.has(s.port_id) && !unbound.has(s.port_id)) ?? [];
    if (!trunk || missing.length === 0) return;
    entry.told = undefined;
    const bound = await this.server.bind(trunk, missing);
    for (const { port_id } of missing) {
      const mac = bound?.get(port_id);
      if (mac === undefined) unbound.add(port_id);
      else macs.set(port_id, mac);
    }
    // It has no such trunk: the next pass asks again.
    if (!bound) entry.heard++;
    // By binding none the server says that it has put the trunk in ERROR, for somebody to mend.
    if (bound?.size === 0) entry.told = 'ERROR';
    if (unbound.size > 0) this.given.ctx.log.error('the server did not bind subports', { trunk: trunk.id, ports: [...unbound] });
  }

  private async tell(entry: Entry, status: TrunkStatus): Promise<void> {
    const refused = entry.told === 'ERROR' && entry.unbound.size > 0;
    if (!entry.trunk || refused || entry.told === status) return;
    await this.server.status(entry.trunk, status);
    entry.told = status;
  }
}
