// What a state says about the schema that it was made with, whether this program may use it, and the sentences where it may not.
import { createHash } from 'node:crypto';
import { SchemaRefused } from '../../../contracts/store.ts';
import type { TableDef } from '../../../model/kit/table.ts';
import { describeSchema, diffSchemas, type SchemaDiff } from './schema.ts';

export interface Wanted {
  /** Where the state is, for messages. */
  readonly path: string;
  /** What one chooses to have another: a path, a database. */
  readonly choice: 'path' | 'database';
  readonly tables: readonly TableDef[];
  readonly version: number;
}

/** Of the tables that the store keeps for itself. */
export const layout = '1';

export type State = { readonly kind: 'empty' } | { readonly kind: 'weft'; readonly version: number; readonly tables: readonly TableDef[] };

const startAnew = { path: 'move it away to begin with an empty state', database: 'choose another one to begin with an empty state' };

export function notOne({ path, choice }: Wanted): SchemaRefused {
  return new SchemaRefused(`${path} is not a database: ${startAnew[choice]}, or restore a backup.`);
}

export function damaged({ path, choice }: Wanted, what: string): SchemaRefused {
  return new SchemaRefused(`${path} is a damaged database (${what}): ${startAnew[choice]}, or restore a backup.`);
}

export function foreign({ path, choice }: Wanted, names: readonly string[]): SchemaRefused {
  const some = names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : '');
  const found = names.length > 0 ? `its tables: ${some}` : 'its header names another program';
  return new SchemaRefused(`${path} is a database of another program (${found}), not of Weft: choose another ${choice}.`);
}

export function collide({ path }: Wanted, table: string, columns: readonly string[]): SchemaRefused {
  return new SchemaRefused(`${path}: rows of ${table} collide in ${columns.join(', ')}, which must be unique now.`);
}

function newer({ path, choice, version }: Wanted, found: string): SchemaRefused {
  return new SchemaRefused(
    `${path} was made by a newer Weft (${found}; this one knows schema version ${version}): start the newer one, or choose another ${choice}.`,
  );
}

function unbridgeable({ path, choice }: Wanted, obstacles: readonly string[]): SchemaRefused {
  const list = obstacles.join('; ');
  return new SchemaRefused(
    `${path} has a schema that this Weft cannot extend: ${list}. Start the Weft that made it, or choose another ${choice}.`,
  );
}

export function parseMeta(meta: ReadonlyMap<string, string>, wanted: Wanted): State {
  const version = Number(meta.get('version'));
  const text = meta.get('tables') ?? '';
  if (!Number.isSafeInteger(version) || version < 1) throw damaged(wanted, 'its schema_meta names no version');
  if (version > wanted.version || meta.get('layout') !== layout) throw newer(wanted, `schema version ${version}`);
  if (fingerprint(text) !== meta.get('fingerprint')) throw damaged(wanted, 'its schema_meta does not fit its fingerprint');
  return { kind: 'weft', version, tables: JSON.parse(text) };
}

/** What `schema_meta` holds of a schema. */
export function metaOf(wanted: Wanted): Record<string, string> {
  const tables = describeSchema(wanted.tables);
  return { product: 'weft', layout, version: String(wanted.version), tables, fingerprint: fingerprint(tables) };
}

function fingerprint(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Whether nothing is left to do. Throws where nothing may be done. `begun`: names that an extension which was broken off may have made. */
export function settled(state: State, present: ReadonlySet<string>, wanted: Wanted, begun: ReadonlySet<string> = new Set()): boolean {
  if (state.kind === 'empty') return false;
  for (const def of state.tables)
    for (const name in def.columns) if (!present.has(`${def.name}.${name}`)) throw damaged(wanted, `${def.name}.${name} is missing`);
  const diff = diffSchemas(state.tables, wanted.tables);
  if (state.version === wanted.version && diff.unknown.length > 0) throw newer(wanted, `it has ${diff.unknown.slice(0, 5).join(', ')}`);
  const obstacles = [...diff.obstacles, ...retired(diff, present, begun)];
  if (obstacles.length > 0) throw unbridgeable(wanted, obstacles);
  return state.version === wanted.version && describeSchema(state.tables) === describeSchema(wanted.tables);
}

/** What an extension makes, as `table.column`. */
export function added(diff: SchemaDiff): string[] {
  const fresh = diff.tables.flatMap(def => Object.keys(def.columns).map(name => `${def.name}.${name}`));
  return [...fresh, ...diff.columns.map(({ table, name }) => `${table.name}.${name}`)];
}

/** A name that an earlier schema gave up still has its old rows; who comes later takes another name. */
function retired(diff: SchemaDiff, present: ReadonlySet<string>, begun: ReadonlySet<string>): string[] {
  return added(diff)
    .filter(name => present.has(name) && !begun.has(name))
    .map(name => `${name} is there already, left by an older schema`);
}
