import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WireObject } from '../../domain/objects/decode.ts';
import { parentPatch, subPortPatch, trunkBridgeName } from './openvswitch/trunk-names.ts';
import { readTrunk } from './trunk.ts';

const id = (n: number): string => `${String(n).repeat(8)}-1111-4111-8111-111111111111`;
const object = (name: string, data: object): WireObject => ({ name, minor: 0, data: { ...data } });
const sub = (n: number, segmentation_id: unknown, segmentation_type: unknown = 'vlan'): WireObject =>
  object('SubPort', { port_id: id(n), trunk_id: id(1), segmentation_type, segmentation_id });
const trunk = (...sub_ports: unknown[]): WireObject => object('Trunk', { id: id(1), port_id: id(2), status: 'DOWN', sub_ports });

test('a trunk as the server tells of it', () => {
  const read = readTrunk(trunk(sub(3, 1), sub(4, 4094)));
  assert.deepEqual(read, {
    id: id(1),
    port_id: id(2),
    status: 'DOWN',
    sub_ports: [
      { port_id: id(3), segmentation_id: 1 },
      { port_id: id(4), segmentation_id: 4094 },
    ],
    unusable: new Map(),
  });
});

test('what makes no sense is set aside, and the others are there', () => {
  const read = readTrunk(
    trunk(sub(3, 5), sub(4, 5), sub(5, 0), sub(6, 4095), sub(7, '7'), sub(8, 8, 'vxlan'), sub(3, 9), sub(2, 10), null, 'x'),
  );
  assert.deepEqual(read?.sub_ports, [{ port_id: id(3), segmentation_id: 5 }]);
  assert.deepEqual([...(read?.unusable.keys() ?? [])], [4, 5, 6, 7, 8].map(id));
});

test('no trunk', () => {
  for (const data of [{ id: 'x', port_id: id(2) }, { id: id(1) }, {}]) assert.equal(readTrunk(object('Trunk', data)), undefined);
  assert.equal(readTrunk(object('SubPort', { id: id(1), port_id: id(2) })), undefined);
});

test('names are those of Neutron’s agent', () => {
  const uuid = 'abcdef01-2345-4678-89ab-cdef01234567';
  assert.equal(trunkBridgeName(uuid), 'tbr-abcdef01-2');
  assert.deepEqual(parentPatch(uuid), { int: 'tpi-abcdef01-23', trunk: 'tpt-abcdef01-23' });
  assert.deepEqual(subPortPatch(uuid), { int: 'spi-abcdef01-23', trunk: 'spt-abcdef01-23' });
});
