import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  checkRule,
  type Demand,
  isSupported,
  parameterDetails,
  type QosRule,
  type QosSupport,
  resourceRequest,
  servesPort,
} from './qos.ts';
import { refusal } from './refusal.suite.ts';

const rule = (id: string, type: string, values: object): QosRule => ({ id, type, ...values });
const limit = rule('r1', 'bandwidth_limit', { max_kbps: 1000, max_burst_kbps: 0, direction: 'egress' });
const minimum = rule('r2', 'minimum_bandwidth', { min_kbps: 500, direction: 'ingress' });

const refused = (rules: readonly QosRule[], type: string, values: Record<string, unknown>, id?: string): string | undefined =>
  refusal(() => checkRule('p', rules, { type, given: values, values, ...(id === undefined ? {} : { id }) }))?.message;

describe('rules of one policy', () => {
  test('one of each type and direction', () => {
    const message = 'Rule bandwidth_limit conflicts with rule r1 which already exists in QoS Policy p.';
    assert.equal(refused([limit], 'bandwidth_limit', { max_kbps: 1, direction: 'egress' }), message);
    assert.equal(refused([limit], 'bandwidth_limit', { max_kbps: 1, direction: 'ingress' }), undefined);
    assert.equal(refused([limit], 'bandwidth_limit', { max_kbps: 1, direction: 'egress' }, 'r1'), undefined);
    const mark = rule('r3', 'dscp_marking', { dscp_mark: 8 });
    assert.match(String(refused([mark], 'dscp_marking', { dscp_mark: 10 })), /Rule dscp_marking conflicts with rule r3/);
  });

  test('no maximum is below a minimum, whatever the directions', () => {
    const text = (value: number, type: string, has: number): string =>
      `Unable to add the rule with value ${value} to the policy p as the existing rule of type ${type} has value ${has}.`;
    const low = { max_kbps: 499, direction: 'egress' };
    assert.equal(refused([minimum], 'bandwidth_limit', low), text(499, 'minimum_bandwidth', 500));
    assert.equal(refused([minimum], 'bandwidth_limit', { ...low, max_kbps: 500 }), undefined);
    const high = { min_kbps: 1001, direction: 'ingress' };
    assert.equal(refused([limit], 'minimum_bandwidth', high), text(1001, 'bandwidth_limit', 1000));
    assert.equal(refused([limit], 'minimum_bandwidth', { ...high, min_kbps: 1000 }), undefined);
  });

  test('packet rates are minima of each direction or of both together', () => {
    const one = rule('r4', 'minimum_packet_rate', { min_kpps: 1, direction: 'any' });
    const message =
      'Unable to add the rule with value ingress to the policy p as the existing rule of type minimum_packet_rate has value any.';
    assert.equal(refused([one], 'minimum_packet_rate', { min_kpps: 2, direction: 'ingress' }), message);
    assert.equal(refused([one], 'minimum_packet_rate', { min_kpps: 2, direction: 'ingress' }, 'r4'), undefined);
    const way = rule('r5', 'minimum_packet_rate', { min_kpps: 1, direction: 'egress' });
    assert.match(String(refused([way], 'minimum_packet_rate', { min_kpps: 2, direction: 'any' })), /value any .* has value egress/);
    assert.equal(refused([way], 'minimum_packet_rate', { min_kpps: 2, direction: 'ingress' }), undefined);
  });
});

describe('what drivers can do', () => {
  const support: QosSupport = {
    vifTypes: ['bridge'],
    vnicTypes: ['normal'],
    rules: { bandwidth_limit: { max_kbps: { start: 0, end: 1000 }, direction: ['egress'] } },
  };

  test('a rule is supported where each of its parameters is', () => {
    assert.equal(isSupported(support, limit), true);
    assert.equal(isSupported(support, { ...limit, max_kbps: 1001 }), false);
    assert.equal(isSupported(support, { ...limit, direction: 'ingress' }), false);
    assert.equal(isSupported(support, minimum), false);
    assert.equal(isSupported(support, { ...limit, type: 'constructor' }), false);
  });

  test('a port is served by its place, and before it has one by its kind', () => {
    assert.equal(servesPort(support, { vif_type: 'bridge', vnic_type: 'direct' }), true);
    assert.equal(servesPort(support, { vif_type: 'ovs', vnic_type: 'normal' }), false);
    assert.equal(servesPort(support, { vif_type: 'unbound', vnic_type: 'normal' }), true);
    assert.equal(servesPort(support, { vif_type: 'binding_failed', vnic_type: 'direct' }), false);
  });

  test('details', () => {
    assert.deepEqual(parameterDetails(support, 'bandwidth_limit'), [
      { parameter_name: 'max_kbps', parameter_values: { start: 0, end: 1000 }, parameter_type: 'range' },
      { parameter_name: 'direction', parameter_values: ['egress'], parameter_type: 'choices' },
    ]);
    assert.deepEqual(parameterDetails(support, 'dscp_marking'), []);
  });
});

describe('what a port asks of Placement', () => {
  const demand = (more: Partial<Demand>): Demand => ({
    rules: [minimum, rule('r6', 'minimum_packet_rate', { min_kpps: 7, direction: 'any' })],
    vnic_type: 'normal',
    physical_network: 'phys-net.1',
    groupId: name => `group of ${name}`,
    ...more,
  });
  const rate = {
    id: 'group of r6',
    required: ['CUSTOM_VNIC_TYPE_NORMAL'],
    resources: { NET_PACKET_RATE_KILOPACKET_PER_SEC: 7 },
  };

  test('a group for bandwidth on the physical network, and one for packet rates', () => {
    const bandwidth = {
      id: 'group of r2',
      required: ['CUSTOM_PHYSNET_PHYS_NET_1', 'CUSTOM_VNIC_TYPE_NORMAL'],
      resources: { NET_BW_IGR_KILOBIT_PER_SEC: 500 },
    };
    assert.deepEqual(resourceRequest(demand({})), { request_groups: [bandwidth, rate], same_subtree: ['group of r2', 'group of r6'] });
  });

  test('a network that is on no physical network has no bandwidth', () => {
    assert.deepEqual(resourceRequest(demand({ physical_network: null })), { request_groups: [rate], same_subtree: ['group of r6'] });
  });

  test('several rules of one type are one group', () => {
    const both = [minimum, rule('r7', 'minimum_bandwidth', { min_kbps: 9, direction: 'egress' })];
    const [group] = resourceRequest(demand({ rules: both }))!.request_groups;
    assert.deepEqual([group!.id, group!.resources], ['group of r2:r7', { NET_BW_IGR_KILOBIT_PER_SEC: 500, NET_BW_EGR_KILOBIT_PER_SEC: 9 }]);
  });

  test('nothing', () => assert.equal(resourceRequest(demand({ rules: [limit] })), null));
});
