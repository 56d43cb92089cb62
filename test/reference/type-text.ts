// Types of attributes in words.
import type { Type } from '../../src/model/kit/types.ts';

const words: Readonly<Record<string, string>> = {
  uuid: 'UUID',
  bool: 'boolean',
  ip: 'address',
  cidr: 'prefix',
  ip_or_cidr: 'address or prefix',
  mac: 'MAC address',
  nameserver: 'address',
  dns_name: 'host name',
  dns_domain: 'domain',
  time: 'time',
  any: '',
};

export function typeText(type: Type): string {
  switch (type.kind) {
    case 'string':
      return type.max === undefined ? 'text' : `text, at most ${type.max}`;
    case 'int':
      return range(type.min, type.max);
    case 'enum':
      return type.values.map(v => `\`${v}\``).join(', ');
    case 'list':
      return `list of ${typeText(type.item) || 'anything'}${type.max === undefined ? '' : `, at most ${type.max}`}`;
    case 'dict':
      return Object.keys(type.keys).length === 0
        ? 'object'
        : `object of ${Object.entries(type.keys)
            .map(([name, key]) => `\`${name}\`${key.required ? ' (required)' : ''}`)
            .join(', ')}`;
    case 'optional':
      return `${typeText(type.of)} or null`.trim();
    case 'special':
      return type.name.replace(/^sg_/, '').replaceAll('_', ' ');
    default:
      return words[type.kind] ?? type.kind;
  }
}

function range(min: number | undefined, max: number | undefined): string {
  if (min === undefined && max === undefined) return 'number';
  return max === undefined ? `number from ${min}` : `number from ${min ?? '…'} to ${max}`;
}
