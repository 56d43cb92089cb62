// The operations of a transaction on the simulated database (RFC 7047, section 5.2), on a copy that its commit puts in place.
import { randomUUID } from 'node:crypto';
import {
  blankOf,
  type Datum,
  datumOf,
  equal,
  includes,
  isUuid,
  keysOf,
  ordered,
  SimError,
  type SimRow,
  sized,
  toWire,
} from './sim-datum.ts';
import { type SimColumn, type SimTable, simSchema } from './sim-schema.ts';

export type SimTables = ReadonlyMap<string, ReadonlyMap<string, SimRow>>;
type Working = Map<string, Map<string, SimRow>>;
type Operation = Readonly<Record<string, unknown>>;
/** A `wait` that does not hold yet. */
export class Waiting extends SimError {
  readonly timeoutMs: number;
  constructor(timeoutMs: number) {
    super('timed out', '"where" condition not satisfied');
    this.timeoutMs = timeoutMs;
  }
}

const uuidColumn: SimColumn = { type: { key: { type: 'uuid' }, min: 1, max: 1 } };

export class SimTransaction {
  readonly tables: Working;
  private readonly names = new Map<string, string>();
  private readonly inserted = new Set<string>();

  constructor(tables: SimTables) {
    this.tables = new Map([...tables].map(([name, rows]) => [name, new Map(rows)]));
  }

  /** Throws SimError. */
  run(operation: unknown): Operation {
    if (typeof operation !== 'object' || operation === null) throw new SimError('syntax error', 'operation is not an object');
    const op = operation as Operation;
    switch (op['op']) {
      case 'insert':
        return this.insert(op);
      case 'select':
        this.columns(op);
        return { rows: this.matching(op).map(([id, row]) => this.projected(op, id, row)) };
      case 'update':
        return this.each(op, row => this.updated(op, row));
      case 'mutate':
        return this.each(op, row => this.mutated(op, row));
      case 'delete': {
        const rows = this.rows(op);
        const gone = this.matching(op);
        for (const [id] of gone) rows.delete(id);
        return { count: gone.length };
      }
      case 'wait':
        return this.wait(op);
      case 'comment':
        return {};
      case 'commit':
        return {};
      case 'abort':
        throw new SimError('aborted', 'aborted by request');
      default:
        throw new SimError('syntax error', `No operation "${String(op['op'])}".`);
    }
  }

  private insert(op: Operation): Operation {
    const rows = this.rows(op);
    const name = op['uuid-name'];
    const id = typeof name === 'string' ? this.named(name) : randomUUID();
    if (this.inserted.has(id)) throw new SimError('duplicate uuid-name', `This "uuid-name" appeared on an earlier "insert" operation.`);
    this.inserted.add(id);
    const { columns } = this.schema(op);
    const blank: SimRow = new Map(Object.entries(columns).map(([column, type]) => [column, blankOf(type)]));
    rows.set(id, new Map([...blank, ...this.given(op)]));
    return { uuid: ['uuid', id] };
  }

  /** An operation may name a row that a later one makes. */
  private readonly named = (name: string): string => {
    const id = this.names.get(name) ?? randomUUID();
    this.names.set(name, id);
    return id;
  };

  private given(op: Operation): [string, Datum][] {
    const row = op['row'];
    if (typeof row !== 'object' || row === null) throw new SimError('syntax error', 'Parsing operation: row member is missing');
    return Object.entries(row).map(([name, wire]) => [name, datumOf(wire, this.column(op, name), this.named)]);
  }

  private updated(op: Operation, row: SimRow): SimRow {
    const given = this.given(op);
    for (const [name] of given) this.mutable(op, name);
    return new Map([...row, ...given]);
  }

  private mutated(op: Operation, row: SimRow): SimRow {
    const out = new Map(row);
    for (const mutation of op['mutations'] as [string, string, unknown][]) {
      const [name, mutator, wire] = mutation;
      const column = this.column(op, name);
      this.mutable(op, name);
      out.set(name, this.mutant(column, out.get(name) ?? new Map(), mutator, wire));
    }
    return out;
  }

  private mutant(column: SimColumn, now: Datum, mutator: string, wire: unknown): Datum {
    const { type } = column;
    if (mutator === 'insert') {
      const comes = [...datumOf(wire, column, this.named, false)].filter(([k]) => !now.has(k));
      return sized(ordered(new Map([...now, ...comes])), type);
    }
    if (mutator === 'delete') {
      const whole = Array.isArray(wire) && wire[0] === 'map';
      const goes = whole ? datumOf(wire, column, this.named, false) : keysOf(wire, column, this.named);
      return sized(new Map([...now].filter(([k, v]) => !goes.has(k) || (whole && goes.get(k) !== v))), type);
    }
    const [by] = datumOf(wire, { type: { ...type, min: 1, max: 1 } }, this.named).keys();
    const calculate = calculations[mutator];
    if (!calculate || typeof by !== 'number') throw new SimError('unknown mutator', `No mutator named ${mutator}.`);
    return datumOf(['set', [...now.keys()].map(k => calculate(Number(k), by))], column, this.named);
  }

  private wait(op: Operation): Operation {
    const found = this.matching(op).map(([id, row]) => JSON.stringify(this.projected(op, id, row)));
    const columns = this.columns(op) ?? Object.keys(this.schema(op).columns);
    const wanted = (op['rows'] as Operation[]).map(row => {
      const known = columns.filter(name => row[name] !== undefined);
      const value = (name: string): unknown => toWire(datumOf(row[name], this.column(op, name), this.named), this.column(op, name));
      return JSON.stringify(Object.fromEntries(known.map(name => [name, value(name)])));
    });
    const same = JSON.stringify([...new Set(found)].sort()) === JSON.stringify([...new Set(wanted)].sort());
    if (same !== (op['until'] === '==')) throw new Waiting(typeof op['timeout'] === 'number' ? op['timeout'] : Number.POSITIVE_INFINITY);
    return {};
  }

  private each(op: Operation, change: (row: SimRow) => SimRow): Operation {
    const found = this.matching(op);
    const rows = this.rows(op);
    if (found.length === 0) change(new Map(Object.entries(this.schema(op).columns).map(([name, column]) => [name, blankOf(column)]))); // is checked all the same
    for (const [id, row] of found) rows.set(id, change(row));
    return { count: found.length };
  }

  private projected(op: Operation, id: string, row: SimRow): Operation {
    const columns = this.columns(op) ?? ['_uuid', ...Object.keys(this.schema(op).columns)];
    return Object.fromEntries(columns.map(name => [name, toWire(this.valueOf(id, row, name), this.column(op, name))]));
  }

  private matching(op: Operation): [string, SimRow][] {
    const where = op['where'];
    if (!Array.isArray(where)) throw new SimError('syntax error', 'Parsing operation: where member is missing');
    const clauses = where.map((clause: unknown) => {
      const [name, verb, wire] = clause as [string, string, unknown];
      const holds = conditions[verb];
      if (!holds) throw new SimError('unknown function', `No function named ${verb}.`);
      const value = datumOf(wire, this.column(op, name), this.named, verb === '==' || verb === '!=');
      return (id: string, row: SimRow): boolean => holds(this.valueOf(id, row, name), value);
    });
    return [...this.rows(op)].filter(([id, row]) => clauses.every(holds => holds(id, row)));
  }

  private valueOf(id: string, row: SimRow, name: string): Datum {
    return name === '_uuid' ? new Map([[id, true]]) : (row.get(name) ?? new Map());
  }

  private rows(op: Operation): Map<string, SimRow> {
    const { table } = op;
    const rows = typeof table === 'string' ? this.tables.get(table) : undefined;
    if (!rows) throw new SimError('syntax error', `No table named ${String(table)}.`);
    return rows;
  }

  private schema(op: Operation): SimTable {
    this.rows(op);
    return simSchema.tables[String(op['table'])]!;
  }

  private column(op: Operation, name: string): SimColumn {
    if (name === '_uuid') return uuidColumn;
    const { columns } = this.schema(op);
    const column = Object.hasOwn(columns, name) ? columns[name] : undefined;
    if (!column) throw new SimError('unknown column', `No column ${name} in table ${String(op['table'])}.`);
    return column;
  }

  private columns(op: Operation): readonly string[] | undefined {
    const names = op['columns'] as readonly string[] | undefined;
    const unknown = names?.find(name => name !== '_uuid' && !Object.hasOwn(this.schema(op).columns, name));
    if (unknown !== undefined) throw new SimError('syntax error', `${unknown} is not a valid column name`);
    return names;
  }

  private mutable(op: Operation, name: string): void {
    if (this.column(op, name).mutable === false || name === '_uuid')
      throw new SimError('constraint violation', `Cannot modify immutable column ${name} in table ${String(op['table'])}.`);
  }
}

const calculations: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+=': (a, b) => a + b,
  '-=': (a, b) => a - b,
  '*=': (a, b) => a * b,
};

const first = (datum: Datum): number => Number([...datum.keys()][0]);
const conditions: Readonly<Record<string, (a: Datum, b: Datum) => boolean>> = {
  '==': equal,
  '!=': (a, b) => !equal(a, b),
  includes,
  excludes: (a, b) => [...b].every(([k, v]) => a.get(k) !== v),
  '<': (a, b) => first(a) < first(b),
  '<=': (a, b) => first(a) <= first(b),
  '>': (a, b) => first(a) > first(b),
  '>=': (a, b) => first(a) >= first(b),
};

/** What the commit finds: rows that nobody refers to are gone, references lead somewhere, names are unique. Throws SimError. */
export function settle(tables: Working, before: SimTables): void {
  // A row that is made leads somewhere, even if nobody refers to it.
  for (const [table, rows] of tables)
    anchored(
      tables,
      table,
      [...rows].filter(([id]) => !before.get(table)?.has(id)),
    );
  while (collect(tables));
  for (const [table, rows] of tables) {
    const { maxRows, indexes = [] } = simSchema.tables[table]!;
    if (maxRows !== undefined && rows.size > maxRows)
      throw new SimError(
        'constraint violation',
        `transaction causes "${table}" table to contain ${rows.size} rows, greater than the schema-defined limit of ${maxRows} row(s)`,
      );
    for (const columns of indexes) {
      const keys = [...rows.values()].map(row => JSON.stringify(columns.map(name => [...(row.get(name) ?? [])])));
      if (new Set(keys).size < keys.length)
        throw new SimError(
          'constraint violation',
          `Transaction causes multiple rows in "${table}" table to have identical values for index on column "${columns.join()}".`,
        );
    }
    anchored(tables, table, rows);
  }
}

function anchored(tables: Working, table: string, rows: Iterable<readonly [string, SimRow]>): void {
  for (const [id, row] of rows)
    for (const [name, target, to] of references(table, row))
      if (!tables.get(target)?.has(to))
        throw new SimError(
          'referential integrity violation',
          `Table ${table} column ${name} row ${id} references nonexistent row ${to} in table ${target}.`,
        );
}

function collect(tables: Working): boolean {
  const held = new Set(
    [...tables].flatMap(([table, rows]) => [...rows.values()].flatMap(row => references(table, row).map(([, t, id]) => `${t} ${id}`))),
  );
  let gone = false;
  for (const [table, rows] of tables) {
    if (simSchema.tables[table]?.isRoot) continue;
    for (const id of rows.keys()) if (!held.has(`${table} ${id}`)) gone = rows.delete(id) || gone;
  }
  return gone;
}

function references(table: string, row: SimRow): [column: string, target: string, id: string][] {
  return Object.entries(simSchema.tables[table]!.columns).flatMap(([name, { type }]) => {
    const datum = row.get(name) ?? new Map();
    const of = (target: string | undefined, atoms: Iterable<unknown>): [string, string, string][] =>
      target === undefined ? [] : [...atoms].map(id => [name, target, String(id)]);
    return [...of(type.key.refTable, datum.keys()), ...of(type.value?.refTable, datum.values())].filter(([, , id]) => isUuid(id));
  });
}
