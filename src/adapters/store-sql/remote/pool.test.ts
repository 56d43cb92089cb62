// Connections: bounded, waited for, made anew when old or broken, and on the next node when one is gone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from './engine.ts';
import { Pool, type PoolOptions, poolDefaults } from './pool.ts';
import { parseUrl } from './url.ts';

class Fake {
  broken = false;
  readonly id: number;
  readonly port: number;
  constructor(id: number, port: number) {
    this.id = id;
    this.port = port;
  }
  destroy(): void {
    this.broken = true;
  }
}

function pool(options: Partial<PoolOptions> = {}, dead = new Set<number>()) {
  const made: Fake[] = [];
  const connect = async (node: { port: number }): Promise<Session> => {
    await sleep(1);
    if (dead.has(node.port)) throw new Error(`nobody at ${node.port}`);
    const session = new Fake(made.length, node.port);
    made.push(session);
    return session as unknown as Session;
  };
  return { made, dead, pool: new Pool(parseUrl('mysql://u@h:1,h:2/d'), { ...poolDefaults, ...options }, connect) };
}

test('connections are used again, and no more are there than asked for at once', async () => {
  const { pool: p, made } = pool({ max_pool_size: 2, max_overflow: 0 });
  for (let i = 0; i < 5; i++) await p.with(async () => {});
  assert.equal(made.length, 1);
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await sleep(2);
    inside--;
  };
  await Promise.all(Array.from({ length: 20 }, () => p.with(work)));
  assert.deepEqual([most, made.length], [2, 2]);
  await p.close();
});

test('what is open, idle and waited for is counted', async () => {
  const { pool: p } = pool({ max_pool_size: 2, max_overflow: 0 });
  assert.deepEqual(p.counts, { open: 0, idle: 0, waiting: 0 });
  const held = Promise.withResolvers<void>();
  const all = [1, 2, 3].map(() => p.with(() => held.promise));
  while (p.counts.waiting === 0) await sleep(1);
  assert.deepEqual(p.counts, { open: 2, idle: 0, waiting: 1 });
  held.resolve();
  await Promise.all(all);
  assert.deepEqual(p.counts, { open: 2, idle: 2, waiting: 0 });
  await p.close();
  assert.deepEqual(p.counts, { open: 0, idle: 0, waiting: 0 });
});

test('a connection is used for the same again, and for something else where no more may be made', async () => {
  const { pool: p, made } = pool({ max_pool_size: 2 });
  const used = async (use?: 'reads' | 'commits') => p.with(async session => session.id, use);
  const ids: number[] = [];
  for (const use of ['reads', 'commits', 'reads', 'commits', 'reads'] as const) ids.push(await used(use));
  assert.deepEqual(ids, [0, 1, 0, 1, 0]);
  assert.equal(await used(), 0);
  assert.equal(made.length, 2);
  await p.close();
});

test('a crowd that waits gets more, and who waits too long an error', async () => {
  const { pool: p, made } = pool({ max_pool_size: 1, max_overflow: 1, pool_timeout: 0.3 });
  const gate = Promise.withResolvers<void>();
  const first = p.with(() => gate.promise);
  const second = p.with(() => gate.promise);
  const third = p.with(async () => {});
  await assert.rejects(third, /no connection was free for 0\.3 s/);
  assert.equal(made.length, 2);
  gate.resolve();
  await Promise.all([first, second]);
  await p.close();
});

test('broken and old connections are not used again', async () => {
  const { pool: p, made } = pool({ connection_recycle_time: 0.05 });
  await p.with(async session => session.destroy());
  await p.with(async () => {});
  assert.equal(made.length, 2);
  await sleep(80);
  await p.with(async () => {});
  assert.equal(made.length, 3);
  assert.ok(made[1]!.broken);
  await p.close();
});

test('the next node serves when one is gone, and then all connections are to that one', async () => {
  const { pool: p, made, dead } = pool();
  const held = Promise.withResolvers<void>();
  const old = p.with(() => held.promise);
  await p.with(async session => assert.equal((session as unknown as Fake).port, 1));
  dead.add(1);
  await p.with(async session => session.destroy());
  await p.with(async session => assert.equal((session as unknown as Fake).port, 2));
  held.resolve();
  await old;
  dead.delete(1);
  await Promise.all(Array.from({ length: 5 }, () => p.with(async session => assert.equal((session as unknown as Fake).port, 2))));
  assert.ok(made.filter(session => session.port === 1).every(session => session.broken));
  dead.add(1).add(2);
  for (const session of made) session.broken = true;
  await assert.rejects(
    p.with(async () => {}),
    /nobody at 2/,
  );
  await p.close();
});

test('closing waits for those that are in, and lets nobody more in', async () => {
  const { pool: p } = pool();
  const gate = Promise.withResolvers<void>();
  const work = p.with(() => gate.promise);
  await sleep(5);
  let closed = false;
  const closing = p.close().then(() => {
    closed = true;
  });
  await sleep(5);
  assert.equal(closed, false);
  await assert.rejects(
    p.with(async () => {}),
    /closed/,
  );
  gate.resolve();
  await Promise.all([work, closing]);
});
