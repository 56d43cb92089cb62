// A commit in compound statements, the last with COMMIT: what comes after one that was not carried out is not carried out either.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WriteStep } from '../common/writes.ts';
import type { Session } from '../remote/engine.ts';
import { slotOf } from '../remote/hash.ts';
import { serverOf, skipOf } from '../remote/place.suite.ts';
import { parseUrl } from '../remote/url.ts';
import { mariadbEngine } from './engine.ts';
import { mariadbGround } from './ground.suite.ts';

const insert = (id: string) => ({ text: 'INSERT INTO things (id) VALUES (?)', binds: [id] });
/** Of a row that is not there. */
const missing = { text: 'DELETE FROM things WHERE id = ?', binds: ['none'], expect: 1, counts: false, tag: undefined };
/** As many values as fill a compound statement. */
const many = Array.from({ length: 5000 }, (_, i) => i);
const marks = many.map(() => '?').join();

describe('mariadb: a commit in compound statements', { skip: skipOf(mariadbGround) }, () => {
  const server = serverOf(mariadbGround);
  const { engine } = mariadbGround;

  async function connect(url: string, by = engine): Promise<Session & Disposable> {
    const location = parseUrl(url);
    const session = await by.connect(location, location.nodes[0]!);
    return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
  }

  async function begin(by = engine): Promise<Session & Disposable & { readonly url: string }> {
    const url = await (await server()).database();
    const session = await connect(url, by);
    await session.run('CREATE TABLE things (id VARCHAR(10) PRIMARY KEY) ENGINE=InnoDB');
    return Object.assign(session, { url });
  }

  const things = async (session: Session) => (await session.run('SELECT id FROM things ORDER BY id')).rows.flat();

  for (const [what, text] of [
    ['cannot be read', `NONSENSE ${marks}`],
    ['fails', `INSERT INTO nowhere VALUES (${marks})`],
  ] as const)
    test(`nothing is done where the first of them ${what}, whatever the connection did before`, async () => {
      using session = await begin();
      assert.deepEqual(await engine.atOnce.send(session, [insert('a')], 0), { seq: 0 });
      const sent = await engine.atOnce.send(session, [{ text, binds: many }, insert('b')], 0);
      assert.ok('error' in sent);
      assert.deepEqual(await things(session), ['a']);
    });

  test('what the first of them did is taken back where the last fails, and the connection goes on', async () => {
    using session = await begin();
    const sent = await engine.atOnce.send(session, [insert('a'), { text: `INSERT INTO nowhere VALUES (${marks})`, binds: many }], 0);
    assert.ok('error' in sent);
    assert.deepEqual(await engine.atOnce.send(session, [insert('b')], 0), { seq: 0 });
    assert.deepEqual(await things(session), ['b']);
  });

  for (const [what, refused] of [
    ['a key that is taken', insert('a')],
    ['rows that are not as many as expected', engine.atOnce.write(missing as unknown as WriteStep)],
  ] as const)
    test(`what a commit has locked is free before it has read that it was refused: ${what}`, async () => {
      using session = await begin();
      assert.deepEqual(await engine.atOnce.send(session, [insert('a')], 0), { seq: 0 });
      using other = await connect(session.url);
      let free: unknown;
      const watched = new Proxy(session, {
        get(target, name) {
          const value = Reflect.get(target, name, target) as unknown;
          if (typeof value !== 'function') return value;
          if (name !== 'rollback') return value.bind(target);
          return async () => {
            free = (await other.run("SELECT id FROM things WHERE id = 'a' FOR UPDATE NOWAIT")).rows.flat();
            return target.rollback();
          };
        },
      });
      const touch = { text: 'UPDATE things SET id = id WHERE id = ?', binds: ['a'] };
      const sent = await engine.atOnce.send(watched, [touch, refused], 0);
      assert.ok('error' in sent && sent.at === 1 && engine.atOnce.told(sent.error));
      assert.deepEqual(free, ['a']);
    });

  const guard = (look: string, guard: 'present' | 'absent') =>
    engine.atOnce.guards({ text: '', looks: [look], list: [{ guard, table: 'things', where: { eq: ['id', 'a'] } }], binds: ['a'] });
  const row = "things WHERE id = 'a'";
  const slot = `weft_lock WHERE slot = ${slotOf('name', 8192)}`;
  for (const [what, statement, rows] of [
    ['a row that is to be there', guard('SELECT 1 FROM things WHERE id = ? LIMIT 1 LOCK IN SHARE MODE', 'present'), row],
    [
      'rows of which none is to match',
      guard(
        "SELECT count(CASE WHEN hit THEN 1 END) FROM (SELECT (id = 'b') AS hit FROM things WHERE id = ? LOCK IN SHARE MODE) AS hits",
        'absent',
      ),
      row,
    ],
    ['a name', engine.atOnce.names(new Map([['name', false]]))!, slot],
  ] as const)
    test(`what a commit relies on is locked until it is over: ${what}`, async () => {
      using session = await begin();
      await session.run('CREATE TABLE weft_lock (slot INT PRIMARY KEY) ENGINE=InnoDB');
      await session.run(`INSERT INTO weft_lock VALUES (${slotOf('name', 8192)})`);
      for (const id of ['a', 'z']) await session.query(insert(id));
      using holder = await connect(session.url);
      using other = await connect(session.url);
      await holder.begin();
      await holder.run("SELECT id FROM things WHERE id = 'z' FOR UPDATE");
      const sent = engine.atOnce.send(session, [statement, { text: 'DELETE FROM things WHERE id = ?', binds: ['z'] }], 0);
      const isFree = () =>
        other.run(`SELECT 1 FROM ${rows} FOR UPDATE NOWAIT`).then(
          () => true,
          () => false,
        );
      while (await isFree()) await sleep(5);
      await holder.rollback();
      assert.deepEqual(await sent, { seq: 0 });
      assert.ok(await isFree());
    });

  test('a commit is one statement, COMMIT with it', async () => {
    let sent = 0;
    const counting = mariadbEngine({ connectMs: 5000, lockWaitMs: 5000 }, () => sent++);
    using session = await begin(counting);
    const before = sent;
    assert.deepEqual(await counting.atOnce.send(session, [insert('a'), insert('b')], 0), { seq: 0 });
    assert.equal(sent - before, 1);
  });
});
