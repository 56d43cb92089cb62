// Filters of ports that are not a plain column: addresses, hosts, groups.
import type { Predicate } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Commands } from './commands.ts';

const substring = 'ip_address_substr=';

function fixedIpsFilter(values: readonly string[]): Predicate {
  const of = (where: Predicate): Predicate => ({ exists: { table: 'ip_allocations', on: [['port_id', 'id']], where } });
  const kinds = new Map<string, Predicate[]>();
  for (const value of values) {
    const [key, text] = [value.slice(0, value.indexOf('=')), value.slice(value.indexOf('=') + 1)];
    const column = value.startsWith(substring) ? 'ip_address' : key;
    if (column !== 'ip_address' && column !== 'subnet_id')
      throw apiError('HTTPBadRequest', { message: `['${key}'] is invalid attribute for filtering` });
    kinds.set(key, [...(kinds.get(key) ?? []), value.startsWith(substring) ? { contains: ['ip_address', text] } : { eq: [column, text] }]);
  }
  return { and: [...kinds.values()].map(list => of({ or: list })) };
}

const bindingFilter =
  (column: string) =>
  (values: readonly string[]): Predicate => ({
    exists: { table: 'port_bindings', on: [['port_id', 'id']], where: { and: [{ eq: ['status', 'ACTIVE'] }, { in: [column, values] }] } },
  });

export const portFilters: NonNullable<Commands['filters']> = {
  fixed_ips: fixedIpsFilter,
  'binding:host_id': bindingFilter('host'),
  security_groups: values => ({
    exists: { table: 'port_security_groups', on: [['port_id', 'id']], where: { in: ['security_group_id', values] } },
  }),
};
