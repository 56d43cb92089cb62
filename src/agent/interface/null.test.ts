import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simHost } from '../../adapters/host/sim-host.ts';
import { openInterfaceDriver } from './open.ts';

test('the driver that makes nothing takes what is there, and says what is missing', async () => {
  const host = simHost();
  await using driver = openInterfaceDriver(host, { kind: 'null' });
  await host.links.addNamespace('q');
  host.links.plug('q', { name: 'tap0f1a2b3c-4d', kind: 'dummy' });
  const device = { portId: '0f1a2b3c-4d5e-4f60-8a7b-9c0d1e2f3a4b', netns: 'q', name: 'tap0f1a2b3c-4d', mac: 'fa:16:3e:00:00:01', mtu: 0 };
  const outside = await driver.look();
  const [, inside] = await host.links.list('q');
  assert.deepEqual(outside.judge(device, inside), { kind: 'whole' });
  const refused = outside.judge(device, undefined);
  assert.match(refused.kind === 'refused' ? refused.why : '', /tap0f1a2b3c-4d is not there, and interface_driver = null makes no devices/);
  await driver.unplug('q', [device.name]);
  assert.equal((await host.links.list('q')).length, 2);
});
