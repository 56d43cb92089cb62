import assert from 'node:assert/strict';
import test from 'node:test';
import { actionText } from './action.ts';
import { type Creds, show, type Target } from './check.ts';
import { evaluate, formatWhy, holds } from './evaluate.ts';
import { parseCheck } from './parse.ts';
import { type Condition, predicate } from './predicate.ts';
import { compileRules } from './rules.ts';
import { PolicySyntaxError } from './syntax.ts';

const member: Creds = { roles: ['member', 'reader'], project_id: 'p1', user_id: 'u1' };
const admin: Creds = { roles: ['Admin'], project_id: 'p0', user_id: 'u0' };
const none = compileRules([]).rules;
const check = (text: string, creds: Creds, target: Target = {}, rules = none): boolean => holds(parseCheck(text), { creds, target, rules });

test('precedence is not, and, or; words in any case; parentheses stick to words', () => {
  assert.equal(show(parseCheck('role:a or role:b and not role:c')), '(role:a or (role:b and not role:c))');
  assert.equal(show(parseCheck('role:a AND role:b Or role:c')), '((role:a and role:b) or role:c)');
  assert.equal(show(parseCheck('((role:a or role:b) and role:c)')), '((role:a or role:b) and role:c)');
  assert.equal(show(parseCheck('not not @')), 'not not @');
  assert.equal(show(parseCheck('not (role:a or role:b)')), 'not (role:a or role:b)');
  assert.equal(show(parseCheck('(project_id:%(project_id)s)')), 'project_id:%(project_id)s');
  assert.equal(show(parseCheck('')), '@');
});

test('bad checks tell where', () => {
  const at = (text: string): number => {
    try {
      parseCheck(text);
    } catch (error) {
      assert.ok(error instanceof PolicySyntaxError, String(error));
      return error.position;
    }
    throw new Error(`${text} was taken`);
  };
  assert.equal(at('role:a role:b'), 7);
  assert.equal(at('role:a and'), 10);
  assert.equal(at('(role:a'), 7);
  assert.equal(at('role:a)'), 6);
  assert.equal(at('admin'), 0);
  assert.equal(at("'text'"), 0);
  assert.equal(at('field:networks'), 6);
  assert.equal(at('http://example.org/'), 0);
  assert.equal(at('project_id:x%(y)s'), 11);
  assert.equal(at('role:x or field:port:device_owner=~^(a+)+$'), 16);
  assert.ok(at(`${'('.repeat(5000)}role:a`) > 0);
});

test('leaves', () => {
  assert.ok(check('role:ADMIN', admin) && !check('role:admin', member));
  assert.ok(
    check('project_id:%(project_id)s', member, { project_id: 'p1' }) && !check('project_id:%(project_id)s', member, { project_id: 'p2' }),
  );
  assert.ok(
    check('tenant_id:%(tenant_id)s', member, { project_id: 'p1' }) && check('project_id:%(project_id)s', member, { tenant_id: 'p1' }),
  );
  assert.ok(check('tenant_id:%(network:tenant_id)s', member, { 'network:project_id': 'p1' }));
  assert.ok(check('tenant_id:%(network_tenant_id)s', member, { 'network:project_id': 'p1' }));
  assert.ok(!check('project_id:%(network:project_id)s', member, { project_id: 'p1' }), 'a missing parent denies');
  assert.ok(check('is_admin:True', { ...member, is_admin: true }) && !check('is_admin:True', member));
  assert.ok(check("'nova':%(device_owner)s", member, { device_owner: 'nova' }));
  assert.ok(check('True:%(shared)s', member, { shared: true }) && !check('True:%(shared)s', member, { shared: false }));
  assert.ok(check('token.domain.id:default', { ...member, token: { domain: { id: 'default' } } }));
  assert.ok(!check('project_id:%(project_id)s', { ...member, project_id: null }, {}), 'nothing equals nothing does not hold');
});

test('field checks', () => {
  assert.ok(
    check('field:networks:shared=True', member, { shared: true }) && !check('field:networks:shared=True', member, { shared: false }),
  );
  assert.ok(check('field:networks:shared=False', member, { shared: false }) && !check('field:networks:shared=False', member, {}));
  assert.ok(check('field:networks:shared=True', member, { 'networks:shared': true }), 'a port by its network');
  assert.ok(!check('field:x:y=None', member, { y: null }), 'nothing has no value');
  assert.ok(check('field:networks:router:external=True', member, { 'router:external': true }));
  assert.ok(check('field:rbac_policy:target_tenant=*', member, { target_tenant: '*' }));
  const device = 'field:port:device_owner=~^network:';
  assert.ok(check(device, member, { device_owner: 'network:dhcp' }) && !check(device, member, { device_owner: 'compute:network:' }));
  const several = 'field:port:device_owner=~^(network|neutron):';
  assert.ok(check(several, member, { device_owner: 'neutron:x' }) && !check(several, member, { device_owner: 'neutronx' }));
  const whole = 'field:port:device_owner=~^a\\.b$';
  assert.ok(
    check(whole, member, { device_owner: 'a.b' }) &&
      !check(whole, member, { device_owner: 'a.bc' }) &&
      !check(whole, member, { device_owner: 'axb' }),
  );
});

test('an unknown rule denies, and `not` of a leaf does not hide that', () => {
  assert.ok(!check('rule:nothing', admin) && check('@', member) && !check('!', admin));
});

test('rules: cycles, missing names and syntax errors are told, and deny', () => {
  const { rules, errors } = compileRules(
    [
      { name: 'a', check: 'rule:b or @' },
      { name: 'b', check: 'rule:c' },
      { name: 'c', check: 'rule:a' },
      { name: 'd', check: 'rule:gone or @' },
      { name: 'e', check: 'nonsense' },
      { name: 'fine', check: '@' },
    ],
    {},
  );
  assert.deepEqual(new Set(errors.map(e => e.rule)), new Set(['a', 'b', 'c', 'd', 'e']));
  const may = (name: string): boolean => holds({ kind: 'rule', name }, { creds: admin, target: {}, rules });
  assert.deepEqual(['a', 'b', 'c', 'd', 'e', 'fine'].map(may), [false, false, false, true, false, true]);
});

test('overrides: by name, by a deprecated name, and new helper rules', () => {
  const defaults = [
    { name: 'get_x', check: 'role:reader', deprecated: [{ name: 'get_x_old', check: 'role:old' }] },
    { name: 'put_x', check: 'role:member', deprecated: [{ name: 'put_x', check: 'role:old' }] },
  ];
  const may = (name: string, roles: string[], set: ReturnType<typeof compileRules>): boolean =>
    holds({ kind: 'rule', name }, { creds: { ...member, roles }, target: {}, rules: set.rules });
  const changed = compileRules(defaults, { get_x_old: 'rule:mine', mine: 'role:special' });
  assert.deepEqual(changed.errors, []);
  assert.ok(may('get_x', ['special'], changed) && !may('get_x', ['reader'], changed) && may('put_x', ['member'], changed));
  const older = compileRules(defaults, {}, { alsoDeprecated: true });
  assert.ok(may('put_x', ['old'], older) && may('put_x', ['member'], older) && !may('put_x', ['old'], changed));
});

test('a decision explains itself', () => {
  const { rules } = compileRules([{ name: 'owner', check: 'project_id:%(project_id)s' }]);
  const decision = evaluate(parseCheck('role:admin or rule:owner'), { creds: member, target: { project_id: 'p2' }, rules });
  assert.equal(decision.allowed, false);
  assert.match(formatWhy(decision.why), /no {2}role:admin \(the caller's roles are member, reader\)/);
  assert.match(formatWhy(decision.why), /the caller's project_id is 'p1', wanted is 'p2'/);
});

test('predicates', () => {
  const { rules } = compileRules([
    { name: 'admin_only', check: 'role:admin' },
    { name: 'shared', check: 'field:networks:shared=True' },
  ]);
  const text = 'rule:admin_only or (role:reader and project_id:%(project_id)s) or rule:shared or project_id:%(network:project_id)s';
  assert.equal(predicate(parseCheck(text), admin, rules), true);
  assert.deepEqual(predicate(parseCheck(text), member, rules), {
    or: [{ eq: ['project_id', 'p1'] }, { field: ['networks', 'shared', true] }, { parentEq: ['network', 'project_id', 'p1'] }],
  });
  assert.equal(predicate(parseCheck('role:admin and rule:shared'), member, rules), false);
  assert.deepEqual(predicate(parseCheck('not field:port:device_owner=~^network:'), member, rules), {
    not: { fieldMatches: ['port', 'device_owner', [{ text: 'network:', whole: false }]] },
  });
});

test('a predicate answers what evaluation answers, for random checks, callers and objects', () => {
  let state = 7;
  const random = (n: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % n;
  };
  const leaves = [
    'role:admin',
    'role:member',
    'project_id:%(project_id)s',
    'project_id:%(network:project_id)s',
    '@',
    '!',
    'rule:shared',
    'rule:gone',
  ];
  leaves.push('field:port:device_owner=~^network:', "'x':%(name)s", 'user_id:%(name)s', 'True:%(flag)s', 'field:networks:shared=False');
  const build = (depth: number): string => {
    if (depth === 0 || random(4) === 0) return leaves[random(leaves.length)]!;
    if (random(4) === 0) return `not (${build(depth - 1)})`;
    return `(${build(depth - 1)} ${random(2) ? 'and' : 'or'} ${build(depth - 1)})`;
  };
  const { rules } = compileRules([{ name: 'shared', check: 'field:networks:shared=True' }]);
  const pick = <T>(...values: T[]): T => values[random(values.length)]!;
  const same = (value: unknown, wanted: unknown): boolean => value !== undefined && value === wanted;
  const test = (c: boolean | Condition, target: Target): boolean => {
    if (typeof c === 'boolean') return c;
    if ('eq' in c) return same(target[c.eq[0]], c.eq[1]);
    if ('parentEq' in c) return same(target[`${c.parentEq[0]}:${c.parentEq[1]}`], c.parentEq[2]);
    if ('field' in c) return same(target[c.field[1]], c.field[2]);
    if ('fieldMatches' in c) return c.fieldMatches[2].some(m => String(target[c.fieldMatches[1]] ?? '').startsWith(m.text));
    if ('and' in c) return c.and.every(p => test(p, target));
    return 'or' in c ? c.or.some(p => test(p, target)) : !test(c.not, target);
  };
  for (let i = 0; i < 5000; i++) {
    const text = build(4);
    const creds: Creds = { roles: [pick('admin', 'member', 'reader')], project_id: pick('p1', 'p2', null), user_id: pick('u1', 'x') };
    const target: Target = {
      project_id: pick('p1', 'p2'),
      'network:project_id': pick('p1', 'p3'),
      name: pick('x', 'u1', 'y'),
      shared: pick(true, false),
      flag: pick(true, false),
      device_owner: pick('network:dhcp', 'compute:a', ''),
    };
    const parsed = parseCheck(text);
    assert.equal(test(predicate(parsed, creds, rules), target), holds(parsed, { creds, target, rules }), text);
  }
});

test('the rule of a whole request reads as Neutron prints it', () => {
  assert.equal(actionText('delete_quota', []), 'rule:delete_quota');
  assert.equal(
    actionText('create_network', [{ rule: 'create_network:shared', within: [] }]),
    '(rule:create_network and rule:create_network:shared)',
  );
  const gateway = 'update_router:external_gateway_info';
  assert.equal(
    actionText('update_router', [{ rule: gateway, within: [`${gateway}:network_id`, `${gateway}:enable_snat`] }]),
    `(rule:update_router and (rule:${gateway} and (rule:${gateway}:network_id and rule:${gateway}:enable_snat)))`,
  );
});
