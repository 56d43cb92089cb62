// Whether an answer in JSON is what the client takes, by its Accept header.

/** No header, or an empty one, takes everything. */
export function takesJson(accept: string): boolean {
  if (accept === 'application/json' || accept === '*/*' || accept.trim() === '') return true;
  const ranges = accept.split(',').map(readRange);
  // The most precise range that fits decides.
  for (const wanted of ['application/json', 'application/*', '*/*']) {
    const found = ranges.find(r => r.type === wanted);
    if (found) return found.q > 0;
  }
  return false;
}

/** Of the types in the order that we like them, the one that the client likes best; undefined where it takes none. */
export function preferred<T extends string>(accept: string, types: readonly T[]): T | undefined {
  if (accept.trim() === '') return types[0];
  const ranges = accept.split(',').map(readRange);
  const worth = (type: string): number =>
    [type, `${type.split('/')[0]}/*`, '*/*'].map(wanted => ranges.find(r => r.type === wanted)).find(r => r !== undefined)?.q ?? 0;
  const best = types.map(type => ({ type, q: worth(type) })).toSorted((a, b) => b.q - a.q)[0];
  return best && best.q > 0 ? best.type : undefined;
}

function readRange(text: string): { readonly type: string; readonly q: number } {
  const [type = '', ...parameters] = text.split(';').map(part => part.trim().toLowerCase());
  const q = parameters.find(p => p.startsWith('q='));
  return { type, q: q === undefined ? 1 : Number(q.slice(2)) || 0 };
}
