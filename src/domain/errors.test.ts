import assert from 'node:assert/strict';
import test from 'node:test';
import { ApiError, apiError, badRequest, body, catalog, type ErrorName, invalidInput, isApiError } from './errors.ts';

test('an error carries type, status and text of its row', () => {
  const error = apiError('NetworkNotFound', { net_id: 'n1' });
  assert.ok(error instanceof Error && error instanceof ApiError);
  assert.equal(error.status, 404);
  assert.deepEqual(body(error), { NeutronError: { type: 'NetworkNotFound', message: 'Network n1 could not be found.', detail: '' } });
});

test('rows without parameters take none, and unknown parameters do not compile', () => {
  assert.equal(apiError('SecurityGroupDefaultAlreadyExists').message, 'Default security group already exists.');
  // @ts-expect-error the row needs net_id
  assert.equal(typeof apiError('NetworkNotFound', { id: 'n1' }).message, 'string');
});

test('the two general texts', () => {
  assert.equal(invalidInput('x is wrong').message, 'Invalid input for operation: x is wrong.');
  assert.equal(badRequest('router', 'no').message, 'Bad router request: no.');
  assert.equal(badRequest('router', 'no').status, 400);
});

test('every row makes a text that names each of its parameters', () => {
  for (const name of Object.keys(catalog) as ErrorName[]) {
    const asked = new Set<string>();
    const get = (_target: object, key: string | symbol): string => {
      asked.add(String(key));
      return `<${String(key)}>`;
    };
    const params = new Proxy({}, { get });
    const text = (catalog[name].text as (p: unknown) => string)(params);
    assert.ok(text.length > 0, name);
    for (const key of asked) assert.ok(text.includes(`<${key}>`), `${name} drops ${key}`);
    assert.ok(catalog[name].status >= 400 && catalog[name].status < 600, name);
  }
});

test('isApiError narrows by type', () => {
  assert.ok(isApiError(apiError('SubnetNotFound', { subnet_id: 's' }), 'SubnetNotFound'));
  assert.ok(!isApiError(apiError('SubnetNotFound', { subnet_id: 's' }), 'PortNotFound'));
  assert.ok(!isApiError(new Error('x')));
});
