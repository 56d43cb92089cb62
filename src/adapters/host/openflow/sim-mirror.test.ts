// What is written into the simulated database of Open vSwitch is seen at the door to its flow tables.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OvsWanted } from '../../../contracts/host/ovsdb.ts';
import { until } from '../../../contracts/host/under-test.ts';
import { simHost } from '../sim-host.ts';

const flow = { table: 5, priority: 1, cookie: 1n, match: {}, actions: [] } as const;

async function bridged() {
  const host = simHost();
  const session = host.ovsdb.open({ connection: 'unix:/run/openvswitch/db.sock' });
  const apply = (wanted: OvsWanted) => session.apply(wanted, { taken: true });
  await apply({ bridges: { 'br-int': { datapath_type: 'netdev', fail_mode: 'secure' } } });
  const news: string[] = [];
  const door = host.openflow.open('br-int', {
    onGap: () => news.push('gap'),
    onAway: () => news.push('away'),
    onPort: (kind, port) => news.push(`${kind} ${port.name} ${port.port}`),
  });
  await door.up();
  return { host, apply, door, news, [Symbol.asyncDispose]: () => session[Symbol.asyncDispose]() };
}

test('bridges and ports come and go with the database', async () => {
  await using world = await bridged();
  const { host, apply, door, news } = world;
  host.links.plug('', { name: 'tap1' });
  await apply({ bridges: { 'br-int': { ports: { tap1: { interface: { ofport_request: 7 } } } } } });
  await until(() => news.includes('added tap1 7'), 'tap1 is a port');
  assert.deepEqual((await door.ports()).map(p => `${p.name} ${p.port}`).sort(), ['br-int local', 'tap1 7']);
  await apply({ bridges: { 'br-int': { ports: { tap1: null } } } });
  await until(() => news.includes('removed tap1 7'), 'tap1 is none');
  await apply({ bridges: { 'br-int': null } });
  await until(() => news.includes('away'), 'the bridge is gone');
});

test('a switch that begins again has no flows, and one that gets or loses its controllers neither', async () => {
  await using world = await bridged();
  const { host, apply, door, news } = world;
  const count = async (): Promise<number> => (await door.flows()).length;
  const program = (): Promise<void> => door.apply([{ do: 'add', flow }]);
  const empty = async (what: string): Promise<void> => {
    await until(async () => (await count()) === 0, what);
    await program();
  };
  await program();
  host.ovsdb.stopSwitch();
  host.ovsdb.startSwitch();
  await until(() => news.filter(n => n === 'gap').length === 2, 'it stands again');
  await empty('a new switch');
  await apply({ bridges: { 'br-int': { controllers: [{ target: 'tcp:127.0.0.1:6633' }] } } });
  await empty('the first controller');
  await apply({ bridges: { 'br-int': { controllers: [{ target: 'tcp:127.0.0.1:6634' }], other_config: { a: 'b' } } } });
  assert.equal(await count(), 1);
  await apply({ bridges: { 'br-int': { controllers: [] } } });
  await empty('no controller');
  await apply({ bridges: { 'br-int': { fail_mode: 'standalone' } } });
  await empty('another fail_mode');
});
