// The steps of a transaction, collected: rows made, changed and let go, and what was relied upon.
import type { OvsOperation } from '../../../contracts/host/ovsdb.ts';
import { type Column, type OvsTable, ovsTables, type Uuid } from '../../../contracts/host/ovsdb-tables.ts';
import { same, sorted, toWire, type Value } from './values.ts';

type Columns = Readonly<Record<string, Column>>;
/** Of a table or of a picture: the columns that are looked at are the table's own. */
type Row = { readonly _uuid: Uuid };

/** What is wanted of columns: a value, or for words those keys that are named, with null for one that is not to be. */
type Settings = object;

/** What names a row to whoever reads a refusal. */
const nameColumn: Readonly<Record<OvsTable, string>> = {
  Open_vSwitch: 'bridges',
  Bridge: 'name',
  Port: 'name',
  Interface: 'name',
  Controller: 'target',
  Manager: 'target',
  QoS: 'type',
  Queue: 'dscp',
};

export class Steps {
  readonly guards: OvsOperation[] = [];
  readonly operations: OvsOperation[] = [];
  private readonly guarded = new Set<string>();
  private made = 0;

  /** Makes a row; answers how the rest of the transaction calls it. */
  insert(table: OvsTable, values: Settings): unknown {
    const name = `row${++this.made}`;
    const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
    const row = Object.fromEntries(given.map(([column, value]) => [column, wire(table, column, bare(value))]));
    this.operations.push({ op: 'insert', table, row, 'uuid-name': name });
    return ['named-uuid', name];
  }

  /** Makes the columns named so, as far as they are not. */
  set(table: OvsTable, row: Row, wanted: Settings): void {
    const columns: Columns = ovsTables[table];
    const update: Record<string, unknown> = {};
    const mutations: unknown[] = [];
    for (const [name, value] of Object.entries(wanted)) {
      const column = columns[name];
      if (value === undefined || column === undefined) continue;
      if (column.is === 'map') mutations.push(...wordChanges(name, at(row, name) as Words, value as WantedWords));
      else {
        const target = Array.isArray(value) ? sorted(value) : ((value ?? undefined) as Value);
        if (!same(at(row, name) as Value, target)) update[name] = toWire(target, column);
      }
    }
    if (Object.keys(update).length > 0) this.onRow(table, row, { op: 'update', row: update });
    if (mutations.length > 0) this.onRow(table, row, { op: 'mutate', mutations });
  }

  /** Puts members into a set, or takes them out. Those to be taken out are in it, or all is planned anew. */
  members(
    table: OvsTable,
    row: Row,
    column: string,
    change: { readonly insert?: readonly unknown[]; readonly delete?: readonly Uuid[] },
  ): void {
    const mutations: unknown[] = [];
    for (const id of change.delete ?? []) {
      this.guard(table, row, [[column, 'includes', ['uuid', id]]]);
      mutations.push([column, 'delete', ['set', [['uuid', id]]]]);
    }
    for (const one of change.insert ?? []) mutations.push([column, 'insert', ['set', [one]]]);
    if (mutations.length > 0) this.onRow(table, row, { op: 'mutate', mutations });
  }

  /** Puts a value that is on the wire's form already. */
  put(table: OvsTable, row: Row, column: string, value: unknown): void {
    this.onRow(table, row, { op: 'update', row: { [column]: value } });
  }

  delete(table: OvsTable, row: Row): void {
    this.onRow(table, row, { op: 'delete' });
  }

  /** That the row is there, and what is said of its columns holds. */
  guard(table: OvsTable, row: Row, also: readonly unknown[] = []): void {
    const where = [...only(row), ...also];
    const key = JSON.stringify([table, where]);
    if (this.guarded.has(key)) return;
    this.guarded.add(key);
    const name = nameColumn[table];
    const rows = [{ [name]: wire(table, name, at(row, name) as Value) }];
    // The switch's own row is known by its uuid alone: what is in it changes all the time.
    if (table === 'Open_vSwitch') this.guards.push(waiting(table, where, ['_uuid'], [{ _uuid: ['uuid', row._uuid] }]));
    else this.guards.push(waiting(table, where, [name], rows));
  }

  private onRow(table: OvsTable, row: Row, operation: OvsOperation): void {
    this.guard(table, row);
    this.operations.push({ ...operation, table, where: only(row) });
  }
}

const at = (row: Row, column: string): unknown => (row as Readonly<Record<string, unknown>>)[column];

type Words = Readonly<Record<string, string>>;
type WantedWords = Readonly<Record<string, string | null>>;

/** Insert leaves a key that is there as it is: what changes goes first. */
function wordChanges(column: string, now: Words, wanted: WantedWords): unknown[] {
  const differs = Object.entries(wanted).filter(([k, v]) => (v === null ? Object.hasOwn(now, k) : !Object.hasOwn(now, k) || now[k] !== v));
  const comes = differs.filter(([, v]) => v !== null);
  const mutations: unknown[] = [];
  if (differs.length > 0) mutations.push([column, 'delete', ['set', differs.map(([k]) => k)]]);
  if (comes.length > 0) mutations.push([column, 'insert', ['map', comes]]);
  return mutations;
}

const only = (row: Row): readonly unknown[] => [['_uuid', '==', ['uuid', row._uuid]]];

const waiting = (table: OvsTable, where: readonly unknown[], columns: readonly string[], rows: readonly unknown[]): OvsOperation => ({
  op: 'wait',
  timeout: 0,
  table,
  where,
  columns,
  until: '==',
  rows,
});

/** Of words that are to be made those that are not to be taken away. */
function bare(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== null));
}

/** A value that already is on the wire's form (a reference) stays so. */
function wire(table: OvsTable, column: string, value: unknown): unknown {
  const columns: Columns = ovsTables[table];
  const type = columns[column];
  if (!type || (type.key === 'uuid' && Array.isArray(value))) return value;
  return type.is === 'map' && type.value === 'uuid' ? value : toWire(value as Value, type);
}
