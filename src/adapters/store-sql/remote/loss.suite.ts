// Connections that are lost, and servers that are: what was answered is there, nothing is there twice, and who goes on goes on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store, WriteSet } from '../../../contracts/store.ts';
import { idsOf, insert, suiteTables, thing } from '../../../contracts/store-suite/place.ts';
import type { DatabaseServer } from '../../../contracts/store-suite/servers/server.ts';
import { compileTables } from '../common/tables.ts';
import { Commits } from './commit.ts';
import type { Engine, Session } from './engine.ts';
import type { Ground } from './place.suite.ts';
import { compilePlan } from './plan.ts';
import { Pool, poolDefaults } from './pool.ts';
import { parseUrl } from './url.ts';

/** SQL of an administrator who ends a connection. */
export interface Ends {
  readonly kill: (id: number) => string;
  /** The ids of this store's connections. */
  readonly sessions: string;
  /** Makes the node one that only reads, or not. */
  readonly demote: (only: boolean) => string;
}

const counted = (id: string): WriteSet => ({
  ops: [insert('things', thing(id)), { op: 'update', table: 'counters', where: { eq: ['id', 'n'] }, bump: { used: 1 }, expect: 1 }],
  outbox: [{ kind: 'thing', id, event: 'created', revision: 0, facts: {} }],
});

/** Commits one by one until told to stop; those that were answered, and those whose outcome was said not to be known. */
interface Stream {
  readonly done: string[];
  readonly failed: string[];
}

async function stream(store: Store, me: string, { done, failed }: Stream, ended: () => boolean): Promise<void> {
  for (let i = 0; !ended(); i++) {
    const id = `${me}-${i}`;
    try {
      assert.ok((await store.commit(counted(id))).done);
      done.push(id);
    } catch {
      failed.push(id);
    }
  }
}

/** Three at once; `stop` lets each end what it is at. */
function streaming(store: Store): { readonly results: readonly Stream[]; stop(): Promise<unknown> } {
  const results = ['a', 'b', 'c'].map((): Stream => ({ done: [], failed: [] }));
  let over = false;
  const all = Promise.all(results.map((result, i) => stream(store, 'abc'.charAt(i), result, () => over)));
  return {
    results,
    stop() {
      over = true;
      return all;
    },
  };
}

async function begin(ground: Ground, server: DatabaseServer): Promise<{ store: Store; url: string }> {
  const url = await server.database();
  const store = await ground.open(url, { tables: suiteTables, patienceMs: 30_000 });
  assert.ok((await store.commit({ ops: [insert('counters', { id: 'n', used: 0 })] })).done);
  return { store, url };
}

/** Each commit that was answered is there, none twice, and what is counted is what is there. */
async function isWhole(store: Store, results: readonly { done: string[]; failed: string[] }[]): Promise<void> {
  const there = await idsOf(store.select({ table: 'things' }));
  const done = results.flatMap(each => each.done);
  const maybe = new Set(results.flatMap(each => each.failed));
  assert.deepEqual(
    done.filter(id => !there.includes(id)),
    [],
    'answered, and not there',
  );
  assert.deepEqual(
    there.filter(id => !done.includes(id) && !maybe.has(id)),
    [],
    'there, and nobody knows of it',
  );
  assert.equal((await store.get('counters', { id: 'n' }))?.used, there.length);
  assert.deepEqual((await store.outbox('relay', 100_000)).map(row => row.id).sort(), there);
}

export function lossSuite(ground: Ground, server: () => Promise<DatabaseServer>, ends: Ends): void {
  streams(ground, server, ends);
  away(ground, server, ends);
  atCommit(ground, server, ends);
}

function streams(ground: Ground, server: () => Promise<DatabaseServer>, { kill, sessions }: Ends): void {
  test('connections killed in a stream of commits: nothing answered is lost, nothing is done twice', async () => {
    const at = await server();
    const { store, url } = await begin(ground, at);
    await using _store = store;
    const { results, stop } = streaming(store);
    let killed = 0;
    for (let i = 0; i < 25; i++) {
      await sleep(30);
      const ids = (await at.admin(sessions, url)).trim().split('\n').filter(Boolean);
      for (const id of ids)
        await at.admin(kill(Number(id)), url).then(
          () => killed++,
          () => {},
        );
    }
    await stop();
    assert.ok(killed > 10, `${killed} were killed`);
    assert.deepEqual(
      results.flatMap(each => each.failed),
      [],
      'each was found out',
    );
    await isWhole(store, results);
  });

  test('kill -9 of the server in a stream of commits: nothing answered is lost, nothing is done twice', async () => {
    const at = await server();
    const { store } = await begin(ground, at);
    await using _store = store;
    const { results, stop } = streaming(store);
    const more = async (): Promise<void> => {
      const from = results.map(each => each.done.length);
      const end = performance.now() + 60_000;
      while (!results.every((each, i) => each.done.length > from[i]! + 10)) {
        assert.ok(performance.now() < end, 'commits go on');
        await sleep(10);
      }
    };
    for (let i = 0; i < 2; i++) {
      await more();
      await at.kill();
      await at.start();
    }
    await more();
    await stop();
    assert.deepEqual(
      results.flatMap(each => each.failed),
      [],
    );
    await isWhole(store, results);
  });
}

function away(ground: Ground, server: () => Promise<DatabaseServer>, { demote }: Ends): void {
  test('a server that stays away is an error after the patience, without the password, and the store lives on', async () => {
    const at = await server();
    const url = await at.database();
    await using store = await ground.open(url, { tables: suiteTables, patienceMs: 300 });
    await at.kill();
    await assert.rejects(store.commit(counted('x')), (error: Error) => {
      assert.match(error.message, /could not be reached/);
      assert.ok(!`${error.stack}${JSON.stringify(error)}`.includes('secret'));
      return true;
    });
    await assert.rejects(store.count('things'), /could not be reached/);
    await assert.rejects(ground.open(url, { tables: suiteTables, patienceMs: 300 }), (error: Error) => {
      assert.match(error.message, /cannot reach .*weft@127\.0\.0\.1/);
      assert.ok(!String(error.stack).includes('secret'));
      return true;
    });
    await at.start();
    assert.equal(await store.count('things'), 0);
  });

  test('a node that only reads is waited for until it writes again, and another one is taken where there is one', async () => {
    const at = await server();
    const { store, url } = await begin(ground, at);
    await using _store = store;
    await at.admin(demote(true), url);
    await assert.rejects(ground.open(url, { tables: suiteTables }), /only reads/);
    let done = false;
    const waiting = store.commit(counted('x')).finally(() => {
      done = true;
    });
    await sleep(300);
    assert.equal(done, false);
    await at.admin(demote(false), url);
    assert.ok((await waiting).done);
    const nowhere = url.replace('@127.0.0.1:', '@127.0.0.1:1,127.0.0.1:');
    await using other = await ground.open(nowhere, { tables: suiteTables });
    assert.deepEqual(await idsOf(other.select({ table: 'things' })), ['x']);
  });
}

/** What has COMMIT in it, of one engine or the other. */
const ends = new Set(['commit', 'lastCompound']);

type Send = (...args: unknown[]) => Promise<unknown>;

type Moment = 'before' | 'after' | 'never';

/** Like the engine, but loses the connection at the first COMMIT: before it goes out, or when it is done and not answered. */
function losing(engine: Engine, moment: Moment, kill: (id: number) => Promise<unknown>): { engine: Engine; commits: () => number } {
  let commits = 0;
  const wrap = (session: Session): Session =>
    new Proxy(session, {
      get(target, name) {
        const value = Reflect.get(target, name, target) as unknown;
        if (ends.has(String(name))) return (...args: unknown[]) => lose(target, () => (value as Send).apply(target, args));
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  const lose = async (session: Session, send: () => Promise<unknown>): Promise<unknown> => {
    if (++commits > 1 || moment === 'never') return send();
    if (moment === 'after') await send();
    await kill(session.id);
    // The answer never comes: what is asked now meets a connection that is gone.
    await session.run('SELECT 1').catch(() => {});
    session.destroy();
    throw Object.assign(new Error('gone'), { code: 'ECONNRESET' });
  };
  return { engine: { ...engine, connect: async (location, node) => wrap(await engine.connect(location, node)) }, commits: () => commits };
}

/** Like the engine, but what the first commit sends is on its way when the connection counts as lost, and comes when `arrive` is called. */
function delaying(engine: Engine): { engine: Engine; arrive: () => Promise<PromiseSettledResult<unknown>[]> } {
  const late: (() => Promise<unknown>)[] = [];
  let end: (() => void) | undefined;
  const sends = new Set(['begin', 'query', 'compound', ...ends]);
  const wrap = (session: Session): Session =>
    new Proxy(session, {
      get(target, name) {
        const value = Reflect.get(target, name, target) as unknown;
        if (name === 'broken') return true;
        if (name === 'destroy')
          return () => {
            end = () => target.destroy();
          };
        if (!sends.has(String(name))) return typeof value === 'function' ? value.bind(target) : value;
        return (...args: unknown[]) => {
          late.push(() => (value as Send).apply(target, args));
          return Promise.reject(Object.assign(new Error('gone'), { code: 'ECONNRESET' }));
        };
      },
    });
  let first = true;
  const connect: Engine['connect'] = async (location, node) => {
    const session = await engine.connect(location, node);
    if (!first) return session;
    first = false;
    return wrap(session);
  };
  const arrive = async (): Promise<PromiseSettledResult<unknown>[]> => {
    const results = await Promise.allSettled(late.map(send => send()));
    end?.();
    return results;
  };
  return { engine: { ...engine, connect }, arrive };
}

function atCommit(ground: Ground, server: () => Promise<DatabaseServer>, { kill }: Ends): void {
  for (const moment of ['before', 'after'] as const)
    test(`a connection lost ${moment} COMMIT is done: what became of it is found out`, async () => {
      const at = await server();
      const { store, url } = await begin(ground, at);
      await using _store = store;
      const location = parseUrl(url);
      const { engine, commits } = losing(ground.engine, moment, id => at.admin(kill(id), url).catch(() => {}));
      const pool = new Pool(location, poolDefaults, node => engine.connect(location, node));
      const compiler = { dialect: engine.dialect, tables: compileTables(engine.dialect, suiteTables) };
      const plan = compilePlan(compiler, counted('x'), engine.guardLocks);
      const result = await new Commits(engine, pool, 10_000).commit(plan, new Date().toISOString());
      await pool.close();
      assert.equal(commits(), moment === 'after' ? 2 : 3, 'asked, and done again only where it was not done');
      assert.ok(result.done);
      const [told, ...more] = await store.outbox('relay', 10);
      assert.deepEqual([moment === 'after' ? 0 : told?.seq, more], [result.seq, []]);
      await isWhole(store, [{ done: ['x'], failed: [] }]);
    });

  test('a commit of which the server hears when it has been asked about is done no more', async () => {
    const at = await server();
    const { store, url } = await begin(ground, at);
    await using _store = store;
    const location = parseUrl(url);
    const { engine, arrive } = delaying(ground.engine);
    const pool = new Pool(location, poolDefaults, node => engine.connect(location, node));
    const compiler = { dialect: engine.dialect, tables: compileTables(engine.dialect, suiteTables) };
    // Nothing but the note tells the one from the other.
    const bump: WriteSet = { ops: [{ op: 'update', table: 'counters', where: { eq: ['id', 'n'] }, bump: { used: 1 }, expect: 1 }] };
    const plan = compilePlan(compiler, bump, engine.guardLocks);
    assert.ok((await new Commits(engine, pool, 10_000).commit(plan, new Date().toISOString())).done);
    const late = await arrive();
    assert.ok(late.some(({ status }) => status === 'rejected'));
    await pool.close();
    assert.equal((await store.get('counters', { id: 'n' }))?.used, 1);
  });

  test('a commit whose COMMIT fails is taken back, and whoever has its connection next commits nothing of it', async () => {
    const at = await server();
    const { store, url } = await begin(ground, at);
    await using _store = store;
    const location = parseUrl(url);
    const pool = new Pool(location, { ...poolDefaults, max_pool_size: 1 }, async node =>
      failing(await ground.engine.connect(location, node)),
    );
    const compiler = { dialect: ground.engine.dialect, tables: compileTables(ground.engine.dialect, suiteTables) };
    const commits = new Commits(ground.engine, pool, 10_000);
    const commit = (id: string) => commits.commit(compilePlan(compiler, counted(id), ground.engine.guardLocks), new Date().toISOString());
    await assert.rejects(commit('x'), /weft_nowhere/);
    await commits.read(session => session.query({ text: 'SELECT 1', binds: [] }));
    assert.ok((await commit('y')).done);
    await pool.close();
    await isWhole(store, [{ done: ['y'], failed: [] }]);
  });
}

/** Its first COMMIT is a statement that fails. */
function failing(session: Session): Session {
  let commits = 0;
  return new Proxy(session, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (ends.has(String(name)) && commits++ === 0) return () => target.run('SELECT 1 FROM weft_nowhere');
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
