import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeObject } from './decode.ts';
import { encode } from './encode.ts';

test('what was written is read, objects inside as well', () => {
  const rule = { type: 'QosDscpMarkingRule', id: 'r', dscp_mark: 26 };
  const read = decodeObject(JSON.parse(JSON.stringify(encode('QosPolicy', { id: 'p', name: 'gold', rules: [rule] }, 10))));
  assert.deepEqual(read, {
    name: 'QosPolicy',
    minor: 10,
    data: { id: 'p', name: 'gold', rules: [{ name: 'QosDscpMarkingRule', minor: 5, data: { id: 'r', dscp_mark: 26 } }] },
  });
});

test('what is no object is none', () => {
  const named = { 'versioned_object.name': 'Trunk', 'versioned_object.version': '1.1', 'versioned_object.data': {} };
  assert.ok(decodeObject(named));
  for (const wrong of [null, 7, [], {}, { ...named, 'versioned_object.data': [] }, { ...named, 'versioned_object.version': '2.0' }])
    assert.equal(decodeObject(wrong), undefined, JSON.stringify(wrong));
});
