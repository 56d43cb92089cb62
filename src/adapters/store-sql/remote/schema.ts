// The schema of a database on a server: made, extended or refused before anybody is let in. Where DDL belongs to no transaction, each step
// bears being done twice, and what an extension is about to make is noted first, so that one that was broken off is gone on with.
import type { TableDef } from '../../../model/kit/table.ts';
import type { Statement } from '../common/reads.ts';
import { addColumn, createIndex, createTable, definition, diffSchemas, type Index, keyedColumns } from '../common/schema.ts';
import { added, collide, foreign, metaOf, parseMeta, type State, settled, type Wanted } from '../common/state.ts';
import type { Engine, Session } from './engine.ts';

interface Found {
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

async function look(engine: Engine, session: Session, wanted: Wanted): Promise<Found> {
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
  return { state: meta.has('version') ? parseMeta(meta, wanted) : { kind: 'weft', version: 0, tables: [] }, present, begun };
}

async function expand(engine: Engine, session: Session, wanted: Wanted, { state, begun }: Found): Promise<void> {
  if (state.kind === 'empty') for (const text of engine.systemTables) await session.run(text);
  const known = state.kind === 'weft' ? state.tables : [];
  const diff = diffSchemas(known, wanted.tables);
  if (!engine.schema.transactional) await remember(session, { product: 'weft', begun: JSON.stringify([...begun, ...added(diff)]) });
  const { dialect } = engine;
  const { repeatable } = engine.schema;
  for (const def of diff.tables) await session.run(repeatable(createTable(dialect, def)));
  for (const { table, name } of diff.columns) await session.run(repeatable(addColumn(dialect, table, name)));
  for (const index of diff.drops) await session.run(engine.schema.dropIndex(dialect.quote(index.table), dialect.quote(index.name)));
  for (const index of diff.indexes) await addIndex(engine, session, wanted, known, index);
  await remember(session, { ...metaOf(wanted), begun: '[]' });
}

async function addIndex(engine: Engine, session: Session, wanted: Wanted, known: readonly TableDef[], index: Index): Promise<void> {
  const def = wanted.tables.find(each => each.name === index.table)!;
  const was = known.find(each => each.name === index.table);
  const keyed = was && keyedColumns(was);
  const wide = keyedColumns(def);
  for (const name of index.columns)
    if (was?.columns[name] && keyed!.get(name) !== wide.get(name) && def.columns[name]!.type === 'text')
      for (const text of engine.schema.rekey(engine.dialect.quote(def.name), definition(engine.dialect, def, name)))
        await session.run(text);
  try {
    await session.run(engine.schema.repeatable(createIndex(engine.dialect, index)));
  } catch (error) {
    if (engine.takenKey(error, index.table) === undefined) throw error;
    throw collide(wanted, index.table, index.columns);
  }
}

async function remember(session: Session, entries: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, value] of Object.entries(entries)) {
    const there = await session.query({ text: 'SELECT 1 FROM schema_meta WHERE name = ?', binds: [name] } satisfies Statement);
    const text =
      there.rows.length > 0 ? 'UPDATE schema_meta SET value = ? WHERE name = ?' : 'INSERT INTO schema_meta (value, name) VALUES (?, ?)';
    await session.query({ text, binds: [value, name] });
  }
}
