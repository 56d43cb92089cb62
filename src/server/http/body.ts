// Bodies of requests: bytes in, a JSON object out. What a client says of their type and charset does not count, as in Neutron.
import { isUtf8 } from 'node:buffer';
import { apiError } from '../../domain/errors.ts';

/** Whether a body means anything there: a tag is put by its URL alone, and tempest sends with it what is no object. */
export const isReadAt = (method: string, path: readonly string[]): boolean => method !== 'PUT' || path.at(-2) !== 'tags';

/** Undefined: there was none, or the method has no use for one. Of repeated keys the last counts. */
export function readBody(method: string, bytes: unknown): unknown {
  if (!(bytes instanceof Uint8Array) || bytes.length === 0) return undefined;
  if (method !== 'POST' && method !== 'PUT') return method === 'DELETE' ? {} : undefined;
  const value = parse(bytes);
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isDeep(value))
    throw apiError('HTTPBadRequest', { message: 'Body contains invalid data' });
  return value;
}

/** Null for what is not JSON in UTF-8; a byte order mark is neither. */
function parse(bytes: Uint8Array): unknown {
  if (!isUtf8(bytes)) return null;
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch {
    return null;
  }
}

/** No request nests deeper than a few levels; what goes through values by recursion relies on it. */
const deepest = 64;

function isDeep(value: unknown): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) return true;
    level = level.flatMap(v => (typeof v === 'object' && v !== null ? Object.values(v) : []));
  }
  return false;
}
