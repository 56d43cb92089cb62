import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grows, thirds, trendOf } from './trend.ts';

const readings = (values: readonly number[]) => values.map((value, minute) => ({ minute, value }));

test('a straight line is its own trend, without noise', () => {
  const { perMinute, noise, mean } = trendOf(readings([10, 12, 14, 16]));
  assert.deepEqual([perMinute, mean], [2, 13]);
  assert.ok(noise < 1e-9);
});

test('noise is twice the standard error of the slope', () => {
  // Residuals 1, -1, -1, 1 about a flat line: 4 / (4 - 2) / 5 is the variance of the slope.
  const { perMinute, noise } = trendOf(readings([11, 9, 9, 11]));
  assert.equal(perMinute, 0);
  assert.ok(Math.abs(noise - 2 * Math.sqrt(0.4)) < 1e-9);
});

test('minutes that are missing count as time', () => {
  assert.equal(trendOf([0, 10, 20].map(minute => ({ minute, value: minute }))).perMinute, 1);
});

test('what goes up and down does not grow, what climbs through it does, and a trifle is none', () => {
  const wave = (i: number): number => (i % 2 === 0 ? 1 : -1) * 3;
  const run = (climb: number): number[] => Array.from({ length: 30 }, (_, i) => 100 + climb * i + wave(i));
  assert.equal(grows(trendOf(readings(run(0))), 0.1), false);
  assert.equal(grows(trendOf(readings(run(1))), 0.1), true);
  assert.equal(grows(trendOf(readings(run(-1))), 0.1), false);
  assert.equal(grows(trendOf(readings([100, 100.01, 100.02, 100.03])), 0.1), false);
  assert.equal(grows(trendOf(readings([100, 900])), 0.1), false, 'two readings say nothing');
});

test('thirds leave the middle out', () => {
  assert.deepEqual(thirds([1, 2, 3, 4, 5, 6, 7]), { first: [1, 2], last: [6, 7] });
  assert.deepEqual(thirds([1]), { first: [1], last: [1] });
});
