// Whether an answer in JSON is what the client takes, by its Accept header.

/** No header, or an empty one, takes everything. */
export function takesJson(accept: string): boolean {
  if (accept.trim() === '') return true;
  const ranges = accept.split(',').map(readRange);
  // The most precise range that fits decides.
  for (const wanted of ['application/json', 'application/*', '*/*']) {
    const found = ranges.find(r => r.type === wanted);
    if (found) return found.q > 0;
  }
  return false;
}

function readRange(text: string): { readonly type: string; readonly q: number } {
  const [type = '', ...parameters] = text.split(';').map(part => part.trim().toLowerCase());
  const q = parameters.find(p => p.startsWith('q='));
  return { type, q: q === undefined ? 1 : Number(q.slice(2)) || 0 };
}
