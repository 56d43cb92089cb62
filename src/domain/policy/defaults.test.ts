import assert from 'node:assert/strict';
import test from 'node:test';
import { policies } from '../../model/policies.ts';
import type { Creds, Target } from './check.ts';
import { holds } from './evaluate.ts';
import { predicate } from './predicate.ts';
import { compileRules } from './rules.ts';

const { rules, errors } = compileRules(policies);
const may = (name: string, creds: Creds, target: Target = {}): boolean => holds({ kind: 'rule', name }, { creds, target, rules });
const admin: Creds = { roles: ['admin'], project_id: 'p0', user_id: 'u0' };
const member: Creds = { roles: ['member', 'reader'], project_id: 'p1', user_id: 'u1' };
const reader: Creds = { roles: ['reader'], project_id: 'p1', user_id: 'u2' };
const manager: Creds = { roles: ['manager', 'member', 'reader'], project_id: 'p1', user_id: 'u3' };

test('the default rules compile without any complaint, each name once', () => {
  assert.deepEqual(errors, []);
  assert.equal(new Set(policies.map(p => p.name)).size, policies.length);
  assert.deepEqual(compileRules(policies, [], { enforceNewDefaults: false }).errors, []);
});

test('who may do what to a network', () => {
  const own = { project_id: 'p1', shared: false };
  const foreign = { project_id: 'p2', shared: false };
  assert.ok(may('create_network', member, own) && !may('create_network', reader, own) && !may('create_network', member, foreign));
  assert.ok(may('get_network', reader, own) && !may('get_network', reader, foreign) && may('get_network', admin, foreign));
  assert.ok(
    may('get_network', reader, { ...foreign, shared: true }) && may('get_network', reader, { ...foreign, 'router:external': true }),
  );
  assert.ok(may('create_network:provider:network_type', admin, own) && !may('create_network:provider:network_type', member, own));
  assert.ok(may('delete_network', member, own) && !may('delete_network', member, { ...foreign, shared: true }));
});

test('ports: the owner of the network may see them, only he may make service ports', () => {
  assert.ok(may('get_port', reader, { project_id: 'p2', 'network:project_id': 'p1' }));
  assert.ok(!may('get_port', reader, { project_id: 'p2', 'network:project_id': 'p2' }));
  const dhcp = { project_id: 'p1', device_owner: 'network:dhcp', 'network:project_id': 'p2' };
  assert.ok(
    !may('create_port:device_owner', member, dhcp) && may('create_port:device_owner', member, { ...dhcp, 'network:project_id': 'p1' }),
  );
  assert.ok(may('create_port:device_owner', member, { ...dhcp, device_owner: 'compute:nova' }));
});

test('lists: an admin sees everything, a reader what a condition selects, and an agent is no affair of readers', () => {
  assert.equal(predicate({ kind: 'rule', name: 'get_network' }, admin, rules), true);
  const list = predicate({ kind: 'rule', name: 'get_network' }, reader, rules);
  assert.ok(typeof list === 'object' && 'or' in list);
  assert.deepEqual(list.or[0], { eq: ['project_id', 'p1'] });
  assert.equal(predicate({ kind: 'rule', name: 'get_agent' }, manager, rules), false);
});

test('a reader looks and does not touch', () => {
  const own = { project_id: 'p1' };
  assert.deepEqual(
    [may('create_router', manager, own), may('get_router', reader, own), may('create_router', reader, own)],
    [true, true, false],
  );
  assert.deepEqual([may('get_port', reader, own), may('update_port', reader, own), may('update_port', member, own)], [true, false, true]);
});
