// The agent with devices in Open vSwitch, on a simulated host: every state leads to every other, and a switch that begins again gets its routers back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SimHost } from '../../adapters/host/sim-host.ts';
import type { InterfaceDriverConfig } from '../context.ts';
import { inside, NETNS, other, outside, picture, R1, R2, states, type World, world } from './sim-world.suite.ts';

const interfaceDriver = {
  kind: 'openvswitch',
  bridge: 'br-int',
  useVeth: false,
  datapathType: 'netdev',
  connection: 'unix:/run/openvswitch/db.sock',
  timeoutMs: 10_000,
} as const satisfies InterfaceDriverConfig;

const deviceOf = (prefix: string, { id }: { readonly id: string }): string => `${prefix}-${id.slice(0, 11)}`;

async function open(driver: InterfaceDriverConfig = interfaceDriver): Promise<World> {
  const w = await world({ interfaceDriver: driver });
  await using others = w.host.ovsdb.open({ connection: interfaceDriver.connection });
  await others.apply({ bridges: { 'br-int': { datapath_type: 'netdev' } } });
  return w;
}

async function wholePicture(host: SimHost): Promise<unknown> {
  const ports = [...(host.ovsdb.now().bridges.get('br-int')?.ports.values() ?? [])];
  return { ...(Object(await picture(host)) as object), ports: ports.map(p => [p.name, p.tag, p.interfaces[0]?.external_ids]).sort() };
}

async function until(what: string, holds: () => Promise<void> | void): Promise<void> {
  for (const deadline = performance.now() + 30_000; ; await sleep(5)) {
    try {
      return await holds();
    } catch (error) {
      if (performance.now() > deadline) throw new Error(what, { cause: error });
    }
  }
}

async function wire(host: SimHost): Promise<void> {
  await using others = host.ovsdb.open({ connection: interfaceDriver.connection });
  const names = [...(host.ovsdb.now().bridges.get('br-int')?.ports.keys() ?? [])].filter(name => name.startsWith('q'));
  const ports = Object.fromEntries(names.map(name => [name, { make: false, tag: 1, vlan_mode: null, trunks: [] }]));
  await others.apply({ bridges: { 'br-int': { make: false, ports } } });
}

test('every state leads to every other', async () => {
  const names = ['nothing', 'internal only', 'two networks', 'floating IP', 'other MAC and MTU', 'two routers'];
  const wanted = new Map<string, unknown>();
  for (const name of names) {
    await using w = await open();
    w.server.set(...states[name]!);
    await w.start();
    wanted.set(name, await wholePicture(w.host));
  }
  assert.match(JSON.stringify(wanted.get('floating IP')), /"qg-[^"]*",4095/);
  for (const from of names)
    for (const to of names) {
      await using w = await open();
      w.server.set(...states[from]!);
      await w.start();
      w.server.set(...states[to]!);
      for (const id of [R1, R2]) await w.server.updated(id);
      await until(`${from} -> ${to}`, async () => assert.deepEqual(await wholePicture(w.host), wanted.get(to)));
    }
});

test('from pairs of the driver for Linux bridges to ports of the switch, by a restart with another configuration', async () => {
  await using direct = await open();
  direct.server.set(...states['floating IP']!);
  await direct.start();
  await using w = await open({ kind: 'linuxbridge' });
  w.server.set(...states['floating IP']!);
  await w.start();
  const pids = [...w.host.processes.table.keys()];
  await w.restart({ interfaceDriver });
  assert.deepEqual(await wholePicture(w.host), await wholePicture(direct.host));
  assert.deepEqual([...w.host.processes.table.keys()], pids, 'daemons go on');
});

test('the switch begins again: devices, addresses and routes are back, radvd is told, neighbours too', async () => {
  await using w = await open();
  w.server.set(...states['floating IP']!);
  await w.start();
  await wire(w.host);
  await until('announced', () => assert.ok(w.host.links.announced.some(a => a.ip === '203.0.113.55')));
  const before = await wholePicture(w.host);
  const pids = [...w.host.processes.table.keys()];
  w.host.links.announced.length = 0;
  const reloads = (): number => [...w.host.processes.table.values()].flatMap(p => p.signals).filter(s => s === 'SIGHUP').length;
  const had = reloads();
  w.host.ovsdb.stopSwitch();
  w.host.ovsdb.startSwitch();
  await until('as it was', async () => assert.deepEqual(await wholePicture(w.host), before));
  await until('announced', () => assert.ok(w.host.links.announced.some(a => a.ip === '203.0.113.55' && a.dev === deviceOf('qg', outside))));
  await until('radvd was told', () => assert.ok(reloads() > had));
  assert.deepEqual([...w.host.processes.table.keys()], pids);
});

test('a restart of the agent touches nothing; one port that somebody took away comes back alone', async () => {
  await using w = await open();
  w.server.set({ id: R1, interfaces: [inside, other], gateway: outside });
  await w.start();
  const before = await wholePicture(w.host);
  let commits = 0;
  w.host.ovsdb.server.onCommit(() => commits++);
  const batches = w.host.links.batches.length;
  await w.restart();
  assert.deepEqual([w.host.links.batches.length, commits], [batches, 0]);
  const uuids = () => new Map([...(w.host.ovsdb.now().bridges.get('br-int')?.ports ?? [])].map(([name, port]) => [name, port._uuid]));
  const had = uuids();
  await using others = w.host.ovsdb.open({ connection: interfaceDriver.connection });
  await others.apply({ bridges: { 'br-int': { make: false, ports: { [deviceOf('qr', inside)]: null } } } });
  await until('as it was', async () => assert.deepEqual(await wholePicture(w.host), before));
  const changed = [...uuids()].filter(([name, uuid]) => had.get(name) !== uuid).map(([name]) => name);
  assert.deepEqual(changed, [deviceOf('qr', inside)]);
  assert.ok((await w.host.links.namespaces()).includes(NETNS));
});
