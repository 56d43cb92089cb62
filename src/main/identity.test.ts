import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../adapters/clock/system-clock.ts';
import { textLog } from '../adapters/log/text-log.ts';
import { stateFolder } from '../cli/state.ts';
import { type OpenedIdentity, openIdentity } from './identity.ts';

const log = textLog({ sink: { write() {} } });

function world(t: { after(f: () => void): void }) {
  const dir = mkdtempSync(join(tmpdir(), 'weft-identity-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const open = (baseUrl = 'http://127.0.0.1:9696') => openIdentity(stateFolder(dir), { baseUrl, log, clock: systemClock });
  return { dir, open, clouds: join(dir, 'clouds.yaml'), users: join(dir, 'identity.json') };
}

/** Whether the passwords of clouds.yaml are those of the users. */
async function fits({ identity, people }: OpenedIdentity, clouds: string): Promise<boolean> {
  const password = /username: "weft"\n +password: "(\w+)"/.exec(readFileSync(clouds, 'utf8'))?.[1];
  assert.equal(password, people?.weft.password);
  const user = { name: 'weft', domain: { id: 'default' }, password };
  const reply = await identity.handle?.({
    method: 'POST',
    path: '/identity/v3/auth/tokens',
    query: new URLSearchParams(),
    headers: {},
    body: JSON.stringify({ auth: { identity: { methods: ['password'], password: { user } } } }),
  });
  return reply?.status === 201;
}

test('a first start that was cut off between its files is none: the next makes users and passwords that fit', async t => {
  const { open, clouds } = world(t);
  mkdirSync(`${clouds}.new`);
  await assert.rejects(open());
  rmdirSync(`${clouds}.new`);
  assert.ok(await fits(await open(), clouds));
});

test('passwords of users that are gone are not kept', async t => {
  const { open, clouds, users } = world(t);
  await open();
  rmSync(users);
  assert.ok(await fits(await open(), clouds));
});

test('users stay with their passwords, and another address gets into the file; what others wrote into it stays', async t => {
  const { open, clouds } = world(t);
  await open();
  writeFileSync(clouds, `${readFileSync(clouds, 'utf8')}# mine\n`);
  assert.ok(await fits(await open(), clouds));
  assert.match(readFileSync(clouds, 'utf8'), /# mine/);
  assert.ok(await fits(await open('http://127.0.0.1:1234'), clouds));
  assert.match(readFileSync(clouds, 'utf8'), /auth_url: "http:\/\/127\.0\.0\.1:1234\/identity"/);
  rmSync(clouds);
  await assert.rejects(open(), /is gone/);
});
