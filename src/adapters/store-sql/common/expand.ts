// Two versions of the program on one database: what an earlier one can bear that a later one adds, and what both want together.
import { additions, tablesOf } from '../../../model/kit/revision.ts';
import type { ColumnDef, TableDef } from '../../../model/kit/table.ts';
import { diffSchemas, indexesOf, keyedColumns } from './schema.ts';

/** What the state has, and then what the program wants beyond that. */
export function union(state: readonly TableDef[], wanted: readonly TableDef[]): TableDef[] {
  return tablesOf([{ adds: state }, { adds: additions(state, wanted) }]);
}

/**
 * Why a program that knows the earlier tables could not work where they have become the later ones; a sentence each. Its rows lack what
 * it does not know, its keys must still be all that collides, and no text that it may write may have become too long.
 */
export function contractions(earlier: readonly TableDef[], later: readonly TableDef[]): string[] {
  const diff = diffSchemas(earlier, later);
  const now = new Map(later.map(def => [def.name, def]));
  const shared = earlier.flatMap(was => {
    const def = now.get(was.name);
    return def ? [{ was, def }] : [];
  });
  return [
    ...diff.unknown.map(name => `${name} is no longer there`),
    ...diff.drops.filter(index => !index.unique).map(index => `${index.table} (index ${index.columns.join(', ')}) is no longer there`),
    ...diff.obstacles,
    ...collisions(earlier, later),
    ...shared.flatMap(({ was, def }) => [...refilled(was, def), ...narrowed(was, def)]),
  ];
}

/** Rows of the earlier program collide in nothing new only where one of the columns is null in them. */
export function collisions(earlier: readonly TableDef[], later: readonly TableDef[]): string[] {
  const known = new Map(earlier.map(def => [def.name, def]));
  return later.flatMap(def => {
    const was = known.get(def.name);
    return was ? newKeys(was, def) : [];
  });
}

function newKeys(was: TableDef, def: TableDef): string[] {
  const known = new Set(indexesOf(was).map(index => index.name));
  const isEmpty = (name: string): boolean => {
    const { nullable, fill = null } = def.columns[name]!;
    return !(name in was.columns) && nullable === true && fill === null;
  };
  return indexesOf(def)
    .filter(index => index.unique && !known.has(index.name) && !index.columns.some(isEmpty))
    .map(index => `${def.name} (unique ${index.columns.join(', ')}) is new, and rows of an earlier program may collide in it`);
}

/** The database keeps the value that a column came with: the rows of the other program get that. */
function refilled(was: TableDef, def: TableDef): string[] {
  const fill = (column: ColumnDef): string => JSON.stringify(column.fill ?? null);
  return Object.entries(was.columns)
    .filter(([name, column]) => def.columns[name] && fill(def.columns[name]) !== fill(column))
    .map(([name]) => `${def.name}.${name} has another value for the rows that were there`);
}

/** MariaDB makes a text shorter when an index takes it in, or takes more of them in. */
function narrowed(was: TableDef, def: TableDef): string[] {
  const [before, after] = [keyedColumns(was), keyedColumns(def)];
  const texts = (keyed: number | undefined): number => (keyed === undefined ? 0 : Math.max(keyed, 3));
  return Object.entries(was.columns)
    .filter(([name, column]) => column.type === 'text' && def.columns[name] && texts(after.get(name)) !== texts(before.get(name)))
    .map(([name]) => `${def.name}.${name} is a text in another index than before: MariaDB would have to change its length`);
}
