// The history of the tables as data: each revision says what it adds, and the sum of all is what the tables are now.
import type { ColumnDef, TableDef } from './table.ts';

/** A new table (then with its primary key), or what a table gets. */
export interface Addition {
  readonly name: string;
  readonly columns: Readonly<Record<string, ColumnDef>>;
  readonly primaryKey?: readonly string[];
  readonly unique?: readonly (readonly string[])[];
  readonly indexes?: readonly (readonly string[])[];
  readonly sought?: readonly string[];
}

export interface Revision {
  /** Of its contents and of the one before it: a revision that was changed afterwards has another. */
  readonly id: string;
  /** `0001-initial`. */
  readonly name: string;
  readonly adds: readonly Addition[];
}

/** The tables after these revisions, in the order in which they came. */
export function tablesOf(revisions: readonly Pick<Revision, 'adds'>[]): TableDef[] {
  const tables = new Map<string, TableDef>();
  for (const { adds } of revisions) for (const addition of adds) tables.set(addition.name, added(tables.get(addition.name), addition));
  return [...tables.values()];
}

function added(was: TableDef | undefined, { name, columns, primaryKey, unique = [], indexes = [], sought = [] }: Addition): TableDef {
  const texts = [...(was?.sought ?? []), ...sought];
  return {
    name,
    columns: { ...was?.columns, ...columns },
    primaryKey: was?.primaryKey ?? primaryKey ?? [],
    unique: [...(was?.unique ?? []), ...unique],
    indexes: [...(was?.indexes ?? []), ...indexes],
    ...(texts.length > 0 ? { sought: texts } : {}),
  };
}

/** Whether tables have all that a revision adds. */
export function isWithin({ adds }: Pick<Revision, 'adds'>, tables: readonly TableDef[]): boolean {
  const known = new Map(tables.map(def => [def.name, def]));
  return adds.every(addition => {
    const def = known.get(addition.name);
    if (!def) return false;
    const has = (keys: readonly (readonly string[])[] | undefined, wanted: readonly (readonly string[])[] = []): boolean =>
      wanted.every(key => keys?.some(other => other.join() === key.join()));
    return (
      Object.keys(addition.columns).every(name => name in def.columns) &&
      has(def.unique, addition.unique) &&
      has(def.indexes, addition.indexes) &&
      (addition.sought ?? []).every(name => def.sought?.includes(name))
    );
  });
}

/** What the later tables have beyond the earlier ones, as a revision says it. */
export function additions(earlier: readonly TableDef[], later: readonly TableDef[]): Addition[] {
  const known = new Map(earlier.map(def => [def.name, def]));
  return later.flatMap(def => {
    const was = known.get(def.name);
    if (!was) return [def];
    const columns = Object.fromEntries(Object.entries(def.columns).filter(([name]) => !(name in was.columns)));
    const unique = beyond(def.unique, was.unique);
    const indexes = beyond(def.indexes, was.indexes);
    const sought = (def.sought ?? []).filter(name => !was.sought?.includes(name));
    if (Object.keys(columns).length + unique.length + indexes.length + sought.length === 0) return [];
    return [{ name: def.name, columns, ...some('unique', unique), ...some('indexes', indexes), ...some('sought', sought) }];
  });
}

const some = <T>(name: string, list: readonly T[]): Record<string, readonly T[]> => (list.length > 0 ? { [name]: list } : {});

type Keys = readonly (readonly string[])[];

function beyond(now: Keys = [], before: Keys = []): Keys {
  return now.filter(key => !before.some(other => other.join() === key.join()));
}
