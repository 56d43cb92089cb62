import assert from 'node:assert/strict';
import test from 'node:test';
import { isSecretName, redact, redactText } from './redact.ts';

const secret = [
  'password',
  'Password',
  'X-Auth-Token',
  'x-subject-token',
  'adminPass',
  'OS_PASSWORD',
  'auth',
  'token',
  'shared_secret',
  'credentials',
  'Authorization',
  'privateKey',
  'api_key',
  'set-cookie',
];
const open = ['auth_url', 'author', 'passed', 'compass', 'key', 'public_key', 'monkey', 'name', 'token_expires_at', 'secretary', ''];

for (const name of secret) test(`${name} names a secret`, () => assert.equal(isSecretName(name), true));
for (const name of open) test(`${JSON.stringify(name)} does not`, () => assert.equal(isSecretName(name), false));

test('credentials inside text', () => {
  assert.equal(redactText('mysql://weft:pw@db/neutron and http://host/path'), 'mysql://weft:***@db/neutron and http://host/path');
  assert.equal(redactText('rabbit://w:pw1@h1:5672,w:pw2@h2/v away'), 'rabbit://w:***@h1:***@h2/v away');
  assert.equal(redactText('mysql://w:p@db1,db2:3306/x, rabbit://h:5672/'), 'mysql://w:***@db1,db2:3306/x, rabbit://h:5672/');
  assert.equal(redactText('password=abc&user=x'), 'password=***&user=x');
  assert.equal(redactText('"X-Auth-Token": "abc def"'), '"X-Auth-Token": ***');
  assert.equal(redactText('Authorization: Bearer abc.def'), 'Authorization: ***');
  assert.equal(redactText('got weft1.eyJ1IjoiYWRtaW4ifQ.c2lnbmF0dXJlc2ln back'), 'got *** back');
  assert.equal(redactText('OS_PASSWORD=abc proxy_shared_secret = def'), 'OS_PASSWORD=*** proxy_shared_secret = ***');
  assert.equal(redactText('{"user_password": "a\\"b c", "x": 1}'), '{"user_password": ***, "x": 1}');
  assert.equal(redactText('the password of the user is wrong'), 'the password of the user is wrong');
});

test('redaction copies: what was passed stays as it was', () => {
  const given = { auth: { a: 1 }, list: [{ password: 'x' }] };
  assert.deepEqual(redact(given), { auth: '***', list: [{ password: '***' }] });
  assert.deepEqual(given, { auth: { a: 1 }, list: [{ password: 'x' }] });
});

test('long lists and wide objects are cut', () => {
  assert.equal((redact(Array.from({ length: 1000 }, (_, i) => i)) as unknown[]).length, 201);
  assert.equal(Object.keys(redact(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, i]))) as object).length, 201);
});

test('the same object twice is not a circle', () => {
  const one = { v: 1 };
  assert.deepEqual(redact({ a: one, b: one }), { a: { v: 1 }, b: { v: 1 } });
});
