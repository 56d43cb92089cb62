import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FairQueue } from './fair-queue.ts';

test('a burst at once, then the rate; what waits is not more than a burst of each key', () => {
  const queue = new FairQueue<number>({ rate: 10, burst: 5 }, 0);
  const offered = Array.from({ length: 20 }, (_, n) => queue.offer('a', n));
  assert.deepEqual([offered.filter(Boolean).length, offered[5]], [5, false]);
  assert.deepEqual(queue.take(0), [0, 1, 2, 3, 4]);
  for (let n = 5; n < 10; n++) assert.equal(queue.offer('a', n), true);
  assert.deepEqual(queue.take(90), []);
  assert.ok([10, 11].includes(queue.waitMs() ?? 0));
  assert.deepEqual(queue.take(300), [5, 6, 7]);
  assert.ok([100, 101].includes(queue.waitMs() ?? 0));
  assert.deepEqual(queue.take(60_000), [8, 9]);
  assert.equal(queue.waitMs(), undefined);
  // What was not used up before is a burst, and no more than one.
  for (let n = 0; n < 5; n++) queue.offer('a', n);
  assert.equal(queue.take(120_000).length, 5);
  assert.equal(queue.offer('a', 6), true);
  assert.deepEqual(queue.take(120_000), []);
});

test('keys take turns: one that never stops leaves the others their share', () => {
  const queue = new FairQueue<string>({ rate: 10, burst: 2 }, 0);
  const taken: string[] = [];
  for (let ms = 0; ms < 10_000; ms += 10) {
    for (let n = 0; n < 50; n++) queue.offer('loud', 'loud');
    if (ms % 500 === 0) queue.offer('quiet', 'quiet');
    taken.push(...queue.take(ms));
  }
  assert.equal(taken.filter(t => t === 'quiet').length, 20);
  assert.ok(taken.length <= 2 + 100, `${taken.length} in ten seconds`);
});

test('time that goes back fills nothing', () => {
  const queue = new FairQueue<number>({ rate: 10, burst: 1 }, 1000);
  queue.offer('a', 1);
  assert.deepEqual(queue.take(1000), [1]);
  queue.offer('a', 2);
  assert.deepEqual(queue.take(0), []);
  assert.deepEqual(queue.take(100), [2]);
});
