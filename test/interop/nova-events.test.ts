// What Nova is told of ports by a real neutron-server: still what was recorded of it, with which test/api/nova-events.test.ts compares Weft.
// WEFT_RECORD=1 records anew.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openAmqpBus } from '../../src/adapters/bus-amqp/amqp-bus.ts';
import { systemClock as clock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { amqpOptions } from '../../src/main/config/rabbit.ts';
import { listenerPassword, NovaListener } from '../api/nova-listener.ts';
import { NeutronServer, noNeutronServer, transportUrlOf } from './neutron-server.ts';
import { live, someLives, type Told } from './nova-lives.ts';
import { noRabbit, Rabbit } from './rabbit.ts';

const file = join(import.meta.dirname, '../data/nova-events.json');

async function byNeutron(names?: readonly string[]): Promise<Told> {
  await using nova = await NovaListener.start();
  await using rabbit = await Rabbit.start();
  const transportUrl = transportUrlOf(rabbit);
  const who = { username: 'neutron', user_domain_name: 'Default', project_name: 'service', project_domain_name: 'Default' };
  const place = { region_name: 'Two', endpoint_type: 'internal' };
  const account = {
    auth_type: 'v3password',
    auth_url: `${nova.url}/v3`,
    ...who,
    ...place,
    password: listenerPassword.replaceAll('$', '$$$$'),
  };
  const told = {
    notify_nova_on_port_status_changes: true,
    notify_nova_on_port_data_changes: true,
    send_events_interval: 0,
    agent_down_time: 3600,
  };
  await using neutron = await NeutronServer.start({ transportUrl, settings: { nova: account, DEFAULT: told } });
  const messaging = { transportUrl, controlExchange: 'neutron', host: 'node-1', rabbit: {} };
  await using bus = await openAmqpBus({ amqp: amqpOptions(messaging), clock, log: textLog({ sink: { write: () => {} } }) });
  const rpc: Parameters<typeof live>[0]['rpc'] = (topic, method, args, version = '1.0') =>
    bus.call({ topic, version }, method, args as never, { timeoutMs: 60_000 });
  return await live({ api: neutron.api, rpc, nova }, names);
}

test('Nova hears from Neutron what was recorded', { skip: noNeutronServer || noRabbit, timeout: 600_000 }, async () => {
  if (process.env['WEFT_RECORD']) writeFileSync(file, `${JSON.stringify(await byNeutron(), null, 1)}\n`);
  const recorded = JSON.parse(readFileSync(file, 'utf8')) as Told;
  assert.deepEqual(await byNeutron(someLives), Object.fromEntries(someLives.map(name => [name, recorded[name]])));
});
