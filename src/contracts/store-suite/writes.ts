// Write sets: what each operation does, what each guard refuses, and that it is all or nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommitResult, Guard, Op, OutboxEntry, Store, WriteSet } from '../store.ts';
import { idsOf, insert, type MakePlace, mustCommit, suiteTables, thing, withStore } from './place.ts';

const conflict = (table: string, columns: string[], tag?: string) => ({ done: false, why: 'conflict', table, columns, tag });
const miss = (table: string, tag?: string) => ({ done: false, why: 'miss', table, tag });
const done = { done: true, seq: 0 };

const everything = async (store: Store) => [
  await store.select({ table: 'things', order: [['id', 'asc']] }),
  await store.select({ table: 'parts', order: [['thing_id', 'asc']] }),
  await store.outbox('everything', 1000),
];

/** The write set is refused as `want` says, and has written nothing. */
async function refused(store: Store, writeSet: WriteSet, want: unknown): Promise<void> {
  const before = await everything(store);
  assert.deepEqual(await store.commit(writeSet), want);
  assert.deepEqual(await everything(store), before);
}

const created = (id: string) => ({ kind: 'thing', id, event: 'created', revision: 0, facts: {} }) as const;

export function writeContract(open: MakePlace): void {
  inserts(open);
  changes(open);
  guards(open);
  atomicity(open);
  misuse(open);
}

function inserts(open: MakePlace): void {
  test('insert: a conflict names the key that was taken, and the tag', () =>
    withStore(open, async store => {
      await mustCommit(store, insert('things', thing('a', { name: 'net' })), insert('parts', { thing_id: 'a', slot: 1 }));
      await refused(store, { ops: [insert('things', thing('a'), 'first')] }, conflict('things', ['id'], 'first'));
      await refused(store, { ops: [insert('things', thing('b', { name: 'net' }), 'name')] }, conflict('things', ['kind', 'name'], 'name'));
      await refused(store, { ops: [insert('parts', { thing_id: 'a', slot: 1, role: 'x' })] }, conflict('parts', ['thing_id', 'slot']));
      const twice = [insert('things', thing('c')), insert('things', thing('c'), 'second')];
      await refused(store, { ops: twice, outbox: [created('c')] }, conflict('things', ['id'], 'second'));
    }));

  test('insert: a null in a unique key collides with nothing', () =>
    withStore(open, async store => {
      await mustCommit(store, insert('things', thing('a')), insert('things', thing('b')));
      assert.equal(await store.count('things', { eq: ['name', null] }), 2);
    }));

  test('insert ignore leaves what is there', () =>
    withStore(open, async store => {
      await mustCommit(store, insert('things', thing('a', { name: 'net', size: 1 })));
      const ignore = (row: ReturnType<typeof thing>): Op => ({ op: 'insert', table: 'things', row, onConflict: 'ignore' });
      await mustCommit(store, ignore(thing('a', { size: 2 })), ignore(thing('b', { name: 'net' })), ignore(thing('c')));
      assert.deepEqual(await idsOf(store.select({ table: 'things' })), ['a', 'c']);
      assert.equal((await store.get('things', { id: 'a' }))?.size, 1);
    }));

  test('upsert inserts, or sets the columns it names', () =>
    withStore(open, async store => {
      const upsert = (row: ReturnType<typeof thing>): Op => ({ op: 'upsert', table: 'things', row });
      await mustCommit(store, upsert({ id: 'a', kind: 'k', size: 1, tags: ['x'] }));
      assert.deepEqual(await store.get('things', { id: 'a' }), thing('a', { kind: 'k', size: 1, tags: ['x'] }));
      await mustCommit(store, upsert({ id: 'a', kind: 'k', size: 2, name: 'n' }));
      assert.deepEqual(await store.get('things', { id: 'a' }), thing('a', { kind: 'k', size: 2, name: 'n', tags: ['x'] }));
      await mustCommit(store, { op: 'upsert', table: 'parts', row: { thing_id: 'a', slot: 1 } });
      await mustCommit(store, { op: 'upsert', table: 'parts', row: { thing_id: 'a', slot: 1 } });
      assert.equal(await store.count('parts'), 1);
    }));

  test('upsert and update meet other unique keys too', () =>
    withStore(open, async store => {
      await mustCommit(store, insert('things', thing('a', { name: 'net' })), insert('things', thing('b', { name: 'two' })));
      const set: Op = { op: 'update', table: 'things', where: { eq: ['id', 'b'] }, set: { name: 'net' }, tag: 'rename' };
      await refused(store, { ops: [set] }, conflict('things', ['kind', 'name'], 'rename'));
      await refused(
        store,
        { ops: [{ op: 'upsert', table: 'things', row: thing('c', { name: 'net' }) }] },
        conflict('things', ['kind', 'name']),
      );
    }));
}

function changes(open: MakePlace): void {
  test('update: set, bump, expect and miss', () =>
    withStore(open, async store => {
      await mustCommit(store, ...['a', 'b', 'c'].map(id => insert('things', thing(id, { size: 10 }))));
      const update = (more: object): Op => ({ op: 'update', table: 'things', where: { in: ['id', ['a', 'b']] }, ...more });
      await mustCommit(store, update({ set: { up: true, tags: [1] }, bump: { revision_number: 1, size: -3 }, expect: 2 }));
      const changed = { up: true, tags: [1], revision_number: 1, size: 7 };
      assert.deepEqual(await store.get('things', { id: 'b' }), thing('b', changed));
      assert.deepEqual(await store.get('things', { id: 'c' }), thing('c', { size: 10 }));
      await mustCommit(store, update({ set: { up: true }, expect: 2 }));
      await mustCommit(store, update({ set: { tags: null }, where: { eq: ['id', 'nobody'] } }));
      await refused(store, { ops: [update({ set: { up: false }, expect: 1, tag: 'one' })] }, miss('things', 'one'));
      await refused(store, { ops: [update({ set: { up: false }, expect: 0 })], outbox: [created('x')] }, miss('things'));
      await mustCommit(store, update({ expect: 2 }));
      await refused(store, { ops: [update({ expect: 3, tag: 'none set' })] }, miss('things', 'none set'));
    }));

  test('update: a conditional bump is a quota', () =>
    withStore(open, async store => {
      await mustCommit(store, insert('counters', { id: 'port', used: 0 }));
      const take: Op = {
        op: 'update',
        table: 'counters',
        where: { and: [{ eq: ['id', 'port'] }, { lt: ['used', 3] }] },
        bump: { used: 1 },
        expect: 1,
        tag: 'quota',
      };
      const results = await Promise.all(Array.from({ length: 10 }, () => store.commit({ ops: [take] })));
      assert.equal(results.filter(result => result.done).length, 3);
      assert.deepEqual(
        results.find(result => !result.done),
        miss('counters', 'quota'),
      );
      assert.equal((await store.get('counters', { id: 'port' }))?.used, 3);
    }));

  test('delete, with and without expect', () =>
    withStore(open, async store => {
      await mustCommit(store, ...['a', 'b', 'c'].map(id => insert('things', thing(id))));
      await refused(
        store,
        { ops: [{ op: 'delete', table: 'things', where: { eq: ['id', 'x'] }, expect: 1, tag: 't' }] },
        miss('things', 't'),
      );
      await refused(store, { ops: [{ op: 'delete', table: 'things', where: { and: [] }, expect: 2 }] }, miss('things'));
      await mustCommit(store, { op: 'delete', table: 'things', where: { in: ['id', ['a', 'b', 'x']] }, expect: 2 });
      await mustCommit(store, { op: 'delete', table: 'things', where: { eq: ['id', 'x'] } });
      assert.deepEqual(await idsOf(store.select({ table: 'things' })), ['c']);
    }));

  test('changes with conditions on other tables and on the same', () =>
    withStore(open, async store => {
      await mustCommit(
        store,
        ...['a', 'b'].map(id => insert('things', thing(id, { size: 1 }))),
        insert('parts', { thing_id: 'a', slot: 1 }),
      );
      const hasParts = { exists: { table: 'parts', on: [['thing_id', 'id']] } } as const;
      await mustCommit(store, { op: 'update', table: 'things', where: hasParts, set: { up: true }, expect: 1 });
      const twin = { exists: { table: 'things', on: [['size', 'size']], where: { eq: ['up', true] } } } as const;
      await mustCommit(store, { op: 'delete', table: 'things', where: { and: [twin, { not: hasParts }] }, expect: 1 });
      assert.deepEqual(await idsOf(store.select({ table: 'things' })), ['a']);
    }));

  test('operations of one write set see those before them', () =>
    withStore(open, async store => {
      await mustCommit(
        store,
        insert('things', thing('a', { name: 'n' })),
        { op: 'update', table: 'things', where: { eq: ['id', 'a'] }, bump: { revision_number: 1 }, expect: 1 },
        { op: 'delete', table: 'things', where: { eq: ['id', 'a'] }, expect: 1 },
        insert('things', thing('b', { name: 'n' })),
      );
      assert.deepEqual(await idsOf(store.select({ table: 'things' })), ['b']);
    }));
}

function guards(open: MakePlace): void {
  test('guards hold, or nothing is written and the one that moved is named', () =>
    withStore(open, async store => {
      await mustCommit(store, insert('things', thing('a', { revision_number: 4 })), insert('parts', { thing_id: 'a', slot: 1, role: 'x' }));
      const held: Guard[] = [
        { guard: 'revision', table: 'things', key: { id: 'a' }, revision: 4 },
        { guard: 'present', table: 'parts', where: { eq: ['role', 'x'] } },
        { guard: 'absent', table: 'parts', where: { eq: ['role', 'y'] } },
      ];
      const moved: Guard[] = [
        { guard: 'revision', table: 'things', key: { id: 'a' }, revision: 5 },
        { guard: 'revision', table: 'things', key: { id: 'gone' }, revision: 4 },
        { guard: 'present', table: 'parts', where: { eq: ['role', 'y'] } },
        { guard: 'absent', table: 'parts', where: { eq: ['role', 'x'] } },
      ];
      for (const guard of moved) {
        const writeSet = { guards: [...held, guard], ops: [insert('things', thing('b'))], outbox: [created('b')] };
        await refused(store, writeSet, { done: false, why: 'guard', guard });
      }
      assert.deepEqual(await store.commit({ guards: held, ops: [insert('things', thing('b'))] }), done);
      assert.deepEqual(await store.commit({ guards: held, ops: [] }), done);
    }));

  test('guards with more values than a database takes parameters in a statement', () =>
    withStore(open, async store => {
      const ids = (from: number): string[] => Array.from({ length: 300 }, (_, i) => `a${from + i}`);
      const rows = ids(0).concat(ids(300));
      await mustCommit(store, ...rows.map(id => insert('things', thing(id, { kind: 'many', name: id }))));
      // 72,000 of them together, where PostgreSQL takes 65,535; each guard has few.
      const said = (some: readonly string[]): Guard => ({
        ...{ guard: 'absent', table: 'things' },
        where: {
          and: [
            { in: ['id', some] },
            { not: { or: some.map(id => ({ and: [{ eq: ['id', id] }, { eq: ['name', id] }, { eq: ['kind', 'many'] }] })) } },
          ],
        },
      });
      const guards = [...Array.from({ length: 79 }, () => said(ids(0))), said(ids(300))];
      const commit = (id: string) => store.commit({ guards, ops: [insert('things', thing(id))] });
      assert.equal((await commit('b')).done, true);
      await mustCommit(store, { op: 'update', table: 'things', where: { eq: ['id', 'a599'] }, set: { name: 'other' } });
      const refused = await commit('c');
      assert.ok(!refused.done && refused.why === 'guard');
      assert.equal(refused.guard, guards[79]);
      assert.equal(await store.get('things', { id: 'c' }), undefined);
    }));

  test('guards are about the state before the write set', () =>
    withStore(open, async store => {
      const absent: Guard = { guard: 'absent', table: 'things', where: { eq: ['id', 'a'] } };
      assert.deepEqual(await store.commit({ guards: [absent], ops: [insert('things', thing('a'))] }), done);
    }));

  test('of concurrent write sets that rely on the same revision one wins', () =>
    withStore(open, async (store, place) => {
      await using other = await place.open(suiteTables);
      await mustCommit(store, insert('things', thing('a')));
      const attempt = (by: Store, id: string) =>
        by.commit({
          guards: [{ guard: 'revision', table: 'things', key: { id: 'a' }, revision: 0 }],
          ops: [{ op: 'update', table: 'things', where: { eq: ['id', 'a'] }, bump: { revision_number: 1 } }, insert('things', thing(id))],
        });
      const results = await Promise.all([attempt(store, 'b'), attempt(store, 'c'), attempt(other, 'd'), attempt(other, 'e')]);
      assert.equal(results.filter(result => result.done).length, 1);
      assert.ok(results.every(result => result.done || result.why === 'guard'));
      assert.equal(await store.count('things'), 2);
      assert.equal((await other.get('things', { id: 'a' }))?.revision_number, 1);
    }));
}

function atomicity(open: MakePlace): void {
  test('a late failure leaves nothing of its write set and all of the others', () =>
    withStore(open, async store => {
      await mustCommit(store, insert('things', thing('taken')));
      const late = (id: string): WriteSet => ({
        ops: [
          insert('things', thing(id)),
          { op: 'update', table: 'things', where: { eq: ['id', 'taken'] }, bump: { revision_number: 1 } },
          insert('parts', { thing_id: id, slot: 1 }),
          insert('things', thing('taken'), 'late'),
        ],
        outbox: [created(id)],
      });
      const good = (id: string): WriteSet => ({
        ops: [insert('things', thing(id)), insert('parts', { thing_id: id, slot: 1 })],
        outbox: [created(id)],
      });
      await store.outbox('reader', 1);
      const sets = Array.from({ length: 40 }, (_, i) => (i % 3 === 1 ? late(`late${i}`) : good(`good${i}`)));
      const results = await Promise.all(sets.map(set => store.commit(set)));
      const want = sets.flatMap((_, i) => (i % 3 === 1 ? [] : [`good${i}`])).sort();
      for (const [i, result] of results.entries())
        if (i % 3 === 1) assert.deepEqual(result, conflict('things', ['id'], 'late'));
        else assert.ok(result.done);
      assert.deepEqual(await idsOf(store.select({ table: 'things', where: { not: { eq: ['id', 'taken'] } } })), want);
      assert.equal(await store.count('parts'), want.length);
      assert.equal((await store.get('things', { id: 'taken' }))?.revision_number, 0);
      const heard = await store.outbox('reader', 1000);
      assert.deepEqual(heard.map(row => row.id).sort(), want);
      const seqs = results.flatMap(result => (result.done ? [result.seq] : []));
      assert.deepEqual(
        seqs.sort((a, b) => a - b),
        heard.map(row => row.seq),
      );
    }));

  test('a write set is taken as it was when it was handed over', () =>
    withStore(open, async store => {
      const row = { ...thing('a', { name: 'before' }) };
      const ops: Op[] = [insert('things', row)];
      const said: { -readonly [K in keyof OutboxEntry]: OutboxEntry[K] } = { ...created('a'), facts: { host: 'before' } };
      const pending = store.commit({ ops, outbox: [said] });
      row['name'] = 'after';
      said.id = 'b';
      (said.facts as { host: string }).host = 'after';
      ops.push(insert('things', thing('b')));
      assert.ok((await pending).done);
      assert.deepEqual(await store.select({ table: 'things', columns: ['id', 'name'] }), [{ id: 'a', name: 'before' }]);
      const [heard] = await store.outbox('relay', 1);
      assert.deepEqual([heard?.id, heard?.facts], ['a', { host: 'before' }]);
    }));

  test('what was committed is seen by every store over the same database, and stays after it is closed', async () => {
    await using place = await open();
    await using first = await place.open(suiteTables);
    const second = await place.open(suiteTables);
    await mustCommit(second, insert('things', thing('a')));
    assert.ok(await first.get('things', { id: 'a' }));
    const last: Promise<CommitResult> = second.commit({ ops: [insert('things', thing('b'))] });
    await second[Symbol.asyncDispose]();
    assert.ok((await last).done, 'closing waits for what was handed over');
    await using third = await place.open(suiteTables);
    assert.deepEqual(await idsOf(third.select({ table: 'things' })), ['a', 'b']);
    await assert.rejects(second.commit({ ops: [] }), /closed/);
    await assert.rejects(second.select({ table: 'things' }), /closed/);
    await second[Symbol.asyncDispose]();
  });
}

function misuse(open: MakePlace): void {
  test('what is wrong with a write set is said, and nothing of it is written', () =>
    withStore(open, async store => {
      const wrong = async (op: unknown, message: RegExp) => {
        const ops = [insert('things', thing('x')), op as Op];
        await assert.rejects(store.commit({ ops }), message, JSON.stringify(op));
      };
      const where = { eq: ['id', 'x'] };
      await wrong(insert('nowhere', { id: 'a' }), /no table nowhere/);
      await wrong(insert('things', thing('a', { nope: 1 })), /no column nope/);
      await wrong(insert('things', { id: 'a' }), /lacks kind/);
      await wrong(insert('things', thing('a', { kind: null })), /kind may not be null/);
      await wrong(insert('things', thing('a', { size: 1.5 })), /whole number/);
      await wrong(insert('things', thing('a', { up: 1 })), /boolean/);
      await wrong(insert('things', thing('a', { name: 1 })), /text/);
      await wrong(insert('things', thing('a', { seen_at: '2024-13-01T00:00:00Z.' })), /a time/);
      await wrong({ op: 'update', table: 'things', where, set: { nope: 1 } }, /no column nope/);
      await wrong({ op: 'update', table: 'things', where, set: { id: undefined } }, /undefined/);
      await wrong({ op: 'update', table: 'things', where, bump: { name: 1 } }, /cannot be bumped/);
      await wrong({ op: 'update', table: 'things', where, bump: { size: 0.5 } }, /bumped by/);
      await wrong({ op: 'update', table: 'things', where, bump: { size: 1 }, set: { size: 1 } }, /both set and bumped/);
      await wrong({ op: 'upsert', table: 'parts', row: { thing_id: 'a' } }, /lacks slot/);
      await wrong({ op: 'replace', table: 'things' }, /unknown kind/);
      const guards = [{ guard: 'revision', table: 'parts', key: { thing_id: 'a' }, revision: 1 }] as const;
      await assert.rejects(store.commit({ guards, ops: [] }), /no column revision_number/);
      assert.equal(await store.count('things'), 0);
    }));

  test('a programming error harms nobody who commits at the same time', () =>
    withStore(open, async store => {
      const results = await Promise.allSettled([
        store.commit({ ops: [insert('things', thing('a'))] }),
        store.commit({ ops: [insert('things', { nope: 1 })] }),
        store.commit({ ops: [insert('things', thing('b'))] }),
      ]);
      assert.deepEqual(
        results.map(result => result.status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
      assert.deepEqual(await idsOf(store.select({ table: 'things' })), ['a', 'b']);
    }));
}
