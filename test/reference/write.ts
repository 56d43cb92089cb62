// npm run docs: writes the pages of the reference, and removes those that are no longer written.
import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { referencePages } from './pages.ts';

const root = join(import.meta.dirname, '../..');
const pages = referencePages();
for (const path of globSync('docs/reference/*.md', { cwd: root })) if (!pages.some(page => page.path === path)) rmSync(join(root, path));
for (const { path, text } of pages) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}
process.stdout.write(`${pages.length} pages in docs/reference\n`);
