// How commits share transactions, and what happens while another process holds the lock.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Store, StoreBusy } from '../../../contracts/store.ts';
import type { TableDef } from '../../../model/kit/table.ts';
import { Connection } from './connection.ts';
import { GroupCommit } from './group-commit.ts';
import { openSqliteStore } from './open.ts';

const things: TableDef = { name: 'things', columns: { id: { type: 'text' } }, primaryKey: ['id'] };
const add = (store: Store, id: string) => store.commit({ ops: [{ op: 'insert', table: 'things', row: { id } }] });

function place(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'weft-group-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'state.db');
}

/** A connection that notes its transaction control. */
class Noting extends Connection {
  readonly notes: string[] = [];
  override control(text: string): void {
    super.control(text);
    this.notes.push(text);
  }
}

function memory(): { connection: Noting; commits: GroupCommit; insert: (n: number) => number; rows: () => unknown[] } {
  const connection = new Noting(':memory:', 10);
  connection.db.exec('CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT');
  const insert = (n: number) => connection.run({ text: 'INSERT INTO t VALUES (?)', binds: [n] });
  const rows = () => connection.all({ text: 'SELECT n FROM t ORDER BY n', binds: [] }).flat();
  return { connection, commits: new GroupCommit(connection, 100), insert, rows };
}

test('many share a transaction, and as long as all are kept none has a savepoint', async () => {
  const { connection, commits, insert, rows } = memory();
  await commits.add(() => ({ keep: true, value: insert(1) }));
  assert.deepEqual(connection.notes.splice(0), ['BEGIN IMMEDIATE', 'COMMIT']);
  await Promise.all([2, 3, 4].map(n => commits.add(() => ({ keep: true, value: insert(n) }))));
  assert.deepEqual(connection.notes, ['BEGIN IMMEDIATE', 'COMMIT']);
  assert.deepEqual(rows(), [1, 2, 3, 4]);
  connection.close();
});

test('what is not kept and what throws is taken back alone', async () => {
  const { connection, commits, insert, rows } = memory();
  const keep = (n: number) => commits.add(() => ({ keep: true, value: insert(n) }));
  const drop = (n: number) => commits.add(() => ({ keep: false, value: insert(n) }));
  const fail = (n: number) =>
    commits.add(() => {
      insert(n);
      throw new Error('on purpose');
    });
  const results = await Promise.allSettled([keep(1), drop(2), fail(3), keep(4)]);
  assert.deepEqual(
    results.map(result => result.status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  );
  assert.equal(await drop(5), 1);
  await assert.rejects(fail(6), /on purpose/);
  assert.deepEqual(rows(), [1, 4]);
  connection.close();
});

test('what has to be taken back from among others makes all begin anew with savepoints, and those that follow for a while', async () => {
  const { connection, commits, insert, rows } = memory();
  const keep = (n: number) => commits.add(() => ({ keep: true, value: insert(n) }));
  const drop = (n: number) => commits.add(() => ({ keep: false, value: insert(n) }));
  const savepoints = (): number => connection.notes.splice(0).filter(note => note === 'SAVEPOINT one').length;
  await Promise.all([keep(1), commits.add(() => ({ keep: false, clean: true, value: 0 })), keep(2)]);
  assert.deepEqual(connection.notes.splice(0), ['BEGIN IMMEDIATE', 'COMMIT'], 'who has written nothing has nothing to take back');
  await Promise.all([keep(3), drop(4), keep(5)]);
  assert.deepEqual(connection.notes.slice(0, 3), ['BEGIN IMMEDIATE', 'ROLLBACK', 'BEGIN IMMEDIATE']);
  assert.equal(savepoints(), 3);
  await Promise.all([keep(6), drop(7), keep(8)]);
  assert.deepEqual([connection.notes.includes('ROLLBACK'), savepoints()], [false, 3], 'nobody begins anew');
  for (let n = 100; n < 140; n += 2) await Promise.all([keep(n), keep(n + 1)]);
  for (let n = 200; n < 220; n += 2) await Promise.all([keep(n), keep(n + 1)]);
  connection.notes.splice(0);
  await Promise.all([keep(9), keep(10)]);
  assert.equal(savepoints(), 0);
  assert.deepEqual(rows().slice(0, 8), [1, 2, 3, 5, 6, 8, 9, 10]);
  connection.close();
});

test('a long queue goes in several transactions, so that the event loop turns between', async () => {
  const { connection, commits, insert, rows } = memory();
  const slow = (n: number) =>
    commits.add(() => {
      const until = performance.now() + 4;
      while (performance.now() < until);
      return { keep: true, value: insert(n) };
    });
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await Promise.all(Array.from({ length: 20 }, (_, n) => slow(n)));
  clearInterval(timer);
  assert.ok(connection.notes.filter(note => note === 'COMMIT').length >= 5);
  assert.ok(turns >= 4, `${turns}`);
  assert.equal(rows().length, 20);
  connection.close();
});

test('when the transaction itself is lost, everyone in it hears, and the next one works', async () => {
  const { connection, commits, insert, rows } = memory();
  // A full disk, as SQLite sees it: it ends the transaction by itself.
  connection.db.exec('CREATE TABLE big (v TEXT) STRICT; PRAGMA max_page_count = 12');
  const fill = () =>
    commits.add(() => ({ keep: true, value: connection.run({ text: 'INSERT INTO big VALUES (?)', binds: ['x'.repeat(100_000)] }) }));
  const results = await Promise.allSettled([commits.add(() => ({ keep: true, value: insert(1) })), fill()]);
  for (const result of results) assert.match(String(result.status === 'rejected' && result.reason), /full/);
  assert.deepEqual(rows(), []);
  await commits.add(() => ({ keep: true, value: insert(2) }));
  assert.deepEqual(rows(), [2]);
  connection.close();
});

test('while another holds the lock the event loop turns, reads work, and the commits follow together', async t => {
  const path = place(t);
  await using store = await openSqliteStore(path, { tables: [things] });
  await add(store, 'before');
  const other = new DatabaseSync(path);
  other.exec('BEGIN IMMEDIATE');
  const pending = ['a', 'b', 'c'].map(id => add(store, id));
  let longest = 0;
  for (let last = performance.now(), end = last + 200; last < end; ) {
    await sleep(2);
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
    assert.equal(await store.count('things'), 1);
  }
  assert.ok(longest < 1000, `the loop stood still for ${longest} ms`);
  pending.push(add(store, 'late'));
  other.exec('COMMIT');
  other.close();
  for (const result of await Promise.all(pending)) assert.ok(result.done);
  assert.equal(await store.count('things'), 5);
});

test('patience ends with an error that says so, for those who waited only', async t => {
  const path = place(t);
  await using store = await openSqliteStore(path, { tables: [things], patienceMs: 250 });
  const other = new DatabaseSync(path);
  other.exec('BEGIN IMMEDIATE');
  const early = Promise.allSettled([add(store, 'a'), add(store, 'b')]);
  await sleep(150);
  const late = add(store, 'late');
  for (const result of await early) assert.ok(result.status === 'rejected' && result.reason instanceof StoreBusy, JSON.stringify(result));
  other.exec('ROLLBACK');
  other.close();
  assert.ok((await late).done);
  assert.ok((await add(store, 'c')).done);
  assert.equal(await store.count('things'), 2);
});

test('prepared statements are kept by their text, up to a bound', () => {
  const connection = new Connection(':memory:', 5);
  for (let i = 0; i < 50; i++) assert.deepEqual(connection.all({ text: `SELECT ${i % 20}`, binds: [] }), [[i % 20]]);
  assert.equal(connection.kept, 5);
  connection.all({ text: `SELECT '${'x'.repeat(30_000)}'`, binds: [] });
  assert.deepEqual(connection.all({ text: 'SELECT 19', binds: [] }), [[19]]);
  assert.equal(connection.kept, 5);
  assert.equal(connection.statements, 52);
  connection.close();
});
