// The store on a Galera cluster of three real nodes: one is written to, another one when that is gone, never two.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { mariadbEngine } from '../../src/adapters/store-sql/mariadb/engine.ts';
import { openMariadbStore } from '../../src/adapters/store-sql/mariadb/open.ts';
import type { Session } from '../../src/adapters/store-sql/remote/engine.ts';
import { parseUrl } from '../../src/adapters/store-sql/remote/url.ts';
import { type Store, StoreBusy, type WriteSet } from '../../src/contracts/store.ts';
import { idsOf, insert, suiteTables as tables, thing } from '../../src/contracts/store-suite/place.ts';
import { wayTo } from '../api/held-commit.ts';
import { type Cluster, noGalera, startGalera } from './galera.ts';

const engine = mariadbEngine({ connectMs: 5000, lockWaitMs: 5000 }, () => {});

/** One more, which is counted and told. */
const counted = (id: string): WriteSet => ({
  ops: [insert('things', thing(id)), { op: 'update', table: 'counters', where: { eq: ['id', 'n'] }, bump: { used: 1 }, expect: 1 }],
  outbox: [{ kind: 'thing', id, event: 'created', revision: 0, facts: {} }],
});

/** The only one of its kind: relies on there being none. */
const only = (id: string, kind: string): WriteSet => ({
  guards: [{ guard: 'absent', table: 'things', where: { eq: ['kind', kind] } }],
  ops: [insert('things', thing(id, { kind }))],
});

describe('a Galera cluster', { skip: noGalera, timeout: 280_000 }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startGalera(3);
  });
  after(() => cluster?.[Symbol.asyncDispose]());

  const open = (url: string, patienceMs = 30_000): Promise<Store> => openMariadbStore(url, { tables, patienceMs });
  /** The same database by one node alone. */
  const by = (url: string, node: number): string => url.replace(/@[^/]+/, `@127.0.0.1:${cluster.nodes[node]!.port}`);
  const session = (url: string): Promise<Session> => engine.connect(parseUrl(url), parseUrl(url).nodes[0]!);

  async function begun(...order: number[]): Promise<{ readonly url: string; readonly store: Store }> {
    const url = await cluster.database(...order);
    const store = await open(url);
    assert.ok((await store.commit({ ops: [insert('counters', { id: 'n', used: 0 })] })).done);
    return { url, store };
  }

  test('is three nodes', async () => {
    for (const node of [0, 1, 2]) assert.equal(await cluster.status(node, 'wsrep_cluster_size'), '3');
  });

  test('of rivals by one node those that hold together are done', async () => {
    const { url, store } = await begun(0);
    await using _store = store;
    await using second = await open(url);
    for (let round = 0; round < 5; round++) {
      const rivals = Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? store : second).commit(only(`${round}-${i}`, `kind ${round}`)));
      assert.equal((await Promise.all(rivals)).filter(({ done }) => done).length, 1);
    }
    assert.equal(await store.count('things'), 5);
  });

  test('locks of a node bind nobody on another one: what would come of writing to two; a key that is taken is met', async () => {
    const { url, store } = await begun(0);
    await using _store = store;
    const [here, there] = [await session(by(url, 0)), await session(by(url, 1))];
    const run = (on: Session, text: string) => on.query({ text, binds: [] });
    for (const on of [here, there]) {
      await on.begin();
      // Neither waits for the other, and each sees none.
      await run(on, 'SELECT slot FROM weft_lock WHERE slot = 7 FOR UPDATE');
      assert.deepEqual((await run(on, 'SELECT count(*) FROM parts')).rows, [[0]]);
      await run(on, `INSERT INTO parts (thing_id, slot) VALUES ('${on === here ? 'here' : 'there'}', 1)`);
    }
    for (const on of [here, there]) await on.commit();
    assert.equal(await store.count('parts'), 2);
    for (const on of [here, there]) {
      await on.begin();
      await run(on, "INSERT INTO counters (id, used, revision_number) VALUES ('once', 1, 0)");
    }
    await here.commit();
    await assert.rejects(there.commit(), error => engine.trouble(error) === 'again');
    for (const on of [here, there]) on.destroy();
  });

  test('while one node is written to, a server that would write to another is told so', async () => {
    const { url, store } = await begun(0);
    await using _store = store;
    await using other = await open(by(url, 1), 1500);
    let over = false;
    let done = 0;
    const writing = (async () => {
      for (; !over; done++) assert.ok((await store.commit(counted(`a${done}`))).done);
    })();
    await assert.rejects(other.commit(counted('b')), error => {
      assert.ok(error instanceof StoreBusy);
      return /write to another node of the cluster: all must write to one \(the same order of hosts in \[database\] connection\)/.test(
        error.message,
      );
    });
    over = true;
    await writing;
    assert.equal(await store.count('things'), done);
    // Reads are from whichever node it is.
    assert.ok((await other.count('things')) > 0);
  });

  test('a commit that is under way on one node when another one takes over is taken back, wherever it had got to', async () => {
    const { url, store } = await begun(0);
    await store[Symbol.asyncDispose]();
    await using way = await wayTo(by(url, 0));
    await using here = await open(way.url, 2000);
    await using there = await open(by(url, 1));
    const held = way.hold();
    const first = here.commit(only('here', 'rare'));
    await held.reached;
    // It has all its locks, and says nothing for so long that another node is taken.
    assert.ok((await there.commit(only('there', 'rare'))).done);
    held.release();
    const outcome = await first.then(
      result => result.done,
      error => error instanceof StoreBusy,
    );
    assert.ok(outcome, 'refused, for it could not be done any more');
    assert.deepEqual(await idsOf(there.select({ table: 'things' })), ['there']);
  });

  // The last: it leaves two nodes.
  test('kill -9 of the node that is written to: the next host goes on, and nothing that was answered is lost', async () => {
    const { url, store } = await begun(0, 1, 2);
    await using _store = store;
    let over = false;
    const done: string[] = [];
    const failed: string[] = [];
    const stream = async (me: string): Promise<void> => {
      for (let i = 0; !over; i++) {
        const id = `${me}-${i}`;
        await store.commit(counted(id)).then(
          () => done.push(id),
          () => failed.push(id),
        );
      }
    };
    const streaming = Promise.all(['a', 'b', 'c'].map(stream));
    const reached = async (count: number): Promise<void> => {
      for (const from = done.length; done.length < from + count; ) await new Promise(resolve => setTimeout(resolve, 20));
    };
    await reached(30);
    await cluster.nodes[0]!.kill();
    await reached(30);
    over = true;
    await streaming;
    assert.deepEqual(failed, [], 'each was found out');
    assert.deepEqual(await idsOf(store.select({ table: 'things' })), done.toSorted());
    assert.equal((await store.get('counters', { id: 'n' }))?.used, done.length);
    assert.deepEqual((await store.outbox('relay', 100_000)).map(row => row.id).sort(), done.toSorted());
    assert.equal(await cluster.status(1, 'wsrep_cluster_size'), '2');
    await using last = await open(by(url, 2));
    assert.deepEqual(await idsOf(last.select({ table: 'things' })), done.toSorted());
  });
});
