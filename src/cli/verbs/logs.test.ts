import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filter, merge } from './logs.ts';

const line = (second: number, level: string, text: string): string => `2026-01-02T03:04:0${second}.000Z ${level} ${text}`;

test('logs are woven together by time, and lines of one time keep their order', () => {
  const a = [line(1, 'INFO', 'server one'), line(3, 'INFO', 'server two'), line(3, 'INFO', 'server three'), ''].join('\n');
  const b = [line(2, 'ERROR', 'h1 one'), line(3, 'INFO', 'h1 two'), ''].join('\n');
  assert.deepEqual(
    merge([a, b]).map(l => l.split(' ').slice(2).join(' ')),
    ['server one', 'h1 one', 'server two', 'server three', 'h1 two'],
  );
});

test('a level lets through itself and what is worse; a request only its own lines', () => {
  const lines = [line(1, 'DEBUG', 'x'), line(1, 'INFO', 'x [req-1] a'), line(1, 'WARNING', 'x [req-2] b'), line(1, 'ERROR', 'x [req-1] c')];
  assert.deepEqual(lines.filter(filter('WARNING', undefined)), lines.slice(2));
  assert.deepEqual(lines.filter(filter('DEBUG', 'req-1')), [lines[1], lines[3]]);
  assert.deepEqual(lines.filter(filter('ERROR', 'req-2')), []);
});
