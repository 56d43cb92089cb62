// Orders items so that whatever an item needs comes before it; deletes run the same list backwards.

export interface Needy {
  readonly key: string;
  readonly needs: readonly string[];
}

export interface Ordered<T> {
  readonly ready: readonly T[];
  /** Items that wait for something that is neither in the list nor there already, or that are in a cycle. */
  readonly blocked: readonly { readonly item: T; readonly on: string }[];
}

export function order<T extends Needy>(items: readonly T[], exists: (key: string) => boolean): Ordered<T> {
  const byKey = new Map(items.map(i => [i.key, i]));
  const state = new Map<string, 'open' | 'ready' | string>();
  const ready: T[] = [];
  const blocked: { item: T; on: string }[] = [];

  const visit = (item: T): string | undefined => {
    const seen = state.get(item.key);
    if (seen === 'ready') return undefined;
    if (seen === 'open') return item.key;
    if (seen !== undefined) return seen;
    state.set(item.key, 'open');
    for (const need of item.needs) {
      const other = byKey.get(need);
      const missing = other ? visit(other) : exists(need) ? undefined : need;
      if (missing !== undefined) {
        state.set(item.key, missing);
        blocked.push({ item, on: need });
        return missing;
      }
    }
    state.set(item.key, 'ready');
    ready.push(item);
    return undefined;
  };

  for (const item of items) visit(item);
  return { ready, blocked };
}
