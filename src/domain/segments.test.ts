import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { refusal } from './refusal.suite.ts';
import { twinOf, wantedSegments } from './segments.ts';

const vlan = (id?: number, physnet?: string) => ({
  'provider:network_type': 'vlan',
  ...(physnet === undefined ? {} : { 'provider:physical_network': physnet }),
  ...(id === undefined ? {} : { 'provider:segmentation_id': id }),
});
const refusedAs = (work: () => unknown): string | undefined => refusal(work)?.type;

describe('wanted segments', () => {
  test('none, one, several', () => {
    assert.equal(wantedSegments({}), undefined);
    assert.equal(wantedSegments({ segments: [] }), undefined);
    assert.deepEqual(wantedSegments(vlan(5, 'a')), [{ network_type: 'vlan', physical_network: 'a', segmentation_id: 5 }]);
    assert.equal(wantedSegments({ segments: [vlan(5, 'a'), vlan(5, 'b'), vlan(), vlan()] })?.length, 4);
  });

  test('refusals', () => {
    assert.equal(
      refusedAs(() => wantedSegments({ ...vlan(), segments: [vlan()] })),
      'SegmentsSetInConjunctionWithProviders',
    );
    assert.equal(
      refusedAs(() => wantedSegments({ segments: [vlan(5, 'a'), vlan(5, 'a')] })),
      'SegmentsContainDuplicateEntry',
    );
    assert.equal(
      refusedAs(() => wantedSegments({ segments: [{}] })),
      'InvalidInput',
    );
    assert.equal(
      refusedAs(() => wantedSegments({ 'provider:segmentation_id': 5 })),
      'InvalidInput',
    );
  });

  test('a network has one segment of a type on a physical network', () => {
    const all = [
      { network_type: 'vlan', physical_network: 'a' },
      { network_type: 'vxlan', physical_network: null },
    ];
    assert.equal(twinOf(all, { network_type: 'vlan', physical_network: 'a' }), all[0]);
    assert.equal(twinOf(all, { network_type: 'vlan', physical_network: 'b' }), undefined);
    assert.equal(twinOf(all, { network_type: 'vxlan', physical_network: null }), undefined);
  });
});
