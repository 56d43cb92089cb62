// Identity by a real Keystone: Debian's, on a free port, with tokens of every kind that it gives.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../src/adapters/clock/system-clock.ts';
import { type KeystoneIdentityOptions, openKeystoneIdentity } from '../../src/adapters/identity-keystone/keystone-identity.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { type Identity, IdentityUnavailable } from '../../src/contracts/identity.ts';
import { noAccount } from '../../src/contracts/service-account.ts';
import { readServerOptions } from '../../src/main/config/server-options.ts';
import { openKeystone } from '../../src/main/keystone.ts';
import { until } from '../api/harness.ts';
import { type Account, ensure, ensureAccount } from '../conformance/identity-admin.ts';
import { type RunningKeystone, startKeystone } from '../conformance/keystone.ts';
import { Memcached, noMemcached } from './memcached.ts';

const missing = ['keystone-manage', 'uwsgi_python3'].filter(name => spawnSync(name, ['--help']).error !== undefined);
const skip = missing.length > 0 ? `no ${missing.join(', ')} here (Debian: keystone, uwsgi-plugin-python3)` : false;
const service: Account = { username: 'neutron', password: 'service-password', project: 'service' };
const use = { method: 'GET', path: '/v2.0/networks' };
const ann: Account = { username: 'ann', password: 'ann-password', project: 'demo' };

describe('identity by a real Keystone', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-keystone-'));
  let keystone: RunningKeystone;
  let made: { project: string; user: string };

  before(async () => {
    keystone = await startKeystone(folder, 'admin-password');
    await ensureAccount(keystone.admin, service, ['service']);
    made = await ensureAccount(keystone.admin, ann, ['manager']);
    const [manager, member] = [await ensure(keystone.admin, 'role', 'manager'), await ensure(keystone.admin, 'role', 'member')];
    await keystone.admin.call('PUT', `/roles/${manager}/implies/${member}`);
  });
  after(async () => {
    await keystone?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Nothing is remembered, so that each question reaches Keystone. */
  const identity = (password = service.password, more: Partial<KeystoneIdentityOptions> = {}): Identity =>
    openKeystoneIdentity({
      account: {
        ...noAccount,
        auth_url: keystone.url,
        username: service.username,
        password,
        project_name: service.project,
        default_domain_id: 'default',
      },
      clock: systemClock,
      log: textLog({ sink: { write: () => {} } }),
      maxAgeMs: 0,
      ...more,
    });

  async function issue(methods: object, scope?: unknown): Promise<string> {
    const body = { auth: { identity: methods, ...(scope === undefined ? {} : { scope }) } };
    const headers = { 'content-type': 'application/json' };
    const reply = await fetch(`${keystone.url}/auth/tokens`, { method: 'POST', headers, body: JSON.stringify(body) });
    assert.equal(reply.status, 201, await reply.text());
    return reply.headers.get('x-subject-token') ?? '';
  }
  const byPassword = ({ username, password }: Account): object => ({
    methods: ['password'],
    password: { user: { name: username, password, domain: { name: 'Default' } } },
  });

  test('a token of a project, with the roles that others imply', async () => {
    const caller = await identity().validate(await keystone.admin.logIn(ann), use);
    assert.deepEqual(
      [caller?.user_id, caller?.user_name, caller?.user_domain_name, caller?.project_id, caller?.project_name, caller?.project_domain_id],
      [made.user, 'ann', 'Default', made.project, 'demo', 'default'],
    );
    assert.deepEqual([...(caller?.roles ?? [])].sort(), ['manager', 'member', 'reader']);
    assert.ok(Date.parse(caller?.expires_at ?? '') > Date.now() && caller?.audit_id);
    assert.deepEqual([caller?.domain_id, caller?.system_scope], [null, null]);
  });

  test('system, domain and no scope', async () => {
    const { admin } = keystone;
    const administrator = (await admin.call<{ users: { id: string }[] }>('GET', '/users?name=admin')).users[0]?.id;
    const role = await ensure(admin, 'role', 'admin');
    await admin.call('PUT', `/domains/default/users/${administrator}/roles/${role}`);
    const scoped = async (scope: unknown) => identity().validate(await issue(byPassword(admin.account), scope), use);
    const [system, domain, none] = await Promise.all([
      scoped({ system: { all: true } }),
      scoped({ domain: { id: 'default' } }),
      scoped('unscoped'),
    ]);
    assert.deepEqual([system?.system_scope, system?.project_id, system?.roles.includes('admin')], ['all', null, true]);
    assert.deepEqual([domain?.domain_id, domain?.system_scope, domain?.roles.includes('admin')], ['default', null, true]);
    assert.deepEqual([none?.project_id, none?.domain_id, none?.roles], [null, null, []]);
  });

  const credential = async (more: object): Promise<string> => {
    const token = await keystone.admin.logIn(ann);
    const headers = { 'content-type': 'application/json', 'x-auth-token': token };
    const body = JSON.stringify({ application_credential: { name: `c${Math.random()}`, ...more } });
    const reply = await fetch(`${keystone.url}/users/${made.user}/application_credentials`, { method: 'POST', headers, body });
    const { application_credential: it } = (await reply.json()) as { application_credential: { id: string; secret: string } };
    return issue({ methods: ['application_credential'], application_credential: { id: it.id, secret: it.secret } });
  };

  describe('application credentials', () => {
    test('are validated like any token, with the roles that they have', async () => {
      const caller = await identity().validate(await credential({ roles: [{ name: 'member' }] }), use);
      assert.deepEqual(
        [caller?.project_id, caller?.roles.includes('member'), caller?.roles.includes('manager')],
        [made.project, true, false],
      );
    });

    test('with access rules, for the requests that these name, unless a service passes them on', async () => {
      const rules = [
        { path: '/v2.0/networks', method: 'GET', service: 'network' },
        { path: '/v2.0/ports/{id}', method: 'PUT', service: 'network' },
        { path: '/v2.0/routers', method: 'GET', service: 'compute' },
      ];
      const token = await credential({ access_rules: rules });
      const door = identity();
      const opens = async (method: string, path: string, more: object = {}): Promise<boolean> =>
        (await door.validate(token, { method, path, ...more })) !== undefined;
      assert.deepEqual([await opens('GET', '/v2.0/networks'), await opens('PUT', '/v2.0/ports/1')], [true, true]);
      for (const [method, path] of [
        ['POST', '/v2.0/networks'],
        ['GET', '/v2.0/networks/1'],
        ['PUT', '/v2.0/ports/1/tags'],
        ['GET', '/v2.0/routers'],
      ] as const)
        assert.equal(await opens(method, path), false, `${method} ${path}`);
      assert.ok(await opens('GET', '/v2.0/routers', { serviceToken: await keystone.admin.logIn(service) }));
    });
  });

  test('service tokens: with the right role a token that has ended goes on; what is none opens nothing', async () => {
    const [token, own] = [await keystone.admin.logIn(ann), await keystone.admin.logIn(service)];
    const door = identity();
    const withService = (serviceToken: string) => door.validate(token, { ...use, serviceToken });
    assert.equal((await withService(own))?.user_name, 'ann');
    assert.equal(await withService('gAAAAABnonsense'), undefined);
    // Any user's token is taken for a service's, as long as it need not be one with a role of services.
    assert.equal((await withService(token))?.user_name, 'ann');
    const strict = identity(service.password, { serviceRolesRequired: true });
    assert.equal(await strict.validate(token, { ...use, serviceToken: token }), undefined);
    assert.equal((await strict.validate(token, { ...use, serviceToken: own }))?.user_name, 'ann');
  });

  test('a service goes on with a token that has ended, and nobody else does', async () => {
    const expires_at = new Date(Date.now() + 4000).toISOString().slice(0, 19);
    const token = await credential({ expires_at });
    const [door, own] = [identity(), await keystone.admin.logIn(service)];
    assert.ok(await door.validate(token, use));
    await new Promise(resolve => setTimeout(resolve, 4500));
    assert.equal(await door.validate(token, use), undefined);
    assert.ok(await door.validate(token, { ...use, serviceToken: own }));
    assert.equal(await door.validate(token, { ...use, serviceToken: await keystone.admin.logIn(ann) }), undefined);
  });

  test('told by a file; what one server was told another believes for as long, by memcached', { skip: noMemcached }, async () => {
    await using memcached = await Memcached.start();
    const file = join(folder, 'neutron.conf');
    const account = `auth_url = ${keystone.url.replace(/\/v3$/, '')}\nauth_type = password\nusername = ${service.username}\npassword = ${service.password}\n`;
    const scope = `project_name = ${service.project}\nuser_domain_name = Default\nproject_domain_name = Default\n`;
    writeFileSync(file, `[keystone_authtoken]\n${account}${scope}memcached_servers = 127.0.0.1:${memcached.port}\n`);
    const server = (): ReturnType<typeof openKeystone>['identity'] & Partial<Disposable> => {
      const { keystone: told } = readServerOptions([{ kind: 'file', path: file }]);
      return openKeystone(told, { clock: systemClock, log: textLog({ sink: { write: () => {} } }) }).identity;
    };
    const [one, other] = [server(), server()];
    const token = await keystone.admin.logIn(ann);
    assert.equal((await one.validate(token, use))?.user_name, 'ann');
    const isShared = async (): Promise<boolean> => (await memcached.dump()).length > 0;
    await until('memcached has it', isShared);
    const headers = { 'x-auth-token': keystone.admin.token, 'x-subject-token': token };
    assert.equal((await fetch(`${keystone.url}/auth/tokens`, { method: 'DELETE', headers })).status, 204);
    assert.equal(await identity().validate(token, use), undefined);
    assert.equal((await other.validate(token, use))?.user_name, 'ann');
    for (const each of [one, other]) each[Symbol.dispose]?.();
  });

  test('what is no token, or no longer', async () => {
    const door = identity();
    assert.equal(await door.validate('gAAAAABnonsense', use), undefined);
    const token = await keystone.admin.logIn(ann);
    assert.ok(await door.validate(token, use));
    const headers = { 'x-auth-token': keystone.admin.token, 'x-subject-token': token };
    assert.equal((await fetch(`${keystone.url}/auth/tokens`, { method: 'DELETE', headers })).status, 204);
    assert.equal(await door.validate(token, use), undefined);
  });

  test('a service token that was revoked is replaced; a wrong password is no verdict on others', async () => {
    const door = identity();
    const token = await keystone.admin.logIn(ann);
    assert.ok(await door.validate(token, use));
    const { users } = await keystone.admin.call<{ users: { id: string }[] }>('GET', '/users?name=neutron');
    // A new password revokes all tokens of the user; the same one again serves as well.
    const user = { user: { password: 'another-password' } };
    await keystone.admin.call('PATCH', `/users/${users[0]?.id}`, user);
    await keystone.admin.call('PATCH', `/users/${users[0]?.id}`, { user: { password: service.password } });
    // Keystone revokes by the second: a token of the same one is revoked as well.
    await new Promise(resolve => setTimeout(resolve, 1500));
    assert.ok(await door.validate(token, use));
    await assert.rejects(identity('wrong').validate(token, use), IdentityUnavailable);
  });
});
