import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closedLoop, median, medianOf, oneByOne, openLoop, type Result } from './measure.ts';
import type { Server } from './servers.ts';
import type { Done } from './world.ts';

const target = { name: 'here', url: 'http://127.0.0.1:1', token: '' };
const server = (pid = process.pid): Server => ({ target, processes: [pid], beside: [], [Symbol.asyncDispose]: async () => {} });
const timing = { warmUpMs: 10, measuredMs: 60, clients: 2 };

const takes =
  (ms: number, ok = true) =>
  async (): Promise<Done> => {
    await new Promise(resolve => setTimeout(resolve, ms));
    return { ms, ok, items: 5 };
  };

test('the median, also of an even number', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test('of rounds each figure has its own median, and errors are added up', () => {
  const one: Result = { operations: 1, items: 10, p50: 1, p95: 2, p99: 3, errors: 1, cpuMs: 1, besideCpuMs: 0, clientShare: 0.1 };
  const two = { ...one, operations: 3, p99: 1, errors: 2 };
  const both = medianOf([one, two]);
  assert.deepEqual([both.operations, both.p99, both.errors, both.items], [2, 2, 3, 10]);
});

test('a closed loop counts what was answered, and errors of its warm-up too', async () => {
  const good = await closedLoop(server(), takes(5), { next: 0 }, timing);
  assert.ok(good.operations > 0 && good.operations <= 400, String(good.operations));
  assert.ok(Math.abs(good.items / good.operations - 5) < 1e-9);
  assert.deepEqual([good.p50, good.errors], [5, 0]);
  let n = 0;
  const firstFails = async (): Promise<Done> => ({ ...(await takes(5)()), ok: n++ > 0 });
  assert.equal((await closedLoop(server(), firstFails, { next: 0 }, timing)).errors, 1);
});

test('a loop ends when there is nothing left to do it with', async () => {
  let left = 7;
  const some = async (): Promise<Done | undefined> => (left-- > 0 ? { ms: 1, ok: true } : undefined);
  const { errors } = await closedLoop(server(), some, { next: 0 }, { ...timing, warmUpMs: 0, measuredMs: 60_000 });
  assert.equal(errors, 0);
});

test('an open loop asks at its rate, and counts the time for which a question waits', async () => {
  const rate = 100;
  const slow = await openLoop(server(), takes(40), { next: 0 }, { ...timing, clients: 1, measuredMs: 200 }, rate);
  assert.ok(slow.p99 > 100, `${slow.p99} ms, where twenty questions wait for one client`);
});

test('what comes before each is not counted', async () => {
  const began = performance.now();
  const result = await oneByOne(server(), takes(2), () => new Promise(resolve => setTimeout(resolve, 30)), timing);
  assert.ok(performance.now() - began >= timing.measuredMs);
  assert.equal(Math.round(result.operations), 500);
});

test('a server that has ended, or an interruption, ends the run', async () => {
  const gone = 4_194_304; // more than the kernel numbers
  await assert.rejects(closedLoop(server(gone), takes(1, false), { next: 0 }, timing), /here: the server has ended/);
  const signal = AbortSignal.abort(new Error('interrupted'));
  await assert.rejects(closedLoop(server(), takes(1), { next: 0 }, { ...timing, signal }), /interrupted/);
  await assert.rejects(openLoop(server(), takes(1), { next: 0 }, { ...timing, signal }, 10), /interrupted/);
});
