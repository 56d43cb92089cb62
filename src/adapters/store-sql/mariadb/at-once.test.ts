// A commit in compound statements: what comes after one that was not carried out is not carried out either, and COMMIT's own word counts.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Statement } from '../common/reads.ts';
import type { Session } from '../remote/engine.ts';
import { serverOf, skipOf } from '../remote/place.suite.ts';
import { parseUrl } from '../remote/url.ts';
import { mariadbGround } from './ground.suite.ts';

const insert = (id: string) => ({ text: 'INSERT INTO things (id) VALUES (?)', binds: [id] });
/** As many values as fill a compound statement. */
const many = Array.from({ length: 5000 }, (_, i) => i);
const marks = many.map(() => '?').join();

/** Says that its statements were killed when they are done. */
const killed = (session: Session): Session =>
  new Proxy(session, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== 'function') return value;
      if (name !== 'query') return value.bind(target);
      return async (statement: Statement) => {
        await target.query(statement);
        throw Object.assign(new Error('killed'), { errno: 1317, fatal: true });
      };
    },
  });

describe('mariadb: a commit in compound statements', { skip: skipOf(mariadbGround) }, () => {
  const server = serverOf(mariadbGround);
  const { engine } = mariadbGround;

  async function begin(): Promise<Session & Disposable> {
    const location = parseUrl(await (await server()).database());
    const session = await engine.connect(location, location.nodes[0]!);
    await session.run('CREATE TABLE things (id VARCHAR(10) PRIMARY KEY) ENGINE=InnoDB');
    return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
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

  test('what COMMIT did is done, whatever was said of a statement before it', async () => {
    using session = await begin();
    assert.deepEqual(await engine.atOnce.send(killed(session), [insert('a')], 0), { seq: 0 });
    assert.deepEqual(await things(session), ['a']);
  });
});
