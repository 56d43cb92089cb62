// Runs a file of tests in a guest, and tells of each of them as of a test of ours.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type GuestResult, resultMark } from './reporter.ts';

/** The command line that runs a file of this folder in a guest. */
export const testing = (file: string): string[] => [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  '--test-force-exit',
  `--test-reporter=${join(import.meta.dirname, 'reporter.ts')}`,
  '--test-reporter-destination=stdout',
  join(import.meta.dirname, file),
];

export async function tellOf(t: TestContext, output: string): Promise<void> {
  const lines = output.split('\n').filter(line => line.startsWith(resultMark));
  const results = lines.map(line => JSON.parse(line.slice(resultMark.length)) as GuestResult);
  for (const { name, ok, error, words, ms } of results)
    await t.test(name, subtest => {
      for (const word of words) subtest.diagnostic(word);
      subtest.diagnostic(`${ms} ms in the guest`);
      assert.ok(ok, error);
    });
  assert.ok(results.length > 0 && /^guest-ended 0$/m.test(output), `the guest's last words:\n${output.slice(-3000)}`);
}
