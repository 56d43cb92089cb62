import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
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

test('a directory in which others could change users and rights is refused in words', t => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-state-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const made = (name: string, mode: number): string => {
    mkdirSync(join(dir, name));
    chmodSync(join(dir, name), mode);
    return join(dir, name);
  };
  for (const mode of [0o777, 0o1777, 0o702]) assert.throws(() => openStateFolder(made(`m${mode}`, mode), true), /anybody may write/);
  for (const mode of [0o755, 0o775, 0o700]) assert.equal(openStateFolder(made(`m${mode}`, mode), true).path, join(dir, `m${mode}`));
});

test('so is that of somebody else, but for whom sudo says', { skip: process.getuid?.() === 0 ? false : 'needs root' }, t => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-state-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  chownSync(dir, 12345, 12345);
  assert.throws(() => openStateFolder(dir, true, {}), /belongs to another user, 12345/);
  assert.throws(() => openStateFolder(dir, true, { SUDO_UID: '54321' }), /belongs to another user/);
  assert.equal(openStateFolder(dir, true, { SUDO_UID: '12345' }).path, dir);
});
