// The runner: what fails is told and counted, and a second chance is given to few files only.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Outcome } from './stage.ts';

const head = "import { existsSync, writeFileSync } from 'node:fs';\nimport { test } from 'node:test';\n";
const passes = `${head}test('passes', () => {});\n`;
const fails = `${head}test('fails', () => { throw new Error('as ever'); });\n`;
/** Fails in its first run, passes in its second. */
const wavers = `${head}test('wavers', () => {
  if (!existsSync(import.meta.filename + '.ran')) { writeFileSync(import.meta.filename + '.ran', ''); throw new Error('this once'); }
});\n`;

function run(t: TestContext, files: Readonly<Record<string, string>>, secondChances: number): Outcome {
  const folder = mkdtempSync(join(tmpdir(), 'weft-stage-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const options = { files: Object.keys(files), cwd: folder, concurrency: 1, fileTimeoutMs: 30_000, verbose: false, secondChances };
  const program = `import { runTests } from ${JSON.stringify(join(import.meta.dirname, 'stage.ts'))};
    const outcome = await runTests(${JSON.stringify(options)});
    process.stdout.write('\\n' + JSON.stringify(outcome));`;
  // A test runner within a test would run nothing.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const main = join(folder, 'main.mjs');
  writeFileSync(main, program);
  const output = execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', main], {
    env: { ...env, CI: '' },
    encoding: 'utf8',
  });
  return JSON.parse(output.slice(output.lastIndexOf('\n'))) as Outcome;
}

const names = (what: Outcome['failures']): string[] => what.map(({ name }) => name);

test('what fails twice has failed; what passes the second time is unsteady', t => {
  const outcome = run(t, { 'a.test.mjs': passes, 'b.test.mjs': fails, 'c.test.mjs': wavers }, 2);
  assert.equal(outcome.passed, 2);
  assert.equal(outcome.failed, 1);
  assert.deepEqual(names(outcome.failures), ['fails']);
  assert.match(outcome.failures[0]?.text ?? '', /as ever/);
  assert.equal(outcome.failures[0]?.place, 'b.test.mjs:3');
  assert.deepEqual(names(outcome.unsteady), ['wavers']);
});

test('without second chances, or with too few for what failed, nothing runs again', t => {
  const files = { 'a.test.mjs': fails, 'b.test.mjs': wavers };
  for (const chances of [0, 1]) {
    const outcome = run(t, files, chances);
    assert.equal(outcome.failed, 2);
    assert.deepEqual(names(outcome.failures), ['fails', 'wavers']);
    assert.deepEqual(outcome.unsteady, []);
  }
});
