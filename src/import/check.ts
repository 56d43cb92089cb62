// Whether everything in the source is understood. Whatever is not is named, and nothing is written then.
import type { SourceTable } from '../contracts/snapshot.ts';
import type { Mapping } from './mapping.ts';
import { type Broken, besideOf, keyOf, type Reading, tableOf } from './read.ts';
import { references } from './references.ts';
import { contractHead, expandHead, releaseOf } from './revisions.ts';
import { columnsOf } from './schema.ts';

/** Of each kind of refusal so many rows are named. */
export const mostNamed = 20;

export interface Findings {
  readonly refusals: readonly string[];
  /** Tables and columns that are not taken, as `--leave-out` named them. */
  readonly leftOut: readonly { readonly name: string; readonly rows: number }[];
}

const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

/** The revision decides whether anything else may be looked at. */
export async function checkRevision(reading: Reading): Promise<readonly string[]> {
  const table = reading.tables.get('alembic_version');
  if (!table) return ['there is no table alembic_version: this is not a database of Neutron'];
  const found: string[] = [];
  for await (const rows of reading.snapshot.batches(table, 100)) found.push(...rows.map(row => String(row['version_num'])));
  const wanted = [expandHead, contractHead];
  if (wanted.every(one => found.includes(one)) && found.length === wanted.length) return [];
  const names = found.map(one => `${one} (${releaseOf(one)})`).join(' and ') || 'none';
  const known = `the import knows ${wanted.join(' and ')}, the heads of Zed`;
  return [`alembic_version: the schema's revision is ${names}; ${known}. Bring an older one there with neutron-db-manage first`];
}

/** Tables that are read, by a mapping or beside one. */
export function readTables(mappings: readonly Mapping[]): ReadonlySet<string> {
  return new Set(mappings.flatMap(m => [m.from, ...Object.values(besideOf(m)).map(b => b.table)]));
}

export async function checkTables(reading: Reading, known: ReadonlySet<string>, leaveOut: readonly string[]): Promise<Findings> {
  const refusals: string[] = [];
  const leftOut: { name: string; rows: number }[] = [];
  for (const table of reading.tables.values()) {
    // The revisions of other projects in the same database.
    if (known.has(table.name) || table.name.startsWith('alembic_version')) continue;
    const rows = await reading.snapshot.count(table.name);
    if (rows === 0) continue;
    if (leaveOut.includes(table.name)) leftOut.push({ name: table.name, rows });
    else
      refusals.push(
        `${table.name}: ${plural(rows, 'row')} of a table that the import does not know (--leave-out ${table.name} goes on without)`,
      );
  }
  for (const name of leaveOut)
    if (known.has(name)) refusals.push(`--leave-out ${name}: the import reads this table; only what it does not know can be left out`);
    else if (!reading.tables.has(name.split('.')[0] ?? '')) refusals.push(`--leave-out ${name}: the source has no such table`);
  return { refusals, leftOut };
}

/** Columns that Zed does not have, and those that it has and this database does not. */
export async function checkColumns(reading: Reading, leaveOut: readonly string[]): Promise<Findings> {
  const refusals: string[] = [];
  const leftOut: { name: string; rows: number }[] = [];
  for (const [name, columns] of Object.entries(columnsOf)) {
    const table = reading.tables.get(name);
    const known = columns.split(' ').filter(column => column !== '|');
    if (!table) refusals.push(`${name}: a table of Zed is missing`);
    else for (const column of known) if (!table.columns.includes(column)) refusals.push(`${name}.${column}: a column of Zed is missing`);
    for (const column of table?.columns.filter(one => !known.includes(one)) ?? [])
      await unknownColumn(reading, table!, column, { leaveOut, refusals, leftOut });
  }
  return { refusals, leftOut };
}

interface Finding {
  readonly leaveOut: readonly string[];
  readonly refusals: string[];
  readonly leftOut: { name: string; rows: number }[];
}

async function unknownColumn({ snapshot }: Reading, table: SourceTable, column: string, found: Finding): Promise<void> {
  const [row] = await snapshot.holding(table, column, 1);
  if (!row) return;
  const name = `${table.name}.${column}`;
  if (found.leaveOut.includes(name)) found.leftOut.push({ name, rows: await snapshot.count(table.name, column) });
  else
    found.refusals.push(
      `${name}: a column that the import does not know has values (${keyOf(table, row)}; --leave-out ${name} goes on without)`,
    );
}

/** Rows that name what is not there, and those of which a part is missing. */
export async function checkReferences(reading: Reading): Promise<readonly Broken[]> {
  const broken: Broken[] = [];
  for (const reference of references) {
    const { table, column, to } = reference;
    for (const row of await reading.snapshot.dangling(reference, mostNamed))
      broken.push({ table, key: keyOf(tableOf(reading, table), row), reason: `${column} ${row[column]} is not in ${to}` });
  }
  return [...broken, ...(await orphans(reading))];
}

/** Columns that may be null in Neutron's schema, in rows that mean nothing then. */
const required: readonly (readonly [table: string, column: string, why: string])[] = [
  ['ipallocations', 'port_id', 'no port has the address'],
  ['ha_router_agent_port_bindings', 'l3_agent_id', 'no agent has this port of a highly available router: delete the port'],
  ['ipallocationpools', 'subnet_id', 'the pool is of no subnet'],
];

async function orphans(reading: Reading): Promise<Broken[]> {
  const broken: Broken[] = [];
  for (const [name, column, reason] of required) {
    const table = tableOf(reading, name);
    for (const row of await reading.snapshot.lacking(table, column, mostNamed))
      broken.push({ table: name, key: keyOf(table, row), reason });
  }
  return broken;
}
