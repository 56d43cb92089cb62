// A simulated ovsdb-server: the database, and what its clients monitor of it. It speaks the protocol, so that the door's own half is the real one.
import type { Duplex } from 'node:stream';
import { JsonStream } from './json-stream.ts';
import { blankOf, type Datum, difference, equal, SimError, type SimRow, toWire } from './sim-datum.ts';
import { type SimTables, SimTransaction, settle, Waiting } from './sim-operations.ts';
import { type SimColumn, simSchema } from './sim-schema.ts';

type Results = readonly unknown[];
type Change = { readonly table: string; readonly id: string; readonly before: SimRow | undefined; readonly after: SimRow | undefined };

interface Monitor {
  readonly id: unknown;
  readonly columns: ReadonlyMap<string, readonly string[]>;
  readonly version: 1 | 2;
  readonly client: Duplex;
}

export class SimServer {
  /** Servers before 2.6 know no `monitor_cond`. */
  knowsConditions = true;
  /** A client's next transaction is answered with this error, and does nothing. */
  failNext: { readonly error: string; readonly details: string } | undefined;
  /** Transactions that changed something, for tests that count them. */
  commits = 0;
  private tables: SimTables = new Map(Object.keys(simSchema.tables).map(name => [name, new Map()]));
  private readonly clients = new Set<Duplex>();
  private monitors: Monitor[] = [];
  private readonly committed = new Set<() => void>();

  /** Hears of each transaction that changed something, when its clients have been told. */
  onCommit(tell: () => void): void {
    this.committed.add(tell);
  }

  accept(client: Duplex): void {
    const texts = new JsonStream();
    this.clients.add(client);
    client.on('data', (chunk: Buffer) => {
      for (const text of texts.push(chunk)) this.hear(client, text as Record<string, unknown>);
    });
    client.on('error', () => {});
    client.on('close', () => {
      this.clients.delete(client);
      this.monitors = this.monitors.filter(monitor => monitor.client !== client);
    });
  }

  /** All connections end; what is not kept on disk is forgotten. */
  restart(): void {
    for (const client of [...this.clients]) client.destroy();
    this.tables = new Map([...this.tables].map(([table, rows]) => [table, new Map([...rows].map(([id, row]) => [id, kept(table, row)]))]));
  }

  get connections(): number {
    return this.clients.size;
  }

  rows(table: string): ReadonlyMap<string, SimRow> {
    return this.tables.get(table) ?? new Map();
  }

  /** One transaction to its end; what waits is answered once it holds, or its time is over. */
  async transact(operations: readonly unknown[]): Promise<Results> {
    const began = performance.now();
    for (;;) {
      const { results, waiting } = this.attempt(operations);
      const left = waiting ? waiting.timeoutMs - (performance.now() - began) : 0;
      if (left <= 0) return results;
      await this.nextCommit(left);
    }
  }

  private attempt(operations: readonly unknown[]): { readonly results: Results; readonly waiting?: Waiting } {
    const transaction = new SimTransaction(this.tables);
    const results: unknown[] = [];
    try {
      for (const operation of operations) results.push(transaction.run(operation));
      settle(transaction.tables, this.tables);
      this.commit(transaction.tables);
      return { results };
    } catch (error) {
      if (!(error instanceof SimError)) throw error;
      results.push({ error: error.error, details: error.message });
      const nulls = Array.from({ length: operations.length - results.length }, () => null);
      return { results: [...results, ...nulls], ...(error instanceof Waiting ? { waiting: error } : {}) };
    }
  }

  private commit(after: SimTables): void {
    const changes = [...after].flatMap(([table, rows]): Change[] => {
      const was = this.tables.get(table) ?? new Map<string, SimRow>();
      const ids = [...new Set([...was.keys(), ...rows.keys()])].filter(id => differ(was.get(id), rows.get(id)));
      return ids.map(id => ({ table, id, before: was.get(id), after: rows.get(id) }));
    });
    this.tables = after;
    if (changes.length === 0) return;
    this.commits++;
    for (const monitor of this.monitors) {
      const updates = updatesOf(monitor, changes, 'insert');
      if (Object.keys(updates).length === 0) continue;
      this.say(monitor.client, { method: monitor.version === 2 ? 'update2' : 'update', params: [monitor.id, updates], id: null });
    }
    for (const tell of [...this.committed]) tell();
  }

  private nextCommit(withinMs: number): Promise<void> {
    return new Promise(resolve => {
      const end = (): void => {
        clearTimeout(timer);
        this.committed.delete(end);
        resolve();
      };
      const timer = setTimeout(end, Math.min(withinMs, 2 ** 30));
      this.committed.add(end);
    });
  }

  private hear(client: Duplex, { id, method, params }: Record<string, unknown>): void {
    if (typeof method !== 'string' || id === null) return;
    const list = params as readonly unknown[];
    void this.answer(client, method, list).then(
      result => this.say(client, { id, result, error: null }),
      (error: unknown) => {
        if (!(error instanceof SimError)) throw error;
        this.say(client, { id, result: null, error: { error: error.error, details: error.message } });
      },
    );
  }

  private async answer(client: Duplex, method: string, params: readonly unknown[]): Promise<unknown> {
    if (method === 'echo') return params;
    if (method === 'list_dbs') return [simSchema.name, '_Server'];
    const known = ['get_schema', 'transact', 'monitor', ...(this.knowsConditions ? ['monitor_cond'] : [])];
    if (!known.includes(method)) throw new SimError('unknown method', method);
    const [database, second, third] = params;
    if (database !== simSchema.name)
      throw new SimError('unknown database', `get_schema request specifies unknown database ${String(database)}`);
    if (method === 'get_schema') return simSchema;
    if (method === 'transact') {
      const failure = this.failNext;
      this.failNext = undefined;
      return failure ? [failure] : this.transact(params.slice(1));
    }
    return this.monitor({ id: second, columns: columnsOf(third), version: method === 'monitor_cond' ? 2 : 1, client });
  }

  private monitor(monitor: Monitor): unknown {
    this.monitors.push(monitor);
    const all = [...this.tables].flatMap(([table, rows]) => [...rows].map(([id, after]) => ({ table, id, before: undefined, after })));
    return updatesOf(monitor, all, 'initial');
  }

  private say(client: Duplex, text: unknown): void {
    if (!client.destroyed) client.write(JSON.stringify(text));
  }
}

function columnsOf(requests: unknown): Monitor['columns'] {
  return new Map(
    Object.entries(requests as Record<string, { columns?: string[] }[]>).map(([table, list]) => {
      const { columns } = simSchema.tables[table] ?? {};
      if (!columns) throw new SimError('unknown table', `no table named ${table}`);
      const names = list.flatMap(request => request.columns ?? Object.keys(columns));
      const unknown = names.find(name => columns[name] === undefined);
      if (unknown !== undefined) throw new SimError('unknown column', `${unknown} is not a valid column name`);
      return [table, names];
    }),
  );
}

function updatesOf({ columns, version }: Monitor, changes: readonly Change[], first: 'initial' | 'insert'): Record<string, object> {
  const updates: Record<string, Record<string, unknown>> = {};
  for (const { table, id, before, after } of changes) {
    const told = (columns.get(table) ?? []).filter(name => !before || !after || !equal(at(before, name), at(after, name)));
    if (!columns.has(table) || (before && after && told.length === 0)) continue;
    const all = columns.get(table) ?? [];
    const update = version === 2 ? update2(table, told, before, after, first) : update1(table, all, told, before, after);
    updates[table] = { ...updates[table], [id]: update };
  }
  return updates;
}

const differ = (a: SimRow | undefined, b: SimRow | undefined): boolean =>
  a !== b && (!a || !b || [...a].some(([name, datum]) => !equal(datum, at(b, name))));

const at = (row: SimRow, name: string): Datum => row.get(name) ?? new Map();
const columnOf = (table: string, name: string): SimColumn => simSchema.tables[table]!.columns[name]!;

function update2(table: string, told: readonly string[], before: SimRow | undefined, after: SimRow | undefined, first: string): unknown {
  if (!after) return { delete: null };
  const value = (name: string): Datum => {
    const composite = columnOf(table, name).type.max !== 1;
    return before && composite ? difference(at(before, name), at(after, name)) : at(after, name);
  };
  const named = before ? told : told.filter(name => !equal(at(after, name), blankOf(columnOf(table, name))));
  return { [before ? 'modify' : first]: Object.fromEntries(named.map(name => [name, toWire(value(name), columnOf(table, name))])) };
}

function update1(
  table: string,
  all: readonly string[],
  told: readonly string[],
  before: SimRow | undefined,
  after: SimRow | undefined,
): unknown {
  const part = (row: SimRow, names: readonly string[]): unknown =>
    Object.fromEntries(names.map(name => [name, toWire(at(row, name), columnOf(table, name))]));
  return { ...(before ? { old: part(before, told) } : {}), ...(after ? { new: part(after, all) } : {}) };
}

function kept(table: string, row: SimRow): SimRow {
  const columns = simSchema.tables[table]?.columns ?? {};
  return new Map([...row].map(([name, datum]) => [name, columns[name]?.ephemeral ? blankOf(columns[name]) : datum]));
}
