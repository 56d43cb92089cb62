import assert from 'node:assert/strict';
import test from 'node:test';
import type { Caller } from '../contracts/identity.ts';
import { policies } from '../model/policies.ts';
import { buildPolicy, PolicyRefused } from './policy.ts';

const caller = (roles: readonly string[], more: Partial<Caller> = {}): Caller => ({
  ...{ user_id: 'u', user_name: 'ann', user_domain_id: 'd1', user_domain_name: 'D1', project_id: 'p1', project_name: 'one' },
  ...{ project_domain_id: 'd1', project_domain_name: 'D1', domain_id: null, system_scope: null, roles, expires_at: '', audit_id: '' },
  ...more,
});
const rule = (name: string, check: string): { name: string; check: string } => ({ name, check });

test('an action that no rule is defined for is denied, whoever asks (OSSA-2026-016)', () => {
  const policy = buildPolicy(policies);
  const admin = caller(['admin']);
  for (const action of ['create_networks_tags', 'update_tag', '', 'constructor', '__proto__']) {
    assert.equal(policy.allows(action, admin, { project_id: 'p1' }), false, action);
    assert.equal(policy.scope(action, admin), false, action);
    assert.deepEqual(policy.explain(action, admin, {}).why, { check: '!', holds: false, because: 'there is no such rule' });
  }
  assert.equal(policy.allows('create_network', admin, {}), true);
});

test('what is kept of one caller is not answered to another', () => {
  const policy = buildPolicy(policies);
  const own = { project_id: 'p1' };
  const people = [caller(['admin']), caller(['member', 'reader']), caller(['reader']), caller(['member'], { project_id: 'p2' })];
  for (let round = 0; round < 2; round++)
    assert.deepEqual(
      people.map(who => policy.allows('update_network', who, own)),
      [true, true, false, false],
    );
  assert.deepEqual(policy.scope('delete_network', people[1]!), { eq: ['project_id', 'p1'] });
  assert.equal(policy.scope('delete_network', people[2]!), false);
});

test('what Neutron tells rules of a caller is there', () => {
  const names = ['user_id:u', 'user:u', 'user_name:ann', 'user_domain_id:d1', 'project_id:p1', 'tenant_id:p1', 'tenant:p1'];
  names.push('project_name:one', 'tenant_name:one', 'project_domain_id:d1', 'is_admin:False', 'roles:reader');
  const policy = buildPolicy([rule('context_is_admin', 'role:admin'), ...names.map((check, i) => rule(`r${i}`, check))]);
  for (const [i, check] of names.entries()) assert.ok(policy.allows(`r${i}`, caller(['reader']), {}), check);
  assert.ok(buildPolicy([rule('context_is_admin', 'role:boss'), rule('x', 'is_admin:True')]).allows('x', caller(['boss']), {}));
});

test('scopes count for the rule that is asked, not for those below it', () => {
  const rules = [{ ...rule('get_x', 'role:reader'), scopes: ['project'] }, rule('helper', 'rule:get_x')];
  const system = caller(['reader'], { project_id: null, system_scope: 'all' });
  const policy = buildPolicy(rules);
  assert.deepEqual(
    [policy.allows('get_x', system, {}), policy.allows('helper', system, {}), policy.scope('get_x', system)],
    [false, true, false],
  );
  assert.deepEqual(policy.wrongScope('get_x', system), { wanted: ['project'], given: 'system' });
  assert.match(policy.explain('get_x', system, {}).why.because ?? '', /for project tokens, not for system ones/);
  assert.ok(buildPolicy(rules, [], { enforceScope: false }).allows('get_x', system, {}));
});

test('rules that are wrong make no policy', () => {
  assert.throws(
    () => buildPolicy(policies, [{ name: 'create_network', check: 'what', place: { file: 'f', line: 2, column: 3 } }]),
    (error: unknown) => error instanceof PolicyRefused && error.message.startsWith("f:2:3: create_network: 'what' is no check"),
  );
});
