// The tunnels of the matrix over an underlay of IPv6.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { patience } from '../interop/agents/needs.ts';
import { Cells } from './matrix-cells.ts';
import { isTunnel, MatrixWorld, typesOf } from './matrix-world.ts';
import { noSandbox, noSwitch } from './need.ts';

const tunnels = typesOf.openvswitch.filter(isTunnel);

describe('the matrix of tunnels over IPv6', { skip: noSandbox() || noSwitch(), timeout: 590_000 * patience, concurrency: 1 }, () => {
  let world: MatrixWorld;
  const cells = new Cells(tunnels);

  before(async () => {
    world = await MatrixWorld.open(6);
    await cells.open(world);
  });
  after(() => world?.[Symbol.asyncDispose]());

  cells.declare(() => world);

  test('the MTUs leave room for the longer header', () => {
    assert.deepEqual(Object.fromEntries(tunnels.map(type => [type, world.mtu(type)])), { vxlan: 1430, gre: 1438, geneve: 1430 });
  });
});
