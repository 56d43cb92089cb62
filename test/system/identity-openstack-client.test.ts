// The real `openstack` client and openstacksdk against the built-in identity, mounted in a bare HTTP server. Needs no root.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { systemClock as clock } from '../../src/adapters/clock/system-clock.ts';
import { type BuiltinIdentity, openBuiltinIdentity } from '../../src/adapters/identity-builtin/builtin-identity.ts';
import { makeCloudsYaml } from '../../src/adapters/identity-builtin/clouds-yaml.ts';
import { createIdentityFile, type Passwords } from '../../src/adapters/identity-builtin/state-file.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';

const missing = spawnSync('openstack', ['--version']).error !== undefined;
const skip = missing ? 'no openstack client on this machine (Debian: python3-openstackclient)' : false;
const log = textLog({ sink: process.stderr, level: 'warning' });
const directory = mkdtempSync(join(tmpdir(), 'weft-identity-'));
const networkRequests: string[] = [];
let identity: BuiltinIdentity;
let passwords: Passwords;
let baseUrl: string;

const server = createServer((request, response) => {
  serve(request, response).catch(error => response.destroy(error));
});

before(async () => {
  if (missing) return;
  passwords = await createIdentityFile(join(directory, 'identity.json'));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  identity = await openBuiltinIdentity({ path: join(directory, 'identity.json'), clock, log, baseUrl });
  writeFileSync(join(directory, 'clouds.yaml'), makeCloudsYaml({ baseUrl, passwords }), { mode: 0o600 });
});

after(() => {
  server.close();
  server.closeAllConnections();
  rmSync(directory, { recursive: true, force: true });
});

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', baseUrl);
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  if (!url.pathname.startsWith('/identity')) return serveNetwork(url.pathname, request, response);
  const headers = Object.fromEntries(Object.entries(request.headers).map(([k, v]) => [k, Array.isArray(v) ? v[0] : v]));
  const body = chunks.length > 0 ? Buffer.concat(chunks).toString('utf8') : undefined;
  const reply = await identity.handle({ method: request.method ?? 'GET', path: url.pathname, query: url.searchParams, headers, body });
  response.writeHead(reply.status, reply.headers).end(reply.body);
}

/** As much of a network API as shows which URLs clients derive from the catalog. */
async function serveNetwork(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  networkRequests.push(path);
  const version = { id: 'v2.0', status: 'CURRENT', links: [{ rel: 'self', href: `${baseUrl}/v2.0/` }] };
  const token = String(request.headers['x-auth-token'] ?? '');
  if (path === '/' || path === '')
    return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ versions: [version] }));
  if (!(await identity.validate(token))) return void response.writeHead(401, { 'content-type': 'application/json' }).end('{}');
  const resource = path.split('/').at(-1)!.replace('.json', '');
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ [resource]: [] }));
}

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Asynchronous: the server that answers is in this process. */
function run(command: string, args: readonly string[], env: Record<string, string>): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { PATH: process.env['PATH'] ?? '', HOME: directory, ...env }, cwd: directory });
    let [out, err] = ['', ''];
    child.stdout.on('data', chunk => {
      out += chunk;
    });
    child.stderr.on('data', chunk => {
      err += chunk;
    });
    child.on('error', reject);
    child.on('close', code => resolve({ code, out, err }));
  });
}

const openstack = (cloud: string, ...args: string[]): Promise<Outcome> => run('openstack', args, { OS_CLOUD: cloud });

async function json(cloud: string, ...args: string[]) {
  const { code, out, err } = await openstack(cloud, ...args, '-f', 'json');
  assert.equal(code, 0, `openstack ${args.join(' ')}: ${err}`);
  return JSON.parse(out);
}

async function refused(cloud: string, ...args: string[]): Promise<string> {
  const { code, err } = await openstack(cloud, ...args);
  assert.notEqual(code, 0);
  return err;
}

const names = (rows: { Name: string }[]): string[] => rows.map(row => row.Name).sort();

test('token issue, with clouds.yaml', { skip }, async () => {
  const token = await json('weft', 'token', 'issue');
  const caller = await identity.validate(token.id);
  assert.equal(caller?.user_name, 'weft');
  assert.equal(caller?.project_id, token.project_id);
  assert.deepEqual([...caller!.roles].sort(), ['member', 'reader']);
  assert.equal(new Date(token.expires).getTime(), new Date(caller!.expires_at).setMilliseconds(0));
});

test('token issue, with arguments: versioned and unversioned URL, scope by id, unscoped, system, and by token', { skip }, async () => {
  const { project_id, id: token } = await json('weft', 'token', 'issue');
  const who = ['--os-username', 'weft', '--os-password', passwords.weft, '--os-user-domain-name', 'Default'];
  const issue = async (...args: string[]) => {
    const { code, out, err } = await run('openstack', [...args, 'token', 'issue', '-f', 'json'], { OS_IDENTITY_API_VERSION: '3' });
    assert.equal(code, 0, err);
    return JSON.parse(out);
  };
  for (const path of ['/identity', '/identity/v3']) {
    const byName = await issue('--os-auth-url', baseUrl + path, ...who, '--os-project-name', 'weft', '--os-project-domain-id', 'default');
    assert.equal(byName.project_id, project_id);
  }
  assert.equal((await issue('--os-auth-url', `${baseUrl}/identity`, ...who, '--os-project-id', project_id)).project_id, project_id);
  // Without a scope, the default project of the user.
  assert.equal((await issue('--os-auth-url', `${baseUrl}/identity`, ...who)).project_id, project_id);
  const byToken = await issue(
    '--os-auth-url',
    `${baseUrl}/identity`,
    '--os-auth-type',
    'token',
    '--os-token',
    token,
    '--os-project-id',
    project_id,
  );
  assert.equal((await identity.validate(byToken.id))?.user_name, 'weft');
  const admin = ['--os-username', 'admin', '--os-password', passwords.admin, '--os-user-domain-id', 'default'];
  const system = await issue('--os-auth-url', `${baseUrl}/identity`, ...admin, '--os-system-scope', 'all');
  assert.equal((await identity.validate(system.id))?.system_scope, 'all');
});

test('catalog list and show', { skip }, async () => {
  const catalog: { Name: string; Type: string; Endpoints: { region: string; interface: string; url: string }[] }[] = await json(
    'weft',
    'catalog',
    'list',
  );
  assert.deepEqual(catalog.map(s => [s.Name, s.Type]).sort(), [
    ['keystone', 'identity'],
    ['neutron', 'network'],
  ]);
  for (const { Endpoints } of catalog)
    assert.deepEqual(
      Endpoints.map(e => [e.region, e.interface]).sort(),
      ['admin', 'internal', 'public'].map(i => ['RegionOne', i]),
    );
  assert.equal(
    (await json('weft', 'catalog', 'show', 'network')).endpoints.find((e: { interface: string }) => e.interface === 'public').url,
    `${baseUrl}/`,
  );
});

test('project list, show by name and by id; a member sees his own only', { skip }, async () => {
  assert.deepEqual(names(await json('weft-admin', 'project', 'list')), ['admin', 'other', 'weft']);
  assert.deepEqual(names(await json('weft', 'project', 'list')), ['weft']);
  const other = await json('weft-admin', 'project', 'show', 'other');
  assert.equal(other.name, 'other');
  assert.equal((await json('weft-admin', 'project', 'show', other.id)).domain_id, 'default');
  assert.deepEqual(names(await json('weft-admin', 'project', 'list', '--user', 'other')), ['other']);
  const own = await json('weft', 'token', 'issue');
  assert.equal((await json('weft', 'project', 'show', own.project_id)).name, 'weft');
  assert.match(await refused('weft', 'project', 'show', other.id), /not authorized|403|No project/i);
  assert.match(await refused('weft-admin', 'project', 'show', 'nosuch'), /No project with a name or ID of 'nosuch' exists/);
});

test('users, roles, role assignments, domains, services, endpoints, regions', { skip }, async () => {
  assert.deepEqual(names(await json('weft-admin', 'user', 'list')), ['admin', 'other', 'weft']);
  assert.equal((await json('weft-admin', 'user', 'show', 'weft')).name, 'weft');
  const { user_id } = await json('weft', 'token', 'issue');
  assert.equal((await json('weft', 'user', 'show', user_id)).name, 'weft');
  assert.match(
    await refused('weft', 'user', 'list'),
    /You are not authorized to perform the requested action: identity:list_users. \(HTTP 403\)/,
  );
  assert.deepEqual(names(await json('weft-admin', 'role', 'list')), ['admin', 'member', 'reader']);
  assert.match(await refused('weft', 'role', 'list'), /HTTP 403/);
  const given = await json('weft-admin', 'role', 'assignment', 'list', '--names', '--user', 'weft', '--project', 'weft');
  assert.deepEqual(given.map((row: { Role: string; User: string; Project: string }) => [row.Role, row.User, row.Project]).sort(), [
    ['member', 'weft@Default', 'weft@Default'],
    ['reader', 'weft@Default', 'weft@Default'],
  ]);
  const effective = await json(
    'weft-admin',
    'role',
    'assignment',
    'list',
    '--names',
    '--user',
    'admin',
    '--project',
    'admin',
    '--effective',
  );
  assert.deepEqual(effective.map((row: { Role: string }) => row.Role).sort(), ['admin', 'member', 'reader']);
  assert.deepEqual(names(await json('weft-admin', 'domain', 'list')), ['Default']);
  assert.equal((await json('weft-admin', 'domain', 'show', 'Default')).id, 'default');
  assert.equal((await json('weft-admin', 'service', 'list')).length, 2);
  assert.equal((await json('weft-admin', 'endpoint', 'list')).length, 6);
  assert.equal((await json('weft-admin', 'endpoint', 'list', '--service', 'network', '--interface', 'public'))[0].URL, `${baseUrl}/`);
  assert.deepEqual(
    (await json('weft-admin', 'region', 'list')).map((r: { Region: string }) => r.Region),
    ['RegionOne'],
  );
});

test('a wrong password is told in Keystone’s words', { skip }, async () => {
  const args = [
    '--os-auth-url',
    `${baseUrl}/identity`,
    '--os-username',
    'weft',
    '--os-password',
    'wrong',
    '--os-user-domain-id',
    'default',
  ];
  const { code, err } = await run(
    'openstack',
    [...args, '--os-project-name', 'weft', '--os-project-domain-id', 'default', 'token', 'issue'],
    {},
  );
  assert.notEqual(code, 0);
  assert.match(err, /The request you have made requires authentication\. \(HTTP 401\)/);
});

test('what is not offered is said to be so', { skip }, async () => {
  assert.match(await refused('weft-admin', 'user', 'create', 'new'), /not been implemented. \(HTTP 501\)/);
  assert.match(await refused('weft', 'project', 'create', 'new'), /HTTP 403/);
  assert.match(await refused('weft-admin', 'group', 'list'), /HTTP 501/);
});

test('token revoke', { skip }, async () => {
  const { id } = await json('weft', 'token', 'issue');
  assert.ok(await identity.validate(id));
  assert.equal((await openstack('weft', 'token', 'revoke', id)).code, 0);
  assert.equal(await identity.validate(id), undefined);
});

test('the network endpoint of the catalog leads clients to /v2.0', { skip }, async () => {
  networkRequests.length = 0;
  assert.deepEqual(await json('weft', 'network', 'list'), []);
  assert.deepEqual(await json('weft', 'network', 'agent', 'list'), []);
  // openstacksdk asks for the versions first; both join v2.0 exactly once.
  assert.ok(networkRequests.includes('/v2.0/networks') && networkRequests.includes('/v2.0/agents'), networkRequests.join(' '));
  assert.ok(
    networkRequests.every(path => path === '/' || /^\/v2\.0\/\w+$/.test(path)),
    networkRequests.join(' '),
  );
});

test('openstacksdk by itself: connect, look up, reauthenticate after a revocation', { skip }, async () => {
  const script = `
import openstack
c = openstack.connect(cloud='weft-admin')
assert {p.name for p in c.identity.projects()} == {'admin', 'weft', 'other'}
assert c.identity.find_user('other').name == 'other'
assert c.get_project('weft').name == 'weft'
assert [n for n in c.network.networks()] == []
old = c.session.get_token()
c.session.delete(c.session.auth.get_access(c.session).service_catalog.url_for('identity', 'public') + '/v3/auth/tokens',
                 headers={'X-Subject-Token': old}, raise_exc=True)
assert [n for n in c.network.networks()] == []
assert c.session.get_token() != old
print('fine')
`;
  const { code, out, err } = await run(clientPython(), ['-c', script], {});
  assert.equal(code, 0, err);
  assert.equal(out.trim(), 'fine');
});

/** The interpreter that the client runs under: another python3 in the path need not have openstacksdk. */
function clientPython(): string {
  const path = (process.env['PATH'] ?? '')
    .split(':')
    .map(dir => join(dir, 'openstack'))
    .find(existsSync);
  const [, interpreter] = /^#!\s*(\S+)$/.exec(readFileSync(path!, 'utf8').split('\n')[0]!) ?? [];
  return interpreter ?? 'python3';
}
