import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type InstanceRecord, InstanceRegistry, isInstanceName } from './registry.ts';

function place(t: { after(f: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), 'weft-registry-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return join(dir, 'instances.json');
}
const record = (id: string, name: string): InstanceRecord => ({
  id,
  name,
  host: 'h1',
  port_id: `p-${id}`,
  owns_port: true,
  user_data: null,
  created_at: '2026-01-02T03:04:05Z',
});

test('what was put is there after a restart, for its owner only', t => {
  const path = place(t);
  const first = new InstanceRegistry(path);
  first.put(record('1', 'a'));
  first.put(record('2', 'b'));
  first.remove('1');
  assert.deepEqual(new InstanceRegistry(path).all(), [record('2', 'b')]);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(existsSync(`${path}.new`), false);
});

test('found by id or by name; a free name is the first that nobody has', t => {
  const registry = new InstanceRegistry(place(t));
  registry.put(record('1', 'vm1'));
  assert.equal(registry.find('1')?.name, 'vm1');
  assert.equal(registry.find('vm1')?.id, '1');
  assert.equal(registry.find('vm2'), undefined);
  assert.equal(registry.freeName(), 'vm2');
});

test('a file of another version or a damaged one is refused, and stays as it is', t => {
  const path = place(t);
  for (const text of ['{"version": 2, "instances": []}', '{"version": 1', '[]']) {
    writeFileSync(path, text);
    assert.throws(() => new InstanceRegistry(path));
    assert.equal(readFileSync(path, 'utf8'), text);
  }
});

test('a name becomes a host name and a word in commands, so it is one label', () => {
  for (const good of ['a', 'web-1', 'A9', 'x'.repeat(63)]) assert.equal(isInstanceName(good), true, good);
  for (const bad of ['', '-a', 'a-', 'a.b', 'a b', 'a_b', 'a\n', '../x', 'x'.repeat(64), 'ä'])
    assert.equal(isInstanceName(bad), false, bad);
});
