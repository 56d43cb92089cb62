// QoS policies and their rules: what they are, and what is refused.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Api, Made } from './client.ts';
import { type Harness, start } from './harness.ts';

const nowhere = '11111111-1111-4111-8111-111111111111';

describe('QoS policies', () => {
  let h: Harness;
  before(async () => {
    h = await start();
  });
  after(() => h[Symbol.asyncDispose]());

  const policy = (attributes: object = {}, api: Api = h.admin): Promise<Made> => api.make('qos/policies', 'policy', { ...attributes });
  const addRule = (p: Made, kind: string, values: object): Promise<Made> =>
    h.admin.make(`qos/policies/${p.id}/${kind}_rules`, `${kind}_rule`, { ...values });
  const show = async (p: Made, api: Api = h.admin): Promise<Made> => (await api.request('GET', `qos/policies/${p.id}`)).body.policy as Made;
  const put = async (p: Made, attributes: object): Promise<number> =>
    (await h.admin.request('PUT', `qos/policies/${p.id}`, { policy: attributes })).status;

  test('a policy shows its rules by kind, and each of them raises its revision', async () => {
    const made = await policy({ name: 'gold', description: 'd' });
    assert.deepEqual(Object.keys(made).sort(), [
      ...['created_at', 'description', 'id', 'is_default', 'name', 'project_id', 'revision_number', 'rules', 'shared', 'tags', 'tenant_id'],
      'updated_at',
    ]);
    assert.deepEqual([made.rules, made.shared, made.is_default, made.revision_number], [[], false, false, 0]);
    const rules = [
      ['packet_rate_limit', { max_kpps: 10, max_burst_kpps: 20 }, { direction: 'egress' }],
      ['minimum_packet_rate', { min_kpps: 5, direction: 'any' }, {}],
      ['minimum_bandwidth', { min_kbps: '500', direction: 'ingress' }, { min_kbps: 500 }],
      ['dscp_marking', { dscp_mark: '26' }, { dscp_mark: 26 }],
      ['bandwidth_limit', { max_kbps: 1000 }, { max_burst_kbps: 0, direction: 'egress' }],
    ] as const;
    const wanted: object[] = [];
    for (const [kind, values, filled] of rules) {
      const { id, ...shown } = await addRule(made, kind, values);
      assert.deepEqual(shown, { ...values, ...filled }, kind);
      wanted.unshift({ ...shown, id, type: kind, qos_policy_id: made.id });
    }
    const now = await show(made);
    assert.deepEqual(now.rules, [wanted[0], wanted[1], wanted[2], wanted[3], wanted[4]]);
    assert.equal(now.revision_number, 5);
    assert.deepEqual((await h.admin.list(`qos/policies?id=${made.id}`))[0], now);
  });

  test('each kind of rule is listed, shown, changed and removed below its policy', async () => {
    const p = await policy();
    const kinds = [
      ['bandwidth_limit', { max_kbps: 1000 }, { max_kbps: 2000, max_burst_kbps: 7, direction: 'ingress' }],
      ['dscp_marking', { dscp_mark: 0 }, { dscp_mark: 56 }],
      ['minimum_bandwidth', { min_kbps: 0 }, { min_kbps: 7, direction: 'ingress' }],
      ['minimum_packet_rate', { min_kpps: 1 }, { min_kpps: 2, direction: 'any' }],
      ['packet_rate_limit', { max_kpps: 1 }, { max_kpps: 2, max_burst_kpps: 3, direction: 'ingress' }],
    ] as const;
    for (const [kind, values, change] of kinds) {
      const path = `qos/policies/${p.id}/${kind}_rules`;
      const made = await addRule(p, kind, values);
      assert.deepEqual(await h.admin.list(path), [made]);
      assert.deepEqual(await h.admin.list(`${path}?id=${nowhere}`), []);
      assert.deepEqual((await h.admin.request('GET', `${path}/${made.id}`)).body, { [`${kind}_rule`]: made });
      const changed = await h.admin.request('PUT', `${path}/${made.id}`, { [`${kind}_rule`]: change });
      assert.deepEqual([changed.status, changed.body], [200, { [`${kind}_rule`]: { ...made, ...change } }]);
      assert.equal((await h.admin.request('DELETE', `${path}/${made.id}`)).status, 204);
      assert.deepEqual(await h.admin.list(path), []);
    }
    assert.equal((await show(p)).revision_number, kinds.length * 3);
  });

  test('rules that cannot be, and rules that do not fit together', async () => {
    const p = await policy();
    const limit = await addRule(p, 'bandwidth_limit', { max_kbps: 1000 });
    const refused = (kind: string, values: object) =>
      h.admin.refused('POST', `qos/policies/${p.id}/${kind}_rules`, { [`${kind}_rule`]: values });
    const twin = `Rule bandwidth_limit conflicts with rule ${limit.id} which already exists in QoS Policy ${p.id}.`;
    assert.deepEqual(await refused('bandwidth_limit', { max_kbps: 2000 }), [409, 'QoSRulesConflict', twin]);
    const above = `Unable to add the rule with value 2000 to the policy ${p.id} as the existing rule of type bandwidth_limit has value 1000.`;
    assert.deepEqual(await refused('minimum_bandwidth', { min_kbps: 2000, direction: 'ingress' }), [
      409,
      'QoSRuleParameterConflict',
      above,
    ]);
    await addRule(p, 'minimum_bandwidth', { min_kbps: 500, direction: 'ingress' });
    const below = await h.admin.refused('PUT', `qos/policies/${p.id}/bandwidth_limit_rules/${limit.id}`, {
      bandwidth_limit_rule: { max_kbps: 100 },
    });
    assert.deepEqual(below.slice(0, 2), [409, 'QoSRuleParameterConflict']);
    const bad = (message: string): unknown => [400, 'HTTPBadRequest', message];
    const marks = 'Invalid input for dscp_mark. Reason: 27 is not in valid_values.';
    assert.deepEqual(await refused('dscp_marking', { dscp_mark: 27 }), bad(marks));
    const integer = "Invalid input for operation: 'x' is not an integer.";
    assert.deepEqual(await refused('dscp_marking', { dscp_mark: 'x' }), [400, 'InvalidInput', integer]);
    assert.deepEqual(await refused('dscp_marking', {}), bad("Failed to parse request. Required attribute 'dscp_mark' not specified"));
    for (const wrong of [
      { max_kbps: -1 },
      { max_kbps: 2_147_483_648 },
      { max_kbps: 1, direction: 'any' },
      { max_kbps: 1, qos_policy_id: p.id },
    ])
      assert.deepEqual((await refused('bandwidth_limit', wrong)).slice(0, 2), [400, 'HTTPBadRequest'], JSON.stringify(wrong));
    assert.deepEqual((await h.admin.list(`qos/policies/${p.id}/dscp_marking_rules`)).length, 0);
  });

  test('policies are made one by one, and their rules not with them', async () => {
    const bad = async (body: object): Promise<unknown> => (await h.admin.refused('POST', 'qos/policies', body)).slice(0, 2);
    assert.deepEqual(await bad({ policies: [{ name: 'a' }] }), [400, 'HTTPBadRequest']);
    assert.deepEqual(await bad({ policys: [{ name: 'a' }] }), [400, 'HTTPBadRequest']);
    const rules = await h.admin.refused('POST', 'qos/policies', { policy: { rules: [] } });
    assert.deepEqual(rules, [400, 'HTTPBadRequest', "Attribute 'rules' not allowed in POST"]);
    const whose = await h.admin.refused('POST', 'qos/policies', { policy: { project_id: '' } });
    assert.deepEqual(whose, [400, 'BadRequest', 'Bad QoS policy request: Must have "policy_id".']);
    const { id } = await policy();
    assert.deepEqual((await h.admin.refused('PUT', `qos/policies/${id}`, { policy: { rules: [] } })).slice(0, 2), [400, 'HTTPBadRequest']);
  });

  test('one policy of a project is its default', async () => {
    const first = await policy({ is_default: true });
    assert.equal(first.is_default, true);
    const message = `A default QoS policy exists for project ${h.admin.project}.`;
    const again = await h.admin.refused('POST', 'qos/policies', { policy: { is_default: true } });
    assert.deepEqual(again, [409, 'QoSPolicyDefaultAlreadyExists', message]);
    const second = await policy();
    const changed = await h.admin.refused('PUT', `qos/policies/${second.id}`, { policy: { is_default: true } });
    assert.deepEqual(changed, [409, 'QoSPolicyDefaultAlreadyExists', message]);
    assert.equal(await put(first, { is_default: true }), 200);
    const ids = async (value: boolean): Promise<string[]> => (await h.admin.list(`qos/policies?is_default=${value}`)).map(p => p.id);
    assert.deepEqual(await ids(true), [first.id]);
    assert.equal((await ids(false)).includes(first.id), false);
    assert.equal(await put(first, { is_default: false }), 200);
    assert.equal(await put(second, { is_default: true }), 200);
    assert.deepEqual(await ids(true), [second.id]);
    assert.equal((await h.admin.request('DELETE', `qos/policies/${second.id}`)).status, 204);
    assert.deepEqual(await ids(true), []);
  });

  test('a marker that is not seen is as if it were not there, as clients of policies know it', async () => {
    const [hidden, one, two] = [await policy(), await policy({ shared: true, name: 'page' }), await policy({ shared: true, name: 'page' })];
    const page = async (marker: string): Promise<unknown> =>
      (await h.member.list(`qos/policies?name=page&limit=5&marker=${marker}`)).map(p => p.id);
    const [first, last] = [one.id, two.id].toSorted();
    assert.deepEqual(await page(first!), [last]);
    for (const unseen of [hidden.id, nowhere]) assert.deepEqual(await page(unseen), [first, last]);
    assert.equal((await h.member.refused('GET', `networks?limit=1&marker=${nowhere}`))[0], 404);
  });

  test('tags, below either of the URLs that clients know', async () => {
    const p = await policy();
    assert.equal((await h.admin.request('PUT', `qos/policies/${p.id}/tags`, { tags: ['red', 'blue'] })).status, 200);
    assert.deepEqual((await h.admin.request('GET', `policies/${p.id}/tags`)).body, { tags: ['blue', 'red'] });
    assert.equal((await h.admin.request('DELETE', `policies/${p.id}/tags/red`)).status, 204);
    assert.deepEqual((await show(p)).tags, ['blue']);
    assert.deepEqual(
      (await h.admin.list('qos/policies?tags=blue')).map(o => o.id),
      [p.id],
    );
    for (const path of ['policies', `policies/${p.id}`, `networks/${p.id}/tags`])
      assert.equal((await h.admin.request('GET', path)).status, 404, path);
  });

  test('a shared policy is seen by all, with its rules, and it is not theirs to change', async () => {
    const p = await policy({ shared: true });
    const rule = await addRule(p, 'bandwidth_limit', { max_kbps: 1000 });
    const seen = await show(p, h.member);
    assert.deepEqual([seen.shared, (seen.rules as object[]).length], [true, 1]);
    const path = `qos/policies/${p.id}/bandwidth_limit_rules`;
    assert.deepEqual(await h.member.list(path), [rule]);
    assert.deepEqual((await h.member.request('GET', `${path}/${rule.id}`)).body, { bandwidth_limit_rule: rule });
    assert.equal((await h.member.request('GET', `qos/alias-bandwidth-limit-rules/${rule.id}`)).status, 200);
    assert.equal((await h.member.refused('PUT', `policies/${p.id}/tags`, { tags: ['mine'] }))[0], 403);
    assert.equal((await h.member.refused('DELETE', `qos/policies/${p.id}`))[0], 403);
    assert.deepEqual((await h.member.refused('POST', path, { bandwidth_limit_rule: { max_kbps: 1, direction: 'ingress' } }))[0], 403);
    assert.equal(await put(p, { shared: false }), 200);
    const gone = `QoS policy ${p.id} could not be found.`;
    assert.deepEqual(await h.member.refused('GET', `qos/policies/${p.id}`), [404, 'QosPolicyNotFound', gone]);
    assert.deepEqual((await h.member.refused('GET', path)).slice(0, 2), [404, 'QosPolicyNotFound']);
    assert.equal((await h.member.refused('GET', `qos/alias-bandwidth-limit-rules/${rule.id}`))[0], 404);
    // Whoever may make rules nowhere hears that, also below what is not there.
    assert.equal(
      (await h.member.refused('POST', 'qos/policies/none/bandwidth_limit_rules', { bandwidth_limit_rule: { max_kbps: 1 } }))[0],
      403,
    );
    assert.equal(
      (await h.admin.refused('POST', 'qos/policies/none/bandwidth_limit_rules', { bandwidth_limit_rule: { max_kbps: 1 } }))[0],
      404,
    );
    const entry = { object_type: 'qos_policy', object_id: p.id, action: 'access_as_shared', target_tenant: h.member.project };
    await h.admin.make('rbac-policies', 'rbac_policy', entry);
    assert.equal((await show(p, h.member)).id, p.id);
    assert.equal((await h.other.refused('GET', `qos/policies/${p.id}`))[0], 404);
  });

  test('a rule by its own id alone is found with the policy that it belongs to, and changed there', async () => {
    const p = await policy();
    const rule = await addRule(p, 'bandwidth_limit', { max_kbps: 1000 });
    const path = `qos/alias-bandwidth-limit-rules/${rule.id}`;
    assert.deepEqual((await h.admin.request('GET', path)).body, { alias_bandwidth_limit_rule: rule });
    const put = await h.admin.request('PUT', path, { alias_bandwidth_limit_rule: { max_kbps: 2000 } });
    assert.deepEqual([put.status, put.body], [200, { alias_bandwidth_limit_rule: { ...rule, max_kbps: 2000 } }]);
    assert.deepEqual((await show(p)).revision_number, 2);
    assert.equal((await h.admin.request('DELETE', path)).status, 204);
    const gone = `QoS rule ${rule.id} for policy  could not be found.`;
    assert.deepEqual(await h.admin.refused('GET', path), [404, 'QosRuleNotFound', gone]);
    assert.deepEqual((await show(p)).rules, []);
    assert.equal((await h.admin.request('GET', 'qos/alias-bandwidth-limit-rules')).status, 405);
    assert.equal((await h.admin.request('GET', `qos/alias-packet-rate-limit-rules/${rule.id}`)).status, 404);
  });

  test('below another policy, or as another kind, there is no such rule, whoever owns what (N 8804195cd3)', async () => {
    const manager = (await import('./client.ts')).client(h.server.url, 'manager');
    const theirs = await policy();
    const own = await policy({}, manager);
    const rule = await addRule(theirs, 'bandwidth_limit', { max_kbps: 1000 });
    const body = (name: string): object => ({ [name]: { max_kbps: 1 } });
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const ask = (path: string, name: string) => manager.refused(method, path, method === 'PUT' ? body(name) : undefined);
      const below = await ask(`qos/policies/${own.id}/bandwidth_limit_rules/${rule.id}`, 'bandwidth_limit_rule');
      const message = `QoS rule ${rule.id} for policy ${own.id} could not be found.`;
      assert.deepEqual(below, [404, 'QosRuleNotFound', message], method);
      const short = await ask(`qos/alias-bandwidth-limit-rules/${rule.id}`, 'alias_bandwidth_limit_rule');
      assert.deepEqual(short, [404, 'QosRuleNotFound', `QoS rule ${rule.id} for policy  could not be found.`], method);
      const hidden = await ask(`qos/policies/${theirs.id}/bandwidth_limit_rules/${rule.id}`, 'bandwidth_limit_rule');
      assert.deepEqual(hidden.slice(0, 2), [404, 'QosPolicyNotFound'], method);
    }
    assert.equal((await h.admin.request('GET', `qos/alias-dscp-marking-rules/${rule.id}`)).status, 404);
    assert.equal((await h.admin.request('GET', `qos/policies/${theirs.id}/dscp_marking_rules/${rule.id}`)).status, 404);
    const short = await h.admin.request('GET', `qos/alias-bandwidth-limit-rules/${rule.id}`);
    assert.deepEqual(short.body, { alias_bandwidth_limit_rule: rule });
  });

  test('types of rules: what the drivers know, all that there are, and details for administrators', async () => {
    const types = async (query: string): Promise<unknown> => (await h.member.list(`qos/rule-types${query}`)).map(t => t.type);
    const all = ['bandwidth_limit', 'dscp_marking', 'minimum_bandwidth', 'minimum_packet_rate', 'packet_rate_limit'];
    assert.deepEqual(await types(''), ['bandwidth_limit', 'dscp_marking']);
    assert.deepEqual(await types('?all_supported=true'), all);
    assert.deepEqual(await types('?all_rules=true'), all);
    assert.deepEqual(await types('?all_rules=false'), ['bandwidth_limit', 'dscp_marking']);
    assert.deepEqual(await h.member.list('qos/rule-types?all_rules=true&fields=type&limit=1'), [{ type: 'bandwidth_limit' }]);
    const { body } = await h.admin.request('GET', 'qos/rule-types/bandwidth_limit');
    const range = (parameter_name: string): object => ({
      parameter_name,
      parameter_values: { start: 0, end: 2_147_483_647 },
      parameter_type: 'range',
    });
    const direction = { parameter_name: 'direction', parameter_values: ['ingress', 'egress'], parameter_type: 'choices' };
    const parameters = [range('max_kbps'), range('max_burst_kbps'), direction];
    const drivers = ['openvswitch', 'linuxbridge'].map(name => ({ name, supported_parameters: parameters }));
    assert.deepEqual(body, { rule_type: { type: 'bandwidth_limit', drivers } });
    assert.deepEqual(await h.member.refused('GET', 'qos/rule-types/bandwidth_limit'), [403, 'NotAuthorized', 'Not authorized.']);
    assert.equal((await h.admin.request('GET', 'qos/rule-types/none')).status, 404);
  });
});
