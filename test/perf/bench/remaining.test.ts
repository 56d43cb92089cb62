import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clock, Remaining } from './remaining.ts';

test('what is left follows from what steps took, not from what was guessed', async () => {
  let now = 0;
  const pass = async (ms: number): Promise<void> => {
    now += ms;
  };
  const lines: string[] = [];
  const remaining = new Remaining(
    line => lines.push(line),
    () => now,
  );
  remaining.expect('fill', 60_000);
  remaining.expect('phase', 10_000, 3);
  assert.equal(remaining.leftMs(), 90_000);
  await remaining.step('phase', () => pass(20_000));
  assert.equal(remaining.leftMs(), 60_000 + 2 * 20_000);
  await remaining.step('not announced', () => pass(1000));
  assert.equal(remaining.leftMs(), 100_000);
  assert.deepEqual(lines, ['0:00, about 1:30 left: phase', '0:20, about 1:40 left: not announced']);
});

test('a step that fails tells its own failure', async () => {
  const remaining = new Remaining(() => {});
  await assert.rejects(
    remaining.step('phase', async () => {
      throw new Error('no');
    }),
    /^Error: no$/,
  );
});

test('minutes and seconds', () => {
  assert.equal(clock(0), '0:00');
  assert.equal(clock(59_600), '1:00');
  assert.equal(clock(2_705_000), '45:05');
});
