// Queries: order, limits, columns, values that come back as they went in, and what they cost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Query, Row } from '../store.ts';
import { insert, type MakePlace, mustCommit, suiteTables, thing, withStore } from './place.ts';

/** Values of every type, some of them null. */
const varied = (i: number): Row =>
  thing(`t${i}`, {
    name: i % 3 === 0 ? null : `name ${String(i % 7)}\0"`,
    kind: `k${i}`,
    size: i % 5 === 0 ? null : i % 4 === 0 ? -Number.MAX_SAFE_INTEGER : i % 4,
    up: [true, false, null][i % 3]!,
    tags: [null, [], { a: [i] }, 'text', 0][i % 5]!,
    seen_at: i % 2 === 0 ? null : '2024-02-29T23:59:59Z',
  });

export function readContract(open: MakePlace): void {
  test('values come back as they went in', () =>
    withStore(open, async store => {
      const row = thing('a', {
        name: 'naïve \u{1f600} "quoted" \\ \n line',
        size: -9007199254740991,
        up: false,
        tags: { list: [1, 'two', null, { deep: true }], text: 'ü' },
        seen_at: '2024-02-29T23:59:59Z',
        'provider:mode': 'vlan',
      });
      const more = [thing('b', { tags: [] }), thing('c', { tags: 'text' }), thing('d', { tags: false, up: true }), thing('e', { tags: 0 })];
      await mustCommit(store, ...[row, ...more].map(r => insert('things', r)));
      assert.deepEqual(await store.select({ table: 'things', order: [['id', 'asc']] }), [row, ...more]);
      assert.deepEqual(await store.get('things', { id: 'a' }), row);
    }));

  test('columns that the database prints are as JSON.stringify prints them, or are not printed at all', () =>
    withStore(open, async store => {
      const texts = [
        '',
        'plain',
        'ü \u{1f600} \u2028 \u007f',
        '"\\/\'',
        "'?",
        '\n\t\r\b\f',
        '\0',
        '\u0001',
        '\u0001\u0002',
        '\u001b',
        '\\u001b',
        '\ud800',
      ];
      const rows = texts.map((text, i) => thing(`t${i}`, { name: text, tags: { [text]: text, 10: [1.5, null], 9: 1e21 } }));
      await mustCommit(store, ...[...rows, ...Array.from({ length: 30 }, (_, i) => varied(100 + i))].map(r => insert('things', r)));
      const all = ['id', 'name', 'kind', 'size', 'up', 'tags', 'seen_at', 'provider:mode'];
      const stored = await store.select({ table: 'things', order: [['id', 'asc']] });
      for (const names of [all, all.toReversed(), ['up']]) {
        const query: Query = { table: 'things', order: [['id', 'asc']], columns: ['id'], printed: names };
        const answers = [await store.select(query), ...(await store.selectAll([query, { ...query, limit: 5 }]))];
        for (const answer of answers)
          for (const [i, { id, printed }] of answer.entries()) {
            const row = stored[i] as Row;
            assert.equal(id, row.id);
            const text = JSON.stringify(Object.fromEntries(names.map(name => [name, row[name]])));
            // Control characters are what databases may print otherwise.
            if (printed !== null || !text.includes('\\u00')) assert.equal(`{${printed}}`, text);
          }
      }
      await assert.rejects(store.select({ table: 'things', printed: ['none'] }), /no column none/);
    }));

  test('any text comes back, is found by itself and has its place in the order; half a pair of surrogates is U+FFFD', () =>
    withStore(open, async store => {
      const texts = [
        '\0',
        '\0\0',
        '\0\u0001',
        '\u0001',
        '\u0001\0',
        '\u0001\u0002',
        '\u0002',
        '\t\n\u007f',
        'a',
        'a\0',
        "a'",
        'a\\',
        'a ',
        'a\uFFFD',
      ];
      await mustCommit(store, ...texts.map((id, i) => insert('things', thing(id, { name: id, size: i, tags: [id] }))));
      for (const [i, id] of texts.entries()) {
        assert.deepEqual(await store.select({ table: 'things', where: { eq: ['name', id] } }), [
          thing(id, { name: id, size: i, tags: [id] }),
        ]);
        assert.deepEqual((await store.select({ table: 'things', where: { in: ['id', [id, 'none']] } })).length, 1, JSON.stringify(id));
      }
      const sorted = await store.select({ table: 'things', order: [['name', 'asc']], columns: ['id'] });
      assert.deepEqual(
        sorted.map(row => row.id),
        texts.toSorted((a, b) => (a < b ? -1 : 1)),
      );
      const starts = await store.select({ table: 'things', where: { startsWith: ['name', '\0'] } });
      assert.equal(starts.length, 3);
      assert.equal((await store.get('things', { id: 'a\ud800' }))?.size, texts.length - 1);
      assert.equal(await store.count('things', { contains: ['name', '\0'] }), 5);
    }));

  test('times lose fraction and zone; columns left out get their fill or null', () =>
    withStore(open, async store => {
      await mustCommit(store, insert('things', { id: 'a', kind: 'k', seen_at: '2024-03-01T01:00:00.999+02:00' }));
      assert.deepEqual(await store.get('things', { id: 'a' }), thing('a', { kind: 'k', seen_at: '2024-02-29T23:00:00Z' }));
    }));

  test('order: nulls first ascending and last descending, then by the next column', () =>
    withStore(open, async store => {
      const rows = [
        thing('a', { size: 5 }),
        thing('b', { size: null }),
        thing('c', { size: -1 }),
        thing('d', { size: 5, name: 'Z', up: true }),
        thing('e', { size: null, name: 'a', up: false }),
      ];
      await mustCommit(store, ...rows.map(row => insert('things', row)));
      const ids = async (...order: (readonly [string, 'asc' | 'desc'])[]) =>
        (await store.select({ table: 'things', order, columns: ['id'] })).map(row => row.id).join('');
      assert.equal(await ids(['size', 'asc'], ['id', 'asc']), 'becad');
      assert.equal(await ids(['size', 'desc'], ['id', 'asc']), 'adcbe');
      assert.equal(await ids(['size', 'asc'], ['id', 'desc']), 'ebcda');
      assert.equal(await ids(['name', 'asc'], ['id', 'asc']), 'abcde', 'text by code points: Z before a');
      assert.equal(await ids(['up', 'desc'], ['id', 'asc']), 'deabc');
    }));

  test('limit and columns', () =>
    withStore(open, async store => {
      await mustCommit(store, ...['a', 'b', 'c'].map(id => insert('things', thing(id))));
      const first = (limit: number) => store.select({ table: 'things', columns: ['id'], order: [['id', 'asc']], limit });
      assert.deepEqual(await first(2), [{ id: 'a' }, { id: 'b' }]);
      assert.deepEqual(await first(0), []);
      assert.deepEqual(await first(100), [{ id: 'a' }, { id: 'b' }, { id: 'c' }]);
      const [row] = await store.select({ table: 'things', columns: ['provider:mode', 'id'], limit: 1, where: { eq: ['id', 'b'] } });
      assert.deepEqual(row, { id: 'b', 'provider:mode': 'auto' });
      await assert.rejects(first(-1), /limit/);
      await assert.rejects(first(Number.NaN), /limit/);
      await assert.rejects(store.select({ table: 'things', columns: ['nope'] }), /no column nope/);
      await assert.rejects(store.select({ table: 'things', order: [['nope', 'asc']] }), /no column nope/);
      await assert.rejects(store.select({ table: 'nowhere' }), /no table nowhere/);
    }));

  test('get by any key', () =>
    withStore(open, async store => {
      await mustCommit(store, insert('parts', { thing_id: 'a', slot: 1, role: 'x' }), insert('parts', { thing_id: 'a', slot: 2 }));
      assert.deepEqual(await store.get('parts', { thing_id: 'a', slot: 2 }), { thing_id: 'a', slot: 2, role: null });
      assert.deepEqual(await store.get('parts', { role: null }), { thing_id: 'a', slot: 2, role: null });
      assert.equal(await store.get('parts', { thing_id: 'a', slot: 3 }), undefined);
      await assert.rejects(store.get('parts', {}), /no column/);
    }));

  test('count and countBy', () =>
    withStore(open, async store => {
      const rows: Row[] = [thing('a', { up: true, size: 1 }), thing('b', { up: true }), thing('c', { up: false, size: 1 }), thing('d')];
      await mustCommit(store, ...rows.map(row => insert('things', row)));
      assert.equal(await store.count('things'), 4);
      assert.equal(await store.count('things', { eq: ['up', true] }), 2);
      assert.deepEqual(
        await store.countBy('things', 'up'),
        new Map<unknown, number>([
          [null, 1],
          [false, 1],
          [true, 2],
        ]),
      );
      assert.deepEqual(await store.countBy('things', 'kind', { eq: ['size', 1] }), new Map([['plain', 2]]));
      assert.deepEqual(await store.countBy('things', 'kind', { eq: ['size', 9] }), new Map());
    }));

  test('a query is one statement, however long its lists', () =>
    withStore(open, async store => {
      await mustCommit(store, ...Array.from({ length: 50 }, (_, i) => insert('things', thing(`t${i}`))));
      const cost = async (work: () => Promise<unknown>) => {
        const before = store.statements;
        await work();
        return store.statements - before;
      };
      const ids = (n: number) => Array.from({ length: n }, (_, i) => `t${i}`);
      // A connection for it.
      await store.count('things');
      assert.equal(await cost(() => store.get('things', { id: 't1' })), 1);
      assert.equal(await cost(() => store.count('things')), 1);
      assert.equal(await cost(() => store.countBy('things', 'kind')), 1);
      for (const n of [1, 2, 50, 1000]) assert.equal(await cost(() => store.select({ table: 'things', where: { in: ['id', ids(n)] } })), 1);
      assert.ok((await cost(() => mustCommit(store, insert('things', thing('z'))))) >= 1);
    }));

  test('several queries at once answer what each answers alone, in one statement', () =>
    withStore(open, async store => {
      await mustCommit(store, ...Array.from({ length: 30 }, (_, i) => insert('things', varied(i))));
      await mustCommit(store, ...[0, 1, 2].map(slot => insert('parts', { thing_id: 't1', slot, role: slot === 0 ? null : `0${slot}` })));
      await mustCommit(store, insert('counters', { id: 'c', used: 7 }));
      const one: Query = { table: 'things', where: { eq: ['id', 't4'] } };
      const queries: Query[] = [
        {
          table: 'things',
          order: [
            ['name', 'desc'],
            ['id', 'asc'],
          ],
        },
        { table: 'counters', order: [['id', 'asc']] },
        {
          table: 'things',
          where: { in: ['size', [1, 2, 3]] },
          order: [
            ['size', 'desc'],
            ['id', 'asc'],
          ],
          limit: 2,
        },
        { table: 'parts', where: { gte: ['slot', 1] }, columns: ['role', 'slot'], order: [['slot', 'desc']] },
        { table: 'parts', columns: ['role'], order: [['slot', 'desc']] },
        { table: 'things', where: { eq: ['id', 'none'] } },
        { table: 'things', where: { exists: { table: 'parts', on: [['thing_id', 'id']], where: { eq: ['role', '02'] } } } },
        ...[one, one],
      ];
      await store.count('things');
      const before = store.statements;
      const together = await store.selectAll(queries);
      const cost = store.statements - before;
      const alone: Row[][] = [];
      for (const query of queries) alone.push(await store.select(query));
      assert.deepEqual(together, alone);
      assert.deepEqual(await store.selectAll([one]), [alone.at(-1)]);
      assert.deepEqual(await store.selectAll([]), []);
      assert.ok(cost === 1 || cost === queries.length, `${cost} statements`);
    }));

  test('several queries at once are of one moment', () =>
    withStore(open, async (store, place) => {
      await using other = await place.open(suiteTables);
      await mustCommit(store, insert('counters', { id: 'a', used: 0 }), insert('parts', { thing_id: 'a', slot: 0, role: null }));
      let over = false;
      const change = async (): Promise<void> => {
        for (let i = 1; i <= 40; i++)
          await mustCommit(
            other,
            { op: 'update', table: 'counters', where: { eq: ['id', 'a'] }, bump: { used: 1 } },
            { op: 'update', table: 'parts', where: { eq: ['thing_id', 'a'] }, bump: { slot: 1 } },
          );
        over = true;
      };
      const changing = change();
      const read = async (): Promise<void> => {
        for (let first = true; first || !over; first = false) {
          const [counted, parts] = await store.selectAll([{ table: 'counters' }, { table: 'parts' }]);
          assert.equal(counted![0]!.used, parts![0]!.slot);
          await turn();
        }
      };
      await Promise.all([read(), read()]);
      await changing;
    }));

  test('rows belong to the caller', () =>
    withStore(open, async store => {
      await mustCommit(store, insert('things', thing('a', { tags: ['x'] })));
      const row = (await store.get('things', { id: 'a' })) as { tags: string[]; name: string };
      row.tags.push('mine');
      row.name = 'mine';
      assert.deepEqual(await store.get('things', { id: 'a' }), thing('a', { tags: ['x'] }));
    }));
}
