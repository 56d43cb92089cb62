import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import { type Identity, IdentityUnavailable } from '../../contracts/identity.ts';
import { noAccount, type ServiceAccount } from '../../contracts/service-account.ts';
import { SimClock } from '../../engine/clock.ts';
import { textLog } from '../log/text-log.ts';
import { keystoneUrl } from '../openstack/service-login.ts';
import { type KeystoneIdentityOptions, openKeystoneIdentity } from './keystone-identity.ts';

const start = Date.UTC(2026, 0, 1);
const hour = 3600_000;
const use = { method: 'GET', path: '/v2.0/networks' };
const iso = (ms: number): string => new Date(ms).toISOString().replace('Z', '000Z');

/** As much of a Keystone as validation sees, with what went wrong on request. */
interface Keystone {
  readonly url: string;
  /** Good subject tokens. */
  readonly tokens: Map<string, Record<string, unknown>>;
  /** Service tokens that are good. */
  readonly own: Set<string>;
  readonly seen: { logIns: number; shows: number; bodies: string[]; paths: string[] };
  expiresInMs: number;
  /** Before each answer. */
  before: (request: IncomingMessage, response: ServerResponse) => Promise<boolean> | boolean;
  close(): Promise<void>;
}

const member = {
  user: { id: 'u1', name: 'ann', domain: { id: 'default', name: 'Default' } },
  project: { id: 'p1', name: 'demo', domain: { id: 'd2', name: 'Two' } },
  roles: [
    { id: 'r1', name: 'member' },
    { id: 'r2', name: 'reader' },
  ],
  audit_ids: ['audit-1', 'audit-0'],
  expires_at: iso(start + hour),
};

async function keystone(t: TestContext, clock: SimClock): Promise<Keystone> {
  const state: Keystone = {
    url: '',
    tokens: new Map([['good', member]]),
    own: new Set(),
    seen: { logIns: 0, shows: 0, bodies: [], paths: [] },
    expiresInMs: hour,
    before: () => false,
    close: async () => {},
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    state.seen.paths.push(request.url ?? '');
    state.seen[request.method === 'POST' ? 'logIns' : 'shows'] += 1;
    if (await state.before(request, response)) return;
    const json = (status: number, body: unknown, headers = {}): void =>
      void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
    if (request.method === 'POST') {
      const text = Buffer.concat(chunks).toString();
      state.seen.bodies.push(text);
      if (!text.includes('"secret"')) return json(401, { error: { code: 401 } });
      const id = `own-${state.seen.logIns}`;
      state.own.add(id);
      return json(201, { token: { expires_at: iso(clock.now() + state.expiresInMs) } }, { 'x-subject-token': id });
    }
    if (!state.own.has(String(request.headers['x-auth-token']))) return json(401, { error: { code: 401 } });
    const token = state.tokens.get(String(request.headers['x-subject-token']));
    return token ? json(200, { token }) : json(404, { error: { code: 404 } });
  };
  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> =>
    new Promise(resolve => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  t.after(close);
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close });
}

interface World {
  readonly clock: SimClock;
  readonly stub: Keystone;
  readonly identity: Identity;
  readonly lines: string[];
}

async function world(t: TestContext, options: Partial<KeystoneIdentityOptions> & { password?: string } = {}): Promise<World> {
  const clock = new SimClock(start);
  const stub = await keystone(t, clock);
  const lines: string[] = [];
  const log = textLog({ sink: { write: line => void lines.push(line) } });
  return { clock, stub, lines, identity: openKeystoneIdentity({ account: accountAt(stub.url, options.password), clock, log, ...options }) };
}

const accountAt = (auth_url: string, password = 'secret'): ServiceAccount => ({
  ...noAccount,
  auth_url,
  username: 'neutron',
  password,
  project_name: 'service',
  default_domain_name: 'Default',
});

const unavailable = (question: Promise<unknown>): Promise<void> => assert.rejects(question, IdentityUnavailable);

test('a good token is its caller; Keystone is asked without the catalog, as the service user', async t => {
  const { identity, stub } = await world(t);
  assert.deepEqual(await identity.validate('good', use), {
    user_id: 'u1',
    user_name: 'ann',
    user_domain_id: 'default',
    user_domain_name: 'Default',
    project_id: 'p1',
    project_name: 'demo',
    project_domain_id: 'd2',
    project_domain_name: 'Two',
    domain_id: null,
    system_scope: null,
    roles: ['member', 'reader'],
    expires_at: member.expires_at,
    audit_id: 'audit-1',
  });
  assert.deepEqual(stub.seen.paths, ['/v3/auth/tokens?nocatalog', '/v3/auth/tokens?nocatalog']);
  const { auth } = JSON.parse(stub.seen.bodies[0] ?? '') as { auth: Record<string, unknown> };
  assert.deepEqual(auth['scope'], { project: { name: 'service', domain: { name: 'Default' } } });
  assert.equal(identity.authUri, stub.url);
});

test('scopes: domain, system, none', async t => {
  const { identity, stub } = await world(t);
  const { project: _, roles: __, ...unscoped } = member;
  stub.tokens.set('unscoped', unscoped);
  stub.tokens.set('system', { ...unscoped, roles: [{ name: 'admin' }], system: { all: true } });
  stub.tokens.set('domain', { ...unscoped, roles: [{ name: 'admin' }], domain: { id: 'd2', name: 'Two' } });
  const seen = async (token: string) => {
    const caller = await identity.validate(token, use);
    return [caller?.project_id, caller?.domain_id, caller?.system_scope, caller?.roles];
  };
  assert.deepEqual(await seen('unscoped'), [null, null, null, []]);
  assert.deepEqual(await seen('system'), [null, null, 'all', ['admin']]);
  assert.deepEqual(await seen('domain'), [null, 'd2', null, ['admin']]);
});

test('one log-in and one question serve all who ask at the same time, and who asks soon after', async t => {
  const { identity, stub } = await world(t);
  const all = await Promise.all(Array.from({ length: 20 }, () => identity.validate('good', use)));
  assert.ok(all.every(caller => caller?.user_id === 'u1'));
  await identity.validate('good', use);
  assert.deepEqual([stub.seen.logIns, stub.seen.shows], [1, 1]);
});

test('an answer is believed for a minute: then a revoked token is found out', async t => {
  const { identity, stub, clock } = await world(t);
  await identity.validate('good', use);
  stub.tokens.clear();
  await clock.advance(59_000);
  assert.ok(await identity.validate('good', use));
  await clock.advance(1000);
  assert.equal(await identity.validate('good', use), undefined);
});

test('nobody is believed beyond the end of his token', async t => {
  const { identity, stub, clock } = await world(t, { maxAgeMs: 10 * hour });
  stub.tokens.set('short', { ...member, expires_at: iso(start + 5000) });
  assert.ok(await identity.validate('short', use));
  await clock.advance(5000);
  assert.equal(await identity.validate('short', use), undefined);
  assert.equal(stub.seen.shows, 2);
});

test('a token that is not good is nobody, and is not asked about again at once', async t => {
  const { identity, stub, clock } = await world(t);
  assert.equal(await identity.validate('bad', use), undefined);
  assert.equal(await identity.validate('bad', use), undefined);
  assert.equal(stub.seen.shows, 1);
  stub.tokens.set('bad', member);
  await clock.advance(10_000);
  assert.ok(await identity.validate('bad', use));
});

test('what cannot be a token is refused without asking', async t => {
  const { identity, stub } = await world(t);
  for (const token of ['', 'a b', 'a\r\nx-evil: 1', 'ü', 'x'.repeat(8193)]) assert.equal(await identity.validate(token, use), undefined);
  assert.deepEqual([stub.seen.logIns, stub.seen.shows], [0, 0]);
});

test('the number of answers kept is bounded; the ones not used for the longest time go', async t => {
  const { identity, stub } = await world(t, { maxAnswers: 2 });
  for (const token of ['one', 'two', 'three']) stub.tokens.set(token, member);
  for (const token of ['one', 'two', 'one', 'three']) await identity.validate(token, use);
  assert.equal(stub.seen.shows, 3);
  await identity.validate('one', use);
  assert.equal(stub.seen.shows, 3);
  await identity.validate('two', use);
  assert.equal(stub.seen.shows, 4);
});

test('the service token is renewed before it ends, and at once when Keystone no longer knows it', async t => {
  const { identity, stub, clock } = await world(t, { maxAgeMs: 0 });
  stub.expiresInMs = 60_000;
  await identity.validate('good', use);
  await clock.advance(29_000);
  await identity.validate('good', use);
  assert.equal(stub.seen.logIns, 1);
  await clock.advance(2000);
  await identity.validate('good', use);
  assert.equal(stub.seen.logIns, 2);
  stub.own.clear();
  assert.ok(await identity.validate('good', use));
  assert.equal(stub.seen.logIns, 3);
});

test('a service user that is refused is no verdict on the token', async t => {
  const { identity, stub, clock, lines } = await world(t, { password: 'wrong' });
  await unavailable(identity.validate('good', use));
  await unavailable(identity.validate('other', use));
  assert.equal(stub.seen.logIns, 1, 'Keystone is left alone for a second');
  await clock.advance(1000);
  await unavailable(identity.validate('good', use));
  assert.equal(stub.seen.logIns, 2);
  assert.ok(!lines.join('').includes('wrong'), 'no password in the log');
});

test('a fresh service token that is refused, too, is no verdict either, nor is 403 or 500', async t => {
  const { identity, stub } = await world(t);
  for (const status of [401, 403, 500, 503]) {
    stub.before = (request, response) => {
      if (request.method !== 'GET') return false;
      response.writeHead(status).end('{}');
      return true;
    };
    await unavailable(identity.validate('good', use));
  }
  stub.before = () => false;
  assert.ok(await identity.validate('good', use), 'failures are not remembered');
});

test('what is not an answer of Keystone is none', async t => {
  const { identity, stub } = await world(t);
  for (const body of ['<html>', '{}', '{"token":{}}', '{"token":{"user":{"id":"u"},"expires_at":"soon"}}', 'null']) {
    stub.before = (request, response) => {
      if (request.method !== 'GET') return false;
      response.writeHead(200).end(body);
      return true;
    };
    await unavailable(identity.validate('good', use));
  }
});

test('a connection that breaks is tried once more; a Keystone that is away is unavailable, and back when it is back', async t => {
  const { identity, stub, clock } = await world(t, { maxAgeMs: 0 });
  await identity.validate('good', use);
  let broken = 1;
  stub.before = (_, response) => {
    if (broken-- <= 0) return false;
    response.destroy();
    return true;
  };
  assert.ok(await identity.validate('good', use));
  broken = 2;
  await unavailable(identity.validate('good', use));
  await clock.advance(1000);
  assert.ok(await identity.validate('good', use));
  await stub.close();
  await unavailable(identity.validate('good', use));
});

test('a Keystone that says nothing does not hold requests for ever', async t => {
  const { identity, stub } = await world(t, { timeoutMs: 50 });
  stub.before = () => new Promise(() => {});
  await unavailable(identity.validate('good', use));
});

test('a Keystone that is slow is not asked more and more at once; who is known does not wait', async t => {
  const { stub, identity } = await world(t, { maxQuestions: 5, timeoutMs: 3000 });
  const names = Array.from({ length: 40 }, (_, i) => `t${i}`);
  for (const name of names) stub.tokens.set(name, member);
  await identity.validate('good', use);
  const { promise: slow, resolve: go } = Promise.withResolvers<void>();
  let [now, most] = [0, 0];
  stub.before = async () => {
    most = Math.max(most, ++now);
    await slow;
    now -= 1;
    return false;
  };
  const asked = names.map(name => identity.validate(name, use));
  while (now < 5) await new Promise(resolve => setTimeout(resolve, 5));
  assert.equal((await identity.validate('good', use))?.user_id, 'u1');
  go();
  assert.ok((await Promise.all(asked)).every(caller => caller?.user_id === 'u1'));
  assert.equal(most, 5);
});

test('who waits in line for a Keystone that says nothing is told soon, too', async t => {
  const { stub, identity } = await world(t, { maxQuestions: 2, timeoutMs: 150 });
  await identity.validate('good', use);
  const shown = stub.seen.shows;
  stub.before = () => true;
  await Promise.all(Array.from({ length: 20 }, (_, i) => unavailable(identity.validate(`t${i}`, use))));
  // In line they would have been asked two by two, each pair for its time.
  assert.ok(stub.seen.shows - shown <= 4, String(stub.seen.shows - shown));
  stub.before = () => false;
  assert.equal(await identity.validate('bad', use), undefined);
});

test('tokens that are made up do not push out the good ones', async t => {
  const { stub, identity } = await world(t, { maxAnswers: 10 });
  await identity.validate('good', use);
  for (let i = 0; i < 30; i++) assert.equal(await identity.validate(`made-up-${i}`, use), undefined);
  const shown = stub.seen.shows;
  assert.equal((await identity.validate('good', use))?.user_id, 'u1');
  assert.equal(stub.seen.shows, shown);
});

test('the URL of Keystone, with and without its version', () => {
  assert.equal(keystoneUrl('http://127.0.0.1:5000'), 'http://127.0.0.1:5000/v3');
  assert.equal(keystoneUrl('http://127.0.0.1:5000/v3/'), 'http://127.0.0.1:5000/v3');
  assert.equal(keystoneUrl('http://127.0.0.1:5000/v2.0/'), 'http://127.0.0.1:5000/v3');
  assert.equal(keystoneUrl('https://cloud.example/identity/'), 'https://cloud.example/identity/v3');
  for (const bad of ['', '127.0.0.1:5000', 'ftp://a', 'http://u:p@a/', 'http://a/v3?x'])
    assert.throws(() => keystoneUrl(bad), /not the URL/);
});

test('a token with access rules is freed of them by the token of a service, and not by itself', async t => {
  const { identity, stub } = await world(t);
  stub.tokens.set('bound', { ...member, application_credential: { access_rules: [{ ...use, service: 'network' }] } });
  stub.tokens.set('service', { ...member, roles: [{ id: 'r3', name: 'service' }] });
  const other = { method: 'DELETE', path: '/v2.0/ports/1' };
  const opens = async (what: typeof use, serviceToken?: string): Promise<boolean> =>
    (await identity.validate('bound', { ...what, ...(serviceToken === undefined ? {} : { serviceToken }) })) !== undefined;
  assert.deepEqual([await opens(use), await opens(other), await opens(other, 'service')], [true, false, true]);
  assert.deepEqual([await opens(use, 'bound'), await opens(other, 'bound')], [true, false]);
});

test('anybody’s token as that of a service is taken unless roles are required, frees of no access rules, and is told once', async t => {
  const { identity, stub, lines, clock } = await world(t);
  stub.tokens.set('bound', { ...member, application_credential: { access_rules: [{ ...use, service: 'network' }] } });
  const other = { method: 'DELETE', path: '/v2.0/ports/1' };
  const caller = (token: string, what: typeof use) => identity.validate(token, { ...what, serviceToken: 'good' });
  assert.equal(await caller('bound', other), undefined);
  assert.equal((await caller('bound', use))?.user_id, 'u1');
  assert.equal((await caller('good', other))?.user_id, 'u1');
  assert.equal(lines.filter(line => /WARNING .*service token without/i.test(line) && line.includes('ann')).length, 1, lines.join(''));
  const strict = openKeystoneIdentity({
    account: accountAt(stub.url),
    clock,
    log: textLog({ sink: { write: () => {} } }),
    serviceRolesRequired: true,
  });
  assert.equal(await strict.validate('good', { ...use, serviceToken: 'good' }), undefined);
  assert.equal((await strict.validate('good', use))?.user_id, 'u1');
});
