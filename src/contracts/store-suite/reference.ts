// What a predicate means, in plain code: two-valued, a comparison with a null is false and its negation true.
import type { Predicate, Row, Scalar, Value } from '../store.ts';

export type Data = Readonly<Record<string, readonly Row[]>>;

function ordered(value: Value | undefined, other: number | string, test: (a: number) => boolean): boolean {
  if (value === null || value === undefined) return false;
  return test((value as number | string) < other ? -1 : (value as number | string) > other ? 1 : 0);
}

export function holds(data: Data, row: Row, p: Predicate): boolean {
  if ('eq' in p) return row[p.eq[0]] === p.eq[1];
  if ('in' in p) return p.in[1].includes(row[p.in[0]] as Scalar);
  if ('gt' in p) return ordered(row[p.gt[0]], p.gt[1], c => c > 0);
  if ('gte' in p) return ordered(row[p.gte[0]], p.gte[1], c => c >= 0);
  if ('lt' in p) return ordered(row[p.lt[0]], p.lt[1], c => c < 0);
  if ('lte' in p) return ordered(row[p.lte[0]], p.lte[1], c => c <= 0);
  if ('contains' in p) return text(row[p.contains[0]])?.includes(p.contains[1]) ?? false;
  if ('startsWith' in p) return text(row[p.startsWith[0]])?.startsWith(p.startsWith[1]) ?? false;
  if ('and' in p) return p.and.every(part => holds(data, row, part));
  if ('or' in p) return p.or.some(part => holds(data, row, part));
  if ('not' in p) return !holds(data, row, p.not);
  const { table, on, where } = p.exists;
  return data[table]!.some(
    other => on.every(([theirs, ours]) => other[theirs] !== null && other[theirs] === row[ours]) && (!where || holds(data, other, where)),
  );
}

function text(value: Value | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Repeatable numbers in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const pools: Readonly<Record<string, readonly Scalar[]>> = {
  id: ['a', 'b', 'c', 'd', 'zz'],
  name: [null, '', 'net', 'Net', 'ne%', 'n_t', 'nét', 'net\u{10ffff}', "o'net"],
  size: [null, -1, 0, 5, 9007199254740991],
  up: [null, true, false],
  seen_at: [null, '2024-02-29T12:00:00Z', '2024-03-01T00:00:00Z'],
};

/** A random predicate over the columns of `things`. */
export function randomPredicate(random: () => number, depth = 3): Predicate {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const list = (): Predicate[] => Array.from({ length: Math.floor(random() * 4) }, () => randomPredicate(random, depth - 1));
  const form = pick(depth > 0 ? ['eq', 'in', 'order', 'text', 'and', 'or', 'not', 'exists'] : ['eq', 'in', 'order', 'text']);
  if (form === 'and') return { and: list() };
  if (form === 'or') return { or: list() };
  if (form === 'not') return { not: randomPredicate(random, depth - 1) };
  if (form === 'exists') return { exists: randomExists(random, pick) };
  if (form === 'text') return { [pick(['contains', 'startsWith'])]: ['name', pick(pools['name']!) ?? 'n'] } as unknown as Predicate;
  if (form === 'order') {
    const column = pick(['size', 'name', 'seen_at']);
    const value = pick(pools[column]!.filter(v => v !== null));
    return { [pick(['gt', 'gte', 'lt', 'lte'])]: [column, value] } as unknown as Predicate;
  }
  const column = pick(Object.keys(pools));
  if (form === 'eq') return { eq: [column, pick(pools[column]!)] };
  return { in: [column, Array.from({ length: Math.floor(random() * 5) }, () => pick(pools[column]!))] };
}

type Exists = Extract<Predicate, { exists: unknown }>['exists'];

function randomExists(random: () => number, pick: <T>(from: readonly T[]) => T): Exists {
  const where: Predicate = pick<Predicate>([{ eq: ['role', null] }, { in: ['role', ['x', 'y']] }, { not: { eq: ['role', 'x'] } }]);
  const on = [['thing_id', pick(['id', 'name'])]] as const;
  const first = random() < 0.5 ? ({ first: true } as const) : {};
  return random() < 0.3 ? { table: 'parts', on, ...first } : { table: 'parts', on, where, ...first };
}
