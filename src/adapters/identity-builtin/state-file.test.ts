import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { makeCloudsYaml, passwordsInCloudsYaml } from './clouds-yaml.ts';
import { Directory } from './directory.ts';
import { hashPassword, verifyPassword } from './password.ts';
import { parseState } from './state.ts';
import { createIdentityFile } from './state-file.ts';

function directory(t: { after(f: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), 'weft-identity-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test('a new file: for its owner only, no password in it, nothing left beside it', async t => {
  const dir = directory(t);
  const path = join(dir, 'identity.json');
  const passwords = await createIdentityFile(path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(dir), ['identity.json']);
  const text = readFileSync(path, 'utf8');
  for (const password of Object.values(passwords)) assert.ok(/^[0-9a-f]{32}$/.test(password) && !text.includes(password));
  assert.equal(new Set(Object.values(passwords)).size, 3);
});

test('a file that is there is not replaced', async t => {
  const dir = directory(t);
  const path = join(dir, 'identity.json');
  await createIdentityFile(path);
  const before = readFileSync(path, 'utf8');
  await assert.rejects(createIdentityFile(path), { code: 'EEXIST' });
  assert.equal(readFileSync(path, 'utf8'), before);
  assert.deepEqual(readdirSync(dir), ['identity.json']);
});

test('implied roles, whatever circle the file holds; the users of the first file', async t => {
  const path = join(directory(t), 'identity.json');
  await createIdentityFile(path);
  const state = parseState(readFileSync(path, 'utf8'));
  const rolesOf = (name: string, circle = {}): string[] => {
    const d = new Directory({ ...state, implied_roles: { ...state.implied_roles, ...circle } });
    const user = d.findUser({ name, domain: { id: 'default' } })!;
    return (d.rolesIn(user.id, { kind: 'project', id: user.default_project_id! }) ?? []).map(r => r.name).sort();
  };
  assert.deepEqual(rolesOf('admin'), ['admin', 'member', 'reader']);
  assert.deepEqual(rolesOf('weft'), ['member', 'reader']);
  assert.deepEqual(rolesOf('other'), ['member', 'reader']);
  assert.deepEqual(rolesOf('weft', { reader: ['member', 'nosuch'] }), ['member', 'reader']);
});

test('a file that contradicts itself is refused, with the reason', async t => {
  const path = join(directory(t), 'identity.json');
  await createIdentityFile(path);
  const good = JSON.parse(readFileSync(path, 'utf8'));
  const refuses = (why: RegExp, change: (state: typeof good) => void): void => {
    const state = structuredClone(good);
    change(state);
    assert.throws(() => parseState(JSON.stringify(state)), { name: 'StateRefused', message: why });
  };
  parseState(JSON.stringify(good));
  assert.throws(() => parseState('{'), /not JSON/);
  assert.throws(() => parseState('[]'), /not an object/);
  refuses(/weft_identity is 2/, s => (s.weft_identity = 2));
  refuses(/weft_identity is undefined/, s => delete s.weft_identity);
  refuses(/key is shorter/, s => (s.key = 'abc='));
  refuses(/users is not a list/, s => (s.users = {}));
  refuses(/name of users\[0\] is not a text/, s => (s.users[0].name = 5));
  refuses(/enabled of users\[1\]/, s => (s.users[1].enabled = 'no'));
  refuses(/two users with the id/, s => (s.users[1].id = s.users[0].id));
  refuses(/two users named admin in one domain/, s => (s.users[1].name = 'admin'));
  refuses(/domain of project weft, nosuch does not exist/, s => (s.projects[1].domain_id = 'nosuch'));
  refuses(/default project of user weft, nosuch/, s => (s.users[1].default_project_id = 'nosuch'));
  refuses(/role nosuch does not exist/, s => (s.assignments[0].role_id = 'nosuch'));
  refuses(/must have one of/, s => (s.assignments[0].system = 'all'));
  refuses(/can only be "all"/, s => (s.assignments[1].system = 'some'));
  refuses(/implied_roles of admin/, s => (s.implied_roles.admin = 'member'));
});

test('passwords: the right one only, with a salt of its own, and never with a hash that cannot be read', async () => {
  const [one, two] = [await hashPassword('wörd'), await hashPassword('wörd')];
  assert.notEqual(one, two);
  assert.equal(await verifyPassword('wörd', one), true);
  assert.equal(await verifyPassword('word', one), false);
  assert.equal(await verifyPassword('', one), false);
  for (const bad of [
    '',
    'plain',
    'scrypt$16384$8$1$$',
    one.replace('$16384$', '$16383$'),
    one.replace('$16384$', '$9999999$'),
    one.slice(0, -8),
  ]) {
    assert.equal(await verifyPassword('wörd', bad), false, bad);
  }
});

test('clouds.yaml holds what it was given, whatever characters that has, and gives the passwords back', () => {
  const passwords = { admin: 'a"\\\n: #x', weft: '水', other: '- o' };
  const text = makeCloudsYaml({ baseUrl: 'http://127.0.0.1:9696/', passwords });
  assert.deepEqual(passwordsInCloudsYaml(text), passwords);
  assert.deepEqual(
    [...text.matchAll(/^ {2}(\S+):$/gm)].map(m => m[1]),
    ['weft', 'weft-admin', 'weft-other'],
  );
  assert.ok(text.includes('auth_url: "http://127.0.0.1:9696/identity"'));
  assert.equal(passwordsInCloudsYaml('clouds: {}\n'), undefined);
});
