// Versioned objects as data: what agents are told of, field by field, in the versions that agents of several releases know.

/** How a field is written, and since which minor version. */
export interface ObjectField {
  /** `column`: left out where it is null. `text`: JSON as a string. `null`: there even where it is null. */
  readonly as: 'column' | 'null' | 'text';
  /** The type of the object, or of each object of a list. */
  readonly of?: string;
  readonly since?: number;
}

export interface ObjectType {
  /** Minor version that this server writes; the major is 1. */
  readonly minor: number;
  /** The oldest minor that it can write. */
  readonly oldest: number;
  readonly fields: Readonly<Record<string, ObjectField>>;
  /** Versions of nested types below a minor of this one: `[6, { SecurityGroupRule: 2 }]`. */
  readonly nested?: readonly (readonly [below: number, minors: Readonly<Record<string, number>>])[];
}

export const column: ObjectField = { as: 'column' };
export const nullable: ObjectField = { as: 'null' };
/** JSON inside JSON; null where there is none. */
export const text: ObjectField = { as: 'text' };
export const object = (of: string, since?: number): ObjectField => ({ as: 'null', of, ...(since === undefined ? {} : { since }) });
export const since = (minor: number, field: ObjectField = column): ObjectField => ({ ...field, since: minor });

/** Columns of one type, named. */
export function columns<const N extends readonly string[]>(...names: N): Readonly<Record<N[number], ObjectField>> {
  return Object.fromEntries(names.map(name => [name, column])) as Record<N[number], ObjectField>;
}

export const standard = columns('revision_number', 'description', 'created_at', 'updated_at');
