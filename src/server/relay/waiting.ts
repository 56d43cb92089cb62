// What waits for a reader of the outbox: counted, told to the operator when it waits for long, and bounded for a reader that has a bound.
import type { OutboxRow } from '../../contracts/store.ts';
import type { Services } from '../context.ts';

/** Of a reader whose facts are worth less than the room that they take. */
export interface Bound {
  /** Facts of whatever kind that may wait; 0: all. */
  readonly most: number;
  /** Whether the reader would have told of it. */
  readonly counts: (row: OutboxRow) => boolean;
}

/** Facts of one look. */
export const batch = 200;
/** So long nobody wonders, and so often it is said again. */
const patienceMs = 600_000;

export class Waiting {
  private readonly services: Services;
  private readonly reader: string;
  private readonly bound: Bound | undefined;
  private saidAt = Number.NEGATIVE_INFINITY;

  constructor(services: Services, reader: string, bound: Bound | undefined) {
    this.services = services;
    this.reader = reader;
    this.bound = bound;
  }

  /** The oldest, after what is too much has been dropped; `kept` keeps the lease meanwhile. */
  async read(kept: (work: () => Promise<readonly OutboxRow[]>) => Promise<readonly OutboxRow[]>): Promise<readonly OutboxRow[]> {
    let rows: readonly OutboxRow[] = await this.oldest();
    let count = await this.count(rows);
    if (this.bound && this.bound.most > 0 && count > this.bound.most) {
      const { bound } = this;
      rows = await kept(() => this.drop(bound, rows, count));
      count = await this.count(rows);
    }
    this.tell(rows[0], count);
    return rows;
  }

  /** Another process reads: what it says counts. */
  idle(): void {
    this.services.metrics?.set('weft_outbox_lag_seconds', { reader: this.reader }, 0);
    this.services.metrics?.set('weft_outbox_backlog', { reader: this.reader }, 0);
  }

  private oldest(): Promise<OutboxRow[]> {
    return this.services.store.outbox(this.reader, batch);
  }

  private async count(rows: readonly OutboxRow[]): Promise<number> {
    return rows.length < batch ? rows.length : Math.max(rows.length, await this.services.store.waiting(this.reader));
  }

  private async drop({ most, counts }: Bound, found: readonly OutboxRow[], waiting: number): Promise<readonly OutboxRow[]> {
    const { store, log, metrics } = this.services;
    const { reader } = this;
    const since = found[0]?.at;
    let [rows, count, dropped] = [found, waiting, 0];
    let until: string | undefined;
    while (count > most && rows.length > 0) {
      const some = rows.slice(0, count - most);
      const last = some.at(-1) as OutboxRow;
      await store.acknowledge(reader, last.seq);
      dropped += some.filter(counts).length;
      until = last.at;
      rows = await this.oldest();
      count = await this.count(rows);
    }
    metrics?.count('weft_outbox_dropped_total', { reader }, dropped);
    log.warning('relay: more waits for a reader than is kept for it, the oldest was dropped', {
      reader,
      dropped,
      since,
      until,
      kept: most,
    });
    return rows;
  }

  private tell(oldest: OutboxRow | undefined, waiting: number): void {
    const { clock, metrics, log } = this.services;
    const { reader } = this;
    const now = clock.now();
    const ageMs = oldest ? Math.max(0, now - Date.parse(oldest.at)) : 0;
    metrics?.set('weft_outbox_lag_seconds', { reader }, ageMs / 1000);
    metrics?.set('weft_outbox_backlog', { reader }, waiting);
    if (ageMs < patienceMs || (now >= this.saidAt && now - this.saidAt < patienceMs)) return;
    this.saidAt = now;
    log.warning('relay: facts have waited for long, and are kept in the database', {
      ...{ reader, waiting, since: oldest?.at, seconds: Math.round(ageMs / 1000) },
    });
  }
}
