// A copy of the tables that follows the database's updates. A picture of it never changes: what changes is copied.
import type { OvsPicture, OvsRowChange, OvsRows } from '../../../contracts/host/ovsdb.ts';
import { type Column, type OvsTable, ovsTables } from '../../../contracts/host/ovsdb-tables.ts';
import { pictureOf } from './picture.ts';
import { blank, type ColumnType, changed, columnType, fits, fromWire, OvsdbProtocolError, record, same, type Value } from './values.ts';

type Row = Readonly<Record<string, Value>>;
type Rows = ReadonlyMap<string, Row>;
type Columns = Readonly<Record<string, Column>>;

export const tableNames = Object.keys(ovsTables) as OvsTable[];
export const columnsOf = (table: OvsTable): Columns => ovsTables[table];

/** Of each table the columns that the server has. */
export type KnownColumns = Readonly<Record<OvsTable, ReadonlyMap<string, ColumnType>>>;

/** What of the tables the server's schema has. Throws OvsdbProtocolError where it means something else by a column. */
export function knownColumns(schema: unknown): KnownColumns {
  const tables = record(record(schema)['tables']);
  const known = tableNames.map(table => {
    const there = tables[table] === undefined ? {} : record(record(tables[table])['columns']);
    const columns = Object.entries(columnsOf(table)).flatMap(([name, column]) => {
      if (there[name] === undefined) return [];
      const type = columnType(record(there[name])['type']);
      if (!fits(type, column)) throw new OvsdbProtocolError(`${table}.${name} is something else in this server's schema`);
      return [[name, type] as const];
    });
    return [table, new Map(columns)] as const;
  });
  return Object.fromEntries(known) as unknown as KnownColumns;
}

const emptyTables = (): Record<OvsTable, Rows> =>
  Object.fromEntries(tableNames.map(table => [table, new Map<string, Row>()])) as unknown as Record<OvsTable, Rows>;

export class Replica {
  private tables = emptyTables();
  private known: KnownColumns | undefined;
  private revision = 0;
  private current: OvsPicture | undefined;

  get picture(): OvsPicture {
    this.current ??= pictureOf(this.tables as unknown as OvsRows, this.revision);
    return this.current;
  }

  /** Everything there is, as the answer to `monitor` or `monitor_cond` says it; answers what is different from what was known. */
  restart(known: KnownColumns, updates: unknown): OvsRowChange[] {
    const before = this.tables;
    this.known = known;
    this.tables = emptyTables();
    try {
      this.update(updates);
    } catch (error) {
      this.tables = before;
      throw error;
    }
    return tableNames.flatMap(table => {
      const [was, is] = [before[table], this.tables[table]];
      const ids = new Set([...was.keys(), ...is.keys()]);
      return [...ids].flatMap(id => change(table, was.get(id), is.get(id)));
    });
  }

  /** `table-updates` or `table-updates2` (ovsdb-server(7), section 4.1.12). All of it is seen at once. */
  update(updates: unknown): OvsRowChange[] {
    const told = Object.entries(record(updates)).filter((entry): entry is [OvsTable, unknown] => tableNames.includes(entry[0] as OvsTable));
    const changes: OvsRowChange[] = [];
    const tables = { ...this.tables };
    for (const [table, rows] of told) {
      const copy = new Map(tables[table]);
      for (const [id, update] of Object.entries(record(rows))) {
        const before = copy.get(id);
        const after = this.row(table, id, before, record(update));
        if (after) copy.set(id, after);
        else copy.delete(id);
        changes.push(...change(table, before, after));
      }
      tables[table] = copy;
    }
    this.tables = tables;
    this.revision++;
    this.current = undefined;
    return changes;
  }

  private row(table: OvsTable, id: string, before: Row | undefined, update: Readonly<Record<string, unknown>>): Row | undefined {
    if ('new' in update || 'old' in update)
      return update['new'] === undefined ? undefined : this.filled(table, id, record(update['new']), before);
    if ('delete' in update) return undefined;
    const whole = update['initial'] ?? update['insert'];
    if (whole !== undefined) return this.filled(table, id, record(whole), undefined);
    if (!before) throw new OvsdbProtocolError(`a change of a row of ${table} that was never told of`);
    const differs = record(update['modify']);
    const columns = Object.entries(columnsOf(table)).filter(([name]) => differs[name] !== undefined);
    const max = (name: string): number => this.known?.[table].get(name)?.max ?? 1;
    return { ...before, ...Object.fromEntries(columns.map(([n, c]) => [n, changed(before[n], differs[n], c, max(n))])) };
  }

  private filled(table: OvsTable, id: string, told: Readonly<Record<string, unknown>>, before: Row | undefined): Row {
    const value = (name: string, column: Column): Value => {
      if (told[name] !== undefined) return fromWire(told[name], column);
      return before && name in before ? before[name] : blank(column);
    };
    const columns = Object.entries(columnsOf(table)).map(([name, column]) => [name, value(name, column)]);
    return { _uuid: id, ...Object.fromEntries(columns) };
  }
}

function change(table: OvsTable, before: Row | undefined, after: Row | undefined): OvsRowChange[] {
  if (!before && !after) return [];
  const equal = before && after && Object.keys(columnsOf(table)).every(name => same(before[name], after[name]));
  return equal ? [] : [{ table, before, after } as unknown as OvsRowChange];
}
