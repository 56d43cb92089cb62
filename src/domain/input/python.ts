// Values as Neutron's messages print them: Python's str() and repr().

export function pyStr(value: unknown): string {
  return typeof value === 'string' ? value : pyRepr(value);
}

export function pyRepr(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) return `[${value.map(pyRepr).join(', ')}]`;
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .map(([k, v]) => `${quote(k)}: ${pyRepr(v)}`)
      .join(', ')}}`;
  return String(value);
}

/** A set, in sorted order, so that the message does not depend on chance. */
export function pySet(values: Iterable<string>): string {
  const sorted = [...values].sort();
  return sorted.length === 0 ? 'set()' : `{${sorted.map(quote).join(', ')}}`;
}

function quote(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t');
  return escaped.includes("'") && !escaped.includes('"') ? `"${escaped}"` : `'${escaped.replaceAll("'", "\\'")}'`;
}

/** Python's int(): numbers are cut, numeric strings are taken, booleans count. */
export function toInt(value: unknown): number | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'number' && Number.isFinite(value)) return Math.trunc(value);
  if (typeof value === 'string' && value.length <= 20 && /^\s*[+-]?\d+\s*$/.test(value)) return Number(value);
  return undefined;
}
