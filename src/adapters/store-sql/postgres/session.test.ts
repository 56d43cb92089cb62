// A connection to PostgreSQL: what comes again is prepared once, of few texts, and what is sent without waiting goes out as one.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Session } from '../remote/engine.ts';
import { serverOf, skipOf } from '../remote/place.suite.ts';
import { parseUrl } from '../remote/url.ts';
import { writesOf } from '../remote/writes.suite.ts';
import { postgresGround } from './ground.suite.ts';

describe('postgres: a connection', { skip: skipOf(postgresGround) }, () => {
  const server = serverOf(postgresGround);

  async function open(): Promise<Session & Disposable> {
    const location = parseUrl(await (await server()).database());
    const session = await postgresGround.engine.connect(location, location.nodes[0]!);
    return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
  }

  const numberOf = async (session: Session, text: string, bind: number) =>
    Number((await session.query({ text, binds: [bind] })).rows[0]![0]);
  const prepared = async (session: Session) =>
    (await session.run('SELECT statement FROM pg_prepared_statements ORDER BY statement')).rows.flat();

  test('a statement that comes again is prepared once on each connection, each text by a name of its own', async () => {
    for (let i = 0; i < 2; i++) {
      using session = await open();
      assert.equal(await numberOf(session, 'SELECT 1 + CAST(? AS int)', 1), 2);
      assert.equal(await numberOf(session, 'SELECT 2 + CAST(? AS int)', 1), 3);
      assert.equal(await numberOf(session, 'SELECT 1 + CAST(? AS int)', 2), 3);
      assert.deepEqual(await prepared(session), ['SELECT 1 + CAST($1 AS int)', 'SELECT 2 + CAST($1 AS int)']);
    }
  });

  test('one that could not be prepared, behind a failure, is when it comes again', async () => {
    using session = await open();
    const text = 'SELECT 1 + CAST(? AS int)';
    const sent = [
      session.begin(),
      session.run('SELECT 1 FROM nowhere'),
      numberOf(session, text, 1),
      numberOf(session, text, 2),
      session.rollback(),
    ];
    assert.deepEqual(
      (await Promise.allSettled(sent)).map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'rejected', 'fulfilled'],
    );
    assert.equal(await numberOf(session, text, 3), 4);
    assert.equal(await numberOf(session, text, 4), 5);
    assert.equal((await prepared(session)).length, 1);
  });

  test('texts beyond those that a connection keeps, and long ones, are carried out without a name', async () => {
    using session = await open();
    const texts = Array.from({ length: 520 }, (_, i) => `SELECT ${i} + CAST(? AS int)`);
    const sums = () => Promise.all(texts.map(text => numberOf(session, text, 1)));
    const expected = texts.map((_, i) => i + 1);
    assert.deepEqual(await sums(), expected);
    assert.deepEqual(await sums(), expected);
    assert.equal((await prepared(session)).length, 500);
    using other = await open();
    assert.equal(await numberOf(other, `SELECT CAST(? AS int) /* ${'x'.repeat(8000)} */`, 7), 7);
    assert.deepEqual(await prepared(other), []);
  });

  test('statements that do not wait for one another are one write', async () => {
    using session = await open();
    const writes = await writesOf(() =>
      Promise.all([session.run('SELECT 1'), numberOf(session, 'SELECT CAST(? AS int)', 2), session.run('SELECT 3')]),
    );
    assert.equal(writes, 1);
  });
});
