import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withSection } from './document.ts';

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
