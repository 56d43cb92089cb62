import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CloudUnavailable } from '../../contracts/cloud.ts';
import { noAccount, type ServiceAccount } from '../../contracts/service-account.ts';
import { systemClock as clock } from '../clock/system-clock.ts';
import { authOf } from './account.ts';
import { Session } from './session.ts';

const password = 'hush';
const account: ServiceAccount = { ...noAccount, username: 'u', password, default_domain_id: 'default', project_id: 'p' };

async function listening(t: TestContext, server: Server, scheme: string): Promise<string> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => new Promise(resolve => server.close(resolve)));
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Keystone and a service in one. */
const cloud: RequestListener = (request, response) => {
  const isLogin = request.url?.endsWith('/auth/tokens');
  const origin = `${'encrypted' in request.socket ? 'https' : 'http'}://${request.headers.host}`;
  const catalog = [{ type: 'compute', endpoints: [{ interface: 'public', region: 'r', url: `${origin}/compute` }] }];
  response.writeHead(isLogin ? 201 : 200, { 'x-subject-token': 't', connection: 'close' });
  response.end(
    JSON.stringify(isLogin ? { token: { expires_at: new Date(Date.now() + 3_600_000).toISOString(), catalog } } : { path: request.url }),
  );
};

function session(auth_url: string, more: Partial<ServiceAccount> = {}, end = new AbortController()): Session {
  return new Session({ account: { ...account, auth_url, ...more }, serviceType: 'compute', clock, end: end.signal });
}

test('a service is found with or without the version in the URL of Keystone', async t => {
  const url = await listening(t, createServer(cloud), 'http');
  for (const auth_url of [url, `${url}/`, `${url}/v3`, `${url}/identity/v3/`, `${url}/v2.0`])
    assert.deepEqual((await session(auth_url).request('/x', { method: 'GET' })).json, { path: '/compute/x' }, auth_url);
});

test('over TLS only who is trusted, or everybody where that is wanted', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-session-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const made = spawnSync('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    ...names,
    '-keyout',
    key,
    '-out',
    cert,
  ]);
  if (made.error) return t.skip('no openssl here (Debian: openssl)');
  const url = await listening(t, createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) }, cloud), 'https');
  const ask = (more: Partial<ServiceAccount>) => session(url, more).request('/x', { method: 'GET' });
  await assert.rejects(ask({}), (error: Error) => error instanceof CloudUnavailable && /self-signed certificate/.test(error.message));
  for (const more of [{ cafile: cert }, { insecure: true }]) assert.equal((await ask(more)).status, 200);
});

test('who does not answer in time, or at all, is away; and no secret is in what is said', async t => {
  const silent = await listening(
    t,
    createServer(() => {}).on('connection', socket => t.after(() => socket.destroy())),
    'http',
  );
  const away = (work: Promise<unknown>, reason: RegExp): Promise<void> =>
    assert.rejects(work, (error: Error) => {
      assert.ok(error instanceof CloudUnavailable && reason.test(error.message), String(error));
      assert.ok(!error.message.includes(password));
      return true;
    });
  await away(session(silent, { timeout: 1 }).request('/x', { method: 'GET' }), /time is over/);
  await away(session('http://127.0.0.1:1').request('/x', { method: 'GET' }), /ECONNREFUSED/);
  const end = new AbortController();
  const asked = session(silent, {}, end).request('/x', { method: 'GET' });
  end.abort();
  await away(asked, /this server ends/);
});

test('who logs in, and for what, as keystoneauth says it', () => {
  const user = (more: Partial<ServiceAccount>) => authOf({ ...noAccount, password, ...more });
  const auth = (identity: unknown, scope?: unknown) => ({ auth: { identity, ...(scope === undefined ? {} : { scope }) } });
  assert.deepEqual(
    user({ user_id: 'u1', project_name: 'p', project_domain_id: 'd1' }),
    auth({ methods: ['password'], password: { user: { id: 'u1', password } } }, { project: { name: 'p', domain: { id: 'd1' } } }),
  );
  assert.deepEqual(
    user({ username: 'u', default_domain_name: 'D', system_scope: 'all' }),
    auth({ methods: ['password'], password: { user: { name: 'u', domain: { name: 'D' }, password } } }, { system: { all: true } }),
  );
  const secret = { auth_type: 'v3applicationcredential', application_credential_secret: 's' } as const;
  assert.deepEqual(
    user({ ...secret, application_credential_id: 'a1' }),
    auth({ methods: ['application_credential'], application_credential: { id: 'a1', secret: 's' } }),
  );
  assert.deepEqual(
    user({ ...secret, application_credential_name: 'a', user_id: 'u1' }),
    auth({ methods: ['application_credential'], application_credential: { name: 'a', secret: 's', user: { id: 'u1' } } }),
  );
});
