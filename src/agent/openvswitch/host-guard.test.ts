// Instances do not reach the host's own addresses by their taps: from the agent's start on, whatever taps come and whatever nft answers first.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simHost } from '../../adapters/host/sim-host.ts';
import { textLog } from '../../adapters/log/text-log.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import { SimClock } from '../../engine/clock.ts';
import { HostGuard } from './host-guard.ts';
import { OvsWorld } from './ovs-world.suite.ts';

const table = 'neutron-openvswi-host';

async function listing(world: OvsWorld): Promise<string> {
  const both = await Promise.all((['inet', 'arp'] as const).map(family => world.host.nft.listTable(hostNetns, family, table)));
  return both.join('\n');
}

test('ports shut out, devices that only begin with tap left alone, also those that come later', async () => {
  await using world = await OvsWorld.open();
  world.host.links.plug(hostNetns, { name: 'tap0' });
  await world.start();
  await world.until('the guard stands', async () => (await listing(world)).includes('iifname "tap*" iifname != { "tap0" } drop'));
  world.host.links.plug(hostNetns, { name: 'tap11111111-11' });
  world.host.links.plug(hostNetns, { name: 'tapvpn' });
  await world.until('tapvpn is left alone', async () => (await listing(world)).split('iifname != { "tap0", "tapvpn" } drop').length === 3);
  await world.stop();
  assert.ok((await listing(world)).includes('drop'), 'it stays when the agent ends');
});

test('a refusal of nft is told of, and not the last word', async () => {
  await using world = await OvsWorld.open();
  world.host.nft.failNext('apply');
  await world.start();
  await world.until('the guard stands', async () => (await listing(world)).includes('iifname "tap*" drop'));
  assert.ok(world.lines.some(line => line.includes("the host's own addresses are not shut to instances")));
});

test('whoever empties nftables does not open the host for good', async () => {
  const host = simHost();
  const clock = new SimClock();
  const log = textLog({ sink: { write() {} }, level: 'debug' });
  await using _ = new HostGuard({ host, clock, log, random: () => 0.5 });
  const stands = async (): Promise<boolean> => {
    for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve));
    return (await host.nft.listTable(hostNetns, 'inet', table)) !== undefined;
  };
  assert.equal(await stands(), true);
  await host.nft.apply(hostNetns, ['inet', 'arp'].map(family => `delete table ${family} ${table}\n`).join(''));
  assert.equal(await stands(), false);
  await clock.advance(30_000);
  assert.equal(await stands(), true);
});
