import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { blankOf } from './blank.ts';

setFlagsFromString('--allow-natives-syntax');
const isRecord = new Function('o', 'return %HasFastProperties(o)') as (object: object) => boolean;

test('copies have their keys, in order, and stay records however many there are', () => {
  const names = Array.from({ length: 60 }, (_, i) => `binding:${i}`);
  const blank = blankOf(names);
  const copy: Record<string, unknown> = { ...blank };
  for (const [i, name] of names.entries()) copy[name] = i % 2 ? `text ${i}` : i;
  copy.tenant_id = 'more';
  assert.deepEqual(Object.keys(copy), [...names, 'tenant_id']);
  assert.equal(blank['binding:1'], null);
  assert.ok(isRecord(copy));
  const filled: Record<string, unknown> = {};
  for (const name of names) filled[name] = null;
  assert.ok(!isRecord(filled), 'no longer needed: objects that are filled key by key are records, too');
});

test('names are only names', () => {
  assert.deepEqual(Object.keys(blankOf(['a"b', '\\', '__proto__', 'ü'])), ['a"b', '\\', '__proto__', 'ü']);
  assert.deepEqual(blankOf([]), {});
});
