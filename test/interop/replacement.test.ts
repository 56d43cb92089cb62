// Weft's server in the place of a real neutron-server, with the same agents and while packets run.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noSandbox } from '../system/need.ts';
import { findingsOf, noNeutronAgents } from './neutron-agents-host.ts';
import { noNeutronServer } from './neutron-server.ts';
import { noRabbit } from './rabbit.ts';

const skip = noNeutronAgents || noSandbox() || noNeutronServer || noRabbit;

test("Neutron's agents go on with Weft's server, and no packet is lost", { skip, timeout: 900_000 }, async () => {
  assert.deepEqual(await findingsOf('replacement-program.ts'), [
    ['import', 0],
    ['the same agents', true],
    ['ports', ['ACTIVE', 'ACTIVE', 'ACTIVE']],
    ['DHCP port of a new network', ['node-1', 'bridge']],
    ['packets', { lost: 0 }],
  ]);
});
