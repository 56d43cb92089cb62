import assert from 'node:assert/strict';
import test from 'node:test';
import type { Caller } from '../contracts/identity.ts';
import { ApiError } from '../domain/errors.ts';
import { policies } from '../model/policies.ts';
import { port } from '../model/port.ts';
import { resources } from '../model/registry.ts';
import { authorizeUpdate, mayAct, mayUpdate, notFound } from './authorize.ts';
import type { RequestContext } from './context.ts';
import { buildPolicy } from './policy.ts';

test('every resource has a 404 of its own that names the id', () => {
  for (const resource of resources.filter(r => r.verbs.includes('show'))) {
    const error = notFound(resource, 'the-id', 'the-parent');
    assert.ok(error instanceof ApiError && error.status === 404, resource.name);
    assert.match(error.message, /the-id/, resource.name);
    assert.doesNotMatch(error.message, /undefined/, resource.name);
  }
});

const caller = (project_id: string, ...roles: string[]): Caller => ({
  ...{ user_id: 'u', user_name: 'u', user_domain_id: 'd', user_domain_name: 'd', project_id, project_name: 'p' },
  ...{ project_domain_id: 'd', project_domain_name: 'd', domain_id: null, system_scope: null, roles, expires_at: '', audit_id: '' },
});
const as = (project: string, role: string, overrides: Readonly<Record<string, string>> = {}): RequestContext => {
  const policy = buildPolicy(
    policies,
    Object.entries(overrides).map(([name, check]) => ({ name, check })),
  );
  return { policy, caller: caller(project, role) } as unknown as RequestContext;
};
const row = { id: 'a', project_id: 'p1', device_owner: 'network:dhcp' };

test('the owner and administrators are known by the row alone; whoever needs more to be allowed is not', () => {
  assert.equal(mayUpdate(as('p1', 'member'), port, { name: 'n' }, row), true);
  assert.equal(mayUpdate(as('other', 'admin'), port, { name: 'n' }, row), true);
  assert.equal(mayUpdate(as('p1', 'reader'), port, { name: 'n' }, row), false);
  assert.equal(mayUpdate(as('p2', 'member'), port, { name: 'n' }, row), false);
  assert.equal(mayUpdate(as('p1', 'member'), port, { mac_address: null }, row), false, 'an attribute with a rule of its own');
  assert.equal(mayUpdate(as('p1', 'member'), port, { name: 'n', project_id: 'p2' }, row), false, 'the owner becomes another');
  assert.equal(mayAct(as('p1', 'member'), 'delete_port', row), true);
  assert.equal(mayAct(as('p2', 'member'), 'delete_port', row), false);
  assert.equal(mayAct(as('p1', 'member'), 'no_such_rule', row), false);
});

test('a rule that says what must not be is never believed of the row alone', () => {
  const ctx = as('p1', 'member', { update_port: 'not field:port:device_owner=network:dhcp' });
  assert.equal(mayUpdate(ctx, port, { name: 'n' }, row), false);
  assert.throws(() => authorizeUpdate(ctx, port, { name: 'n' }, { ...row, tenant_id: 'p1' }), ApiError);
});
