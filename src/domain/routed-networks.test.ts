import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { refusal } from './refusal.suite.ts';
import { checkNewPlace, checkPlaceChange, type RoutedRequest, type RoutedSubnet, subnetsFor, withPeers } from './routed-networks.ts';

const a = { id: 'a', cidr: '10.1.0.0/24', segment_id: 's1' };
const b = { id: 'b', cidr: '10.2.0.0/24', segment_id: 's2' };
const plain = { id: 'p', cidr: '10.3.0.0/24', segment_id: null };
const ask = (more: Partial<RoutedRequest<RoutedSubnet>>) =>
  subnetsFor({ network_id: 'n', subnets: [a, b], host: '', reached: [], fixed_ips: undefined, ...more });
const refusedAs = (work: () => unknown): string | undefined => refusal(work)?.type;

describe('routed networks', () => {
  test('without a host a port waits, unless it asks for addresses or none', () => {
    assert.deepEqual(ask({}), { subnets: [], waits: true });
    assert.deepEqual(ask({ fixed_ips: [] }), { subnets: [], waits: false });
    assert.deepEqual(ask({ fixed_ips: [{ subnet_id: 'b' }] }), { subnets: [b], waits: false });
    assert.deepEqual(ask({ fixed_ips: [{ ip_address: '10.1.0.9' }] }), { subnets: [a], waits: false });
    assert.equal(
      refusedAs(() => ask({ fixed_ips: [{ subnet_id: 'a' }, { ip_address: '10.2.0.9' }] })),
      'FixedIpsSubnetsNotOnSameSegment',
    );
  });

  test('with a host it has the subnets of the one segment that the host is connected to', () => {
    assert.deepEqual(ask({ host: 'h', reached: ['s2'] }), { subnets: [b], waits: false });
    assert.equal(
      refusedAs(() => ask({ host: 'h', reached: [] })),
      'HostNotConnectedToAnySegment',
    );
    assert.equal(
      refusedAs(() => ask({ host: 'h', reached: ['s1', 's2'] })),
      'HostConnectedToMultipleSegments',
    );
    assert.deepEqual(ask({ host: 'h', subnets: [plain] }), { subnets: [plain], waits: false });
  });

  test('subnets are all on segments or none is, and change once', () => {
    const place = { network_id: 'n', segments: [{ id: 's1', is_dynamic: false }], others: [] };
    checkNewPlace({ ...place, others: [a] }, 's2');
    assert.equal(
      refusedAs(() => checkNewPlace({ ...place, others: [a] }, null)),
      'SubnetsNotAllAssociatedWithSegments',
    );
    assert.equal(
      refusedAs(() => checkNewPlace({ ...place, others: [plain] }, 's1')),
      'SubnetsNotAllAssociatedWithSegments',
    );
    checkPlaceChange(place, null, 's1');
    checkPlaceChange({ ...place, others: [b] }, 's1', 's1');
    assert.equal(
      refusedAs(() => checkPlaceChange(place, 's1', 's2')),
      'SubnetSegmentAssociationChangeNotAllowed',
    );
    assert.equal(
      refusedAs(() => checkPlaceChange({ ...place, others: [b] }, null, 's1')),
      'SubnetsNotAllAssociatedWithSegments',
    );
    const two = { ...place, segments: [...place.segments, { id: 's2', is_dynamic: false }] };
    assert.equal(
      refusedAs(() => checkPlaceChange(two, null, 's1')),
      'NoUpdateSubnetWhenMultipleSegmentsOnNetwork',
    );
  });

  test('subnets have routes to each other, where none leads there already', () => {
    const to = (destination: string, nexthop = '10.1.0.1') => ({ destination, nexthop });
    const base = { routes: [to('192.168.0.0/16', '10.1.0.9')], gateway_ip: '10.1.0.1', peers: ['10.2.0.0/24'] };
    assert.deepEqual(withPeers(base), [...base.routes, to('10.2.0.0/24')]);
    assert.deepEqual(withPeers({ ...base, routes: [to('10.0.0.0/8', '10.1.0.9')] }), [to('10.0.0.0/8', '10.1.0.9')]);
    assert.deepEqual(withPeers({ ...base, gateway_ip: null }), base.routes);
    const before = [to('10.2.0.0/24')];
    assert.deepEqual(withPeers({ ...base, routes: before, gateway_ip: '10.1.0.2', gatewayBefore: '10.1.0.1' }), [
      to('10.2.0.0/24', '10.1.0.2'),
    ]);
    assert.deepEqual(withPeers({ ...base, routes: before, peers: [], gone: '10.2.0.0/24' }), []);
  });
});
