// What an instance has in Placement after its port's policy has changed, as Neutron's QoS plug-in computes it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { QosRule } from './qos.ts';
import { allocationChange, changed, opposite, type PolicyMove, together } from './qos-allocations.ts';

const out = 'NET_BW_EGR_KILOBIT_PER_SEC';
const into = 'NET_BW_IGR_KILOBIT_PER_SEC';
const any = 'NET_PACKET_RATE_KILOPACKET_PER_SEC';

const bandwidth = (id: string, min_kbps: number, direction = 'egress'): QosRule => ({ id, type: 'minimum_bandwidth', min_kbps, direction });
const packets = (id: string, min_kpps: number, direction = 'any'): QosRule => ({ id, type: 'minimum_packet_rate', min_kpps, direction });
const limit: QosRule = { id: 'l', type: 'bandwidth_limit', max_kbps: 1, direction: 'egress' };

const move = (before: readonly QosRule[], after: readonly QosRule[], allocation: PolicyMove['allocation'] = { 'group a': 'nic' }) =>
  allocationChange({ allocation, before, after, groupId: name => `group ${name}` });

describe('another policy', () => {
  test('more, less, another direction, nothing', () => {
    assert.deepEqual(move([bandwidth('a', 5)], [bandwidth('b', 7)]), {
      diff: { nic: { [out]: 2 } },
      allocation: { 'group b': 'nic' },
      unbacked: [],
    });
    assert.deepEqual(move([bandwidth('a', 5)], [limit, bandwidth('b', 3, 'ingress')]), {
      diff: { nic: { [out]: -5, [into]: 3 } },
      allocation: { 'group b': 'nic' },
      unbacked: [],
    });
    assert.deepEqual(move([bandwidth('a', 5)], [limit]), { diff: { nic: { [out]: -5 } }, allocation: {}, unbacked: [] });
    // As much of the same: the group is another all the same.
    assert.deepEqual(move([bandwidth('a', 5)], [bandwidth('b', 5)]), { diff: {}, allocation: { 'group b': 'nic' }, unbacked: [] });
    assert.equal(move([limit], []), undefined);
  });

  test('bandwidth and packet rates are of providers of their own', () => {
    const both = { 'group a': 'nic', 'group p': 'agent' };
    assert.deepEqual(move([bandwidth('a', 5), packets('p', 9)], [packets('q', 4), bandwidth('b', 6)], both), {
      diff: { nic: { [out]: 1 }, agent: { [any]: -5 } },
      allocation: { 'group b': 'nic', 'group q': 'agent' },
      unbacked: [],
    });
  });

  test('what nobody has allocated is not changed: a new kind of rule, a port without an allocation, a group that is another’s', () => {
    assert.deepEqual(move([bandwidth('a', 5)], [bandwidth('b', 6), packets('q', 4)]), {
      diff: { nic: { [out]: 1 } },
      allocation: { 'group b': 'nic' },
      unbacked: ['minimum_packet_rate'],
    });
    assert.deepEqual(move([], [bandwidth('b', 6)], {}), { diff: {}, allocation: {}, unbacked: ['minimum_bandwidth'] });
    assert.deepEqual(move([bandwidth('a', 5)], [bandwidth('b', 6)], {})?.diff, {});
    assert.deepEqual(move([bandwidth('a', 5)], [bandwidth('b', 6)], { 'group z': 'nic' }), {
      diff: {},
      allocation: {},
      unbacked: ['minimum_bandwidth'],
    });
  });

  test('packets of both directions together do not become packets of one', () => {
    const refused = { name: 'ApiError', status: 501, message: /^Changing from direction-less QoS minimum packet rate rule to/ };
    assert.throws(() => move([packets('p', 1)], [packets('q', 1, 'egress')], { 'group p': 'agent' }), refused);
    assert.throws(() => move([packets('p', 1, 'ingress')], [packets('q', 1)], { 'group p': 'agent' }), refused);
    assert.ok(move([packets('p', 1, 'ingress')], [packets('q', 1, 'egress')], { 'group p': 'agent' }));
  });
});

test('sums: what has nothing left goes, and comes back', () => {
  const has = { host: { VCPU: 1 }, nic: { [out]: 5 } };
  const diff = { nic: { [out]: -5, [into]: 3 } };
  assert.deepEqual(changed(has, diff), { host: { VCPU: 1 }, nic: { [into]: 3 } });
  assert.deepEqual(changed(changed(has, diff), opposite(diff)), has);
  assert.deepEqual(changed(has, { nic: { [out]: -5 } }), { host: { VCPU: 1 } });
  assert.deepEqual(together({ nic: { [out]: 1 } }, { nic: { [out]: 2, [into]: 3 }, agent: { [any]: 1 } }), {
    nic: { [out]: 3, [into]: 3 },
    agent: { [any]: 1 },
  });
});
