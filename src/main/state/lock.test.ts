import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { processId } from '../sandbox/proc.ts';
import { Locked, lockHolder, takeLock } from './lock.ts';

function place(t: { after(f: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), 'weft-lock-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return join(dir, 'weft.lock');
}
const now = new Date('2026-01-02T03:04:05Z');

test('a lock that a living process holds is refused, and says who, where and since when', t => {
  const path = place(t);
  using _ = takeLock(path, '127.0.0.1:9696', now);
  assert.throws(
    () => takeLock(path, '127.0.0.1:9999', now),
    (error: unknown) =>
      error instanceof Locked && error.message.includes(`process ${process.pid}, API on 127.0.0.1:9696, since 2026-01-02T03:04:05.000Z`),
  );
});

test('a lock that was given back is free, and leaves no file', t => {
  const path = place(t);
  takeLock(path, 'a:1', now)[Symbol.dispose]();
  assert.equal(existsSync(path), false);
  using _ = takeLock(path, 'b:2', now);
  assert.equal(lockHolder(path)?.listen, 'b:2');
  assert.deepEqual(readdirSync(join(path, '..')), ['weft.lock']);
});

test('the lock of a process that was killed is taken over', async t => {
  const path = place(t);
  const child = spawn('sleep', ['60']);
  const id = processId(child.pid ?? 0);
  writeFileSync(path, JSON.stringify({ ...id, listen: 'a:1', since: 'x' }));
  assert.equal(lockHolder(path)?.listen, 'a:1');
  child.kill('SIGKILL');
  await new Promise(resolve => child.once('exit', resolve));
  using _ = takeLock(path, 'b:2', now);
  assert.equal(lockHolder(path)?.pid, process.pid);
});

test('a pid that is used again by another process does not hold the lock', t => {
  const path = place(t);
  writeFileSync(path, JSON.stringify({ pid: process.pid, start: '1', listen: 'a:1', since: 'x' }));
  assert.equal(lockHolder(path), undefined);
  using _ = takeLock(path, 'b:2', now);
});

test('junk in the lock file holds nothing', t => {
  const path = place(t);
  writeFileSync(path, 'not json');
  using _ = takeLock(path, 'b:2', now);
  assert.equal(lockHolder(path)?.listen, 'b:2');
});
