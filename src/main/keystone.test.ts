import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failure } from '../cli/verb.ts';
import { keystoneAccount } from './keystone.ts';

const settings = { url: 'http://k:5000', user: 'neutron', project: 'service', domain: 'Default', passwordFile: undefined };

test('the password comes from the environment, where nothing that is started finds it any more', () => {
  process.env['WEFT_KEYSTONE_PASSWORD'] = 'secret';
  const { url, user } = keystoneAccount(settings);
  assert.deepEqual([url, user.password, user.userDomainName], ['http://k:5000/v3', 'secret', 'Default']);
  assert.equal(process.env['WEFT_KEYSTONE_PASSWORD'], undefined);
  assert.throws(() => keystoneAccount(settings), /WEFT_KEYSTONE_PASSWORD/);
});

test('or from a file, without the end of its line', t => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-keystone-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, 'se cret\n');
  assert.equal(keystoneAccount({ ...settings, passwordFile }).user.password, 'se cret');
  writeFileSync(passwordFile, '\n');
  assert.throws(() => keystoneAccount({ ...settings, passwordFile }), Failure);
  assert.throws(() => keystoneAccount({ ...settings, passwordFile: join(folder, 'gone') }), /cannot read/);
});
