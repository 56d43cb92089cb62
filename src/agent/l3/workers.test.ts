// Work by key: once per key at a time, several keys at once, retries that hold up nobody.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimClock } from '../../engine/clock.ts';
import { Coalesced } from '../interface/coalesced.ts';
import { Workers } from './workers.ts';

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

function workers(work: (key: string) => Promise<void>, parallel = 2) {
  const clock = new SimClock();
  const stop = new AbortController();
  const failures: string[] = [];
  const w = new Workers({
    clock,
    random: () => 0.5,
    signal: stop.signal,
    parallel,
    backoff: { firstMs: 1000, maxMs: 4000 },
    work,
    onFailure: (key, error, ms) => failures.push(`${key} ${String(error)} ${ms}`),
  });
  return { w, clock, stop, failures };
}

test('one attempt at a time per key; a mark meanwhile asks for one more', async () => {
  const gates: (() => void)[] = [];
  let most = 0;
  let now = 0;
  const { w } = workers(async () => {
    most = Math.max(most, ++now);
    await new Promise<void>(resolve => gates.push(resolve));
    now--;
  });
  w.mark('a');
  w.mark('a');
  w.mark('a');
  assert.equal(gates.length, 1);
  gates[0]?.();
  await settle();
  assert.equal(gates.length, 2);
  gates[1]?.();
  await settle();
  assert.equal(gates.length, 2);
  assert.equal(most, 1);
});

test('a stuck key takes one place, the others go on', async () => {
  const done: string[] = [];
  const { w } = workers(async key => {
    if (key === 'stuck') await new Promise(() => {});
    done.push(key);
  });
  for (const key of ['stuck', 'a', 'b', 'c']) w.mark(key);
  await settle();
  assert.deepEqual(done, ['a', 'b', 'c']);
});

test('what fails is tried again with back-off; a mark does not wait for it, and voids the old retry', async () => {
  let runs = 0;
  let fails = true;
  const { w, clock, failures } = workers(async () => {
    runs++;
    if (fails) throw new Error('no');
  });
  await w.attempt('a');
  await clock.advance(999);
  assert.equal(runs, 1);
  await clock.advance(1);
  assert.equal(runs, 2);
  await clock.advance(2000);
  assert.equal(runs, 3);
  assert.deepEqual(failures, ['a Error: no 1000', 'a Error: no 2000', 'a Error: no 4000']);
  fails = false;
  await w.attempt('a');
  assert.equal(runs, 4);
  await clock.advance(60_000);
  assert.equal(runs, 4);
  fails = true;
  await w.attempt('a');
  assert.equal(failures.at(-1), 'a Error: no 1000');
});

test('attempt waits for one that began after it was asked', async () => {
  const gates: (() => void)[] = [];
  const { w } = workers(() => new Promise<void>(resolve => gates.push(resolve)));
  w.mark('a');
  let over = false;
  void w.attempt('a').then(() => {
    over = true;
  });
  gates[0]?.();
  await settle();
  assert.equal(over, false);
  gates[1]?.();
  await settle();
  assert.equal(over, true);
});

test('nothing begins after the end, and a forgotten key is not tried again', async () => {
  let runs = 0;
  const { w, clock, stop } = workers(async () => {
    runs++;
    throw new Error('no');
  });
  await w.attempt('a');
  w.forget('a');
  await clock.advance(60_000);
  assert.equal(runs, 1);
  stop.abort();
  w.mark('b');
  await settle();
  assert.equal(runs, 1);
});

test('those who ask during a read share the next one, which sees what happened before they asked', async () => {
  let state = 0;
  const gates: (() => void)[] = [];
  const shared = new Coalesced(async () => {
    const seen = state;
    await new Promise<void>(resolve => gates.push(resolve));
    if (seen === 2) throw new Error('gone');
    return seen;
  });
  const first = shared.get();
  state = 1;
  const [second, third] = [shared.get(), shared.get()];
  gates[0]?.();
  assert.equal(await first, 0);
  await settle();
  gates[1]?.();
  assert.deepEqual(await Promise.all([second, third]), [1, 1]);
  assert.equal(gates.length, 2);
  state = 2;
  const failing = shared.get();
  gates[2]?.();
  await assert.rejects(failing);
  state = 3;
  const after = shared.get();
  gates[3]?.();
  assert.equal(await after, 3);
});
