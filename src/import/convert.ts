// Values of Neutron's columns as values of Weft's.
import type { SourceValue } from '../contracts/snapshot.ts';
import type { Row, Value } from '../contracts/store.ts';
import type { ColumnDef, TableDef } from '../model/kit/table.ts';
import { BrokenRow, isTrue, type Source, type Target } from './mapping.ts';

/** `2026-11-27 10:00:00.123456` as ISO 8601; the database's times are UTC. */
function time(value: SourceValue): string {
  const [, date, clock] = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)/.exec(String(value)) ?? [];
  if (date === undefined) throw new BrokenRow(`${JSON.stringify(value)} is not a time`);
  return `${date}T${clock}Z`;
}

export function json(value: SourceValue): Value {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as Value;
  } catch {
    throw new BrokenRow(`${JSON.stringify(value.slice(0, 60))} is not JSON`);
  }
}

function number(value: SourceValue): number {
  const read = Number(value);
  if (!Number.isSafeInteger(read)) throw new BrokenRow(`${JSON.stringify(value)} is not a whole number`);
  return read;
}

/** An empty text in a column of JSON is nothing. */
function converted(def: ColumnDef, value: SourceValue): Value {
  if (value === null || (value === '' && def.type === 'json')) return null;
  switch (def.type) {
    case 'bool':
      return isTrue(value);
    case 'int':
      return number(value);
    case 'time':
      return time(value);
    case 'json':
      return json(value);
    case 'text':
      return String(value);
  }
}

/** What stands where Neutron has nothing and Weft wants something: the column's own, or nothing of its type. */
function blank(def: ColumnDef, name: string): Value | undefined {
  if (def.nullable) return null;
  // Nobody's.
  if (name === 'project_id') return '';
  if ((def.fill ?? null) !== null) return def.fill;
  return def.type === 'json' ? {} : undefined;
}

/** The rows of Weft that a source makes in one table. */
export function rowsOf(target: Target, def: TableDef, source: Source): Row[] {
  const each = target.each?.(source);
  if (!each) return [rowOf(target, def, source)];
  return each.map(one => rowOf(target, def, source.over(one)));
}

function rowOf({ columns }: Target, def: TableDef, source: Source): Row {
  const row: Record<string, Value> = {};
  for (const [name, column] of Object.entries(def.columns)) {
    const from = columns[name];
    const value = columnValue(from, column, source, name);
    if (value === undefined || (value === null && !column.nullable)) throw new BrokenRow(`it has no ${name}`);
    row[name] = value;
  }
  return row;
}

function columnValue(from: Target['columns'][string] | undefined, def: ColumnDef, source: Source, name: string): Value | undefined {
  if (from === undefined) return blank(def, name);
  try {
    const value = typeof from === 'string' ? converted(def, source.value(from)) : from(source);
    return value ?? blank(def, name);
  } catch (error) {
    if (error instanceof BrokenRow) throw new BrokenRow(`${name}: ${error.message}`);
    throw error;
  }
}
