// The rows of Weft that a database of Neutron makes, batch by batch: never more of it in memory than one batch and what is beside it.
import type { Snapshot, SourceRow, SourceTable, SourceValue } from '../contracts/snapshot.ts';
import type { Row } from '../contracts/store.ts';
import type { TableDef } from '../model/kit/table.ts';
import { rowsOf } from './convert.ts';
import { type Beside, BrokenRow, beside, type Mapping, Source } from './mapping.ts';

const batchSize = 500;

export interface Broken {
  readonly table: string;
  readonly key: string;
  readonly reason: string;
}

/** What one batch of a table became. */
export interface Batch {
  readonly mapping: Mapping;
  readonly read: number;
  readonly excepted: number;
  readonly rows: readonly { readonly table: string; readonly row: Row }[];
  readonly broken: readonly Broken[];
}

export interface Reading {
  readonly snapshot: Snapshot;
  readonly tables: ReadonlyMap<string, SourceTable>;
  readonly defs: ReadonlyMap<string, TableDef>;
}

const standard: Readonly<Record<string, Beside>> = {
  standard: beside('standardattributes', 'id', 'standard_attr_id'),
  tags: beside('tags', 'standard_attr_id', 'standard_attr_id'),
};

export const besideOf = (mapping: Mapping): Readonly<Record<string, Beside>> => ({
  ...(mapping.standard ? standard : {}),
  ...mapping.beside,
});

const tagsOf = { table: 'tags', columns: { object_id: 'object_id', tag: 'tag' } } as const;

export async function* readAll(reading: Reading, mappings: readonly Mapping[]): AsyncIterable<Batch> {
  for (const mapping of mappings) {
    const table = tableOf(reading, mapping.from);
    for await (const rows of reading.snapshot.batches(table, batchSize)) yield await readBatch(reading, mapping, rows);
  }
}

async function readBatch(reading: Reading, mapping: Mapping, all: readonly SourceRow[]): Promise<Batch> {
  const { except } = mapping;
  const taken = except ? all.filter(row => !except.when(row)) : all;
  const others = await besideAll(reading, besideOf(mapping), taken);
  const rows: { table: string; row: Row }[] = [];
  const broken: Broken[] = [];
  for (const row of taken) {
    const source = new Source(row, Object.fromEntries(Object.entries(others).map(([name, find]) => [name, find(row)])));
    try {
      rows.push(...made(reading, mapping, source));
    } catch (error) {
      if (!(error instanceof BrokenRow)) throw error;
      broken.push({ table: mapping.from, key: keyOf(tableOf(reading, mapping.from), row), reason: error.message });
    }
  }
  return { mapping, read: all.length, excepted: all.length - taken.length, rows, broken };
}

function made({ defs }: Reading, { into, standard: tagged }: Mapping, source: Source): { table: string; row: Row }[] {
  const tags = {
    ...tagsOf,
    each: (one: Source) => one.many('tags').map(({ tag = null }) => ({ tag, object_id: one.row['id'] ?? null })),
  };
  return [...into, ...(tagged ? [tags] : [])].flatMap(target =>
    rowsOf(target, defs.get(target.table)!, source).map(row => ({ table: target.table, row })),
  );
}

type Find = (row: SourceRow) => readonly SourceRow[];

async function besideAll(
  reading: Reading,
  wanted: Readonly<Record<string, Beside>>,
  rows: readonly SourceRow[],
): Promise<Record<string, Find>> {
  const out: Record<string, Find> = {};
  for (const [name, { table, by, of }] of Object.entries(wanted)) {
    const values = rows.map(row => row[of] ?? null);
    const found = Map.groupBy(await reading.snapshot.matching(tableOf(reading, table), by, values), row => row[by] as SourceValue);
    out[name] = row => found.get(row[of] ?? null) ?? [];
  }
  return out;
}

export function tableOf({ tables }: Pick<Reading, 'tables'>, name: string): SourceTable {
  const table = tables.get(name);
  if (!table) throw new Error(`the source has no table ${name}`);
  return table;
}

/** A row's primary key, for people. */
export function keyOf({ primaryKey }: SourceTable, row: SourceRow): string {
  return primaryKey.map(name => `${name} ${row[name]}`).join(', ');
}
