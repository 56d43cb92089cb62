import assert from 'node:assert/strict';
import test from 'node:test';
import type { Caller } from '../contracts/identity.ts';
import type { Fields } from '../model/kit/resource.ts';
import { policies } from '../model/policies.ts';
import { port } from '../model/port.ts';
import { maskFor } from './mask.ts';
import { buildPolicy, type Policy } from './policy.ts';

const caller = (...roles: string[]): Caller => ({
  ...{ user_id: 'u', user_name: 'u', user_domain_id: 'd', user_domain_name: 'd', project_id: 'p1', project_name: 'p1' },
  ...{ project_domain_id: 'd', project_domain_name: 'd', domain_id: null, system_scope: null, roles, expires_at: '', audit_id: '' },
});

/** The policy, and how often a rule was evaluated. */
function counting(policy: Policy): Policy & { readonly count: () => number } {
  let n = 0;
  return {
    ...policy,
    allows(...of) {
      n++;
      return policy.allows(...of);
    },
    count: () => n,
  };
}

const fields: Fields = port.fields;
const blank = Object.fromEntries(Object.keys(port.fields).map(name => [name, '']));
const ports = (count: number, owner: (i: number) => string): Record<string, unknown>[] =>
  Array.from({ length: count }, (_, i) => ({ ...blank, id: String(i), project_id: owner(i) }));
const anyPolicy = (): Policy => buildPolicy(policies);
const overridden = (rule: string): Policy => buildPolicy(policies, [{ name: 'get_port:status', check: rule }]);

test('a list of 1,000 ports evaluates no rule per port: for an administrator none, for a project once', () => {
  const many = ports(1000, () => 'p1');
  const admin = counting(anyPolicy());
  const mask = maskFor(admin, caller('admin'), port);
  assert.equal(mask.apply(many, []).length, 1000);
  assert.deepEqual([mask.needsTargets(many), admin.count()], [false, 0]);

  const member = counting(overridden('rule:admin_only or project_id:%(project_id)s'));
  const own = maskFor(member, caller('member', 'reader'), port);
  assert.equal(own.needsTargets(many), false, 'an owner sees his tags whoever has the network');
  const shown = own.apply(many, []);
  assert.ok(shown.every(o => 'status' in o && !('binding:profile' in o) && 'name' in o));
  const once = member.count();
  assert.ok(once > 0 && once < 10, `${once} evaluations`);
  assert.ok(
    own
      .apply(
        ports(10, () => 'p2'),
        [],
      )
      .every(o => !('status' in o)),
  );
});

test('owners that alternate are told apart', () => {
  const mask = maskFor(overridden('project_id:%(project_id)s'), caller('member'), port);
  const shown = mask.apply(
    ports(6, i => (i % 2 ? 'p2' : 'p1')),
    [],
  );
  assert.deepEqual(
    shown.map(o => 'status' in o),
    [true, false, true, false, true, false],
  );
});

test('rules about a parent ask for targets, by whichever name those say it', () => {
  const mask = maskFor(overridden('tenant_id:%(network:tenant_id)s'), caller('member'), port);
  assert.equal(mask.needsTargets(ports(3, () => 'p9')), true);
  const parents = ['p1', 'p2', 'p1'].map((project, i) => ({ [i ? 'network:tenant_id' : 'network:project_id']: project }));
  const shown = mask.apply(
    ports(3, () => 'p9'),
    parents,
  );
  assert.deepEqual(
    shown.map(o => 'status' in o),
    [true, false, true],
  );
});

test('the rule decides for real: what it hides is what evaluation denies', () => {
  const policy = anyPolicy();
  for (const roles of [['admin'], ['member', 'reader'], ['reader'], ['service'], []]) {
    const who = caller(...roles);
    for (const project of ['p1', 'p2']) {
      const object = ports(1, () => project)[0]!;
      const [shown = {}] = maskFor(policy, who, port).apply([object], [{}]);
      for (const name of Object.keys(port.fields).filter(n => fields[n]?.show !== false)) {
        const rule = `get_port:${name}`;
        assert.equal(name in shown, !policy.defined(rule) || policy.explain(rule, who, object).allowed, `${name} for ${roles}`);
      }
    }
  }
});

test('what is hidden is told by the row, or not at all where that takes its network', () => {
  const rows = [{ project_id: 'p1' }, { project_id: 'p2' }];
  const admin = maskFor(anyPolicy(), caller('admin'), port).hidden(rows);
  assert.ok(typeof admin[0] === 'string' && admin[0] === admin[1]);
  const mask = maskFor(anyPolicy(), caller('reader'), port);
  const [own, others] = mask.hidden(rows);
  assert.ok(own?.includes('binding:host_id') && own !== admin[0], own);
  assert.equal(others, undefined, 'whoever has the network sees tags of all its ports');
  assert.deepEqual(mask.columns.toSorted(), ['project_id']);
  const negative = maskFor(overridden('not project_id:%(network:project_id)s'), caller('reader'), port);
  assert.deepEqual(negative.hidden(rows), [undefined, undefined]);
});
