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

  test('a row that is to be changed is locked against those who only rely on it, too', async () => {
    using session = await begin();
    for (const id of ['a', 'z']) await session.query(insert(id));
    using holder = await connect(session.url);
    using other = await connect(session.url);
    await holder.begin();
    await holder.run("SELECT id FROM things WHERE id = 'z' FOR UPDATE");
    const sent = engine.atOnce.send(
      session,
      [guard('SELECT 1 FROM things WHERE id = ? LIMIT 1 FOR UPDATE', 'present'), { text: 'DELETE FROM things WHERE id = ?', binds: ['z'] }],
      0,
    );
    const isFree = () =>
      other.run("SELECT 1 FROM things WHERE id = 'a' LOCK IN SHARE MODE NOWAIT").then(
        () => true,
        () => false,
      );
    while (await isFree()) await sleep(5);
    await holder.rollback();
    assert.deepEqual(await sent, { seq: 0 });
  });

  for (const [what, look, of] of [
    ['an absence that has the table for itself', 'SELECT 1 FROM things WHERE concat(id) = ? LIMIT 1', 'absent'],
    [
      'a row by what another table has',
      "SELECT 1 FROM fixed WHERE id = ? AND EXISTS (SELECT 1 FROM things AS x1 WHERE concat(x1.id) <> 'b') LIMIT 1 LOCK IN SHARE MODE",
      'present',
    ],
  ] as const)
    test(`what a guard only reads is not locked, and nobody's locks are waited for: ${what}`, async () => {
      using session = await begin();
      await session.run('CREATE TABLE fixed (id VARCHAR(10) PRIMARY KEY) ENGINE=InnoDB');
      await session.run("INSERT INTO fixed VALUES ('a')");
      await session.query(insert('z'));
      using holder = await connect(session.url);
      await holder.begin();
      await holder.run("SELECT id FROM things WHERE id = 'z' FOR UPDATE");
      assert.deepEqual(await engine.atOnce.send(session, [guard(look, of)], 0), { seq: 0 });
    });

  test('names are locked however many there are, and of two who want the same in other orders none is in the way of the other', async () => {
    using session = await begin();
    await session.run('CREATE TABLE weft_lock (slot INT PRIMARY KEY) ENGINE=InnoDB');
    await session.run(`INSERT INTO weft_lock VALUES ${Array.from({ length: 8192 }, (_, slot) => `(${slot})`).join()}`);
    await session.query(insert('z'));
    const wanted = Array.from({ length: 1500 }, (_, i) => [`name ${i}`, true] as const);
    const slots = new Set(wanted.map(([name]) => slotOf(name, 8192)));
    using holder = await connect(session.url);
    using other = await connect(session.url);
    await holder.begin();
    await holder.run("SELECT id FROM things WHERE id = 'z' FOR UPDATE");
    const send = (by: Session, names: typeof wanted) =>
      engine.atOnce.send(by, [engine.atOnce.names(new Map(names))!, { text: 'UPDATE things SET id = id WHERE id = ?', binds: ['z'] }], 0);
    const sent = [send(session, wanted)];
    const locked = async () => 8192 - (await other.run('SELECT slot FROM weft_lock FOR UPDATE SKIP LOCKED')).rows.length;
    while ((await locked()) < slots.size) await sleep(5);
    await holder.rollback();
    for (let i = 0; i < 10; i++) sent.push(send(i % 2 === 0 ? other : session, i % 3 === 0 ? wanted.toReversed() : wanted));
    for (const each of sent) assert.deepEqual(await each, { seq: 0 });
  });

  test('a commit that others were in the way of says so, and has done nothing', async () => {
    using session = await begin();
    for (const id of ['a', 'z']) await session.query(insert(id));
    using holder = await connect(session.url);
    await holder.begin();
    // Who has changed more is let go on.
    await holder.query({
      text: `INSERT INTO things VALUES ${Array.from({ length: 50 }, () => '(?)').join()}`,
      binds: Array.from({ length: 50 }, (_, i) => `h${i}`),
    });
    await holder.run("UPDATE things SET id = 'z' WHERE id = 'z'");
    const sent = engine.atOnce.send(
      session,
      [
        insert('new'),
        { text: 'SELECT id INTO @x FROM things WHERE id = ? FOR UPDATE', binds: ['a'] },
        { text: 'DELETE FROM things WHERE id = ?', binds: ['z'] },
      ],
      0,
    );
    using other = await connect(session.url);
    while (
      await other.run("SELECT 1 FROM things WHERE id = 'a' FOR UPDATE NOWAIT").then(
        () => true,
        () => false,
      )
    )
      await sleep(5);
    await holder.run("DELETE FROM things WHERE id = 'a'");
    const end = await sent;
    assert.ok('error' in end && engine.trouble(end.error) === 'again' && engine.atOnce.told(end.error) === undefined);
    await holder.rollback();
    assert.deepEqual(await things(session), ['a', 'z']);
    assert.deepEqual(await engine.atOnce.send(session, [insert('b')], 0), { seq: 0 });
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
