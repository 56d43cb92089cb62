import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simHost } from '../../adapters/host/sim-host.ts';
import type { OvsdbSession, WantedPort } from '../../contracts/host/ovsdb.ts';
import { cleanSwitch } from './ovs.ts';

const plugged = (id: string, more: Record<string, string> = {}): WantedPort => ({
  interface: { type: 'internal', external_ids: { 'iface-id': id, 'attached-mac': '02:00:00:00:00:01', ...more } },
});
const mine: WantedPort = { interface: { type: 'internal' } };

async function host(): Promise<{ session: OvsdbSession; links: () => Promise<string[]>; commits: () => number }> {
  const { ovsdb, links } = simHost();
  const session = ovsdb.open({ connection: 'unix:/run/openvswitch/db.sock' });
  const { interface: device = {} } = plugged('six');
  await session.apply({
    bridges: {
      'br-int': {
        ports: {
          tap1: plugged('one'),
          'qr-2': plugged('two'),
          tap3: plugged('three', { skip_cleanup: 'true' }),
          tap4: { interface: { type: 'internal', external_ids: { 'iface-id': 'four' } } },
          mine,
        },
      },
      'br-ex': {
        ports: { 'qg-5': plugged('five'), vxlan: { interface: { ...device, type: 'vxlan', options: { remote_ip: '192.0.2.1' } } } },
      },
    },
  });
  const names = async (): Promise<string[]> => (await links.list('')).map(link => link.name).sort();
  return { session, links: names, commits: () => ovsdb.server.commits };
}

test('ports that were plugged go from the integration bridge, with their devices; the others stay', async () => {
  const { session, links, commits } = await host();
  await using _ = session;
  const cleaning = { session, integrationBridge: 'br-int', allPorts: false };
  assert.deepEqual(await cleanSwitch(cleaning), { removed: ['br-int/qr-2', 'br-int/tap1'], kept: ['br-int/tap3', 'br-int/tap4'] });
  assert.deepEqual([...((await session.picture()).bridges.get('br-int')?.ports.keys() ?? [])], ['br-int', 'mine', 'tap3', 'tap4']);
  assert.deepEqual(await links(), ['br-ex', 'br-int', 'lo', 'mine', 'qg-5', 'tap3', 'tap4']);
  const before = commits();
  assert.deepEqual((await cleanSwitch(cleaning)).removed, []);
  assert.equal(commits(), before);
});

test('all ports of all bridges, their own too; the bridges stay', async () => {
  const { session, links } = await host();
  await using _ = session;
  const { removed, kept } = await cleanSwitch({ session, integrationBridge: 'br-int', allPorts: true });
  assert.deepEqual([removed.length, kept], [9, []]);
  const { bridges } = await session.picture();
  assert.deepEqual(
    [...bridges.values()].map(bridge => [bridge.name, bridge.ports.size]),
    [
      ['br-ex', 0],
      ['br-int', 0],
    ],
  );
  assert.deepEqual(await links(), ['lo']);
});

test('no integration bridge, nothing to do', async () => {
  const { session } = await host();
  await using _ = session;
  assert.deepEqual(await cleanSwitch({ session, integrationBridge: 'br-nosuch', allPorts: false }), { removed: [], kept: [] });
});

test('bridges of trunks go with what they lead to, unless somebody wants to keep what is plugged in there', async () => {
  const { session } = await host();
  await using _ = session;
  const patch = (peer: string): WantedPort => ({ interface: { ...plugged('sub').interface, type: 'patch', options: { peer } } });
  await session.apply({
    bridges: {
      'tbr-11111111-1': { ports: { tap6: plugged('six'), 'spt-1': patch('spi-1') } },
      'tbr-22222222-2': { ports: { tap7: plugged('seven', { skip_cleanup: 'true' }) } },
      'tbr-mine': { ports: { tap8: plugged('eight') } },
      'br-int': { ports: { 'spi-1': patch('spt-1') } },
    },
  });
  const { removed } = await cleanSwitch({ session, integrationBridge: 'br-int', allPorts: false });
  assert.deepEqual(removed, ['br-int/qr-2', 'br-int/spi-1', 'br-int/tap1', 'tbr-11111111-1']);
  const { bridges } = await session.picture();
  assert.deepEqual([...bridges.keys()].sort(), ['br-ex', 'br-int', 'tbr-22222222-2', 'tbr-mine']);
});
