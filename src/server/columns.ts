// Attributes that are columns of their resource's own table flow through every verb by the model alone; commands name only the others.
import type { Row, Value } from '../contracts/store.ts';
import type { Attributes } from '../domain/input/body.ts';
import { absent, type Field, type Resource } from '../model/kit/resource.ts';
import type { ApiObject } from './commands/commands.ts';

function* ownFields(resource: Resource): Generator<readonly [name: string, field: Field]> {
  for (const [name, field] of Object.entries(resource.fields)) if (field.column !== false) yield [name, field];
}

/** Of a row what the API shows. */
export function shownColumns(resource: Resource, row: Row): ApiObject {
  const out: ApiObject = {};
  for (const [name, field] of ownFields(resource)) if (field.show !== false) out[name] = row[name];
  return out;
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
