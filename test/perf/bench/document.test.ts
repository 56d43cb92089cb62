import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkSection, withSection, writeSection } from './document.ts';

const marked = 'before\n<!-- a: begin -->\nold\n<!-- a: end -->\nbehind\n';

test('what is between the marks is another, and all else stays', () => {
  const once = withSection(marked, 'a', 'new\n');
  assert.equal(once, 'before\n<!-- a: begin -->\n\nnew\n\n<!-- a: end -->\nbehind\n');
  assert.equal(withSection(once, 'a', 'new'), once);
});

test('marks of another name are left alone', () => {
  const both = `${marked}<!-- b: begin --><!-- b: end -->`;
  assert.ok(withSection(both, 'b', 'mine').startsWith(marked));
});

test('a document without the marks, or with too many, is refused', () => {
  for (const text of ['', '<!-- a: begin -->', '<!-- a: end --><!-- a: begin -->', marked + marked])
    assert.throws(() => withSection(text, 'a', 'new'), /not one pair of the marks <!-- a: begin -->/);
});

test('a document that is not there is made; one without the marks is refused before there is a result', t => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-document-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'results.md');
  for (const text of ['first', 'second']) {
    checkSection(path, 'a');
    writeSection(path, 'a', text);
    assert.match(readFileSync(path, 'utf8'), new RegExp(`^<!-- a: begin -->\\n\\n${text}\\n\\n<!-- a: end -->\\n$`));
  }
  writeFileSync(path, 'nothing of it');
  assert.throws(() => checkSection(path, 'a'), /not one pair of the marks/);
});
