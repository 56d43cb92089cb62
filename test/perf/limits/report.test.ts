import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Result } from '../bench/measure.ts';
import { reportLimits } from './report.ts';

const result = (items: number, changes: Partial<Result> = {}): Result => ({
  ...{ operations: items, items, p50: 1, p95: 2, p99: 3, errors: 0, cpuMs: 2, besideCpuMs: 2, clientShare: 0.1 },
  ...changes,
});

test('shares are of rounds, and what is short is said', () => {
  const { text, missed, wrong } = reportLimits({
    figures: [
      { name: 'a', wanted: 0.6, bare: [result(100), result(1000)], weft: [result(50), result(900)] },
      { name: 'b', wanted: 0.5, bare: [result(100)], weft: [result(40)] },
      { name: 'c', bare: [result(7)], weft: [] },
    ],
    lacking: ['OVSDB: apt-get install openvswitch-switch'],
  });
  assert.deepEqual([missed, wrong], [['b: 40 % of the bare limit, wanted 50 %'], []]);
  assert.match(text, /\| a \| 550 \| 1\.0 \| 3\.0 \| 475 \| 1\.0 \| 70 % \| 60 % \| {2}\|/);
  assert.match(text, /\| b .* \| 40 % \| 50 % \| short \|/);
  assert.match(text, /\| c \| 7\.00 \| 1\.0 \| 3\.0 \| {2}\| {2}\| {2}\| {2}\| {2}\|/);
  assert.match(text, /Not measured: OVSDB: apt-get install openvswitch-switch\./);
});

test('errors, and nothing at all, are wrong', () => {
  const { wrong } = reportLimits({ figures: [{ name: 'a', bare: [result(1, { errors: 2 })], weft: [result(0)] }], lacking: [] });
  assert.deepEqual(wrong, ['2 errors in a', 'nothing was done in a, Weft']);
});
