import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs, { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import test, { after, before } from 'node:test';
import type { IdentityReply } from '../../contracts/identity.ts';
import { SimClock } from '../../engine/clock.ts';
import { textLog } from '../log/text-log.ts';
import { type BuiltinIdentity, openBuiltinIdentity } from './builtin-identity.ts';
import { createIdentityFile, type Passwords } from './state-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'weft-identity-'));
const path = join(directory, 'identity.json');
const lines: string[] = [];
const log = textLog({ sink: { write: l => lines.push(l) } });
const clock = new SimClock(Date.UTC(2026, 0, 1));
const hour = 3600_000;
let identity: BuiltinIdentity;
let passwords: Passwords;

before(async () => {
  passwords = await createIdentityFile(path);
  identity = await openBuiltinIdentity({ path, clock, log, baseUrl: 'http://127.0.0.1:9696/' });
});
after(() => rmSync(directory, { recursive: true, force: true }));

type Headers = Record<string, string>;
async function ask(method: string, url: string, options: { token?: string; subject?: string; body?: unknown; headers?: Headers } = {}) {
  const { pathname, searchParams } = new URL(`http://x${url}`);
  const headers: Headers = { 'content-type': 'application/json', ...options.headers };
  if (options.token !== undefined) headers['x-auth-token'] = options.token;
  if (options.subject !== undefined) headers['x-subject-token'] = options.subject;
  const body = options.body === undefined ? undefined : typeof options.body === 'string' ? options.body : JSON.stringify(options.body);
  const reply = await identity.handle({ method, path: pathname, query: searchParams, headers, body });
  return { ...reply, json: reply.body ? JSON.parse(reply.body) : undefined };
}

const tokens = '/identity/v3/auth/tokens';
const byPassword = (name: keyof Passwords, scope?: unknown, password: string = passwords[name]): object => ({
  auth: {
    identity: { methods: ['password'], password: { user: { name, domain: { id: 'default' }, password } } },
    ...(scope === undefined ? {} : { scope }),
  },
});
const byToken = (id: string, scope?: unknown): object => ({
  auth: { identity: { methods: ['token'], token: { id } }, ...(scope === undefined ? {} : { scope }) },
});
const inProject = (name: string): object => ({ project: { name, domain: { name: 'Default' } } });

async function login(name: keyof Passwords, scope?: unknown): Promise<string> {
  const reply = await ask('POST', tokens, { body: byPassword(name, scope) });
  assert.equal(reply.status, 201, reply.body);
  return reply.headers['x-subject-token']!;
}

const keystone401 = { error: { code: 401, message: 'The request you have made requires authentication.', title: 'Unauthorized' } };
function is401(reply: IdentityReply): void {
  assert.equal(reply.status, 401);
  assert.deepEqual(JSON.parse(reply.body!), keystone401);
  assert.equal(reply.headers['www-authenticate'], 'Keystone uri="http://127.0.0.1:9696/identity"');
  assert.equal(reply.headers['x-subject-token'], undefined);
}

test('a token for a project, with roles, catalog and times as Keystone gives them', async () => {
  const reply = await ask('POST', tokens, { body: byPassword('weft', inProject('weft')) });
  assert.equal(reply.status, 201);
  assert.equal(reply.headers['vary'], 'X-Auth-Token');
  const { token } = reply.json;
  assert.deepEqual(Object.keys(token).sort(), [
    'audit_ids',
    'catalog',
    'expires_at',
    'is_domain',
    'issued_at',
    'methods',
    'project',
    'roles',
    'user',
  ]);
  assert.equal(token.issued_at, '2026-01-01T00:00:00.000000Z');
  assert.equal(token.expires_at, '2026-01-02T00:00:00.000000Z');
  assert.deepEqual(
    [token.user.name, token.user.domain, token.project.name, token.project.domain.id],
    ['weft', { id: 'default', name: 'Default' }, 'weft', 'default'],
  );
  assert.deepEqual(token.roles.map((r: { name: string }) => r.name).sort(), ['member', 'reader']);
  const network = token.catalog.find((s: { type: string }) => s.type === 'network');
  assert.deepEqual(
    network.endpoints.map((e: { interface: string; url: string; region: string }) => [e.interface, e.url, e.region]),
    [
      ['public', 'http://127.0.0.1:9696/', 'RegionOne'],
      ['internal', 'http://127.0.0.1:9696/', 'RegionOne'],
      ['admin', 'http://127.0.0.1:9696/', 'RegionOne'],
    ],
  );
  assert.equal((await ask('POST', `${tokens}?nocatalog`, { body: byPassword('weft') })).json.token.catalog, undefined);
});

test('scopes: default project, by id, unscoped in both spellings, domain, system', async () => {
  const issue = async (name: keyof Passwords, scope?: unknown) => (await ask('POST', tokens, { body: byPassword(name, scope) })).json.token;
  const token = await issue('weft');
  assert.equal(token.project.name, 'weft');
  assert.equal((await issue('weft', { project: { id: token.project.id } })).project.name, 'weft');
  for (const scope of ['unscoped', { unscoped: {} }]) {
    const unscoped = await issue('weft', scope);
    assert.deepEqual([unscoped.project, unscoped.roles, unscoped.catalog], [undefined, undefined, undefined]);
  }
  assert.deepEqual((await issue('admin', { domain: { name: 'Default' } })).domain, { id: 'default', name: 'Default' });
  assert.deepEqual((await issue('admin', { system: { all: true } })).system, { all: true });
});

test('validate tells who is asking', async () => {
  const caller = await identity.validate(await login('admin', { system: { all: true } }));
  assert.deepEqual([caller?.user_name, caller?.system_scope, caller?.project_id, caller?.domain_id], ['admin', 'all', null, null]);
  assert.deepEqual([...caller!.roles].sort(), ['admin', 'member', 'reader']);
  const member = await identity.validate(await login('other'));
  assert.deepEqual(
    [member?.project_name, member?.project_domain_name, member?.user_domain_id, member?.system_scope],
    ['other', 'Default', 'default', null],
  );
  assert.equal(new Date(member!.expires_at).getTime(), clock.now() + 24 * hour);
});

test('bad credentials and bad scopes get one and the same 401', async () => {
  const good = await login('weft');
  const wrong: Record<string, unknown> = {
    'wrong password': byPassword('weft', undefined, 'wrong'),
    'empty password': byPassword('weft', undefined, ''),
    'password of another': byPassword('weft', undefined, passwords.other),
    'unknown user': byPassword('nobody' as 'weft', undefined, 'x'),
    'project of others': byPassword('weft', inProject('other')),
    'unknown project': byPassword('weft', inProject('nosuch')),
    'unknown domain': byPassword('weft', { project: { name: 'weft', domain: { id: 'nosuch' } } }),
    'system scope without a role there': byPassword('weft', { system: { all: true } }),
    'domain scope without a role there': byPassword('weft', { domain: { id: 'default' } }),
    'a trust': byPassword('weft', { 'OS-TRUST:trust': { id: 'x' } }),
    'no method': { auth: { identity: { methods: [] } } },
    'junk token': byToken('junk'),
    'token of weft for a project of others': byToken(good, inProject('other')),
    'two methods for two users': {
      auth: {
        identity: {
          methods: ['password', 'token'],
          token: { id: good },
          password: { user: { name: 'other', domain: { id: 'default' }, password: passwords.other } },
        },
      },
    },
  };
  for (const [what, body] of Object.entries(wrong)) {
    const reply = await ask('POST', tokens, { body });
    assert.equal(reply.status, 401, `${what}: ${reply.body}`);
    is401(reply);
  }
  // The control: the same requests with what is right.
  assert.equal((await ask('POST', tokens, { body: byPassword('weft', inProject('weft')) })).status, 201);
  assert.equal((await ask('POST', tokens, { body: byToken(good, inProject('weft')) })).status, 201);
});

test('a method that is not offered says so', async () => {
  const reply = await ask('POST', tokens, {
    body: { auth: { identity: { methods: ['application_credential'], application_credential: {} } } },
  });
  assert.deepEqual([reply.status, reply.json.error.message], [401, 'Attempted to authenticate with an unsupported method.']);
});

const malformed: [string, unknown, RegExp][] = [
  [
    'no body',
    undefined,
    /^Expecting to find valid JSON in request body\. The server could not comply with the request since it is either malformed/,
  ],
  ['junk', '{nope', /^Expecting to find valid JSON in request body/],
  ['a list', '[]', /^Expecting to find valid JSON object in request body/],
  ['a number', '5', /^Expecting to find valid JSON object in request body/],
  ['no auth', {}, /^Expecting to find auth in request body/],
  ['auth of a wrong type', { auth: 'x' }, /^Invalid input for field 'auth': a string is not of type 'object'$/],
  ['no identity', { auth: {} }, /^'identity' is a required property$/],
  ['no methods', { auth: { identity: {} } }, /'methods' is a required property/],
  [
    'methods of a wrong type',
    { auth: { identity: { methods: 'password' } } },
    /^Invalid input for field 'identity\/methods': a string is not of type 'array'$/,
  ],
  ['a method of a wrong type', { auth: { identity: { methods: [5] } } }, /identity\/methods\/0/],
  ['no password part', { auth: { identity: { methods: ['password'] } } }, /^Expecting to find password in identity/],
  ['no user', { auth: { identity: { methods: ['password'], password: {} } } }, /^Expecting to find user in password/],
  [
    'neither id nor name',
    { auth: { identity: { methods: ['password'], password: { user: {} } } } },
    /identity\/password\/user: id or name must be present/,
  ],
  [
    'no domain',
    { auth: { identity: { methods: ['password'], password: { user: { name: 'x', password: 'y' } } } } },
    /^Expecting to find domain in user/,
  ],
  [
    'no password',
    { auth: { identity: { methods: ['password'], password: { user: { id: 'x' } } } } },
    /^Expecting to find password in user/,
  ],
  [
    'a password of a wrong type',
    { auth: { identity: { methods: ['password'], password: { user: { id: 'x', password: 5 } } } } },
    /user\/password/,
  ],
  ['no token id', { auth: { identity: { methods: ['token'], token: {} } } }, /'id' is a required property/],
];
for (const [what, body, message] of malformed) {
  test(`400: ${what}`, async () => {
    const reply = await ask('POST', tokens, { body });
    assert.equal(reply.status, 400, reply.body);
    assert.deepEqual([reply.json.error.code, reply.json.error.title], [400, 'Bad Request']);
    assert.match(reply.json.error.message, message);
  });
}
for (const scope of [
  'x',
  5,
  [],
  {},
  { project: {} },
  { project: { name: 'weft' } },
  { project: 5 },
  { system: {} },
  { project: { id: 'a' }, domain: { id: 'b' } },
]) {
  test(`400: the scope ${JSON.stringify(scope)}`, async () =>
    assert.equal((await ask('POST', tokens, { body: byPassword('weft', scope) })).status, 400));
}

test('413 above the limit, 400 for another content type; a refusal never repeats the password', async () => {
  const big = await ask('POST', tokens, { body: byPassword('weft', undefined, 'x'.repeat(120_000)) });
  assert.deepEqual([big.status, big.json.error.title], [413, 'Request Entity Too Large']);
  assert.equal((await ask('POST', tokens, { body: byPassword('weft'), headers: { 'content-type': 'text/plain' } })).status, 400);
  const misplaced = await ask('POST', tokens, { body: { auth: { identity: { methods: ['password'], password: 'S3cret!' } } } });
  assert.ok(!misplaced.body!.includes('S3cret!'));
  assert.ok(!lines.join('').includes(passwords.weft));
});

test('tokens that are not ours, or were changed, or have expired, are nobody', async () => {
  const token = await login('weft');
  assert.ok(await identity.validate(token));
  const [head, payload, mac] = token.split('.') as [string, string, string];
  const flip = (text: string, i: number): string => text.slice(0, i) + (text[i] === 'A' ? 'B' : 'A') + text.slice(i + 1);
  const forged = Buffer.from(Buffer.from(payload, 'base64url').toString().replace('"project"', '"system"')).toString('base64url');
  const bad = [
    '',
    'x',
    `${head}.${payload}`,
    `${head}.${payload}.`,
    `${head}.${forged}.${mac}`,
    `${head}.${payload}.${mac}x`,
    ` ${token}`,
    `${token}\n`,
    'x'.repeat(100_000),
  ];
  for (let i = 0; i < payload.length; i += 17) bad.push(`${head}.${flip(payload, i)}.${mac}`);
  for (let i = 0; i < mac.length; i++) bad.push(`${head}.${payload}.${flip(mac, i)}`);
  // The last character has two bits to spare, which a lenient decoder would ignore.
  for (const c of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')
    bad.push(`${head}.${payload}.${mac.slice(0, -1)}${c}`);
  for (const each of bad) {
    if (each !== token) assert.equal(await identity.validate(each), undefined, each.slice(0, 80));
  }
  is401(await ask('GET', '/identity/v3/auth/projects', { token: bad[4]! }));
  is401(await ask('GET', '/identity/v3/auth/projects'));
});

test('a token ends with its lifetime, and one made from it ends no later', async () => {
  const first = await login('weft', 'unscoped');
  await clock.advance(23 * hour);
  const second = await ask('POST', tokens, { body: byToken(first, inProject('weft')) });
  assert.equal(second.status, 201);
  assert.equal(second.json.token.expires_at, new Date(clock.now() + hour).toISOString().replace('Z', '000Z'));
  assert.deepEqual(second.json.token.methods.sort(), ['password', 'token']);
  assert.equal(second.json.token.audit_ids.length, 2);
  await clock.advance(hour - 1);
  assert.ok(await identity.validate(second.headers['x-subject-token']!));
  await clock.advance(1);
  assert.equal(await identity.validate(second.headers['x-subject-token']!), undefined);
  assert.equal(await identity.validate(first), undefined);
});

test('a revoked token is void, with those made from it, also for the next start; others live on', async () => {
  const [first, another] = [await login('weft', 'unscoped'), await login('weft')];
  const derived = (await ask('POST', tokens, { body: byToken(first, inProject('weft')) })).headers['x-subject-token']!;
  // A token that was good before is remembered, and void all the same.
  for (const token of [first, derived]) assert.equal(await identity.validate(token), await identity.validate(token));
  assert.ok(await identity.validate(derived));
  const gone = await ask('DELETE', tokens, { token: another, subject: first });
  assert.deepEqual([gone.status, gone.body], [204, undefined]);
  const again = await openBuiltinIdentity({ path, clock, log, baseUrl: 'http://127.0.0.1:9696' });
  for (const each of [identity, again]) {
    assert.equal(await each.validate(first), undefined);
    assert.equal(await each.validate(derived), undefined);
    assert.equal((await each.validate(another))?.user_name, 'weft');
  }
  assert.equal((await ask('DELETE', tokens, { token: another, subject: first })).status, 404);
});

test('what one of several processes revokes is void for the others at once, and the file forgets what has expired', async () => {
  const about = { path, clock, log, baseUrl: 'http://127.0.0.1:9696' };
  const [one, two] = [await openBuiltinIdentity({ ...about, shared: true }), await openBuiltinIdentity({ ...about, shared: true })];
  const admin = await login('admin');
  const revoke = async (by: typeof one, subject: string): Promise<number> =>
    (
      await by.handle({
        method: 'DELETE',
        path: tokens,
        query: new URLSearchParams(),
        headers: { 'x-auth-token': admin, 'x-subject-token': subject },
      })
    ).status;
  const [a, b] = [await login('weft'), await login('weft')];
  for (const each of [one, two]) assert.ok((await each.validate(a)) && (await each.validate(b)));
  assert.deepEqual([await revoke(one, a), await revoke(two, b)], [204, 204]);
  for (const each of [one, two]) assert.deepEqual([await each.validate(a), await each.validate(b)], [undefined, undefined]);
  const again = await openBuiltinIdentity(about);
  assert.equal(await again.validate(a), undefined);
});

const revocationFiles = (): string[] => readdirSync(directory).filter(name => name.startsWith(`${basename(path)}.revoked`));

test('what was revoked is forgotten when it would have expired, by processes that go on, and nothing before', async () => {
  const about = { path, clock, log, baseUrl: 'http://127.0.0.1:9696' };
  const other = await openBuiltinIdentity({ ...about, shared: true });
  await clock.advance(365 * 24 * hour);
  const sizes: number[] = [];
  for (let hours = 0; hours < 96; hours += 4) {
    const [admin, mine] = [await login('admin'), await login('weft')];
    assert.equal((await ask('DELETE', tokens, { token: admin, subject: mine })).status, 204);
    await clock.advance(4 * hour);
    for (const each of [identity, other, await openBuiltinIdentity(about)]) assert.equal(await each.validate(mine), undefined);
    sizes.push(revocationFiles().reduce((sum, name) => sum + statSync(join(directory, name)).size, 0));
  }
  const line = sizes[0]!;
  assert.ok(Math.max(...sizes) <= 9 * line, sizes.join());
  assert.ok(sizes.at(-1)! >= 6 * line);
  await clock.advance(31 * hour);
  await other.validate(await login('weft'));
  assert.deepEqual(revocationFiles(), []);
});

test('the one file of earlier versions is taken over, in both forms that it had', async () => {
  const [kept, gone, earlier] = [await login('weft'), await login('weft'), await login('weft')];
  const claims = (token: string): [user: string, audit_id: string] => {
    const all = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as unknown[];
    return [String(all[0]), (all[5] as string[])[0]!];
  };
  const expires = clock.now() + hour;
  const [user, audit_id] = claims(earlier);
  const byLines = `${JSON.stringify([...claims(gone), expires])}\n`;
  for (const text of [byLines, JSON.stringify({ [user]: { tokens: { [audit_id]: expires }, upTo: 0 } })]) {
    writeFileSync(`${path}.revoked`, text);
    await openBuiltinIdentity({ path, clock, log, baseUrl: 'http://x', shared: true });
    assert.ok(!existsSync(`${path}.revoked`));
  }
  const again = await openBuiltinIdentity({ path, clock, log, baseUrl: 'http://x' });
  assert.deepEqual([await again.validate(gone), await again.validate(earlier)], [undefined, undefined]);
  assert.ok(await again.validate(kept));
});

test('very many revocations stay bounded, and every revoked token stays void', async () => {
  const keep = await login('admin');
  const root = await login('other', 'unscoped');
  const revoked: string[] = [];
  for (let i = 0; i < 250; i++) revoked.push((await ask('POST', tokens, { body: byToken(root) })).headers['x-subject-token']!);
  for (const token of revoked) await ask('DELETE', tokens, { token: keep, subject: token });
  for (const token of revoked) assert.equal(await identity.validate(token), undefined);
  assert.ok(await identity.validate(keep));
  assert.ok(revocationFiles().every(name => statSync(join(directory, name)).size < 50_000));
  await clock.advance(1);
  assert.ok(await identity.validate(await login('other')));
});

test('a disk that is full refuses a revocation, which can be repeated, and spoils none', async () => {
  const about = { path, clock, log, baseUrl: 'http://127.0.0.1:9696' };
  const other = await openBuiltinIdentity({ ...about, shared: true });
  const [admin, first, second] = [await login('admin'), await login('weft'), await login('weft')];
  const { appendFile } = fs.promises;
  fs.promises.appendFile = async (file, text, options) => {
    await appendFile(file, String(text).slice(0, 30), options);
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  };
  syncBuiltinESMExports();
  try {
    assert.equal((await ask('DELETE', tokens, { token: admin, subject: first })).status, 500);
  } finally {
    fs.promises.appendFile = appendFile;
    syncBuiltinESMExports();
  }
  assert.ok(await other.validate(first));
  for (const subject of [second, first]) {
    assert.equal((await ask('DELETE', tokens, { token: admin, subject })).status, 204);
    for (const each of [identity, other, await openBuiltinIdentity(about)]) assert.equal(await each.validate(subject), undefined);
  }
  assert.ok(await other.validate(admin));
});

test('a damaged list of revocations stops the start', async () => {
  const copy = join(directory, 'damaged.json');
  writeFileSync(copy, readFileSync(path));
  writeFileSync(`${copy}.revoked`, '{');
  await assert.rejects(openBuiltinIdentity({ path: copy, clock, log, baseUrl: 'http://x' }), { name: 'StateRefused' });
});

test('about tokens: one’s own, any for an administrator, none for others', async () => {
  const [mine, others, admin] = [await login('weft'), await login('other'), await login('admin')];
  for (const [token, subject, status] of [
    [mine, mine, 200],
    [admin, mine, 200],
    [others, mine, 403],
    [mine, admin, 403],
    [mine, 'junk', 404],
    [mine, undefined, 404],
  ] as const) {
    assert.equal((await ask('GET', tokens, { token, ...(subject === undefined ? {} : { subject }) })).status, status);
  }
  const got = await ask('GET', tokens, { token: mine, subject: mine });
  assert.deepEqual([got.json.token.user.name, got.headers['x-subject-token']], ['weft', mine]);
  const head = await ask('HEAD', tokens, { token: mine, subject: mine });
  assert.deepEqual([head.status, head.body], [200, undefined]);
  is401(await ask('GET', tokens, { subject: mine }));
  assert.equal((await ask('DELETE', tokens, { token: others, subject: mine })).status, 403);
  assert.ok(await identity.validate(mine));
  assert.equal((await ask('PATCH', tokens, { token: admin })).status, 405);
});

test('version documents, with and without a slash, for everybody', async () => {
  for (const url of ['/identity', '/identity/']) {
    const reply = await ask('GET', url);
    assert.equal(reply.status, 300);
    assert.equal(reply.json.versions.values[0].links[0].href, 'http://127.0.0.1:9696/identity/v3/');
  }
  for (const url of ['/identity/v3', '/identity/v3/']) {
    const reply = await ask('GET', url);
    assert.deepEqual([reply.status, reply.json.version.id, reply.json.version.status], [200, 'v3.14', 'stable']);
  }
  assert.equal((await ask('POST', '/identity/v3')).status, 405);
  assert.equal((await ask('GET', '/identity/v2.0')).status, 404);
});

test('who may read what', async () => {
  const [member, admin, reader] = [await login('weft'), await login('admin'), await login('admin', { system: { all: true } })];
  const own = (await identity.validate(member))!;
  const other = (await identity.validate(await login('other')))!;
  const rows: [string, number, number][] = [
    ['/auth/projects', 200, 200],
    ['/auth/domains', 200, 200],
    ['/auth/system', 200, 200],
    ['/auth/catalog', 200, 200],
    ['/projects', 403, 200],
    [`/projects/${own.project_id}`, 200, 200],
    [`/projects/${other.project_id}`, 403, 200],
    ['/projects/nosuch', 403, 404],
    ['/users', 403, 200],
    [`/users/${own.user_id}`, 200, 200],
    [`/users/${other.user_id}`, 403, 200],
    [`/users/${own.user_id}/projects`, 200, 200],
    [`/users/${other.user_id}/projects`, 403, 200],
    ['/users/nosuch/projects', 403, 404],
    ['/roles', 403, 200],
    ['/role_assignments', 403, 200],
    ['/domains', 403, 200],
    ['/domains/default', 403, 200],
    ['/services', 403, 200],
    ['/endpoints', 403, 200],
    ['/regions', 200, 200],
    ['/regions/RegionOne', 200, 200],
    ['/regions/nosuch', 404, 404],
    ['/groups', 403, 501],
    ['/nosuch', 404, 404],
    ['/__proto__', 404, 404],
    ['/users/%zz', 404, 404],
    ['/auth', 404, 404],
  ];
  for (const [url, asMember, asAdmin] of rows) {
    const status = async (token?: string): Promise<number> =>
      (await ask('GET', `/identity/v3${url}`, token === undefined ? {} : { token })).status;
    assert.deepEqual([url, await status(member), await status(admin)], [url, asMember, asAdmin]);
    if (url !== '/auth/catalog') assert.equal(await status(reader), asAdmin, `${url} for the system`);
    // A path that cannot even be read is not anybody's.
    if (url !== '/users/%zz') assert.equal(await status(), 401, `${url} without a token`);
  }
  const refused = await ask('GET', '/identity/v3/users', { token: member });
  assert.deepEqual(refused.json, {
    error: { code: 403, message: 'You are not authorized to perform the requested action: identity:list_users.', title: 'Forbidden' },
  });
  const missing = await ask('GET', '/identity/v3/projects/nosuch', { token: admin });
  assert.deepEqual(missing.json, { error: { code: 404, message: 'Could not find project: nosuch.', title: 'Not Found' } });
});

test('writing is not offered: 403 for members, 501 for the administrator, and nothing changes', async () => {
  const [member, admin] = [await login('weft'), await login('admin')];
  const before = readFileSync(path, 'utf8');
  for (const [method, url] of [
    ['POST', '/users'],
    ['PATCH', '/users/x'],
    ['DELETE', '/projects/x'],
    ['POST', '/users/x/password'],
    ['PUT', '/projects/x/users/y/roles/z'],
    ['POST', '/credentials'],
  ] as const) {
    assert.equal((await ask(method, `/identity/v3${url}`, { token: member, body: {} })).status, 403, url);
    const reply = await ask(method, `/identity/v3${url}`, { token: admin, body: {} });
    assert.deepEqual(reply.json, {
      error: { code: 501, message: 'The action you have requested has not been implemented.', title: 'Not Implemented' },
    });
    assert.equal((await ask(method, `/identity/v3${url}`, { body: {} })).status, 401);
  }
  assert.equal((await ask('BREW', '/identity/v3/users', { token: admin })).status, 405);
  assert.equal(readFileSync(path, 'utf8'), before);
});

test('filters and links of collections', async () => {
  const token = await login('admin');
  const list = async (url: string) => (await ask('GET', `/identity/v3/${url}`, { token })).json;
  const names = (items: { name: string }[]): string[] => items.map(i => i.name).sort();
  const all = await list('projects');
  assert.deepEqual(names(all.projects), ['admin', 'other', 'weft']);
  assert.deepEqual(all.links, { self: 'http://127.0.0.1:9696/identity/v3/projects', previous: null, next: null });
  const weft = (await list('projects?name=weft')).projects;
  assert.deepEqual(names(weft), ['weft']);
  assert.deepEqual((await list(`projects?id=${weft[0].id}`)).projects, weft);
  assert.deepEqual((await list('projects?name=weft&domain_id=nosuch')).projects, []);
  assert.deepEqual((await list('projects?enabled=false')).projects, []);
  assert.deepEqual(names((await list('users?name=other&enabled=true')).users), ['other']);
  assert.deepEqual((await list('projects?is_domain=true')).projects, []);
  assert.equal((await list('endpoints?interface=public')).endpoints.length, 2);
  const user = (await list('users?name=admin')).users[0];
  assert.equal((await list(`role_assignments?user.id=${user.id}`)).role_assignments.length, 3);
  assert.equal((await list(`role_assignments?user.id=${user.id}&effective&scope.system=all`)).role_assignments.length, 3);
  assert.equal((await list('role_assignments?group.id=x')).role_assignments.length, 0);
});

test('an edited file is read again; a broken edit leaves the last good state in force', async () => {
  const copy = join(directory, 'edited.json');
  const original = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(copy, JSON.stringify(original));
  identity = await openBuiltinIdentity({ path: copy, clock, log, baseUrl: 'http://127.0.0.1:9696' });
  try {
    const token = await login('weft');
    let stamp = Date.now() / 1000;
    const edit = async (text: string): Promise<void> => {
      writeFileSync(copy, text);
      utimesSync(copy, ++stamp, stamp);
      await clock.advance(1000);
    };
    const changed = (change: (user: Record<string, unknown>) => void): string => {
      const state = structuredClone(original);
      change(state.users.find((u: { name: string }) => u.name === 'weft'));
      return JSON.stringify(state);
    };
    await edit('{broken');
    assert.equal((await identity.validate(token))?.user_name, 'weft');
    assert.ok(lines.at(-1)!.includes('last good one stays in force'));
    await edit(changed(user => (user['enabled'] = false)));
    assert.equal(await identity.validate(token), undefined);
    is401(await ask('POST', tokens, { body: byPassword('weft') }));
    const { password_hash } = original.users.find((u: { name: string }) => u.name === 'other');
    await edit(changed(user => (user['password_hash'] = password_hash)));
    assert.equal(await identity.validate(token), undefined, 'a new password makes old tokens void');
    await edit(JSON.stringify({ ...original, assignments: [] }));
    assert.equal(await identity.validate(token), undefined, 'without a role the scope is gone');
    await edit(JSON.stringify({ ...original, key: Buffer.alloc(32, 1).toString('base64') }));
    assert.equal(await identity.validate(token), undefined, 'another key makes all tokens void');
    await edit(JSON.stringify(original));
    assert.equal((await identity.validate(token))?.user_name, 'weft');
  } finally {
    identity = await openBuiltinIdentity({ path, clock, log, baseUrl: 'http://127.0.0.1:9696' });
  }
});

test('hashing passwords leaves the event loop free, and a flood of log-ins is turned away', async () => {
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 1);
  const few = await Promise.all(Array.from({ length: 10 }, () => ask('POST', tokens, { body: byPassword('weft') })));
  clearInterval(ticking);
  assert.ok(few.every(reply => reply.status === 201));
  assert.ok(ticks > 20, `${ticks} ticks`);
  const flood = await Promise.all(Array.from({ length: 120 }, () => ask('POST', tokens, { body: byPassword('weft', undefined, 'guess') })));
  const statuses = new Set(flood.map(reply => reply.status));
  assert.deepEqual([...statuses].sort(), [401, 503]);
  assert.equal((await ask('POST', tokens, { body: byPassword('weft') })).status, 201);
});

test('a base URL that cannot go into a catalog is refused', async () => {
  for (const baseUrl of ['x', 'ftp://x', 'http://x/path', 'http://user@x', 'http://x/?q']) {
    await assert.rejects(openBuiltinIdentity({ path, clock, log, baseUrl }));
  }
});

test('mounted in a plain HTTP server', async () => {
  const server = createServer(async (request, response) => {
    const url = new URL(request.url!, 'http://x');
    let body = '';
    for await (const chunk of request) body += chunk;
    const headers = request.headers as Headers;
    const reply = await identity.handle({ method: request.method!, path: url.pathname, query: url.searchParams, headers, body });
    response.writeHead(reply.status, reply.headers).end(reply.body);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const issued = await fetch(base + tokens, {
      method: 'POST',
      body: JSON.stringify(byPassword('weft')),
      headers: { 'content-type': 'application/json' },
    });
    const token = issued.headers.get('x-subject-token')!;
    const headers = { 'x-auth-token': token, 'x-subject-token': token };
    assert.equal((await fetch(base + tokens, { method: 'HEAD', headers })).status, 200);
    assert.equal((await fetch(base + tokens, { method: 'DELETE', headers })).status, 204);
    assert.equal((await fetch(base + tokens, { headers })).status, 401);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test('a method that is named many times is one: nobody gets many hashes for one request', async t => {
  const hashing = t.mock.method(crypto, 'scrypt');
  syncBuiltinESMExports();
  t.after(() => {
    hashing.mock.restore();
    syncBuiltinESMExports();
  });
  const { auth } = byPassword('weft') as { auth: { identity: object } };
  const reply = await ask('POST', tokens, { body: { auth: { identity: { ...auth.identity, methods: Array(50).fill('password') } } } });
  assert.deepEqual([reply.status, reply.json.token.methods], [201, ['password']]);
  assert.equal(hashing.mock.callCount(), 1);
});
