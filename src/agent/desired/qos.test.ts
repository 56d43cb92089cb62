import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WireObject } from '../../domain/objects/decode.ts';
import { noQos, policyOf, readPolicy } from './qos.ts';

const rule = (name: string, data: Record<string, unknown>): WireObject => ({ name, minor: 5, data });
const policy = (...rules: unknown[]): WireObject => ({ name: 'QosPolicy', minor: 10, data: { id: 'p', rules } });

test('rules by direction; what asks nothing of the data plane, or is not known, is left out', () => {
  assert.deepEqual(
    readPolicy(
      policy(
        rule('QosBandwidthLimitRule', { max_kbps: 2000, max_burst_kbps: 1600, direction: 'egress' }),
        rule('QosBandwidthLimitRule', { max_kbps: 3000, direction: 'ingress' }),
        rule('QosPacketRateLimitRule', { max_kpps: 5, max_burst_kpps: null, direction: 'ingress' }),
        rule('QosMinimumBandwidthRule', { min_kbps: 100 }),
        rule('QosMinimumPacketRateRule', { min_kpps: 7, direction: 'any' }),
        rule('QosTeleportRule', { to: 'mars' }),
        rule('QosDscpMarkingRule', { dscp_mark: 0 }),
      ),
    ),
    {
      bandwidth: { egress: { kbps: 2000, burst: 1600 }, ingress: { kbps: 3000, burst: 0 } },
      packets: { ingress: { kpps: 5, burst: 0 } },
      minimum: { egress: 100 },
      dscp: 0,
    },
  );
  assert.deepEqual(readPolicy(policy()), noQos);
});

test('a rule that makes no sense spoils its policy, with words', () => {
  for (const [wrong, why] of [
    [rule('QosBandwidthLimitRule', { max_kbps: '2000' }), /max_kbps is "2000"/],
    [rule('QosBandwidthLimitRule', { max_kbps: -1 }), /max_kbps is -1/],
    [rule('QosBandwidthLimitRule', { max_kbps: 1, direction: 'up' }), /direction is "up"/],
    [rule('QosDscpMarkingRule', { dscp_mark: 64 }), /dscp_mark is 64/],
    [rule('QosDscpMarkingRule', {}), /dscp_mark is undefined/],
  ] as const)
    assert.throws(() => readPolicy(policy(wrong)), why);
  assert.throws(() => readPolicy({ name: 'QosPolicy', minor: 10, data: {} }), /without a list/);
});

test('its own policy counts, or its network’s; the latter not for ports of services, but for those that lead outward', () => {
  const of = (qos_policy_id: string | null, qos_network_policy_id: string | null, device_owner: string) =>
    policyOf({ qos_policy_id, qos_network_policy_id, device_owner });
  assert.equal(of('own', 'network', 'compute:nova'), 'own');
  assert.equal(of(null, 'network', 'compute:nova'), 'network');
  assert.equal(of(null, 'network', ''), 'network');
  assert.equal(of(null, null, 'compute:nova'), null);
  for (const owner of ['network:dhcp', 'network:router_interface', 'neutron:LOADBALANCERV2'])
    assert.equal(of(null, 'network', owner), null);
  assert.equal(of('own', null, 'network:dhcp'), 'own');
  assert.equal(of(null, 'network', 'network:router_gateway'), 'network');
});
