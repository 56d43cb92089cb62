import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { auditThisMachine } from './this-machine.ts';

const skip = process.getuid?.() === 0 ? false : 'not root';

test('this machine is audited by the names that it has, and by no other host’s', { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'audit-'));
  try {
    const path = join(folder, 'neutron.conf');
    // Nobody listens there.
    writeFileSync(
      path,
      '[DEFAULT]\nhost = h1\n[keystone_authtoken]\nauth_url = http://127.0.0.1:1\nusername = u\npassword = p\nproject_name = p\n',
    );
    const audit = (host?: string) => auditThisMachine({ configSources: [{ kind: 'file', path }], host, url: undefined, shown: [] });
    await assert.rejects(audit('h2'), /an audit is of the machine that it runs on, which is h1 or .* and not h2/);
    for (const own of [undefined, 'h1', hostname()]) await assert.rejects(audit(own), /127\.0\.0\.1:1/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
