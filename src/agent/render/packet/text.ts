// Headers in os-ken's words: `ethernet(dst='…',ethertype=2048,src='…'), ipv4(…), tcp(…)`, fields by their names' order.
import type { Layer, Value } from './layers.ts';

export const packetText = (layers: readonly Layer[]): string => layers.map(layerText).join(', ');

function layerText({ name, fields }: Layer): string {
  const pairs = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${name}(${pairs.map(([field, value]) => `${field}=${valueText(value)}`).join(',')})`;
}

function valueText(value: Value): string {
  if (value === null) return 'None';
  if (typeof value === 'number') return String(value);
  // Addresses and hexadecimal digits: nothing in them needs an escape.
  if (typeof value === 'string') return `'${value}'`;
  return 'name' in value ? layerText(value) : `[${value.map(layerText).join(', ')}]`;
}
