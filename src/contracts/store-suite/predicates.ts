// Every form of predicate, one by one and in random compositions, against what it means.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Predicate, Row, Store } from '../store.ts';
import { idsOf, insert, type MakePlace, mustCommit, thing, withStore } from './place.ts';
import { holds, randomPredicate, seeded } from './reference.ts';

const rows: Row[] = [
  thing('a', { name: 'net', size: 5, up: true, seen_at: '2024-02-29T12:00:00Z', tags: ['x'] }),
  thing('b', { name: 'Net', size: 0, up: false, seen_at: '2024-03-01T00:00:00Z' }),
  thing('c', { name: null, size: null, up: null }),
  thing('d', { name: 'ne%t', size: -1, up: true, tags: { k: 1 } }),
  thing('e', { name: 'n_t', size: 9007199254740991, up: false }),
  thing('f', { name: '', size: 5, kind: 'other' }),
  thing('g', { name: 'nét', size: 6 }),
  thing('h', { name: "o'net; --", size: 7 }),
  thing('i', { name: 'net\u{10ffff}b', size: 8 }),
];
const parts: Row[] = [
  { thing_id: 'a', slot: 1, role: 'x' },
  { thing_id: 'a', slot: 2, role: null },
  { thing_id: 'b', slot: 1, role: 'y' },
  { thing_id: 'net', slot: 1, role: 'x' },
];

const cases: readonly [what: string, where: Predicate, ids: string][] = [
  ['eq text', { eq: ['name', 'net'] }, 'a'],
  ['eq is exact in case', { eq: ['name', 'Net'] }, 'b'],
  ['eq null is IS NULL', { eq: ['name', null] }, 'c'],
  ['eq empty text is not null', { eq: ['name', ''] }, 'f'],
  ['eq text that looks like SQL', { eq: ['name', "o'net; --"] }, 'h'],
  ['eq bool', { eq: ['up', true] }, 'ad'],
  ['eq false is not null', { eq: ['up', false] }, 'be'],
  ['eq int 0', { eq: ['size', 0] }, 'b'],
  ['eq great int', { eq: ['size', 9007199254740991] }, 'e'],
  ['eq time', { eq: ['seen_at', '2024-02-29T12:00:00Z'] }, 'a'],
  ['eq time in another zone', { eq: ['seen_at', '2024-02-29T13:00:00+01:00'] }, 'a'],
  ['eq null of JSON', { eq: ['tags', null] }, 'bcefghi'],
  ['in', { in: ['id', ['a', 'c', 'nobody']] }, 'ac'],
  ['in one', { in: ['id', ['d']] }, 'd'],
  ['in none', { in: ['id', []] }, ''],
  ['in with a null', { in: ['name', ['net', null]] }, 'ac'],
  ['in only null', { in: ['name', [null]] }, 'c'],
  ['in twice the same', { in: ['id', ['a', 'a']] }, 'a'],
  ['in ints', { in: ['size', [5, -1]] }, 'adf'],
  ['in bools', { in: ['up', [true, null]] }, 'acdfghi'],
  ['gt', { gt: ['size', 5] }, 'eghi'],
  ['gte', { gte: ['size', 5] }, 'aefghi'],
  ['lt leaves out null', { lt: ['size', 0] }, 'd'],
  ['lte', { lte: ['size', 0] }, 'bd'],
  ['gt text by code points', { gt: ['name', 'nes'] }, 'aghi'],
  ['gt time', { gt: ['seen_at', '2024-02-29T12:00:00Z'] }, 'b'],
  ['gte time with a fraction', { gte: ['seen_at', '2024-02-29T12:00:00.500Z'] }, 'b'],
  ['lt time with a fraction', { lt: ['seen_at', '2024-02-29T12:00:00.500Z'] }, 'a'],
  ['contains', { contains: ['name', 'et'] }, 'abhi'],
  ['contains takes no wildcard', { contains: ['name', '%'] }, 'd'],
  ['contains nothing: all that is not null', { contains: ['name', ''] }, 'abdefghi'],
  ['startsWith', { startsWith: ['name', 'ne'] }, 'adi'],
  ['startsWith takes no wildcard', { startsWith: ['name', 'n_'] }, 'e'],
  ['startsWith the last code point', { startsWith: ['name', 'net\u{10ffff}'] }, 'i'],
  ['startsWith nothing: all that is not null', { startsWith: ['name', ''] }, 'abdefghi'],
  ['and', { and: [{ eq: ['size', 5] }, { eq: ['up', true] }] }, 'a'],
  ['and of none is true', { and: [] }, 'abcdefghi'],
  ['or', { or: [{ eq: ['id', 'a'] }, { eq: ['size', 7] }] }, 'ah'],
  ['or of one column with null', { or: [{ eq: ['name', 'net'] }, { eq: ['name', null] }] }, 'ac'],
  ['or of none is false', { or: [] }, ''],
  ['not eq includes null', { not: { eq: ['name', 'net'] } }, 'bcdefghi'],
  ['not eq null', { not: { eq: ['name', null] } }, 'abdefghi'],
  ['not gt includes null', { not: { gt: ['size', 0] } }, 'bcd'],
  ['not not', { not: { not: { eq: ['name', 'net'] } } }, 'a'],
  ['not in with a null', { not: { in: ['name', ['net', null]] } }, 'bdefghi'],
  ['exists', { exists: { table: 'parts', on: [['thing_id', 'id']] } }, 'ab'],
  ['exists with a condition', { exists: { table: 'parts', on: [['thing_id', 'id']], where: { eq: ['role', null] } } }, 'a'],
  ['not exists', { not: { exists: { table: 'parts', on: [['thing_id', 'id']] } } }, 'cdefghi'],
  ['exists, looked for first', { exists: { table: 'parts', on: [['thing_id', 'id']], where: { eq: ['role', null] }, first: true } }, 'a'],
  ['not exists, looked for first', { not: { exists: { table: 'parts', on: [['thing_id', 'id']], first: true } } }, 'cdefghi'],
  [
    'exists, looked for first, or another',
    { or: [{ eq: ['size', 7] }, { exists: { table: 'parts', on: [['thing_id', 'id']], first: true } }] },
    'abh',
  ],
  [
    'exists, looked for first, by a column with nulls on both sides',
    { exists: { table: 'things', on: [['name', 'name']], first: true } },
    'abdefghi',
  ],
  [
    'exists on two columns',
    {
      exists: {
        table: 'parts',
        on: [
          ['thing_id', 'name'],
          ['role', 'kind'],
        ],
      },
    },
    '',
  ],
  ['exists in the same table', { exists: { table: 'things', on: [['size', 'size']], where: { eq: ['kind', 'other'] } } }, 'af'],
  [
    'exists in exists',
    {
      exists: {
        table: 'parts',
        on: [['thing_id', 'id']],
        where: { exists: { table: 'things', on: [['id', 'thing_id']], where: { eq: ['up', false] } } },
      },
    },
    'b',
  ],
];

async function fill(store: Store): Promise<void> {
  await mustCommit(store, ...rows.map(row => insert('things', row)), ...parts.map(row => insert('parts', row)));
}

export function predicateContract(open: MakePlace): void {
  test('each form of predicate selects what it should', () =>
    withStore(open, async store => {
      await fill(store);
      for (const [what, where, ids] of cases) {
        assert.equal((await idsOf(store.select({ table: 'things', where }))).join(''), ids, what);
        assert.equal(await store.count('things', where), ids.length, `count: ${what}`);
      }
    }));

  test('random compositions mean what they say', () =>
    withStore(open, async store => {
      await fill(store);
      const random = seeded(7);
      for (let i = 0; i < 400; i++) {
        const where = randomPredicate(random);
        const want = rows.filter(row => holds({ things: rows, parts }, row, where)).map(row => row.id as string);
        assert.deepEqual(await idsOf(store.select({ table: 'things', where })), want, JSON.stringify(where));
      }
    }));

  test('lists and disjunctions of any length', () =>
    withStore(open, async store => {
      await fill(store);
      const many = Array.from({ length: 40_000 }, (_, i) => `n${i}`);
      assert.deepEqual(await idsOf(store.select({ table: 'things', where: { in: ['id', [...many, 'a', 'c']] } })), ['a', 'c']);
      const or = (n: number): Predicate[] => many.slice(0, n).map((id, i) => ({ and: [{ eq: ['id', id] }, { eq: ['size', i] }] }));
      assert.deepEqual(await idsOf(store.select({ table: 'things', where: { or: [...or(5_000), { eq: ['id', 'b'] }] } })), ['b']);
    }));

  test('what is wrong with a predicate is said, and changes nothing', () =>
    withStore(open, async store => {
      await fill(store);
      const wrong = (where: unknown, message: RegExp) =>
        assert.rejects(store.select({ table: 'things', where: where as Predicate }), message, JSON.stringify(where));
      const before = store.statements;
      await wrong({ eq: ['nope', 1] }, /no column nope/);
      await wrong({ eq: ['id" OR 1=1 --', 'a'] }, /no column id" OR/);
      await wrong({ eq: ['size', 'five'] }, /whole number/);
      await wrong({ eq: ['id', undefined] }, /undefined/);
      await wrong({ eq: ['id', 'a'], in: ['id', ['b']] }, /exactly one form/);
      await wrong({}, /exactly one form/);
      await wrong({ like: ['id', 'a'] }, /unknown form/);
      await wrong({ eq: ['tags', 'x'] }, /JSON/);
      await wrong({ gt: ['up', 1] }, /no order/);
      await wrong({ contains: ['size', '5'] }, /for text/);
      await wrong({ eq: ['seen_at', 'yesterday'] }, /a time/);
      await wrong({ exists: { table: 'nowhere', on: [] } }, /no table nowhere/);
      await wrong({ exists: { table: 'parts', on: [['slot', 'id']] } }, /cannot be equal/);
      assert.equal(store.statements, before, 'nothing reached the database');
    }));
}
