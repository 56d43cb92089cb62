// The filters of an agent that is gone go with the last tap, and nobody else's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SimHost, simHost } from '../../adapters/host/sim-host.ts';
import { linuxbridgeNames, openvswitchNames } from '../../agent/render/iptables-names.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import { cleanFilters } from './filters.ts';

const [lb, ovs] = ['neutron-linuxbri', 'neutron-openvswi'];
const tables = [
  ...[`bridge ${lb}`, `inet ${lb}`, `arp ${lb}`, `bridge ${lb}-sg`, `inet ${lb}-sg`, `bridge ${lb}-qos`],
  ...[`inet ${ovs}-host`, `arp ${ovs}-host`, 'inet filter'],
];
const chains = [`:${lb}-FORWARD - [0:0]`, `-A FORWARD -j ${lb}-FORWARD`, `-A ${lb}-FORWARD -m set --match-set NIPv4abc src -j ACCEPT`];
const isOurs = (bridge: string): boolean => bridge.startsWith('brq');

async function leftBehind(): Promise<SimHost> {
  const host = simHost();
  await host.nft.apply(hostNetns, tables.map(table => `table ${table} {\n}\n`).join(''));
  await host.ipsets.restore(hostNetns, 'create NIPv4abc hash:net family inet\n');
  await host.iptables.restore(hostNetns, 4, `*filter\n${chains.join('\n')}\nCOMMIT\n`);
  return host;
}

const there = async ({ nft }: SimHost): Promise<string[]> => {
  const found = await Promise.all(
    tables.map(async table => {
      const [family, name = ''] = table.split(' ') as ['bridge' | 'inet' | 'arp', string];
      return (await nft.listTable(hostNetns, family, name)) === undefined ? [] : [table];
    }),
  );
  return found.flat();
};

test('with no tap here all of the agent’s go', async () => {
  const host = await leftBehind();
  const own = tables.slice(0, 6);
  const done = await cleanFilters(host, linuxbridgeNames, isOurs);
  assert.deepEqual(done.kept, []);
  assert.deepEqual(done.removed.toSorted(), [`chains ${lb}-… of iptables`, ...own.map(table => `table ${table}`)].toSorted());
  assert.deepEqual(await there(host), tables.slice(6));
  assert.doesNotMatch(await host.iptables.save(hostNetns, 4), /linuxbri/);
  assert.equal((await host.ipsets.list(hostNetns)).size, 0);
  await cleanFilters(host, openvswitchNames, isOurs);
  assert.deepEqual(await there(host), ['inet filter']);
});

for (const master of ['brq11111111-11', undefined])
  test(`a tap ${master === undefined ? 'in no bridge' : 'in a bridge of the agent’s'} keeps all of them`, async () => {
    const host = await leftBehind();
    host.links.plug(hostNetns, { name: 'tap11111111-11' });
    await host.links.apply(hostNetns, [
      { do: 'add-link', link: { kind: 'bridge', name: 'brq11111111-11' } },
      ...(master === undefined ? [] : [{ do: 'set-link', name: 'tap11111111-11', master } as const]),
    ]);
    const done = await cleanFilters(host, linuxbridgeNames, isOurs);
    assert.deepEqual([done.removed, done.kept.length, await there(host)], [[], 7, tables]);
    assert.match(await host.iptables.save(hostNetns, 4), /linuxbri/);
  });
