import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultStatePath } from './state.ts';

test('the default state directory follows the environment, XDG, or the home folder', () => {
  assert.equal(defaultStatePath({ WEFT_STATE_DIR: '/w', XDG_STATE_HOME: '/x/state' }, '/root'), '/w');
  assert.equal(defaultStatePath({ XDG_STATE_HOME: '/x/state', HOME: '/home/me' }, '/root'), '/x/state/weft');
  assert.equal(defaultStatePath({ XDG_STATE_HOME: 'relative', HOME: '/home/me' }, '/root'), '/home/me/.local/state/weft');
  assert.equal(defaultStatePath({}, '/root'), '/root/.local/state/weft');
});
