import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCall, UsageError, type Verb } from '../verb.ts';
import { keystoneOf, keystoneOptions } from './keystone-option.ts';

const verb: Verb = { path: ['x'], usage: '', summary: '', options: keystoneOptions, args: [0, 0], run: async () => 0 };
const read = (...argv: string[]) =>
  keystoneOf(
    verb,
    parseCall(verb, argv, () => {}),
  );

test('a Keystone is named by its URL; the rest has the names that clouds use', () => {
  assert.equal(read(), undefined);
  assert.deepEqual(read('--keystone', 'http://k:5000'), {
    url: 'http://k:5000',
    user: 'neutron',
    project: 'service',
    domain: 'Default',
    passwordFile: undefined,
  });
  assert.equal(read('--keystone', 'http://k:5000', '--keystone-password-file', '/f')?.passwordFile, '/f');
});

test('what cannot be meant is refused, and no password is taken from a command line', () => {
  for (const argv of [
    ['--keystone', 'k:5000'],
    ['--keystone', 'http://me:secret@k'],
    ['--keystone-user', 'me'],
    ['--keystone', 'http://k', '--keystone-password', 'secret'],
  ])
    assert.throws(() => read(...argv), UsageError, argv.join(' '));
});
