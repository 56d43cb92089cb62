// What is answered without a statement, and what ends that. Everything that was ever answered was true when it was.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Query, Row, Store } from '../../../contracts/store.ts';
import type { TableDef } from '../../../model/kit/table.ts';
import { openSqliteStore } from './open.ts';

const table = (name: string): TableDef => ({
  name,
  columns: { id: { type: 'text' }, n: { type: 'int', fill: 0 }, list: { type: 'json', fill: [] } },
  primaryKey: ['id'],
});
const tables = [table('networks'), table('entries'), table('ports')];

async function place(t: TestContext): Promise<{ store: Store; other: Store }> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-answers-'));
  const store = await openSqliteStore(join(folder, 'state.db'), { tables });
  const other = await openSqliteStore(join(folder, 'state.db'), { tables });
  t.after(async () => {
    await store[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });
  await insert(store, 'networks', 'a');
  return { store, other };
}

async function insert(store: Store, name: string, ...ids: string[]): Promise<void> {
  const { done } = await store.commit({ ops: ids.map(id => ({ op: 'insert', table: name, row: { id, list: [{ of: id }] } })) });
  assert.ok(done);
}

async function set(store: Store, name: string, id: string, n: number): Promise<void> {
  assert.ok((await store.commit({ ops: [{ op: 'update', table: name, where: { eq: ['id', id] }, set: { n } }] })).done);
}

async function statements<T>(store: Store, work: () => Promise<T>): Promise<{ answer: T; sent: number }> {
  const before = store.statements;
  const answer = await work();
  return { answer, sent: store.statements - before };
}

const one: Query = { table: 'networks', where: { eq: ['id', 'a'] } };
const ways: Record<string, (store: Store) => Promise<Row | undefined>> = {
  selectAll: async store => (await store.selectAll([one]))[0]![0],
  get: store => store.get('networks', { id: 'a' }),
};

for (const [name, ask] of Object.entries(ways))
  test(`${name}: the same again sends nothing, until somebody has written to the table`, async t => {
    const { store, other } = await place(t);
    const asked = async (): Promise<[n: unknown, sent: number]> => {
      const { answer, sent } = await statements(store, () => ask(store));
      return [answer?.n, sent];
    };
    for (let i = 0; i < 2; i++) await ask(store);
    assert.deepEqual(await asked(), [0, 0]);
    await insert(store, 'ports', 'p');
    assert.deepEqual(await asked(), [0, 0]);
    await set(store, 'networks', 'a', 1);
    assert.deepEqual(await asked(), [1, 1]);
    assert.deepEqual(await asked(), [1, 0]);
    await set(other, 'networks', 'a', 2);
    assert.deepEqual(await asked(), [2, 1]);
    assert.deepEqual(await asked(), [2, 0]);
  });

test('a condition on another table is part of the answer', async t => {
  const { store } = await place(t);
  const query: Query = { table: 'networks', where: { not: { and: [{ exists: { table: 'entries', on: [['id', 'id']] } }] } } };
  for (let i = 0; i < 3; i++) assert.equal((await store.selectAll([query]))[0]!.length, 1);
  await insert(store, 'entries', 'a');
  assert.equal((await store.selectAll([query]))[0]!.length, 0);
});

test('what is asked while commits are under way is never older than the last that was confirmed', async t => {
  const { store, other } = await place(t);
  for (let n = 1; n < 200; n++) {
    const writing = set(n % 3 === 0 ? other : store, 'networks', 'a', n);
    const meanwhile = [ways.get!(store), ways.selectAll!(store)];
    await writing;
    for (const ask of Object.values(ways)) assert.equal((await ask(store))?.n, n);
    for (const row of await Promise.all(meanwhile)) assert.ok(row?.n === n || row?.n === n - 1);
  }
});

test('values of one text are told apart, and long answers are read each time', async t => {
  const { store } = await place(t);
  await insert(store, 'ports', 'a,b', 'a', 'b', ...Array.from({ length: 30 }, (_, i) => `p${i}`));
  const asked = async (query: Query): Promise<Row[]> => (await store.selectAll([query]))[0]!;
  const of = (...ids: string[]) => asked({ table: 'ports', where: { or: ids.map(id => ({ and: [{ eq: ['id', id] }] })) } });
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(
      (await of('a,b', 'x')).map(r => r.id),
      ['a,b'],
    );
    assert.deepEqual(
      (await of('a', 'b,x')).map(r => r.id),
      ['a'],
    );
    assert.equal((await statements(store, () => asked({ table: 'ports' }))).sent, 1);
  }
});
