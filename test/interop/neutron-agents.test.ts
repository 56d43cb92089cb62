// Debian's real Linux bridge and DHCP agents, served by Weft over a real RabbitMQ, which is killed between two networks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noSandbox } from '../system/need.ts';
import { findingsOf, noNeutronAgents } from './neutron-agents-host.ts';
import { noRabbit } from './rabbit.ts';

const skip = noNeutronAgents || noSandbox() || noRabbit;

test("Neutron's agents report, plug and serve, also after their broker was killed", { skip, timeout: 400_000 }, async () => {
  assert.deepEqual(await findingsOf('neutron-agents-program.ts'), [
    ['agents', ['DHCP agent', 'Linux bridge agent']],
    ['DHCP port', ['node-1', 'bridge']],
    ['DHCP port after the broker was killed', ['node-1', 'bridge']],
  ]);
});
