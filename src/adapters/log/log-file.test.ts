import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { LogFile } from './log-file.ts';

test('a file that was moved away is written to until it is told to open its path anew', t => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [path, moved] = [join(folder, 'sub', 'a.log'), join(folder, 'sub', 'a.log.1')];
  using file = new LogFile(path);
  file.write('one\n');
  assert.equal(statSync(path).mode & 0o007, 0);
  renameSync(path, moved);
  file.write('two\n');
  file.reopen();
  file.write('three\n');
  assert.equal(readFileSync(moved, 'utf8'), 'one\ntwo\n');
  assert.equal(readFileSync(path, 'utf8'), 'three\n');
});

test('where the path cannot be opened any more, the old file goes on', t => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-log-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'sub', 'a.log');
  using file = new LogFile(path);
  renameSync(join(folder, 'sub'), join(folder, 'other'));
  assert.throws(() => file.reopen(), /ENOENT/);
  file.write('on\n');
  assert.equal(readFileSync(join(folder, 'other', 'a.log'), 'utf8'), 'on\n');
});
