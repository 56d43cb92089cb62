import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import test from 'node:test';
import { systemClock } from './system-clock.ts';

test('now is the time of day in milliseconds', () => {
  assert.ok(Math.abs(systemClock.now() - Date.now()) < 1000);
});

test('sleep waits as long as asked', async () => {
  const began = performance.now();
  await systemClock.sleep(30);
  assert.ok(performance.now() - began >= 29);
});

test('zero, negative and NaN do not wait', async () => {
  let turned = false;
  setImmediate(() => (turned = true));
  for (const ms of [0, -5, Number.NaN]) await systemClock.sleep(ms);
  assert.equal(turned, false);
});

test('an abort ends the sleep early, without an error', async () => {
  const abort = new AbortController();
  const began = performance.now();
  setTimeout(() => abort.abort(), 10);
  await systemClock.sleep(60_000, abort.signal);
  assert.ok(performance.now() - began < 5000);
});

test('a signal that is aborted already does not wait', async () => {
  await systemClock.sleep(60_000, AbortSignal.abort());
});

test('longer than a timer can be does not fire at once', async () => {
  const abort = new AbortController();
  let ended = false;
  const sleep = systemClock.sleep(Number.POSITIVE_INFINITY, abort.signal).then(() => {
    ended = true;
  });
  await systemClock.sleep(20);
  assert.equal(ended, false);
  abort.abort();
  await sleep;
  assert.equal(ended, true);
});

test('a sleep that ended leaves no listener on the signal', async () => {
  const abort = new AbortController();
  for (let i = 0; i < 20; i++) await systemClock.sleep(1, abort.signal);
  assert.equal(getEventListeners(abort.signal, 'abort').length, 0);
});
