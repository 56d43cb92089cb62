import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Failure } from '../../cli/verb.ts';
import { migrateThisMachine } from './this-machine.ts';

test('an account that is not whole is named in a line', { skip: process.getuid?.() === 0 ? false : 'needs root' }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-migrate-'));
  try {
    const path = join(folder, 'neutron.conf');
    writeFileSync(path, '[keystone_authtoken]\nauth_url = http://127.0.0.1:9/identity\nusername = admin\nproject_name = admin\n');
    const asked = {
      configSources: [{ kind: 'file', path }],
      host: undefined,
      url: undefined,
      what: 'plan',
      service: undefined,
      json: false,
    } as const;
    await assert.rejects(
      migrateThisMachine(asked, () => {}),
      error => error instanceof Failure && /needs password/.test(error.message),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
