// Opens a database for reading: one session holds the moment, another sees what it is now.
import type { Reference, Snapshot, SourceRow, SourceTable, SourceValue } from '../../contracts/snapshot.ts';
import { type Location, parseUrl } from '../store-sql/remote/url.ts';
import { readMariadb } from './mariadb.ts';
import { readPostgres } from './postgres.ts';
import type { SourceSession } from './session.ts';

/** Errors name the database without its password. */
export async function openSnapshot(url: string): Promise<Snapshot> {
  const location = parseUrl(url);
  const connect = location.kind === 'mariadb' ? readMariadb : location.kind === 'postgres' ? readPostgres : undefined;
  if (!connect) throw new Error('a database of Neutron is on MariaDB, MySQL or PostgreSQL: mysql+pymysql://… or postgresql://…');
  const now = await first(location, node => connect(location, node));
  try {
    const then = await first(location, node => connect(location, node));
    await then.freeze();
    return new DatabaseSnapshot(location.shown, then, now);
  } catch (error) {
    await now.close();
    throw error;
  }
}

/** The first node that answers. */
async function first<T>({ nodes, shown }: Location, connect: (node: Location['nodes'][number]) => Promise<T>): Promise<T> {
  let last: unknown;
  for (const node of nodes) {
    try {
      return await connect(node);
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`cannot read ${shown}: ${last instanceof Error ? last.message : String(last)}`);
}

class DatabaseSnapshot implements Snapshot {
  readonly shown: string;
  private readonly past: SourceSession;
  private readonly present: SourceSession;

  constructor(shown: string, past: SourceSession, present: SourceSession) {
    this.shown = shown;
    this.past = past;
    this.present = present;
  }

  async tables(): Promise<ReadonlyMap<string, SourceTable>> {
    return new Map((await this.past.tables()).map(table => [table.name, table]));
  }

  async count(table: string, column?: string): Promise<number> {
    const [row] = await this.past.rows(`SELECT COUNT(${column === undefined ? '*' : this.q(column)}) AS n FROM ${this.q(table)}`);
    return Number(row?.['n']);
  }

  async *batches(table: SourceTable, size: number): AsyncIterable<readonly SourceRow[]> {
    const key = table.primaryKey;
    let after: SourceValue[] | undefined;
    for (;;) {
      const from = after ? ` WHERE ${this.beyond(key)}` : '';
      const binds = after ? key.flatMap((_, i) => after!.slice(0, i + 1)) : [];
      const rows = await this.past.rows(`SELECT * FROM ${this.q(table.name)}${from}${this.ordered(table)} LIMIT ${size}`, binds);
      if (rows.length > 0) yield rows;
      const last = rows.at(-1);
      if (!last || rows.length < size || key.length === 0) return;
      after = key.map(name => last[name] ?? null);
    }
  }

  async matching(table: SourceTable, column: string, values: readonly SourceValue[]): Promise<SourceRow[]> {
    const distinct = [...new Set(values)].filter(value => value !== null && value !== undefined);
    if (distinct.length === 0) return [];
    const list = distinct.map(() => '?').join(', ');
    return this.past.rows(`SELECT * FROM ${this.q(table.name)} WHERE ${this.q(column)} IN (${list})${this.ordered(table)}`, distinct);
  }

  holding(table: SourceTable, column: string, limit: number): Promise<SourceRow[]> {
    return this.past.rows(`SELECT * FROM ${this.q(table.name)} WHERE ${this.q(column)} IS NOT NULL${this.ordered(table)} LIMIT ${limit}`);
  }

  lacking(table: SourceTable, column: string, limit: number): Promise<SourceRow[]> {
    return this.past.rows(`SELECT * FROM ${this.q(table.name)} WHERE ${this.q(column)} IS NULL${this.ordered(table)} LIMIT ${limit}`);
  }

  async dangling({ table, column, to, toColumn }: Reference, limit: number): Promise<SourceRow[]> {
    const here = `t.${this.q(column)}`;
    const there = `SELECT 1 FROM ${this.q(to)} o WHERE o.${this.q(toColumn)} = ${here}`;
    return this.past.rows(`SELECT t.* FROM ${this.q(table)} t WHERE ${here} IS NOT NULL AND NOT EXISTS (${there}) LIMIT ${limit}`);
  }

  async fingerprint(table: string, columns: readonly string[], when: 'then' | 'now'): Promise<string> {
    const session = when === 'now' ? this.present : this.past;
    const [row] = await session.rows(`SELECT COUNT(*) AS n, SUM(${session.digest(columns)}) AS total FROM ${this.q(table)}`);
    return [row?.['n'], row?.['total']].join(' ');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.past.close(), this.present.close()]);
  }

  private q(name: string): string {
    return this.past.quote(name);
  }

  private ordered({ primaryKey }: SourceTable): string {
    return primaryKey.length === 0 ? '' : ` ORDER BY ${primaryKey.map(name => this.q(name)).join(', ')}`;
  }

  /** Greater than a key, in a form that an index serves: a > ? OR (a = ? AND b > ?) … */
  private beyond(key: readonly string[]): string {
    const cases = key.map((name, i) => [...key.slice(0, i).map(n => `${this.q(n)} = ?`), `${this.q(name)} > ?`].join(' AND '));
    return `(${cases.map(one => `(${one})`).join(' OR ')})`;
  }
}
