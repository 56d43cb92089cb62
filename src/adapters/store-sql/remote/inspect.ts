// The schema of a database on a server, looked at and upgraded without being opened as a store.
import type { TableDef } from '../../../model/kit/table.ts';
import {
  type Inspection,
  inspection,
  lostIndexes,
  type SchemaDesk,
  type Shape,
  shapeOf,
  toWaiting,
  waitingQuery,
} from '../common/inspect.ts';
import { type SchemaOptions, type Wanted, wantedOf } from '../common/state.ts';
import type { Engine, Session } from './engine.ts';
import { type Limits, unreachable } from './open.ts';
import { addIndex, look, settleSchema } from './schema.ts';
import { type Location, parseUrl } from './url.ts';

export function remoteDesk(
  url: string,
  tables: readonly TableDef[],
  options: SchemaOptions,
  make: (limits: Limits, count: () => void) => Engine,
): SchemaDesk {
  const location = parseUrl(url);
  const wanted = wantedOf({ path: location.shown, choice: 'database' }, tables, options);
  const engine = make({ connectMs: 10_000, lockWaitMs: 5000 }, () => {});
  return {
    inspect: () => withSession(engine, location, session => inspect(engine, session, wanted)),
    readers: () => withSession(engine, location, async session => toWaiting((await session.run(waitingQuery(marked))).rows)),
    upgrade: () =>
      withSession(engine, location, async session => {
        await settleSchema(engine, session, wanted);
        return putBack(engine, session, wanted);
      }),
  };
}

const marked = 'EXISTS (SELECT 1 FROM weft_mark m WHERE m.reader = r.reader AND m.seq = o.seq)';

/** The first node that takes writes, as the store does it. */
async function withSession<T>(engine: Engine, location: Location, work: (session: Session) => Promise<T>): Promise<T> {
  let lost: unknown;
  for (const node of location.nodes) {
    let session: Session;
    try {
      session = await engine.connect(location, node);
    } catch (error) {
      if (engine.trouble(error) !== 'lost') throw error;
      lost = error;
      continue;
    }
    try {
      return await work(session);
    } finally {
      session.destroy();
    }
  }
  throw unreachable(engine, location, lost);
}

async function inspect(engine: Engine, session: Session, wanted: Wanted): Promise<Inspection> {
  const { state, begun } = await look(engine, session, wanted);
  return inspection(engine.dialect, wanted, { state, begun, shape: await shapeIn(engine, session), own: ownTables(engine) });
}

async function shapeIn({ schema }: Engine, session: Session): Promise<Shape> {
  const columns = await session.run(schema.columns);
  const indexes = await session.run(schema.indexes);
  return shapeOf(columns.rows, indexes.rows, schema.typeName);
}

const ownTables = ({ systemTables }: Engine): string[] =>
  systemTables.flatMap(text => /^CREATE TABLE IF NOT EXISTS (\w+)/.exec(text)?.[1] ?? []);

async function putBack(engine: Engine, session: Session, wanted: Wanted): Promise<string[]> {
  const lost = async () => lostIndexes((await look(engine, session, wanted)).state, await shapeIn(engine, session));
  if ((await lost()).length === 0) return [];
  const done: string[] = [];
  await engine.lockSchema(session, async () => {
    for (const index of await lost()) {
      await addIndex(engine, session, wanted, index, false);
      done.push(index.name);
    }
  });
  return done;
}
