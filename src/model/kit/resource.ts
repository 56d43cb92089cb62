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
  /** Shown as a text whatever it is, as from Neutron. */
  readonly asText?: true;
  /** Of a port: what Nova and the agents find of the value (never of null) in the binding's profile. */
  inProfile?(value: V): Readonly<Record<string, unknown>>;
}

export type Fields = Readonly<Record<string, Field>>;
export type Verb = 'list' | 'show' | 'create' | 'update' | 'delete';

export interface Resource<F extends Fields = Fields> {
  /** Singular, as in bodies and policy names: `network`, `security_group_rule`. */
  readonly name: string;
  /** The key of one object in bodies, where that is another resource's name too: `service_profile` below a flavor. */
  readonly bodyName: string;
  /** Plural, as the body key of a list: `networks`. */
  readonly plural: string;
  /** URL segments of the collection, with its prefix if any: `security-groups`, `qos/policies`; below a parent, behind the parent's id. */
  readonly path: string;
  readonly fields: F;
  readonly verbs: readonly Verb[];
  readonly bulk: boolean;
  /** Has description, created_at, updated_at, revision_number. */
  readonly standard: boolean;
  readonly taggable: boolean;
  /** Counted against this quota, with Neutron's default limit. */
  readonly quota?: number;
  /** Resources of which a new one brings some along, within their quota. */
  readonly brings?: readonly Resource[];
  readonly actions: Readonly<Record<string, 'PUT' | 'GET'>>;
  readonly table: TableDef;
  /** False: nothing is stored; the command computes the objects. */
  readonly stored: boolean;
  /** The column that names a member in URLs. */
  readonly key: string;
  /** As policy rules name it behind the verb: `network`, and `floatingip_port_forwarding` below a parent. */
  readonly policyName: string;
  readonly notFound?: NotFound;
  /** What refusals call the project that an object belongs to: older resources know tenants. */
  readonly owner: 'tenant_id' | 'project_id';
  /** Reached below an object of this resource, and found by it and its own id together. */
  readonly parent?: Parent;
  /** Name of the sub-resource whose members this is another URL of, without the parent's id. */
  readonly aliasOf?: string;
  /** Attributes of extensions that are switched off: columns, and nothing to a client. */
  readonly off?: readonly string[];
}

/** The refusal where there is no such object: a row of the error catalog, and which of its parameters are the id and the parent's id. */
export interface NotFound {
  readonly type: string;
  readonly id: string;
  readonly parent?: string;
}

export interface Parent {
  /** Name of the parent resource. */
  readonly resource: string;
  readonly table: string;
  /** The column of the sub-resource that holds the parent's id. Stored, never given or shown. */
  readonly column: string;
}

export interface ResourceSpec<F extends Fields> {
  readonly name: string;
  readonly bodyName?: string;
  readonly plural?: string;
  readonly path?: string;
  readonly fields: F;
  readonly verbs?: readonly Verb[];
  readonly bulk?: boolean;
  readonly standard?: boolean;
  readonly taggable?: boolean;
  readonly quota?: number;
  readonly brings?: readonly Resource[];
  readonly actions?: Readonly<Record<string, 'PUT' | 'GET'>>;
  readonly unique?: readonly (readonly string[])[];
  readonly indexes?: readonly (readonly string[])[];
  /** As of `TableDef`. */
  readonly sought?: readonly string[];
  /** Columns that are stored and never shown. */
  readonly hidden?: Readonly<Record<string, ColumnDef>>;
  /** Where another name than the plural is clearer. */
  readonly tableName?: string;
  readonly primaryKey?: readonly string[];
  readonly stored?: false;
  readonly key?: string;
  readonly policyName?: string;
  readonly notFound?: NotFound;
  readonly owner?: 'project_id';
  readonly parent?: { readonly of: Resource; readonly column: string };
  /** A short URL: the members of this sub-resource, which are stored there and found with their parents as the caller sees these. */
  readonly aliasOf?: Resource;
}

export interface Extension {
  readonly alias: string;
  readonly name: string;
  readonly description: string;
  readonly updated: string;
  /** Only there where the operator names this plug-in (`service_plugins`); without one it always is. */
  readonly plugin?: string;
  /** Fields it adds, by resource name. */
  readonly adds?: Readonly<Record<string, Fields>>;
}

const all: readonly Verb[] = ['list', 'show', 'create', 'update', 'delete'];

export function defineResource<const F extends Fields>(spec: ResourceSpec<F>): Resource<F> {
  const plural = spec.plural ?? `${spec.name}s`;
  const { aliasOf } = spec;
  const parent = spec.parent ? parentOf(spec.parent) : aliasOf?.parent;
  return {
    name: spec.name,
    bodyName: spec.bodyName ?? spec.name,
    plural,
    path: spec.path ?? plural.replaceAll('_', '-'),
    fields: spec.fields,
    verbs: spec.verbs ?? all,
    bulk: spec.bulk ?? true,
    standard: spec.standard ?? true,
    taggable: spec.taggable ?? false,
    ...(spec.quota === undefined ? {} : { quota: spec.quota }),
    ...(spec.brings === undefined ? {} : { brings: spec.brings }),
    ...(parent === undefined ? {} : { parent }),
    ...(aliasOf === undefined ? {} : { aliasOf: aliasOf.name }),
    ...(spec.notFound === undefined ? {} : { notFound: spec.notFound }),
    owner: spec.owner ?? 'tenant_id',
    actions: spec.actions ?? {},
    table: aliasOf?.table ?? tableOf(spec.tableName ?? plural, spec),
    stored: spec.stored ?? true,
    key: spec.key ?? 'id',
    policyName: spec.policyName ?? (spec.parent ? `${spec.parent.of.name}_${spec.name}` : spec.name),
  };
}

function parentOf({ of, column }: { readonly of: Resource; readonly column: string }): Parent {
  return { resource: of.name, table: of.table.name, column };
}

type All<G extends readonly Fields[]> = G extends readonly [infer H, ...infer T extends readonly Fields[]] ? H & All<T> : unknown;

/** The same resource with the fields of extensions: a new declaration, since declarations are values. */
export function extend<F extends Fields, const G extends readonly Fields[]>(resource: Resource<F>, ...more: G): Resource<F & All<G>> {
  const added: Fields = Object.assign({}, ...more);
  const columns = { ...resource.table.columns };
  for (const [name, field] of Object.entries(added)) if (field.column !== false) columns[name] = columnOf(field);
  return { ...resource, fields: { ...resource.fields, ...added } as F & All<G>, table: { ...resource.table, columns } };
}

type Both<U> = [U] extends [never] ? unknown : (U extends unknown ? (u: U) => void : never) extends (u: infer I) => void ? I : never;

type FieldsFor<E, N extends string> = E extends { readonly adds: { readonly [K in N]: infer A } } ? A : never;

/** What a list of extensions adds to the resource of a name. Not by recursion, which has an end after some fifty. */
type AddedBy<L extends readonly Extension[], N extends string> = Both<FieldsFor<L[number], N>>;

/** The resource with what each of the extensions adds to it. */
export function extendBy<F extends Fields, const N extends string, const L extends readonly Extension[]>(
  name: N,
  resource: Resource<F>,
  extensions: L,
): Resource<F & AddedBy<L, N>> {
  return extend(resource, ...(extensions as readonly Extension[]).map(e => e.adds?.[name as string] ?? {})) as unknown as Resource<
    F & AddedBy<L, N>
  >;
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

function tableOf(name: string, spec: ResourceSpec<Fields>): TableDef {
  const columns: Record<string, ColumnDef> = {};
  for (const [name, field] of Object.entries(spec.fields)) if (field.column !== false) columns[name] = columnOf(field);
  if (spec.parent) columns[spec.parent.column] = { type: 'text' };
  Object.assign(columns, spec.hidden);
  const indexes = [...(spec.parent ? [[spec.parent.column]] : []), ...(spec.indexes ?? [])];
  return {
    name,
    columns,
    primaryKey: spec.primaryKey ?? ['id'],
    ...(spec.unique ? { unique: spec.unique } : {}),
    ...(indexes.length > 0 ? { indexes } : {}),
    ...(spec.sought ? { sought: spec.sought } : {}),
  };
}
