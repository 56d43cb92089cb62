import assert from 'node:assert/strict';
import test from 'node:test';
import { versionServes } from './dispatch.ts';
import { RecentIds } from './recent-ids.ts';

for (const [served, asked, ok] of [
  ['1.2', '1.2', true],
  ['1.2', '1.0', true],
  ['1.2', '1.3', false],
  ['1.10', '1.9', true],
  ['1.9', '1.10', false],
  ['2.0', '1.0', false],
  ['1.5', '2.0', false],
  ['1.0', '1', false],
  ['1.0', '', false],
  ['1.0', '1.-1', false],
  ['1.0', '1.0.0', false],
] as const) {
  test(`a server of ${served} ${ok ? 'serves' : 'refuses'} ${asked || 'an empty version'}`, () =>
    assert.equal(versionServes(served, asked), ok));
}

test('the last 16 ids are remembered, the 17th back is not', () => {
  const recent = new RecentIds();
  assert.equal(recent.seen('first'), false);
  for (let i = 0; i < 15; i++) assert.equal(recent.seen(`id${i}`), false);
  assert.equal(recent.seen('first'), true);
  assert.equal(recent.seen('one more'), false);
  assert.equal(recent.seen('first'), false);
  assert.equal(recent.seen(undefined), false);
  assert.equal(recent.seen(undefined), false);
});
