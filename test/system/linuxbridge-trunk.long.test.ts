// Subports of trunks are VLAN devices on taps with Linux bridges. The kernel at hand may have none: a guest's has.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { inGuest, noGuest } from './uml.ts';

test('trunks of Linux bridges, in a guest', { skip: noGuest(), timeout: 420_000 }, async t => {
  const program = join(import.meta.dirname, 'programs/linuxbridge-trunk.ts');
  const { code, output } = await inGuest(['--test', '--test-reporter=tap', program], 400_000);
  for (const line of output.split('\n').filter(l => /^ *# (UDP|TCP)/.test(l))) t.diagnostic(line.trim());
  assert.equal(code, 0, output.slice(-8000));
  assert.match(output, /^ *# pass [1-9]/m);
});
