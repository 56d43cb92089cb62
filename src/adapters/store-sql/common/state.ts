// What a state says about the schema that it was made with, whether this program may use it, and the sentences where it may not.
import { createHash } from 'node:crypto';
import { SchemaRefused } from '../../../contracts/store.ts';
import { isWithin, type Revision } from '../../../model/kit/revision.ts';
import type { TableDef } from '../../../model/kit/table.ts';
import { collisions, union } from './expand.ts';
import { describeSchema, diffSchemas, type SchemaDiff } from './schema.ts';

export interface Wanted {
  /** Where the state is, for messages. */
  readonly path: string;
  /** What one chooses to have another: a path, a database. */
  readonly choice: 'path' | 'database';
  readonly tables: readonly TableDef[];
  readonly version: number;
  /** How the tables came to be; those of tests have no history. */
  readonly revisions: readonly Revision[];
  /** Who this is, for those who look at the state later. */
  readonly program: string;
  /** `no`: the schema is somebody else's business, and where it lacks something this program does not start. */
  readonly extend: boolean;
}

/** What opening may be told of the schema. */
export interface SchemaOptions {
  /** Of the tables; raised when a table, column or unique key goes away. 1 unless told. A state of a higher version is refused. */
  readonly schemaVersion?: number;
  readonly revisions?: readonly Revision[];
  readonly program?: string;
  /** True unless told. */
  readonly extend?: boolean;
}

export function wantedOf(place: Pick<Wanted, 'path' | 'choice'>, tables: readonly TableDef[], options: SchemaOptions): Wanted {
  const { schemaVersion: version = 1, revisions = [], program = 'weft', extend = true } = options;
  return { ...place, tables, version, revisions, program, extend };
}

/** A revision that was recorded: when, and by which program. */
export interface Recorded {
  readonly id: string;
  readonly name: string;
  readonly at: string;
  readonly by: string;
}

/** Of the tables that the store keeps for itself. */
export const layout = '1';

export interface WeftState {
  readonly kind: 'weft';
  readonly version: number;
  readonly tables: readonly TableDef[];
  readonly revisions: readonly Recorded[];
  /** Who extended it last; undefined where nobody said. */
  readonly program: string | undefined;
}

export type State = { readonly kind: 'empty' } | WeftState;

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

function forbidden({ path }: Wanted, why: string): SchemaRefused {
  return new SchemaRefused(
    `${path} has to be upgraded first (${why}), which this server was told not to do by itself: run "weft db upgrade" with the same configuration.`,
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
  const revisions = JSON.parse(meta.get('revisions') ?? '[]') as readonly Recorded[];
  return { kind: 'weft', version, tables: JSON.parse(text), revisions, program: meta.get('program') };
}

/** What `schema_meta` holds once the state has become what is wanted. */
export function metaOf(wanted: Wanted, state: State, now: Date): Record<string, string> {
  const tables = describeSchema(goal(state, wanted));
  const revisions = state.kind === 'empty' ? [] : state.revisions;
  const record = { at: now.toISOString(), by: wanted.program };
  const fresh = unrecorded(state, wanted).map(({ id, name }) => ({ id, name, ...record }));
  return {
    ...{ product: 'weft', layout, version: String(wanted.version), tables, fingerprint: fingerprint(tables) },
    ...{ revisions: JSON.stringify([...revisions, ...fresh]), program: wanted.program },
  };
}

/** The program's revisions that the state does not name. */
function unrecorded(state: State, { revisions }: Wanted): readonly Revision[] {
  const known = new Set(state.kind === 'empty' ? [] : state.revisions.map(each => each.id));
  return revisions.filter(each => !known.has(each.id));
}

/** Which of the program's revisions are in the state, whoever brought them. */
export function present({ tables }: WeftState, { revisions }: Pick<Wanted, 'revisions'>): readonly Revision[] {
  return revisions.filter(each => isWithin(each, tables));
}

/** The tables that there are afterwards: those of the program, and at the same version those of newer ones, too. */
export function goal(state: State, wanted: Wanted): readonly TableDef[] {
  return state.kind === 'weft' && state.version === wanted.version ? union(state.tables, wanted.tables) : wanted.tables;
}

function fingerprint(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** From what the state is to what it is to become. */
export function expansion(state: State, wanted: Wanted): SchemaDiff {
  return diffSchemas(state.kind === 'empty' ? [] : state.tables, goal(state, wanted));
}

const isNothing = ({ tables, columns, indexes, drops }: SchemaDiff): boolean =>
  tables.length + columns.length + indexes.length + drops.length === 0;

/** Whether nothing is left to do. Throws where nothing may be done. `begun`: names that an extension which was broken off may have made. */
export function settled(state: State, found: ReadonlySet<string>, wanted: Wanted, begun: ReadonlySet<string> = new Set()): boolean {
  if (state.kind === 'empty') {
    if (!wanted.extend) throw forbidden(wanted, 'it is empty');
    return false;
  }
  for (const def of state.tables)
    for (const name in def.columns) if (!found.has(`${def.name}.${name}`)) throw damaged(wanted, `${def.name}.${name} is missing`);
  const diff = expansion(state, wanted);
  const obstacles = [...diffSchemas(state.tables, wanted.tables).obstacles, ...retired(diff, found, begun)];
  if (obstacles.length > 0) throw unbridgeable(wanted, obstacles);
  const beyond = state.version === wanted.version ? collisions(wanted.tables, goal(state, wanted)) : [];
  if (beyond.length > 0) throw newer(wanted, beyond.slice(0, 5).join('; '));
  const same = state.version === wanted.version && isNothing(diff);
  if (!same && !wanted.extend) throw forbidden(wanted, `it lacks ${inWords(diff).slice(0, 5).join(', ') || 'the schema version'}`);
  return same && (unrecorded(state, wanted).length === 0 || !wanted.extend);
}

/** What an extension makes and takes away, for people. */
export function inWords({ tables, columns, indexes, drops }: SchemaDiff): string[] {
  const fresh = new Set(tables.map(def => def.name));
  const ofIndex = (index: SchemaDiff['indexes'][number]): string =>
    `${index.unique ? 'unique key' : 'index'} ${index.table} (${index.columns.join(', ')})`;
  return [
    ...tables.map(def => `table ${def.name}`),
    ...columns.map(({ table, name }) => `column ${table.name}.${name}`),
    ...indexes.filter(index => !fresh.has(index.table)).map(ofIndex),
    ...drops.map(index => `no ${ofIndex(index)}`),
  ];
}

/** Of what was begun, that which is somebody else's and not done with. */
export function leftOf(begun: ReadonlySet<string>, tables: readonly TableDef[]): string[] {
  const done = new Set(tables.flatMap(def => Object.keys(def.columns).map(name => `${def.name}.${name}`)));
  return [...begun].filter(name => !done.has(name));
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
