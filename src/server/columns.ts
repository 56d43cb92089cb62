// Attributes that are columns of their resource's own table flow through every verb by the model alone; commands name only the others.
import type { Row, Value } from '../contracts/store.ts';
import type { Attributes } from '../domain/input/body.ts';
import { type Blank, blankOf } from '../engine/blank.ts';
import { absent, type Field, type Resource } from '../model/kit/resource.ts';
import type { ApiObject } from './commands/commands.ts';

type Own = readonly (readonly [name: string, field: Field])[];

interface Shown {
  readonly name: string;
  readonly asText: boolean;
}

/** By resource: lists ask for them once per row. */
const known = new WeakMap<Resource, { readonly own: Own; readonly shown: readonly Shown[]; readonly blank: Blank }>();

function fieldsOf(resource: Resource): { readonly own: Own; readonly shown: readonly Shown[]; readonly blank: Blank } {
  const found = known.get(resource);
  if (found) return found;
  const own = Object.entries(resource.fields).filter(([, field]) => field.column !== false);
  const shown = own.filter(([, field]) => field.show !== false).map(([name, field]) => ({ name, asText: field.asText === true }));
  const fields = { own, shown, blank: blankOf(shown.map(s => s.name)) };
  known.set(resource, fields);
  return fields;
}

const ownFields = (resource: Resource): Own => fieldsOf(resource).own;

/** Of a row what the API shows; the caller's to complete. */
export function shownColumns(resource: Resource, row: Row): ApiObject {
  const { shown, blank } = fieldsOf(resource);
  const out: ApiObject = { ...blank };
  for (const { name, asText } of shown) out[name] = asText ? String(row[name]) : row[name];
  return out;
}

/** The columns that the API shows, in order; undefined where one of them is shown otherwise than a database prints it. */
export function printableColumns(resource: Resource): readonly string[] | undefined {
  const { shown } = fieldsOf(resource);
  return shown.some(({ asText }) => asText) ? undefined : shown.map(({ name }) => name);
}

/** Some of these columns as the API shows them; undefined where an attribute is not just that. */
export function plainColumns(resource: Resource, names: readonly string[]): ((row: Row) => ApiObject) | undefined {
  const some = fieldsOf(resource).shown.filter(({ name }) => names.includes(name));
  if (some.length < names.length) return undefined;
  const blank = blankOf(some.map(({ name }) => name));
  return row => {
    const out: ApiObject = { ...blank };
    for (const { name, asText } of some) out[name] = asText ? String(row[name]) : row[name];
    return out;
  };
}

/** The columns of a new row: what is given, and the defaults of the rest. What must not be null and has none is for the command. */
export function newColumns(resource: Resource, given: Attributes): Record<string, Value> {
  const out: Record<string, Value> = {};
  const above = resource.parent?.column;
  if (above !== undefined) out[above] = given[above] as Value;
  for (const [name, field] of ownFields(resource)) {
    if (given[name] !== undefined) out[name] = given[name] as Value;
    else if (field.default !== undefined && field.default !== absent) out[name] = field.default as Value;
    else if (resource.table.columns[name]?.nullable && !always.includes(name)) out[name] = null;
  }
  return out;
}

/** The draft's own. */
const always = ['created_at', 'updated_at', 'revision_number'];

/** The columns that a change names. */
export function changedColumns(resource: Resource, given: Attributes): Record<string, Value> {
  const out: Record<string, Value> = {};
  for (const [name, field] of ownFields(resource)) if (field.put && given[name] !== undefined) out[name] = given[name] as Value;
  return out;
}
