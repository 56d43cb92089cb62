import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { openLogFile, RotatingFile } from './rotating-file.ts';

function directory(t: { after(f: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), 'weft-log-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test('a full file becomes .1 and a fresh one begins; no line is split', t => {
  const dir = directory(t);
  using file = openLogFile(dir, 'dhcp-agent', { maxBytes: 100 });
  for (let i = 0; i < 25; i++) file.write(`line number ${String(i).padStart(2, '0')}\n`);
  const now = readFileSync(join(dir, 'dhcp-agent.log'), 'utf8');
  const before = readFileSync(join(dir, 'dhcp-agent.log.1'), 'utf8');
  assert.ok(now.length <= 100 && before.length <= 100 && before.length > 50);
  assert.ok(now.endsWith('line number 24\n'));
  assert.ok(before.startsWith('line number '));
  assert.equal(existsSync(join(dir, 'dhcp-agent.log.2')), false);
});

test('appends to what an earlier run wrote, and counts it', t => {
  const dir = directory(t);
  writeFileSync(join(dir, 'a.log'), 'x'.repeat(90));
  using file = openLogFile(dir, 'a', { maxBytes: 100 });
  file.write('0123456789\n');
  assert.equal(readFileSync(join(dir, 'a.log.1'), 'utf8').length, 90);
  assert.equal(readFileSync(join(dir, 'a.log'), 'utf8'), '0123456789\n');
});

test('only the owner may read', t => {
  const dir = join(directory(t), 'logs');
  using file = openLogFile(dir, 'a');
  file.write('x\n');
  assert.equal(statSync(join(dir, 'a.log')).mode & 0o777, 0o600);
  assert.equal(statSync(dir).mode & 0o777, 0o700);
});

test('a line longer than the ceiling is still written', t => {
  const dir = directory(t);
  using file = openLogFile(dir, 'a', { maxBytes: 10 });
  file.write(`${'y'.repeat(50)}\n`);
  assert.equal(readFileSync(join(dir, 'a.log'), 'utf8').length, 51);
});

test('a failing write is counted and does not throw; it goes on when it can', t => {
  const dir = directory(t);
  const file = openLogFile(dir, 'a', { maxBytes: 20 });
  file.write('0123456789\n');
  rmSync(dir, { recursive: true });
  file.write('the rotation fails here\n');
  assert.equal(file.lostLines, 1);
  file[Symbol.dispose]();
});

test('refuses names that lead elsewhere, and symbolic links', t => {
  const dir = directory(t);
  for (const name of ['../a', '', 'a/b', '.hidden', 'a\n']) assert.throws(() => openLogFile(dir, name), /not a name/);
  writeFileSync(join(dir, 'target'), '');
  symlinkSync(join(dir, 'target'), join(dir, 'b.log'));
  assert.throws(() => new RotatingFile(join(dir, 'b.log')), /ELOOP/);
});
