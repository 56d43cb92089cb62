import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PrintedObjects } from './printed.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

test('a text is that of its revision and of what is shown', () => {
  const printed = new PrintedObjects(1000);
  printed.keep('port 1 all', 3, bytes('three'));
  assert.deepEqual(printed.get('port 1 all', 3), bytes('three'));
  assert.deepEqual(printed.get('port 1 all', 4), undefined);
  assert.deepEqual(printed.get('port 1 all', 2), undefined);
  assert.deepEqual(printed.get('port 1 less', 3), undefined);
});

test('a slow reader does not put an older text over a newer one', () => {
  const printed = new PrintedObjects(1000);
  printed.keep('port 1', 4, bytes('four'));
  printed.keep('port 1', 3, bytes('three'));
  assert.deepEqual(printed.get('port 1', 4), bytes('four'));
});

test('what is asked for stays, what nobody asks for goes, and the whole has a bound', () => {
  const printed = new PrintedObjects(1000);
  const text = bytes('x'.repeat(100));
  printed.keep('asked', 1, text);
  printed.keep('forgotten', 1, text);
  for (let i = 0; i < 50; i++) {
    printed.keep(`other ${i}`, 1, text);
    assert.deepEqual(printed.get('asked', 1), text, `after ${i}`);
  }
  assert.deepEqual(printed.get('forgotten', 1), undefined);
  const kept = Array.from({ length: 50 }, (_, i) => printed.get(`other ${i}`, 1)).filter(t => t !== undefined);
  assert.ok(kept.length > 0 && kept.length <= 10, String(kept.length));
});

test('what has grown old is that of its revision still', () => {
  const printed = new PrintedObjects(1000);
  printed.keep('port 1', 3, bytes('three'));
  for (let i = 0; i < 5; i++) printed.keep(`other ${i}`, 1, bytes('x'.repeat(100)));
  assert.equal(printed.get('port 1', 4), undefined);
  assert.deepEqual(printed.get('port 1', 3), bytes('three'));
});

test('an object that is printed again and again takes its place once', () => {
  const printed = new PrintedObjects(1000);
  printed.keep('stays', 1, bytes('x'.repeat(100)));
  for (let revision = 1; revision < 100; revision++) printed.keep('moves', revision, bytes('x'.repeat(100)));
  assert.deepEqual(printed.get('stays', 1)?.length, 100);
});
