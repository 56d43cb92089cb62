import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSegmentation, readSubPorts } from './trunks.ts';

const a = '11111111-1111-4111-8111-111111111111';
const b = '22222222-2222-4222-8222-222222222222';
const vlan = (port_id: string, segmentation_id: unknown) => ({ port_id, segmentation_type: 'vlan', segmentation_id });

test('subports are read as they are named', () => {
  assert.deepEqual(readSubPorts([]), []);
  const named = [vlan(a, 5), vlan(b, '6')];
  assert.deepEqual(readSubPorts(named), named);
  const inherit = { segmentation_type: 'inherit' };
  assert.deepEqual(
    readSubPorts([
      { port_id: a, ...inherit },
      { port_id: b, ...inherit },
    ]).length,
    2,
  );
  assert.deepEqual(readSubPorts([{ port_id: a }]), [{ port_id: a }]);
});

test('what is no list of subports is refused, with the reason', () => {
  const wrong: [unknown, string][] = [
    [null, "Invalid data format for subports: 'None' is not a list."],
    [{}, "Invalid data format for subports: '{}' is not a list."],
    [['x'], "Invalid data format for subport: 'x' is not a dict."],
    [[{ segmentation_id: 5 }], 'A valid port UUID must be specified.'],
    [[vlan('zz', 5)], "Invalid UUID for subport: 'zz'."],
    [[vlan(a, 5), vlan(a, 6)], `Non unique UUID for subport: '${a}'.`],
    [[vlan(a, 5), vlan(b, 5)], `Segmentation ID '5' for '${b}' is not unique.`],
  ];
  for (const [value, message] of wrong) assert.throws(() => readSubPorts(value), { message });
  assert.throws(() => readSubPorts([{ port_id: a, segmentation_id: 5 }]), { message: /missing segmentation information/ });
  assert.throws(() => readSubPorts(Array.from({ length: 4095 }, () => ({}))), { message: /more than 4094/ });
});

test('a tag is a VLAN between 1 and 4094', () => {
  for (const id of [1, '1', 4094, ' 7 ']) assert.equal(readSegmentation(vlan(a, id)).segmentation_id, Number(id));
  const invalid = (message: RegExp) => ({ type: 'InvalidInput', message });
  for (const id of [0, 4095, '0']) assert.throws(() => readSegmentation(vlan(a, id)), invalid(/is not in range/));
  for (const id of ['x', 1.5, null, true]) assert.throws(() => readSegmentation(vlan(a, id)), invalid(/is not an integer/));
  assert.throws(() => readSegmentation({ ...vlan(a, 5), segmentation_type: 'vxlan' }), invalid(/Unknown segmentation_type 'vxlan'/));
  assert.throws(() => readSegmentation({ port_id: a }), invalid(/Must specify both segmentation_id and segmentation_type\.$/));
});
