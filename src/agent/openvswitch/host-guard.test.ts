// Instances do not reach the host's own addresses by their taps: from the agent's start on, whatever taps come and whatever nft answers first.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostNetns } from '../../contracts/host/netns.ts';
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
