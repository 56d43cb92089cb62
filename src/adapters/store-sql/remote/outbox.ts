// The outbox where many commit at once: a number is taken before its commit is done, so the lower one may become visible later. What a
// reader has done with is therefore known by number, not by being below the highest: its cursor stands before the first number that this
// store has not handed out to it, and what it has done with beyond that has a mark. A number that never comes (its commit was taken back)
// is closed after a while by a row of nobody's, which whoever still had that number would meet, and so take another.
import type { OutboxEntry, OutboxRow } from '../../../contracts/store.ts';
import type { SqlValue } from '../common/dialect.ts';
import type { Statement } from '../common/reads.ts';
import type { Commits } from './commit.ts';
import type { Engine, Session } from './engine.ts';

/** Numbers that one look closes at most. */
const mostClosed = 100;
/** Rows that are deleted at once, and acknowledgements after which it is tried. */
const trimRows = 5000;
const trimEvery = 20;
/** The reader that nobody is: all up to its cursor is deleted, and a new reader begins there. */
const floor = '';

const pending = `SELECT o.seq, o.at, o.kind, o.id, o.event, o.revision, o.facts FROM weft_outbox o
  WHERE o.seq > (SELECT r.seq FROM weft_reader r WHERE r.reader = ?)
  AND NOT EXISTS (SELECT 1 FROM weft_mark m WHERE m.reader = ? AND m.seq = o.seq) ORDER BY o.seq LIMIT ?`;
const cursorOf = 'SELECT seq FROM weft_reader WHERE reader = ?';
const marksOf = 'SELECT seq FROM weft_mark WHERE reader = ?';
const move = 'UPDATE weft_reader SET seq = ? WHERE reader = ?';
const unmark = 'DELETE FROM weft_mark WHERE reader = ? AND seq <= ?';
const dropReader = 'DELETE FROM weft_reader WHERE reader = ?';
const dropMarks = 'DELETE FROM weft_mark WHERE reader = ?';
const slowest = `SELECT min(seq) FROM weft_reader WHERE reader <> ?`;
const trim = 'DELETE FROM weft_outbox WHERE seq <= ?';
/** By numbers, not by counting rows, of which there may be millions. */
const waiting = `SELECT (SELECT coalesce(max(o.seq), 0) FROM weft_outbox o) - r.seq
  - (SELECT count(*) FROM weft_mark m WHERE m.reader = r.reader) FROM weft_reader r WHERE r.reader = ?`;
const next = 'SELECT min(seq) FROM weft_outbox WHERE seq > ?';

export class Outbox {
  private readonly engine: Engine;
  private readonly commits: Commits;
  private readonly gapMs: number;
  /** Reader → numbers that this store has handed out to it and that it has not acknowledged. */
  private readonly handed = new Map<string, Set<number>>();
  private readonly gaps = new Map<string, { readonly after: number; readonly since: number }>();
  private acknowledged = 0;

  constructor(engine: Engine, commits: Commits, gapMs: number) {
    this.engine = engine;
    this.commits = commits;
    this.gapMs = gapMs;
  }

  /** Whoever finds nothing may have been forgotten by another process. */
  async read(reader: string, limit: number): Promise<OutboxRow[]> {
    const rows = await this.look(reader, limit);
    if (rows.length > 0 || (await this.knows(reader))) return rows;
    this.handed.delete(reader);
    return this.look(reader, limit);
  }

  async waiting(reader: string): Promise<number> {
    const { rows } = await this.commits.read(session => session.query({ text: waiting, binds: [reader] }));
    return Math.max(0, Number(rows[0]?.[0] ?? 0));
  }

  private async look(reader: string, limit: number): Promise<OutboxRow[]> {
    const handed = await this.meet(reader);
    for (;;) {
      const { rows } = await this.commits.read(session => session.query({ text: pending, binds: [reader, reader, limit] }));
      const found = rows.map(toRow);
      for (const { seq } of found) handed.add(seq);
      const told = found.filter(row => row.kind !== '');
      if (told.length > 0 || found.length === 0) return told;
      await this.acknowledge(reader, found.at(-1)!.seq);
    }
  }

  /** A reader is known from its first look on, so that nothing is deleted between that and its first acknowledgement. */
  private async meet(reader: string): Promise<Set<number>> {
    const known = this.handed.get(reader);
    if (known) return known;
    if (!(await this.knows(reader))) await this.commits.work(session => this.register(session, reader));
    const handed = this.handed.get(reader) ?? new Set();
    this.handed.set(reader, handed);
    return handed;
  }

  private async knows(reader: string): Promise<boolean> {
    const { rows } = await this.commits.read(session => session.query({ text: cursorOf, binds: [reader] }));
    return rows.length > 0;
  }

  private async register(session: Session, reader: string): Promise<void> {
    const begin = (await cursor(session, floor)) ?? 0;
    await session.query({ text: this.engine.insertNew('weft_reader', ['reader', 'seq'], 1), binds: [reader, begin] });
  }

  async acknowledge(reader: string, upTo: number): Promise<void> {
    const handed = await this.meet(reader);
    const done = [...handed].filter(seq => seq <= upTo);
    if (done.length === 0) return;
    const stuckAfter = await this.commits.work(session => this.advance(session, reader, done));
    for (const seq of done) handed.delete(seq);
    if (this.acknowledged++ % trimEvery === 0) await this.commits.work(session => this.trim(session));
    await this.watch(reader, stuckAfter);
  }

  async forget(reader: string): Promise<void> {
    this.handed.delete(reader);
    this.gaps.delete(reader);
    await this.commits.work(async session => {
      for (const text of [dropReader, dropMarks]) await session.query({ text, binds: [reader] });
      await this.trim(session);
    });
  }

  /** Where the cursor stands, if there are marks beyond it. */
  private async advance(session: Session, reader: string, done: readonly number[]): Promise<number | undefined> {
    const was = await cursor(session, reader);
    // Forgotten meanwhile: nothing is kept for it.
    if (was === undefined) return undefined;
    const marks = (await session.query({ text: marksOf, binds: [reader] })).rows.map(row => Number(row[0]));
    const known = new Set([...done, ...marks]);
    let at = was;
    while (known.has(at + 1)) at++;
    const beyond = done.filter(seq => seq > at);
    if (beyond.length > 0)
      await session.query({
        text: this.engine.insertNew('weft_mark', ['reader', 'seq'], beyond.length),
        binds: beyond.flatMap((seq): SqlValue[] => [reader, seq]),
      });
    if (at > was) await session.query({ text: move, binds: [at, reader] });
    if (marks.some(seq => seq <= at)) await session.query({ text: unmark, binds: [reader, at] });
    return [...known].some(seq => seq > at) ? at : undefined;
  }

  private async trim(session: Session): Promise<void> {
    const was = (await cursor(session, floor)) ?? 0;
    const { rows } = await session.query({ text: slowest, binds: [floor] });
    const to = Math.min(Number(rows[0]?.[0] ?? was), was + trimRows);
    if (to <= was) return;
    await session.query({ text: trim, binds: [to] });
    await session.query({ text: move, binds: [to, floor] });
  }

  /** A gap that stays is closed. */
  private async watch(reader: string, after: number | undefined): Promise<void> {
    if (after === undefined) return void this.gaps.delete(reader);
    const gap = this.gaps.get(reader);
    if (gap?.after !== after) return void this.gaps.set(reader, { after, since: performance.now() });
    if (performance.now() - gap.since < this.gapMs) return;
    this.gaps.delete(reader);
    await this.commits.work(session => this.close(session, after));
  }

  private async close(session: Session, after: number): Promise<void> {
    const { rows } = await session.query({ text: next, binds: [after] });
    const end = Math.min(Number(rows[0]?.[0] ?? 0), after + 1 + mostClosed);
    const missing = Array.from({ length: Math.max(0, end - after - 1) }, (_, i) => after + 1 + i);
    if (missing.length === 0) return;
    const columns = ['seq', 'at', 'kind', 'id', 'event', 'revision', 'facts'];
    const binds = missing.flatMap((seq): SqlValue[] => [seq, '', '', '', '', 0, '{}']);
    await session.query({ text: this.engine.insertNew('weft_outbox', columns, missing.length), binds });
  }
}

async function cursor(session: Session, reader: string): Promise<number | undefined> {
  const { rows } = await session.query({ text: `${cursorOf} FOR UPDATE`, binds: [reader] } satisfies Statement);
  return rows[0] && Number(rows[0][0]);
}

function toRow(cells: readonly unknown[]): OutboxRow {
  const [seq, at, kind, id, event, revision, facts] = cells as [number, string, string, string, OutboxEntry['event'], number, string];
  return { seq, at, kind, id, event, revision, facts: JSON.parse(facts) };
}
