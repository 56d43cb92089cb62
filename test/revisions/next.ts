// The revision that leads from the history of the database to the tables of the model, or why there can be none.
import { contractions } from '../../src/adapters/store-sql/common/expand.ts';
import { idOf, numbered } from '../../src/main/db/history.ts';
import { additions, type Revision, tablesOf } from '../../src/model/kit/revision.ts';
import type { ColumnDef, TableDef } from '../../src/model/kit/table.ts';

export interface Next {
  readonly revision: Revision | undefined;
  /** Why servers of the version before could not go on, a sentence each. */
  readonly refusals: readonly string[];
}

export function nextRevision(history: readonly Revision[], tables: readonly TableDef[], title: string): Next {
  const before = tablesOf(history);
  const adds = additions(before, tables).map(({ name, columns, primaryKey, unique = [], indexes = [], sought = [] }) => ({
    name,
    columns: Object.fromEntries(Object.entries(columns).map(([column, def]) => [column, plain(def)])),
    ...(primaryKey ? { primaryKey } : {}),
    ...(unique.length > 0 ? { unique } : {}),
    ...(indexes.length > 0 ? { indexes } : {}),
    ...(sought.length > 0 ? { sought } : {}),
  }));
  const revision =
    adds.length === 0 ? undefined : { id: idOf(history.at(-1), adds), name: `${numbered(history.length + 1)}-${title}`, adds };
  return { revision, refusals: contractions(before, tables) };
}

/** Without what is so anyway. */
function plain({ type, nullable, fill }: ColumnDef): ColumnDef {
  return { type, ...(nullable ? { nullable } : {}), ...((fill ?? null) === null ? {} : { fill: fill! }) };
}

/** A line for each table, so that a difference can be read. */
export function revisionText({ id, adds }: Revision): string {
  return `{\n  "id": ${JSON.stringify(id)},\n  "adds": [\n${adds.map(each => `    ${JSON.stringify(each)}`).join(',\n')}\n  ]\n}\n`;
}
