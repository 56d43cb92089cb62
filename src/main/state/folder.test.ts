import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultStatePath, openStateFolder } from './folder.ts';

test('the default follows XDG, the home folder, or the machine', () => {
  assert.equal(defaultStatePath({ XDG_STATE_HOME: '/x/state', HOME: '/home/me' }, false), '/x/state/weft');
  assert.equal(defaultStatePath({ XDG_STATE_HOME: 'relative', HOME: '/home/me' }, false), '/home/me/.local/state/weft');
  assert.equal(defaultStatePath({ HOME: '/home/me' }, false), '/home/me/.local/state/weft');
  assert.equal(defaultStatePath({ XDG_STATE_HOME: '/x/state' }, true), '/var/lib/weft');
});

test('the directory is made for its owner only', t => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-state-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const folder = openStateFolder(join(dir, 'a/b'), true);
  assert.equal(statSync(folder.path).mode & 0o777, 0o700);
  assert.equal(folder.busSocket, join(dir, 'a/b/bus.sock'));
});

test('a path that is too long for sockets, or that sandboxes cannot see, is refused in words', t => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-state-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  assert.throws(() => openStateFolder(join(dir, 'x'.repeat(100)), true), /sockets in it allow 94/);
  assert.throws(() => openStateFolder('/dev/shm', true), /may not lie below \/dev/);
});
