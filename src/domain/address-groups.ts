// Addresses of address groups: the form that is stored, and what a request names more than once or not at all.
import { apiError } from './errors.ts';
import { pyStr } from './input/python.ts';
import { formatCidr, parseIpPrefix } from './net/cidr.ts';

/** The body of add_addresses and remove_addresses as masked prefixes, each once; a bare address gets its full length. */
export function readAddresses(body: unknown): string[] {
  const given = typeof body === 'object' && body !== null ? (body as { addresses?: unknown }).addresses : undefined;
  if (!Array.isArray(given)) throw bad("Unable to find 'addresses' in request body");
  if (given.length > mostAtOnce) throw bad(`More than ${mostAtOnce} addresses`);
  return [...new Set(given.map(readAddress))];
}

const mostAtOnce = 1000;
const bad = (message: string): Error => apiError('HTTPBadRequest', { message });

function readAddress(value: unknown): string {
  const cidr = typeof value === 'string' ? parseIpPrefix(value) : undefined;
  if (!cidr) throw apiError('AddrFormatError', { what: `invalid IPNetwork ${pyStr(value).slice(0, 100)}` });
  return formatCidr(cidr);
}
