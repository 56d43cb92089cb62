// Filters of ports that are not a plain column: addresses, hosts, groups.
import type { Predicate } from '../../contracts/store.ts';
import { apiError, invalidInput } from '../../domain/errors.ts';
import type { ListQuery } from '../../domain/input/query.ts';
import { formatIp, parseIp } from '../../domain/net/ip.ts';
import type { Commands, Viewer } from './commands.ts';

type Kind = 'ip_address' | 'ip_address_substr' | 'subnet_id';

/** `ip_address=…`, `ip_address_substr=…`, `subnet_id=…`: values of one kind are alternatives, and one address fits all kinds. */
function fixedIpsFilter(values: readonly string[], _: Viewer, all?: ListQuery['filters']): Predicate {
  const kinds = new Map<Kind, string[]>();
  for (const value of values) {
    // What clients make of a filter without a value: no restriction, as for Neutron.
    if (value === 'True') continue;
    const { kind, text } = readPair(value);
    kinds.set(kind, [...(kinds.get(kind) ?? []), text]);
  }
  if (kinds.size === 0) return { and: [] };
  // The same address is used in the networks of many.
  const networks = all?.get('network_id');
  const where: Predicate = {
    and: [...(networks ? [{ in: ['network_id', networks] } as const] : []), ...[...kinds].map(([kind, texts]) => addressIs(kind, texts))],
  };
  return { exists: { table: 'ip_allocations', on: [['port_id', 'id']], where, first: true } };
}

function readPair(value: string): { readonly kind: Kind; readonly text: string } {
  const [kind, text] = [value.slice(0, Math.max(0, value.indexOf('='))), value.slice(value.indexOf('=') + 1)];
  if (!value.includes('=')) throw invalidInput(`'${value}' is not of the form <key>=[value]`);
  if (kind === 'ip_address' || kind === 'ip_address_substr' || kind === 'subnet_id') return { kind, text };
  throw apiError('HTTPBadRequest', { message: `['${kind}'] is invalid attribute for filtering` });
}

function addressIs(kind: Kind, texts: readonly string[]): Predicate {
  if (kind === 'subnet_id') return { in: ['subnet_id', texts] };
  if (kind === 'ip_address_substr') return { or: texts.map((text): Predicate => ({ contains: ['ip_address', text] })) };
  return { in: ['ip_address', texts.map(canonical)] };
}

function canonical(text: string): string {
  const ip = parseIp(text);
  return ip ? formatIp(ip) : text;
}

const bindingFilter =
  (column: string) =>
  (values: readonly string[]): Predicate => ({
    exists: {
      table: 'port_bindings',
      on: [['port_id', 'id']],
      where: { and: [{ eq: ['status', 'ACTIVE'] }, { in: [column, values] }] },
      first: true,
    },
  });

export const portFilters: NonNullable<Commands['filters']> = {
  fixed_ips: fixedIpsFilter,
  'binding:host_id': bindingFilter('host'),
  security_groups: values => ({
    exists: { table: 'port_security_groups', on: [['port_id', 'id']], where: { in: ['security_group_id', values] }, first: true },
  }),
};
