import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inHeaders } from './message.ts';

test('keys go into as few headers as hold them, in order', () => {
  const keys = Array.from({ length: 1000 }, (_, n) => `q-agent-notifier-security_group-update.host-${n}`);
  const lists = inHeaders(keys);
  assert.deepEqual(lists.flat(), keys);
  assert.ok(lists.length <= 9, String(lists.length));
  for (const list of lists) assert.ok(list.reduce((sum, key) => sum + key.length + 5, 0) <= 7000);
  assert.deepEqual(inHeaders([]), []);
  assert.deepEqual(inHeaders(['é'.repeat(127), 'é'.repeat(128), 'y']), [['é'.repeat(127), 'y']]);
});
