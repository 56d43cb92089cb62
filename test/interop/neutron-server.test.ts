// A real neutron-server as tests have it: who reports over its broker is an agent there, and is so still after it was ended and started again.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { openAmqpBus } from '../../src/adapters/bus-amqp/amqp-bus.ts';
import { systemClock as clock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { amqpOptions } from '../../src/main/config/rabbit.ts';
import { until } from '../api/harness.ts';
import { NeutronServer, noNeutronServer, transportUrlOf } from './neutron-server.ts';
import { noRabbit, Rabbit } from './rabbit.ts';

const skip = noNeutronServer || noRabbit;

test("Neutron's server takes reports from Weft's bus, and keeps them over a restart", { skip, timeout: 400_000 }, async () => {
  await using rabbit = await Rabbit.start();
  const transportUrl = transportUrlOf(rabbit);
  await using neutron = await NeutronServer.start({ transportUrl });
  const messaging = { transportUrl, controlExchange: 'neutron', host: 'node-1', rabbit: {} };
  const log = textLog({ sink: { write: () => {} } });
  await using bus = await openAmqpBus({ amqp: amqpOptions(messaging), clock, log });

  const report = (): Promise<unknown> => {
    const common = { agent_type: 'DHCP agent', binary: 'neutron-dhcp-agent', topic: 'dhcp_agent', host: 'node-1', uuid: randomUUID() };
    const agent_state = { ...common, availability_zone: 'nova', configurations: {}, start_flag: true };
    const args = { agent_state: { agent_state }, time: new Date().toISOString().replace('Z', '') };
    return bus.call({ topic: 'q-reports-plugin', version: '1.2' }, 'report_state', args, { timeoutMs: 30_000 });
  };
  const listed = async (): Promise<unknown[]> => (await neutron.api.list('agents')).map(one => [one['host'], one['alive']]);
  assert.equal(await report(), 'new');
  assert.deepEqual(await listed(), [['node-1', true]]);

  await neutron.down();
  await assert.rejects(fetch(neutron.url));
  await neutron.up();
  assert.deepEqual(await listed(), [['node-1', true]]);
  // Null is its answer to a report that looks older than itself.
  await until('it reads reports again', async () => (await report()) === 'alive', 60_000);
});
