// QoS policies on networks, ports, floating IPs and router gateways: who may put them there, and what is refused.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Api, Made } from './client.ts';
import { beat, type Harness, start } from './harness.ts';

const nowhere = '11111111-1111-4111-8111-111111111111';
const missing = [404, 'QosPolicyNotFound', `QoS policy ${nowhere} could not be found.`];

describe('QoS policies in use', () => {
  let h: Harness;
  let external: Made;
  before(async () => {
    h = await start({ quotas: { router: -1 } });
    await beat(h, 'h1');
    external = await h.admin.make('networks', 'network', { 'router:external': true });
    await h.admin.make('subnets', 'subnet', { network_id: external.id, ip_version: 4, cidr: '203.0.113.0/24' });
  });
  after(() => h[Symbol.asyncDispose]());

  const policy = async (attributes: object = {}, rules: Readonly<Record<string, object>> = {}): Promise<Made> => {
    const made = await h.admin.make('qos/policies', 'policy', { ...attributes });
    for (const [kind, values] of Object.entries(rules))
      await h.admin.make(`qos/policies/${made.id}/${kind}_rules`, `${kind}_rule`, { ...values });
    return made;
  };
  const network = (attributes: object = {}, api: Api = h.admin): Promise<Made> => api.make('networks', 'network', { ...attributes });
  const port = (net: Made, attributes: object = {}, api: Api = h.admin): Promise<Made> =>
    api.make('ports', 'port', { network_id: net.id, ...attributes });
  const update = (path: string, name: string, attributes: object, api: Api = h.admin) => api.refused('PUT', path, { [name]: attributes });
  const shown = async (path: string, name: string): Promise<Made> => (await h.admin.request('GET', path)).body[name] as Made;

  test('a network, its ports, and a port of its own', async () => {
    const [gold, silver] = [await policy(), await policy()];
    const net = await network({ qos_policy_id: gold.id });
    assert.equal(net.qos_policy_id, gold.id);
    const plain = await port(net);
    assert.deepEqual([plain.qos_policy_id, plain.qos_network_policy_id, plain.resource_request], [null, gold.id, null]);
    const own = await port(net, { qos_policy_id: silver.id });
    assert.deepEqual([own.qos_policy_id, own.qos_network_policy_id], [silver.id, gold.id]);
    assert.deepEqual(await shown(`ports/${own.id}`, 'port'), own);
    assert.deepEqual((await update(`ports/${own.id}`, 'port', { qos_policy_id: null }))[0], 200);
    assert.deepEqual((await update(`networks/${net.id}`, 'network', { qos_policy_id: null }))[0], 200);
    const after = await shown(`ports/${own.id}`, 'port');
    assert.deepEqual([after.qos_policy_id, after.qos_network_policy_id], [null, null]);
    assert.deepEqual(await update(`ports/${own.id}`, 'port', { qos_policy_id: nowhere }), missing);
    assert.deepEqual(await update(`networks/${net.id}`, 'network', { qos_policy_id: nowhere }), missing);
    assert.deepEqual(await h.admin.refused('POST', 'networks', { network: { qos_policy_id: nowhere } }), missing);
    assert.deepEqual(await h.admin.refused('POST', 'ports', { port: { network_id: net.id, qos_policy_id: nowhere } }), missing);
    const filter = await h.admin.refused('GET', `ports?qos_policy_id=${gold.id}`);
    assert.deepEqual(filter, [400, 'HTTPBadRequest', "['qos_policy_id'] is invalid attribute for filtering"]);
  });

  test("a floating IP keeps its policy until it is told another, and shows its network's", async () => {
    const [gold, silver] = [await policy(), await policy()];
    const fip = await h.admin.make('floatingips', 'floatingip', { floating_network_id: external.id, qos_policy_id: gold.id });
    assert.deepEqual([fip.qos_policy_id, fip.qos_network_policy_id], [gold.id, null]);
    const path = `floatingips/${fip.id}`;
    await update(`networks/${external.id}`, 'network', { qos_policy_id: silver.id });
    await update(path, 'floatingip', { description: 'x' });
    const kept = await shown(path, 'floatingip');
    assert.deepEqual([kept.qos_policy_id, kept.qos_network_policy_id], [gold.id, silver.id]);
    await update(`networks/${external.id}`, 'network', { qos_policy_id: null });
    const used = `QoS Policy ${gold.id} is used by fip ${fip.id}.`;
    assert.deepEqual(await h.admin.refused('DELETE', `qos/policies/${gold.id}`), [409, 'QosPolicyInUse', used]);
    assert.equal((await update(path, 'floatingip', { qos_policy_id: null }))[0], 200);
    assert.equal((await shown(path, 'floatingip')).qos_policy_id, null);
    assert.deepEqual(await update(path, 'floatingip', { qos_policy_id: nowhere }), missing);
    const hidden = await h.member.refused('POST', 'floatingips', {
      floatingip: { floating_network_id: external.id, qos_policy_id: gold.id },
    });
    assert.deepEqual(hidden.slice(0, 2), [404, 'QosPolicyNotFound']);
    assert.equal((await h.admin.request('DELETE', `qos/policies/${gold.id}`)).status, 204);
  });

  test("a router's gateway has a policy as long as it is there", async () => {
    const gold = await policy({ shared: true });
    const gateway = (more: object): object => ({ external_gateway_info: { network_id: external.id, ...more } });
    const router = await h.member.make('routers', 'router', gateway({ qos_policy_id: gold.id }) as Made);
    const path = `routers/${router.id}`;
    const policyNow = async (): Promise<unknown> => ((await shown(path, 'router')).external_gateway_info as Made | null)?.qos_policy_id;
    assert.equal(await policyNow(), gold.id);
    assert.equal((await update(path, 'router', gateway({}), h.member))[0], 200);
    assert.equal(await policyNow(), gold.id);
    const used = `QoS Policy ${gold.id} is used by router ${router.id}.`;
    assert.deepEqual(await h.admin.refused('DELETE', `qos/policies/${gold.id}`), [409, 'QosPolicyInUse', used]);
    assert.equal((await update(path, 'router', gateway({ qos_policy_id: null }), h.member))[0], 200);
    // Told only where the gateway or its network has one.
    assert.equal(Object.hasOwn((await shown(path, 'router')).external_gateway_info as Made, 'qos_policy_id'), false);
    assert.equal((await update(path, 'router', gateway({ qos_policy_id: gold.id }), h.member))[0], 200);
    assert.equal((await update(path, 'router', { external_gateway_info: {} }, h.member))[0], 200);
    assert.equal((await h.admin.request('DELETE', `qos/policies/${gold.id}`)).status, 204);
    assert.deepEqual(await update(path, 'router', gateway({ qos_policy_id: nowhere }), h.member), missing);
    assert.deepEqual(await h.member.refused('POST', 'routers', { router: gateway({ qos_policy_id: nowhere }) }), missing);
  });

  test('what is used stays, by whatever', async () => {
    const gold = await policy();
    const net = await network({ qos_policy_id: gold.id });
    const byNetwork = `QoS Policy ${gold.id} is used by network ${net.id}.`;
    assert.deepEqual(await h.admin.refused('DELETE', `qos/policies/${gold.id}`), [409, 'QosPolicyInUse', byNetwork]);
    const own = await port(net, { qos_policy_id: gold.id });
    const byPort = `QoS Policy ${gold.id} is used by port ${own.id}.`;
    assert.deepEqual(await h.admin.refused('DELETE', `qos/policies/${gold.id}`), [409, 'QosPolicyInUse', byPort]);
    await h.admin.request('DELETE', `ports/${own.id}`);
    await h.admin.request('DELETE', `networks/${net.id}`);
    assert.equal((await h.admin.request('DELETE', `qos/policies/${gold.id}`)).status, 204);
    assert.equal(await h.server.store.count('qos_bandwidth_limit_rules', { eq: ['qos_policy_id', gold.id] }), 0);
  });

  test("the default policy of a project is that of its new networks, and of nobody else's", async () => {
    const gold = await policy({ is_default: true, project_id: h.member.project });
    assert.equal((await network({}, h.member)).qos_policy_id, gold.id);
    assert.equal((await network({ qos_policy_id: null }, h.member)).qos_policy_id, gold.id);
    assert.equal((await network({}, h.other)).qos_policy_id, null);
    const silver = await policy({ shared: true });
    assert.equal((await network({ qos_policy_id: silver.id }, h.member)).qos_policy_id, silver.id);
    assert.equal((await h.admin.request('PUT', `qos/policies/${gold.id}`, { policy: { is_default: false } })).status, 200);
    assert.equal((await network({}, h.member)).qos_policy_id, null);
  });

  test('who does not see a policy neither uses nor removes it', async () => {
    const gold = await policy();
    const net = await network({}, h.member);
    const path = `networks/${net.id}`;
    const hidden = [404, 'QosPolicyNotFound', `QoS policy ${gold.id} could not be found.`];
    assert.deepEqual(await update(path, 'network', { qos_policy_id: gold.id }, h.member), hidden);
    assert.deepEqual(await h.member.refused('POST', 'ports', { port: { network_id: net.id, qos_policy_id: gold.id } }), hidden);
    assert.equal((await update(path, 'network', { qos_policy_id: gold.id }))[0], 200);
    const kept = [403, 'PolicyRemoveAuthorizationError', `Failed to remove provided policy ${gold.id} because you are not authorized.`];
    assert.deepEqual(await update(path, 'network', { qos_policy_id: null }, h.member), kept);
    assert.deepEqual(await update(path, 'network', { qos_policy_id: gold.id }, h.member), kept);
    assert.equal((await update(path, 'network', { name: 'x' }, h.member))[0], 200);
    const made = await port(net, {}, h.member);
    assert.equal((await update(`ports/${made.id}`, 'port', { qos_policy_id: gold.id }))[0], 200);
    assert.deepEqual(await update(`ports/${made.id}`, 'port', { qos_policy_id: null }, h.member), kept);
  });

  test('a policy that others use stays shared', async () => {
    const gold = await policy({ shared: true });
    const net = await network({ qos_policy_id: gold.id }, h.member);
    const unshare = () => update(`qos/policies/${gold.id}`, 'policy', { shared: false });
    const text = `RBAC policy on object ${gold.id} cannot be removed because other objects depend on it.\nDetails: project_id=*`;
    assert.deepEqual(await unshare(), [409, 'RbacPolicyInUse', text]);
    assert.equal((await update(`networks/${net.id}`, 'network', { qos_policy_id: null }, h.member))[0], 200);
    // As in Neutron what the owner has counts, too.
    const own = await network({ qos_policy_id: gold.id });
    assert.deepEqual(await unshare(), [409, 'RbacPolicyInUse', text]);
    await h.admin.request('DELETE', `networks/${own.id}`);
    assert.equal((await unshare())[0], 200);
  });

  test('rules that no driver carries out stay off networks and ports', async () => {
    const minimum = { minimum_bandwidth: { min_kbps: 1 } };
    const gold = await policy({}, minimum);
    const net = await network();
    const onNetwork = `Rule minimum_bandwidth is not supported by network ${net.id}`;
    assert.deepEqual(await update(`networks/${net.id}`, 'network', { qos_policy_id: gold.id }), [
      409,
      'QosRuleNotSupportedByNetwork',
      onNetwork,
    ]);
    const made = await port(net);
    const onPort = `Rule minimum_bandwidth is not supported by port ${made.id}`;
    assert.deepEqual(await update(`ports/${made.id}`, 'port', { qos_policy_id: gold.id }), [409, 'QosRuleNotSupported', onPort]);
    assert.equal(
      (await h.admin.refused('POST', 'ports', { port: { network_id: net.id, qos_policy_id: gold.id } }))[1],
      'QosRuleNotSupported',
    );
    assert.equal((await h.admin.refused('POST', 'networks', { network: { qos_policy_id: gold.id } }))[1], 'QosRuleNotSupportedByNetwork');
    // The same from the other side: the rule comes after the port, which has the policy itself or from its network.
    const silver = await policy();
    await update(`networks/${net.id}`, 'network', { qos_policy_id: silver.id });
    const rules = `qos/policies/${silver.id}/minimum_bandwidth_rules`;
    assert.deepEqual(await h.admin.refused('POST', rules, { minimum_bandwidth_rule: { min_kbps: 1 } }), [
      409,
      'QosRuleNotSupported',
      onPort,
    ]);
    const limits = `qos/policies/${silver.id}/bandwidth_limit_rules`;
    await h.admin.make(limits, 'bandwidth_limit_rule', { max_kbps: 1000 });
    const direct = await h.admin.refused('POST', 'ports', { port: { network_id: net.id, 'binding:vnic_type': 'macvtap' } });
    assert.deepEqual(direct.slice(0, 2), [409, 'QosRuleNotSupported']);
  });

  test('a guaranteed bandwidth is of a physical network, wherever the policy, the port or the rule comes last; packet rates are of any', async () => {
    const physical = (name: string) => network({ 'provider:network_type': 'flat', 'provider:physical_network': name });
    const [there, tunnel] = [await physical('guaranteed'), await network()];
    const gold = await policy({}, { minimum_bandwidth: { min_kbps: 1 }, minimum_packet_rate: { min_kpps: 1 } });
    const rates = await policy({}, { minimum_packet_rate: { min_kpps: 1 } });
    assert.equal((await update(`networks/${there.id}`, 'network', { qos_policy_id: gold.id }))[0], 200);
    assert.equal((await update(`networks/${tunnel.id}`, 'network', { qos_policy_id: gold.id }))[1], 'QosRuleNotSupportedByNetwork');
    assert.equal((await update(`networks/${tunnel.id}`, 'network', { qos_policy_id: rates.id }))[0], 200);
    assert.equal((await h.admin.request('POST', 'ports', { port: { network_id: there.id } })).status, 201);
    for (const [net, status] of [
      [there, 201],
      [tunnel, 409],
    ] as const)
      assert.equal((await h.admin.request('POST', 'ports', { port: { network_id: net.id, qos_policy_id: gold.id } })).status, status);
    const rule = (id: string) =>
      h.admin.request('POST', `qos/policies/${id}/minimum_bandwidth_rules`, { minimum_bandwidth_rule: { min_kbps: 1 } });
    await port(tunnel);
    assert.equal((await rule(rates.id)).status, 409);
    const later = await policy();
    const net = await physical('later');
    assert.equal((await update(`networks/${net.id}`, 'network', { qos_policy_id: later.id }))[0], 200);
    await port(net);
    assert.equal((await rule(later.id)).status, 201);
  });
});
