import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failure } from '../cli/verb.ts';
import { defaultKeystone } from './config/server-process.ts';
import { keystoneAccount, keystoneOf } from './keystone.ts';

const settings = { url: 'http://k:5000', user: 'neutron', project: 'service', domain: 'Default', passwordFile: undefined };

test('the password comes from the environment, where nothing that is started finds it any more', () => {
  process.env['WEFT_KEYSTONE_PASSWORD'] = 'secret';
  const { auth_url, password, default_domain_name } = keystoneAccount(settings).account;
  assert.deepEqual([auth_url, password, default_domain_name], ['http://k:5000/v3', 'secret', 'Default']);
  assert.equal(process.env['WEFT_KEYSTONE_PASSWORD'], undefined);
  assert.throws(() => keystoneAccount(settings), /WEFT_KEYSTONE_PASSWORD/);
});

test('or from a file, without the end of its line', t => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-keystone-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, 'se cret\n');
  assert.equal(keystoneAccount({ ...settings, passwordFile }).account.password, 'se cret');
  writeFileSync(passwordFile, '\n');
  assert.throws(() => keystoneAccount({ ...settings, passwordFile }), Failure);
  assert.throws(() => keystoneAccount({ ...settings, passwordFile: join(folder, 'gone') }), /cannot read/);
});

test('files say who and how; the command line, who', () => {
  const files = { ...defaultKeystone, cacheSeconds: 5, account: { ...defaultKeystone.account, auth_url: 'http://files:5000' } };
  process.env['WEFT_KEYSTONE_PASSWORD'] = 'secret';
  const said = keystoneAccount(settings);
  assert.equal(keystoneOf(undefined, defaultKeystone), undefined);
  assert.equal(keystoneOf(undefined, files), files);
  const both = keystoneOf(said, files);
  assert.deepEqual([both?.account.auth_url, both?.cacheSeconds], ['http://k:5000/v3', 5]);
});
