import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withSection } from './section.ts';

const document = '# a\n<!-- growth -->\nold\n<!-- /growth -->\nafter\n<!-- other -->\nother\n<!-- /other -->\n';

test('what is between the marks is another, again and again, and all else stays', () => {
  const once = withSection(document, 'growth', 'new $1 $&\n');
  assert.equal(
    once,
    document.replace('old', () => 'new $1 $&'),
  );
  assert.equal(withSection(once, 'growth', 'new $1 $&'), once);
});

test('without its marks nothing is written', () => {
  assert.throws(() => withSection(document, 'soak', 'x'), /no marks <!-- soak -->/);
  assert.throws(() => withSection('<!-- /a --><!-- a -->', 'a', 'x'), /no marks/);
});
