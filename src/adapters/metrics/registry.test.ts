import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Metric } from '../../contracts/metrics.ts';
import { exposition, Registry, together } from './registry.ts';

const metrics: readonly Metric[] = [
  { name: 'asked_total', type: 'counter', help: 'Questions.' },
  { name: 'lag_seconds', type: 'gauge', help: 'Age.', together: 'most' },
  { name: 'time_seconds', type: 'histogram', help: 'Time.', buckets: [0.1, 1] },
  { name: 'never', type: 'gauge', help: 'Nothing.' },
];

test('what several processes say is added up, or the most of it taken, and printed as Prometheus reads it', () => {
  const [one, two] = [new Registry(metrics), new Registry(metrics)];
  for (const each of [one, two]) {
    each.count('asked_total', { name: 'a"b\\c\nd' });
    for (const time of [0.05, 0.1, 0.5, 7]) each.observe('time_seconds', {}, time);
  }
  one.count('asked_total', {}, 3);
  one.set('lag_seconds', { reader: 'a' }, 5);
  two.set('lag_seconds', { reader: 'a' }, 2);
  assert.equal(
    exposition(metrics, together(metrics, [one.samples(), two.samples()])),
    [
      '# HELP asked_total Questions.',
      '# TYPE asked_total counter',
      'asked_total{name="a\\"b\\\\c\\nd"} 2',
      'asked_total 3',
      '# HELP lag_seconds Age.',
      '# TYPE lag_seconds gauge',
      'lag_seconds{reader="a"} 5',
      '# HELP time_seconds Time.',
      '# TYPE time_seconds histogram',
      'time_seconds_bucket{le="0.1"} 4',
      'time_seconds_bucket{le="1"} 6',
      'time_seconds_bucket{le="+Inf"} 8',
      'time_seconds_sum 15.3',
      'time_seconds_count 8',
      '',
    ].join('\n'),
  );
});

test('a name that nobody knows is a mistake', () => {
  assert.throws(() => new Registry(metrics).count('aksed_total'), /there is no metric aksed_total/);
});
