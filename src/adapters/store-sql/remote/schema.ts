// The schema of a database on a server: made, extended or refused before anybody is let in. Others work on it meanwhile, so each step is alone,
// and bears being done twice; what an extension is about to make is noted first, so that one that was broken off is gone on with.
import { setTimeout as sleep } from 'node:timers/promises';
import type { TableDef } from '../../../model/kit/table.ts';
import type { Statement } from '../common/reads.ts';
import { addColumn, createIndex, createTable, definition, type Index, keyedColumns } from '../common/schema.ts';
import { added, collide, expansion, foreign, goal, leftOf, metaOf, parseMeta, type State, settled, type Wanted } from '../common/state.ts';
import type { Engine, Session } from './engine.ts';

const nothing = { kind: 'weft', tables: [], revisions: [], program: undefined } as const;

export interface Found {
  readonly state: State;
  readonly present: ReadonlySet<string>;
  readonly begun: ReadonlySet<string>;
}

/** Makes the schema what this program wants, or refuses. Several processes may do this at once: the others find it done. */
export async function settleSchema(engine: Engine, session: Session, wanted: Wanted): Promise<void> {
  if (isSettled(await look(engine, session, wanted), wanted)) return;
  await engine.lockSchema(session, async () => {
    const found = await look(engine, session, wanted);
    if (!isSettled(found, wanted)) await expand(engine, session, wanted, found);
  });
}

function isSettled({ state, present, begun }: Found, wanted: Wanted): boolean {
  return settled(state, present, wanted, begun);
}

export async function look(engine: Engine, session: Session, wanted: Wanted): Promise<Found> {
  const { rows } = await session.run(engine.schema.columns);
  const tables = [...new Set(rows.map(row => String(row[0])))];
  const present = new Set(rows.map(row => `${row[0]}.${row[1]}`));
  const none = { state: { kind: 'empty' }, present, begun: new Set<string>() } as const;
  if (tables.length === 0) return none;
  if (!present.has('schema_meta.name')) throw foreign(wanted, tables);
  const meta = new Map(
    (await session.run('SELECT name, value FROM schema_meta')).rows.map(([name, value]) => [String(name), String(value)]),
  );
  if (meta.get('product') !== 'weft') {
    // Made, and broken off before anything was written into it.
    if (meta.size === 0 && tables.every(name => name === 'schema_meta' || name.startsWith('weft_'))) return none;
    throw foreign(wanted, tables);
  }
  const begun = new Set(JSON.parse(meta.get('begun') ?? '[]') as string[]);
  return { state: meta.has('version') ? parseMeta(meta, wanted) : { ...nothing, version: 0 }, present, begun };
}

async function expand(engine: Engine, session: Session, wanted: Wanted, { state, begun }: Found): Promise<void> {
  if (state.kind === 'empty') for (const text of engine.systemTables) await session.run(text);
  const known = state.kind === 'weft' ? state.tables : [];
  const diff = expansion(state, wanted);
  await remember(session, { product: 'weft', begun: JSON.stringify([...begun, ...added(diff)]) });
  const { dialect, schema } = engine;
  const step = (text: string) => patiently(engine, () => session.run(text));
  for (const def of diff.tables) await step(schema.repeatable(createTable(dialect, def)));
  for (const { table, name } of diff.columns) await step(schema.repeatable(addColumn(dialect, table, name)));
  for (const index of diff.drops) await step(schema.dropIndex(dialect.quote(index.table), dialect.quote(index.name)));
  const fresh = new Set(diff.tables.map(def => def.name));
  for (const index of diff.indexes) {
    if (!fresh.has(index.table)) await rekey(engine, session, { wanted, known, index });
    await addIndex(engine, session, wanted, index, fresh.has(index.table));
  }
  await remember(session, { ...metaOf(wanted, state, new Date()), begun: JSON.stringify(leftOf(begun, goal(state, wanted))) });
}

/** A text that comes into an index, where it must be shorter for that. */
async function rekey(
  engine: Engine,
  session: Session,
  { wanted, known, index }: { wanted: Wanted; known: readonly TableDef[]; index: Index },
): Promise<void> {
  const def = wanted.tables.find(each => each.name === index.table);
  const was = known.find(each => each.name === index.table);
  if (!def || !was) return;
  const [keyed, wide] = [keyedColumns(was), keyedColumns(def)];
  for (const name of index.columns)
    if (was.columns[name] && keyed.get(name) !== wide.get(name) && def.columns[name]!.type === 'text')
      for (const text of engine.schema.rekey(engine.dialect.quote(def.name), definition(engine.dialect, def, name)))
        await patiently(engine, () => session.run(text));
}

/** On a table that is in use others go on writing meanwhile. */
export async function addIndex(engine: Engine, session: Session, wanted: Wanted, index: Index, alone: boolean): Promise<void> {
  const text = createIndex(engine.dialect, index);
  try {
    await patiently(engine, async () => {
      for (const one of engine.schema.indexSteps(text, engine.dialect.quote(index.name), alone)) await session.run(one);
    });
  } catch (error) {
    if (engine.takenKey(error, index.table) === undefined) throw error;
    // What is left of the attempt would be taken for the key.
    await session.run(engine.schema.dropIndex(engine.dialect.quote(index.table), engine.dialect.quote(index.name)));
    throw collide(wanted, index.table, index.columns);
  }
}

const pauseMs = 200;
const patienceMs = 120_000;

/** A step that waits for a table keeps everybody behind it waiting: so it waits for a moment, lets them by, and tries again. */
export async function patiently(engine: Engine, step: () => Promise<unknown>): Promise<void> {
  for (const until = performance.now() + patienceMs; ; await sleep(pauseMs)) {
    try {
      await step();
      return;
    } catch (error) {
      if (engine.trouble(error) !== 'again' || performance.now() > until) throw error;
    }
  }
}

/** All or nothing: half of it would be a state that does not fit its fingerprint. */
async function remember(session: Session, entries: Readonly<Record<string, string>>): Promise<void> {
  await session.begin();
  try {
    for (const [name, value] of Object.entries(entries)) {
      const there = await session.query({ text: 'SELECT 1 FROM schema_meta WHERE name = ?', binds: [name] } satisfies Statement);
      const text =
        there.rows.length > 0 ? 'UPDATE schema_meta SET value = ? WHERE name = ?' : 'INSERT INTO schema_meta (value, name) VALUES (?, ?)';
      await session.query({ text, binds: [value, name] });
    }
    await session.commit();
  } catch (error) {
    await session.rollback().catch(() => session.destroy());
    throw error;
  }
}
