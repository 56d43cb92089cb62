import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isApiError } from './errors.ts';
import { twinOf, wantedSegments } from './segments.ts';

const vlan = (id?: number, physnet?: string) => ({
  'provider:network_type': 'vlan',
  ...(physnet === undefined ? {} : { 'provider:physical_network': physnet }),
  ...(id === undefined ? {} : { 'provider:segmentation_id': id }),
});
const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (isApiError(error)) return error.type;
  }
  return '';
};

describe('wanted segments', () => {
  test('none, one, several', () => {
    assert.equal(wantedSegments({}), undefined);
    assert.equal(wantedSegments({ segments: [] }), undefined);
    assert.deepEqual(wantedSegments(vlan(5, 'a')), [{ network_type: 'vlan', physical_network: 'a', segmentation_id: 5 }]);
    assert.equal(wantedSegments({ segments: [vlan(5, 'a'), vlan(5, 'b'), vlan(), vlan()] })?.length, 4);
  });

  test('refusals', () => {
    assert.equal(
      refusal(() => wantedSegments({ ...vlan(), segments: [vlan()] })),
      'SegmentsSetInConjunctionWithProviders',
    );
    assert.equal(
      refusal(() => wantedSegments({ segments: [vlan(5, 'a'), vlan(5, 'a')] })),
      'SegmentsContainDuplicateEntry',
    );
    assert.equal(
      refusal(() => wantedSegments({ segments: [{}] })),
      'InvalidInput',
    );
    assert.equal(
      refusal(() => wantedSegments({ 'provider:segmentation_id': 5 })),
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
