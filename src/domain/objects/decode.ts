// A versioned object as it is read from the wire: the other side of `encode`.
import { minorOf } from './encode.ts';

/** Objects inside are WireObjects as well, in `data` and in lists there. Fields that were left out are null to their reader. */
export interface WireObject {
  readonly name: string;
  /** Its version is 1 and this minor. */
  readonly minor: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Undefined for what is no versioned object. */
export function decodeObject(wire: unknown): WireObject | undefined {
  if (!isRecord(wire)) return undefined;
  const { 'versioned_object.name': name, 'versioned_object.version': version, 'versioned_object.data': data } = wire;
  const minor = typeof version === 'string' ? minorOf(version) : undefined;
  if (typeof name !== 'string' || minor === undefined || !isRecord(data)) return undefined;
  return { name, minor, data: Object.fromEntries(Object.entries(data).map(([field, value]) => [field, inner(value)])) };
}

function inner(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inner);
  return decodeObject(value) ?? value;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
