import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { gathered } from './gathered.ts';

test('the first is said at once, a crowd behind it once, and the last is never lost', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  let said = 0;
  const ask = gathered(() => said++, 20);
  ask();
  assert.equal(said, 1);
  for (let i = 0; i < 10; i++) ask();
  assert.equal(said, 1);
  mock.timers.tick(20);
  assert.equal(said, 2);
  ask();
  mock.timers.tick(20);
  assert.equal(said, 3);
  mock.timers.tick(20);
  ask();
  assert.equal(said, 4);
  mock.timers.reset();
});
