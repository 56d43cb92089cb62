import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStateFolder } from './folder.ts';

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
