// Minimum bandwidths and packet rates, where a driver gives them: what a port asks of Placement, and what may not change below it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Drivers, MechanismDriver } from '../../src/contracts/drivers.ts';
import { drivers } from '../../src/drivers/all.ts';
import { linuxbridge } from '../../src/drivers/mech/linuxbridge.ts';
import { uuid5 } from '../../src/server/uuid5.ts';
import type { Body, Made } from './client.ts';
import { type Harness, start } from './harness.ts';

const rate = { start: 0, end: 1_000_000 };

/** A mechanism that can guarantee, for NICs that are passed through. */
const passing: MechanismDriver = {
  name: 'passing',
  agentType: 'NIC Switch agent',
  qos: {
    vifTypes: ['hw_veb'],
    vnicTypes: ['normal', 'direct'],
    rules: {
      minimum_bandwidth: { min_kbps: rate, direction: ['ingress', 'egress'] },
      minimum_packet_rate: { min_kpps: rate, direction: ['any', 'ingress', 'egress'] },
    },
  },
  reaches: () => false,
  bind: () => undefined,
};

describe('guarantees of QoS policies', () => {
  let h: Harness;
  let net: Made;
  before(async () => {
    const both: Drivers = { ...drivers, mechanisms: [linuxbridge, passing] };
    h = await start({}, undefined, { drivers: both });
    net = await h.admin.make('networks', 'network', { 'provider:network_type': 'flat', 'provider:physical_network': 'phys-1' });
  });
  after(() => h[Symbol.asyncDispose]());

  const policy = async (rules: readonly (readonly [kind: string, values: Body])[]): Promise<Made & { rules: Made[] }> => {
    const made = await h.admin.make('qos/policies', 'policy', {});
    const list: Made[] = [];
    for (const [kind, values] of rules) list.push(await h.admin.make(`qos/policies/${made.id}/${kind}_rules`, `${kind}_rule`, values));
    return { ...made, rules: list };
  };
  const port = (attributes: Body): Promise<Made> => h.admin.make('ports', 'port', { network_id: net.id, ...attributes });

  test('what a driver knows is listed: by all drivers, by some', async () => {
    const types = async (query: string): Promise<unknown> => (await h.member.list(`qos/rule-types${query}`)).map(t => t.type);
    assert.deepEqual(await types(''), []);
    assert.deepEqual(await types('?all_supported=true'), ['bandwidth_limit', 'dscp_marking', 'minimum_bandwidth', 'minimum_packet_rate']);
  });

  test("a port asks for what its policy promises, its own or the network's; only administrators see it", async () => {
    const gold = await policy([
      ['minimum_bandwidth', { min_kbps: 1000, direction: 'egress' }],
      ['minimum_packet_rate', { min_kpps: 7, direction: 'any' }],
    ]);
    const made = await port({ qos_policy_id: gold.id, 'binding:vnic_type': 'direct', project_id: h.member.project });
    const vnic = 'CUSTOM_VNIC_TYPE_DIRECT';
    const [bandwidth, packets] = gold.rules.map(r => uuid5(made.id, r.id));
    const wanted = {
      request_groups: [
        { id: bandwidth, required: ['CUSTOM_PHYSNET_PHYS_1', vnic], resources: { NET_BW_EGR_KILOBIT_PER_SEC: 1000 } },
        { id: packets, required: [vnic], resources: { NET_PACKET_RATE_KILOPACKET_PER_SEC: 7 } },
      ],
      same_subtree: [bandwidth, packets],
    };
    assert.deepEqual(made.resource_request, wanted);
    assert.deepEqual((await h.admin.list(`ports?id=${made.id}`))[0]?.resource_request, wanted);
    assert.equal(Object.hasOwn((await h.member.list(`ports?id=${made.id}`))[0]!, 'resource_request'), false);
    await h.admin.request('PUT', `networks/${net.id}`, { network: { qos_policy_id: gold.id } });
    const plain = await port({});
    assert.equal((plain.resource_request as { request_groups: Body[] }).request_groups.length, 2);
    await h.admin.request('PUT', `networks/${net.id}`, { network: { qos_policy_id: null } });
    assert.equal((await h.admin.list(`ports?id=${plain.id}`))[0]?.resource_request, null);
  });

  test('a tunnel has no bandwidth of a physical network to promise', async () => {
    const gold = await policy([['minimum_bandwidth', { min_kbps: 1000 }]]);
    const tunnel = await h.admin.make('networks', 'network', {});
    const made = await h.admin.make('ports', 'port', { network_id: tunnel.id, qos_policy_id: gold.id });
    assert.equal(made.resource_request, null);
  });

  test('what an instance was promised does not change below it', async () => {
    const gold = await policy([['minimum_bandwidth', { min_kbps: 1000 }]]);
    const [rule] = gold.rules;
    const made = await port({ qos_policy_id: gold.id });
    const path = `qos/policies/${gold.id}/minimum_bandwidth_rules`;
    const change = (min_kbps: number) => h.admin.refused('PUT', `${path}/${rule!.id}`, { minimum_bandwidth_rule: { min_kbps } });
    assert.equal((await change(2000))[0], 200);
    await h.admin.request('PUT', `ports/${made.id}`, { port: { device_owner: 'compute:nova' } });
    const refused = [501, 'HTTPNotImplemented', 'Cannot update QoS policies/rules backed by resources tracked in Placement'];
    assert.deepEqual(await change(3000), refused);
    assert.deepEqual(await h.admin.refused('DELETE', `${path}/${rule!.id}`), refused);
    assert.deepEqual(await h.admin.refused('POST', path, { minimum_bandwidth_rule: { min_kbps: 1, direction: 'ingress' } }), refused);
    await h.admin.request('PUT', `ports/${made.id}`, { port: { qos_policy_id: null } });
    assert.equal((await change(3000))[0], 200);
  });
});
