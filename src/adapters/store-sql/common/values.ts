// Values on their way into a statement: checked against the column's type, so that a wrong one is a clear error here and not a
// surprise of the database.
import type { Value } from '../../../contracts/store.ts';
import type { ColumnDef } from '../../../model/kit/table.ts';
import type { Dialect, SqlValue } from './dialect.ts';
import { StoreMisuse } from './misuse.ts';

const wholeSecond = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const isoTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

function wrong(where: string, type: string, value: unknown): StoreMisuse {
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : typeof value;
  return new StoreMisuse(`${where} is ${type}, and was given ${shown}`);
}

/** ISO 8601 of any offset to UTC with second precision; `up` rounds a fraction up instead of down. */
export function toSecond(where: string, value: unknown, up = false): string {
  if (typeof value !== 'string') throw wrong(where, 'a time', value);
  if (wholeSecond.test(value)) return value;
  const ms = isoTime.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms)) throw wrong(where, 'a time (ISO 8601)', value);
  const seconds = up ? Math.ceil(ms / 1000) : Math.floor(ms / 1000);
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}

function toJson(where: string, value: Value): string {
  const text = JSON.stringify(value);
  if (text === undefined) throw wrong(where, 'JSON', value);
  return text;
}

/** `where` names the column in messages. Null is for the caller to judge. */
export function encode(dialect: Dialect, where: string, def: ColumnDef, value: Value): SqlValue {
  if (value === null) return null;
  switch (def.type) {
    case 'text':
      if (typeof value === 'string') return value;
      throw wrong(where, 'text', value);
    case 'int':
      if (Number.isSafeInteger(value)) return value as number;
      throw wrong(where, 'a whole number', value);
    case 'bool':
      if (typeof value === 'boolean') return dialect.bool(value);
      throw wrong(where, 'a boolean', value);
    case 'time':
      return toSecond(where, value);
    case 'json':
      return toJson(where, value);
  }
}
