// The tables of the host's own families: their text, and how a running host's are known.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simHost } from '../../adapters/host/sim-host.ts';
import { guardMark, hostGuard } from './nft-host.ts';

const tableName = 'neutron-linuxbri';

const zones = new Map([
  ['brq22222222-bb', 4098],
  ['brq11111111-aa', 4097],
]);

test('taps in no bridge are shut out of the host, and fragments wait in the zones of their networks', () => {
  const { script } = hostGuard(tableName, { foreign: ['tap1', 'tap0'], fragmentZones: zones });
  const map = 'ct zone set iifname map { "brq11111111-aa" : 4097, "brq22222222-bb" : 4098 }';
  assert.match(script, /^ {4}type filter hook prerouting priority -450; policy accept;$/m);
  assert.equal(script.split('iifname "tap*" iifname != { "tap0", "tap1" } drop').length, 3, 'for IP and for ARP');
  assert.ok(script.includes(`    ip frag-off & 0x3fff != 0 ${map}\n    exthdr frag exists ${map}\n`));
});

test('nothing to name leaves no empty set behind, which nft would refuse', () => {
  const { script } = hostGuard(tableName, { foreign: [], fragmentZones: new Map() });
  assert.ok(script.includes('    iifname "tap*" drop\n'));
  assert.ok(!/\{\s*\}|ct zone/.test(script.replaceAll(/chain guard-\w+ \{\s*\}/g, '')));
});

test('a running host is known by its mark: the same state, nothing to do; another one replaces it', async () => {
  const { nft } = simHost();
  const mark = async () => guardMark(await nft.listTable('', 'inet', tableName));
  const first = hostGuard(tableName, { foreign: [], fragmentZones: zones });
  assert.equal(await mark(), undefined);
  await nft.apply('', first.script);
  assert.equal(await mark(), first.mark);
  assert.equal(
    hostGuard(tableName, { foreign: [], fragmentZones: new Map([...zones].reverse()) }).mark,
    first.mark,
    'the order does not count',
  );
  const second = hostGuard(tableName, { foreign: ['tap0'], fragmentZones: zones });
  await nft.apply('', second.script);
  assert.equal(await mark(), second.mark);
  assert.ok((await nft.listTable('', 'arp', tableName))?.includes('"tap0"'));
});
