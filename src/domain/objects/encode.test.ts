import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ObjectType } from '../../model/objects/kit.ts';
import { objectTypes } from '../../model/objects/types.ts';
import { encode, encodeGone, minorOf, pythonJson } from './encode.ts';

const data = (primitive: unknown): Record<string, unknown> =>
  (primitive as Record<string, Record<string, unknown>>)['versioned_object.data']!;
const versionOf = (primitive: unknown): unknown => (primitive as Record<string, unknown>)['versioned_object.version'];

describe('versioned objects as they are written', () => {
  test('columns without a value are left out, other fields are null', () => {
    const written = data(encode('SecurityGroupRule', { id: 'r', security_group_id: 'g' }, 2));
    assert.deepEqual(written, { id: 'r', security_group_id: 'g', normalized_cidr: null });
  });

  test('an older version lacks what came later', () => {
    const port = {
      id: 'p',
      trusted: true,
      hardware_offload_type: 'switchdev',
      hints: { hints: {} },
      device_profile: 'd',
      numa_affinity_policy: 'n',
    };
    const later = ['numa_affinity_policy', 'device_profile', 'hints', 'hardware_offload_type', 'trusted'];
    const shown = (minor: number): string[] => Object.keys(data(encode('Port', port, minor))).filter(name => later.includes(name));
    assert.deepEqual(shown(10), later);
    for (const [i, minor] of [5, 6, 7, 8, 9].entries()) assert.deepEqual(shown(minor), later.slice(0, i), String(minor));
    assert.equal(versionOf(encode('Port', port, 7)), '1.7');
  });

  test('what is inside has the version that belongs to the outer one', () => {
    const group = { id: 'g', rules: [{ id: 'r', belongs_to_default_sg: true }] };
    const rule = (minor: number): unknown => (data(encode('SecurityGroup', group, minor)).rules as unknown[])[0];
    assert.deepEqual([versionOf(rule(6)), data(rule(6)).belongs_to_default_sg], ['1.3', true]);
    assert.deepEqual([versionOf(rule(5)), Object.hasOwn(data(rule(5)), 'belongs_to_default_sg')], ['1.2', false]);
  });

  test('rules of a kind that a version does not know are left out', () => {
    const kinds = ['QosBandwidthLimitRule', 'QosPacketRateLimitRule', 'QosMinimumPacketRateRule'];
    const policy = { id: 'q', rules: kinds.map(type => ({ type, id: type })) };
    const known = (minor: number): unknown => (data(encode('QosPolicy', policy, minor)).rules as unknown[]).map(r => data(r).id);
    assert.deepEqual([known(10), known(9), known(8)], [kinds, kinds.slice(0, 2), kinds.slice(0, 1)]);
  });

  test('dictionaries are JSON in text, as Python writes it', () => {
    assert.equal(pythonJson({ a: [1, 'x', null, true], b: {} }), '{"a": [1, "x", null, true], "b": {}}');
    const binding = data(encode('PortBinding', { profile: {}, vif_details: null }, 0));
    assert.deepEqual(binding, { profile: '{}', vif_details: null });
  });

  test('of an object that has gone, its id and what every one is born with', () => {
    const gone = encodeGone('Network', 'n', 1, { mtu: 1500 });
    assert.deepEqual([data(gone), gone['versioned_object.changes']], [{ id: 'n', mtu: 1500 }, ['id', 'mtu']]);
  });

  test('versions are read strictly', () => {
    assert.deepEqual(['1.0', '1.10', '2.0', '1.', 'x', '1.1.1'].map(minorOf), [0, 10, undefined, undefined, undefined, undefined]);
  });

  test('every nested type is one of the table', () => {
    const types: Readonly<Record<string, ObjectType>> = objectTypes;
    const named = Object.values(types).flatMap(type => [
      ...Object.values(type.fields).flatMap(f => (f.of === undefined || f.of === 'QosRule' ? [] : [f.of])),
      ...(type.nested ?? []).flatMap(([, minors]) => Object.keys(minors)),
    ]);
    assert.deepEqual(
      named.filter(name => !Object.hasOwn(types, name)),
      [],
    );
    assert.ok(Object.values(types).every(type => type.oldest <= type.minor));
  });
});
