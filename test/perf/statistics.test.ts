import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markdown, ms, percentile } from './statistics.ts';

test('percentiles by nearest rank', () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.deepEqual([percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)], [50, 99, 100]);
  assert.equal(percentile([7], 0.01), 7);
  assert.ok(Number.isNaN(percentile([], 0.5)));
});

test('a table, whose first column is words', () => {
  assert.equal(
    markdown([
      ['', 'ms'],
      ['a', '1'],
    ]),
    '|  | ms |\n| --- | ---: |\n| a | 1 |',
  );
});

test('milliseconds', () => {
  assert.deepEqual([ms(9.96), ms(12.4)], ['10.0', '12']);
});
