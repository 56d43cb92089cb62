import assert from 'node:assert/strict';
import test from 'node:test';
import { actionText } from './action.ts';
import { type Creds, show, type Target } from './check.ts';
import { evaluate, formatWhy, holds } from './evaluate.ts';
import { parseCheck, parseRule } from './parse.ts';
import { type Condition, predicate } from './predicate.ts';
import { compileRules, type Override, problemText, sourceText } from './rules.ts';
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
      return error.position ?? -1;
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
  assert.equal(at('project_id:%(x)s%(y)s'), 11);
  assert.equal(at('project_id:100%'), 11);
  assert.equal(at('role:x or project_id:%(y)d'), 21);
  assert.equal(at("'a'b':%(y)s"), 0);
  assert.equal(at('role:%(y)s'), 0);
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

test('a text may stand around an attribute, and a percent sign is written twice', () => {
  const target = { project_id: 'p1', name: '50%' };
  assert.ok(check("'x-p1-y':x-%(project_id)s-y", member, target) && !check("'x-p1':x-%(project_id)s-y", member, target));
  assert.ok(check("'50%':%(name)s", member, target) && check("'50%':50%%", member));
  assert.equal(show(parseCheck('project_id:a%%%(b)s%%c')), 'project_id:a%%%(b)s%%c');
});

test('credentials by path, through lists; what is not there matches nothing', () => {
  const creds = { ...member, token: { domain: { id: 'd1' }, groups: [{ id: 'g1' }, { id: 'g2' }], tags: ['x', 1, true] }, none: null };
  assert.ok(
    check('token.domain.id:%(x)s', creds, { x: 'd1' }) && check('token.groups.id:g2', creds) && !check('token.groups.id:g3', creds),
  );
  assert.ok(check('token.tags:x', creds) && check('token.tags:1', creds) && check('token.tags:True', creds));
  assert.ok(!check('token.domain.id.more:%(x)s', creds, { x: 'd1' }) && !check('token.gone:None', creds) && !check('none:None', creds));
  const nobody: Creds = { roles: ['member'], project_id: null, user_id: null };
  assert.ok(!check('project_id:%(project_id)s', nobody, { project_id: null }), 'who has no project does not own what belongs to none');
});

test('the older form: a list of lists', () => {
  const shown = (value: unknown): string => show(parseRule(value));
  assert.equal(shown([]), '@');
  assert.equal(shown([[]]), '!');
  assert.equal(shown([['role:a']]), 'role:a');
  assert.equal(shown(['role:a', 'role:b']), '(role:a or role:b)');
  assert.equal(shown([['role:a', 'project_id:%(project_id)s'], [], ['@']]), '((role:a and project_id:%(project_id)s) or @)');
  for (const wrong of [null, undefined, true, 7, { role: 'a' }, [7], [['role:a', 7]], [null], [['nonsense']]])
    assert.throws(() => parseRule(wrong), PolicySyntaxError, JSON.stringify(wrong));
});

const overrides = (rules: Readonly<Record<string, unknown>>): Override[] =>
  Object.entries(rules).map(([name, text], i) => ({ name, check: text, place: { file: 'policy.yaml', line: i + 1, column: 1 } }));

test('rules: cycles, missing names and syntax errors are told, and deny', () => {
  const { rules, errors } = compileRules([
    { name: 'a', check: 'rule:b or @' },
    { name: 'b', check: 'rule:c' },
    { name: 'c', check: 'not rule:a' },
    { name: 'd', check: 'rule:gone or @' },
    { name: 'e', check: 'nonsense' },
    { name: 'f', check: 'rule:f' },
    { name: 'fine', check: '@' },
  ]);
  assert.deepEqual(new Set(errors.map(e => e.rule)), new Set(['a', 'b', 'c', 'd', 'e', 'f']));
  const may = (name: string): boolean => holds({ kind: 'rule', name }, { creds: admin, target: {}, rules });
  assert.deepEqual(['a', 'b', 'c', 'd', 'e', 'f', 'fine'].map(may), [false, false, false, true, false, false, true]);
});

test('rules: what is wrong is told with its place', () => {
  const { errors, warnings } = compileRules(
    [{ name: 'get_x', check: '@' }],
    [
      ...overrides({ get_x: 'rule:other', other: 'rule:get_x', typo: '@', get_y: null }),
      { name: 'put_x', check: 'role:a role:b', placeOf: offset => ({ file: 'more.yaml', line: 9, column: 10 + offset }) },
    ],
  );
  assert.deepEqual(errors.map(problemText), [
    'policy.yaml:4:1: get_y: a check is a text (or a list of lists), not nothing; "" or "@" always holds, "!" never does',
    "more.yaml:9:17: put_x: 'and', 'or' or the end is expected, not 'role:b'",
    'policy.yaml:1:1: get_x: refers to itself: get_x → other → get_x',
    'policy.yaml:2:1: other: refers to itself: get_x → other → get_x',
  ]);
  assert.deepEqual(
    warnings.map(w => w.rule),
    ['typo', 'get_y', 'put_x'],
  );
});

const deprecating = [
  { name: 'get_x', check: 'role:reader', deprecated: [{ name: 'get_x_old', check: 'role:old' }] },
  { name: 'put_x', check: 'role:member', deprecated: [{ name: 'put_x', check: 'role:old' }] },
];
const mayIn = ({ rules }: ReturnType<typeof compileRules>, name: string, ...roles: string[]): boolean =>
  holds({ kind: 'rule', name }, { creds: { ...member, roles }, target: {}, rules });

test('overrides: by name, by a deprecated name, and new helper rules', () => {
  const changed = compileRules(deprecating, overrides({ get_x_old: 'rule:mine', mine: 'role:special' }));
  assert.deepEqual([changed.errors, changed.warnings], [[], []]);
  assert.ok(mayIn(changed, 'get_x', 'special') && !mayIn(changed, 'get_x', 'reader') && mayIn(changed, 'put_x', 'member'));
  assert.equal(sourceText(changed.details.get('get_x')!), 'policy.yaml:1, by its deprecated name get_x_old');
  const both = compileRules(deprecating, overrides({ get_x_old: 'role:one', get_x: 'role:two' }));
  assert.ok(mayIn(both, 'get_x', 'two') && !mayIn(both, 'get_x', 'one'), 'the new name wins');
  const passing = compileRules(deprecating, overrides({ get_x_old: 'rule:get_x' }));
  assert.deepEqual(passing.errors, []);
  assert.ok(mayIn(passing, 'get_x', 'reader') && mayIn(passing, 'get_x_old', 'reader') && !mayIn(passing, 'get_x', 'old'));
  const twice = compileRules(deprecating, [...overrides({ put_x: 'role:one' }), ...overrides({ put_x: 'role:two' })]);
  assert.ok(mayIn(twice, 'put_x', 'two') && !mayIn(twice, 'put_x', 'one'), 'the later file wins');
});

test('deprecated defaults count beside the new ones only without enforce_new_defaults, and not beside an override', () => {
  const newer = compileRules(deprecating);
  assert.ok(!mayIn(newer, 'put_x', 'old') && !mayIn(newer, 'get_x', 'old'));
  const older = compileRules(deprecating, [], { enforceNewDefaults: false });
  assert.ok(mayIn(older, 'put_x', 'old') && mayIn(older, 'put_x', 'member') && mayIn(older, 'get_x', 'old'));
  const changed = compileRules(deprecating, overrides({ put_x: 'role:one', get_x_old: 'role:two' }), { enforceNewDefaults: false });
  assert.ok(!mayIn(changed, 'put_x', 'old') && !mayIn(changed, 'get_x', 'old') && mayIn(changed, 'get_x', 'two'));
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
  leaves.push(
    "'p1-x':%(project_id)s-x",
    'token.groups:%(name)s',
    'None:%(name)s',
    'field:port:device_owner=~^network:',
    "'x':%(name)s",
    'user_id:%(name)s',
    'True:%(flag)s',
    'field:networks:shared=False',
  );
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
    const creds: Creds = {
      roles: [pick('admin', 'member', 'reader')],
      project_id: pick('p1', 'p2', null),
      user_id: pick('u1', 'x'),
      token: { groups: ['x', 'y'] },
    };
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
