// A versioned object as oslo.versionedobjects writes it, in the version that its reader knows.
import type { ObjectField, ObjectType } from '../../model/objects/kit.ts';
import { objectTypes } from '../../model/objects/types.ts';

/** The values of an object by field. Nested objects are images; `type` says which, where the field does not. */
export type Image = Readonly<Record<string, unknown>>;

export interface Primitive {
  readonly 'versioned_object.name': string;
  readonly 'versioned_object.namespace': 'versionedobjects';
  readonly 'versioned_object.version': string;
  readonly 'versioned_object.data': Readonly<Record<string, unknown>>;
  readonly 'versioned_object.changes'?: readonly string[];
}

const types: Readonly<Record<string, ObjectType>> = objectTypes;

export const versionText = (minor: number): string => `1.${minor}`;

/** The minor of `1.7`, or undefined. */
export function minorOf(version: string): number | undefined {
  const found = /^1\.(\d{1,4})$/.exec(version);
  return found ? Number(found[1]) : undefined;
}

export function encode(name: string, image: Image, minor: number): Primitive {
  const type = types[name];
  if (!type) throw new Error(`no versioned object is called ${name}`);
  const data: Record<string, unknown> = {};
  for (const [field, spec] of Object.entries(type.fields)) {
    if (spec.since !== undefined && spec.since > minor) continue;
    const value = image[field] ?? null;
    if (value !== null || spec.as !== 'column') data[field] = written(spec, value, nestedMinors(type, minor));
  }
  return primitive(name, minor, data);
}

/** What is told of an object that has gone, where its reader needs no more than to know which. */
export function encodeGone(name: string, id: string, minor: number, rest: Image): Primitive {
  const data = { id, ...rest };
  return { ...primitive(name, minor, data), 'versioned_object.changes': Object.keys(data) };
}

function primitive(name: string, minor: number, data: Readonly<Record<string, unknown>>): Primitive {
  return {
    'versioned_object.name': name,
    'versioned_object.namespace': 'versionedobjects',
    'versioned_object.version': versionText(minor),
    'versioned_object.data': data,
  };
}

/** Nested types in other versions than this server's; -1: not known. */
function nestedMinors({ nested }: ObjectType, minor: number): Readonly<Record<string, number>> {
  return Object.assign({}, ...(nested ?? []).filter(([below]) => minor < below).map(([, minors]) => minors));
}

function written(spec: ObjectField, value: unknown, minors: Readonly<Record<string, number>>): unknown {
  if (value === null) return null;
  if (spec.as === 'text') return pythonJson(value);
  if (spec.of === undefined) return value;
  const typeOf = (image: Image): string => (types[spec.of as string] ? (spec.of as string) : String(image.type));
  const one = (image: Image): Primitive => {
    const name = typeOf(image);
    return encode(name, image, minors[name] ?? types[name]?.minor ?? 0);
  };
  if (!Array.isArray(value)) return one(value as Image);
  return (value as readonly Image[]).filter(image => minors[typeOf(image)] !== -1).map(one);
}

/** As Python's json writes it. */
export function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, inner]) => `${JSON.stringify(key)}: ${pythonJson(inner)}`)
    .join(', ')}}`;
}
