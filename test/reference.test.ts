// The pages of the reference are those that the model gives.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { referencePages } from './reference/pages.ts';

const root = join(import.meta.dirname, '..');

test('docs/reference is what "npm run docs" writes', () => {
  const pages = referencePages();
  const read = (path: string): string => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '');
  const stale = pages.filter(page => read(page.path) !== page.text).map(page => page.path);
  const left = globSync('docs/reference/*.md', { cwd: root }).filter(path => !pages.some(page => page.path === path));
  assert.deepEqual([...stale, ...left], [], 'the model has changed: run "npm run docs" and commit docs/reference with it');
});

test('a page names every attribute of its resource, with its rules', () => {
  const page = referencePages().find(p => p.path === 'docs/reference/ports.md')?.text ?? '';
  assert.match(page, /\| `GET \/v2\.0\/ports\/\{id\}` \| `get_port` \| `.*role:reader.*` \|/);
  assert.match(page, /\| `network_id` \| UUID \| Cfs \|/);
  assert.match(page, /\| `binding:host_id` \|.*\| `binding` \| .*`create_port:binding:host_id`/);
});
