// Where a store of the suite lives, and the tables and rows that the suite works with.
import type { TableDef } from '../../model/kit/table.ts';
import type { CommitResult, Op, Row, Store } from '../store.ts';

export interface UnderWay extends AsyncDisposable {
  end(how: 'commit' | 'rollback'): Promise<void>;
}

/** One database, empty at first. */
export interface StorePlace extends AsyncDisposable {
  /** Any number of times, also at once: each is a store of its own over the same database. */
  open(tables: readonly TableDef[]): Promise<Store>;
  /** How another process opens it: `(await import(module))[opens](where, { tables })`. Absent where no other process can. */
  /** A commit with one entry in the outbox that has its number and is not done yet. Absent where a number is taken with the commit. */
  readonly underWay?: (id: string) => Promise<UnderWay>;
  readonly elsewhere?: { readonly module: string; readonly opens: string; readonly where: string };
}

export type MakePlace = () => Promise<StorePlace>;

export const things: TableDef = {
  name: 'things',
  columns: {
    id: { type: 'text' },
    name: { type: 'text', nullable: true },
    kind: { type: 'text' },
    size: { type: 'int', nullable: true },
    up: { type: 'bool', nullable: true },
    tags: { type: 'json', nullable: true },
    seen_at: { type: 'time', nullable: true },
    'provider:mode': { type: 'text', fill: 'auto' },
    revision_number: { type: 'int', fill: 0 },
  },
  primaryKey: ['id'],
  unique: [['kind', 'name']],
  indexes: [['size'], ['name']],
};

export const parts: TableDef = {
  name: 'parts',
  columns: { thing_id: { type: 'text' }, slot: { type: 'int' }, role: { type: 'text', nullable: true } },
  primaryKey: ['thing_id', 'slot'],
};

export const counters: TableDef = {
  name: 'counters',
  columns: { id: { type: 'text' }, used: { type: 'int' }, revision_number: { type: 'int', fill: 0 } },
  primaryKey: ['id'],
};

export const suiteTables: readonly TableDef[] = [things, parts, counters];

/** A thing with every column, so that it can be compared with what comes back. */
export function thing(id: string, values: Row = {}): Row {
  const nulls = { name: null, size: null, up: null, tags: null, seen_at: null };
  return { id, kind: 'plain', ...nulls, 'provider:mode': 'auto', revision_number: 0, ...values };
}

export function insert(table: string, row: Row, tag?: string): Op {
  return tag === undefined ? { op: 'insert', table, row } : { op: 'insert', table, row, tag };
}

/** A store over a new place, both gone at the end of the test. */
export async function withStore(open: MakePlace, use: (store: Store, place: StorePlace) => Promise<void>): Promise<void> {
  await using place = await open();
  await using store = await place.open(suiteTables);
  await use(store, place);
}

export async function mustCommit(store: Store, ...ops: Op[]): Promise<void> {
  const result: CommitResult = await store.commit({ ops });
  if (!result.done) throw new Error(`the commit was refused: ${JSON.stringify(result)}`);
}

export async function idsOf(rows: Promise<Row[]>): Promise<string[]> {
  return (await rows).map(row => row.id as string).sort();
}
