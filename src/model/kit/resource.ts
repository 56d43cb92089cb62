// A resource is one declaration; an extension is the same kind of data added to it. Everything else derives from these.
import type { ColumnDef, ColumnType, TableDef } from './table.ts';
import type { Type } from './types.ts';

/** A default that means: the attribute was not given, and the command decides. */
export const absent = Symbol('absent');

export interface Field<V = unknown> {
  readonly type: Type<V>;
  /** Settable on create. Without a default it is required there. */
  readonly post?: boolean;
  /** Settable on update. */
  readonly put?: boolean;
  readonly default?: V | null | typeof absent;
  /** False: never in an answer. */
  readonly show?: false;
  readonly filter?: boolean;
  readonly sort?: boolean;
  /** A policy rule `<action>_<resource>:<attribute>` is looked up for it. */
  readonly policed?: boolean;
  /** False: not a column of the resource's own table; the command loads it. */
  readonly column?: false;
  /** The column holds null where the value is not known. */
  readonly nullable?: boolean;
}

export type Fields = Readonly<Record<string, Field>>;
export type Verb = 'list' | 'show' | 'create' | 'update' | 'delete';

export interface Resource<F extends Fields = Fields> {
  /** Singular, as in bodies and policy names: `network`, `security_group_rule`. */
  readonly name: string;
  /** Plural, as the body key of a list: `networks`. */
  readonly plural: string;
  /** URL segment(s) of the collection, with its prefix if any: `security-groups`. */
  readonly path: string;
  readonly fields: F;
  readonly verbs: readonly Verb[];
  readonly bulk: boolean;
  /** Has description, created_at, updated_at, revision_number. */
  readonly standard: boolean;
  readonly taggable: boolean;
  /** Counted against this quota, with Neutron's default limit. */
  readonly quota?: number;
  readonly actions: Readonly<Record<string, 'PUT' | 'GET'>>;
  readonly table: TableDef;
  readonly parent?: { readonly resource: string; readonly column: string };
}

export interface ResourceSpec<F extends Fields> {
  readonly name: string;
  readonly plural?: string;
  readonly path?: string;
  readonly fields: F;
  readonly verbs?: readonly Verb[];
  readonly bulk?: boolean;
  readonly standard?: boolean;
  readonly taggable?: boolean;
  readonly quota?: number;
  readonly actions?: Readonly<Record<string, 'PUT' | 'GET'>>;
  readonly unique?: readonly (readonly string[])[];
  readonly indexes?: readonly (readonly string[])[];
  /** Columns that are stored and never shown. */
  readonly hidden?: Readonly<Record<string, ColumnDef>>;
  readonly parent?: { readonly resource: string; readonly column: string };
}

export interface Extension {
  readonly alias: string;
  readonly name: string;
  readonly description: string;
  readonly updated: string;
  /** Fields it adds, by resource name. */
  readonly adds?: Readonly<Record<string, Fields>>;
}

const all: readonly Verb[] = ['list', 'show', 'create', 'update', 'delete'];

export function defineResource<const F extends Fields>(spec: ResourceSpec<F>): Resource<F> {
  const plural = spec.plural ?? `${spec.name}s`;
  return {
    name: spec.name,
    plural,
    path: spec.path ?? plural.replaceAll('_', '-'),
    fields: spec.fields,
    verbs: spec.verbs ?? all,
    bulk: spec.bulk ?? true,
    standard: spec.standard ?? true,
    taggable: spec.taggable ?? false,
    ...(spec.quota === undefined ? {} : { quota: spec.quota }),
    ...(spec.parent === undefined ? {} : { parent: spec.parent }),
    actions: spec.actions ?? {},
    table: tableOf(plural, spec),
  };
}

type All<G extends readonly Fields[]> = G extends readonly [infer H, ...infer T extends readonly Fields[]] ? H & All<T> : unknown;

/** The same resource with the fields of extensions: a new declaration, since declarations are values. */
export function extend<F extends Fields, const G extends readonly Fields[]>(resource: Resource<F>, ...more: G): Resource<F & All<G>> {
  const added: Fields = Object.assign({}, ...more);
  const columns = { ...resource.table.columns };
  for (const [name, field] of Object.entries(added)) if (field.column !== false) columns[name] = columnOf(field);
  return { ...resource, fields: { ...resource.fields, ...added } as F & All<G>, table: { ...resource.table, columns } };
}

export function columnOf(field: Field): ColumnDef {
  const nullable = field.nullable ?? (field.type.kind === 'optional' || field.default === null || field.default === absent);
  const fill = field.default === absent || field.default === undefined ? null : (field.default as ColumnDef['fill']);
  return { type: columnType(field.type), nullable, ...(fill === undefined ? {} : { fill }) };
}

function columnType(type: Type): ColumnType {
  switch (type.kind) {
    case 'bool':
      return 'bool';
    case 'int':
      return 'int';
    case 'enum':
      return type.values.every(v => typeof v === 'number') ? 'int' : 'text';
    case 'list':
    case 'dict':
    case 'any':
      return 'json';
    case 'optional':
      return columnType(type.of);
    case 'special':
      return type.column;
    case 'time':
      return 'time';
    default:
      return 'text';
  }
}

function tableOf(plural: string, spec: ResourceSpec<Fields>): TableDef {
  const columns: Record<string, ColumnDef> = {};
  for (const [name, field] of Object.entries(spec.fields)) if (field.column !== false) columns[name] = columnOf(field);
  Object.assign(columns, spec.hidden);
  return {
    name: plural,
    columns,
    primaryKey: ['id'],
    ...(spec.unique ? { unique: spec.unique } : {}),
    ...(spec.indexes ? { indexes: spec.indexes } : {}),
  };
}
