// What only a simulated server does: it is old, it fails, it loses an answer, it comes and goes by the clock.
import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { OvsdbAway, OvsdbRefusal, type OvsNews } from '../../../contracts/host/ovsdb.ts';
import { until } from '../../../contracts/host/under-test.ts';
import { SimClock } from '../../../engine/clock.ts';
import { systemClock } from '../../clock/system-clock.ts';
import { simHost } from '../sim-host.ts';
import type { Connect } from './connect.ts';
import { Session } from './session.ts';
import { SimServer } from './sim-server.ts';

const connection = 'unix:/run/openvswitch/db.sock';
const bridge = { bridges: { 'br-one': { external_ids: { a: '1' } } } };

test('a server that only knows the older monitor is followed as well', async () => {
  const { ovsdb } = simHost();
  ovsdb.server.knowsConditions = false;
  await using session = ovsdb.open({ connection });
  await using other = ovsdb.open({ connection });
  const told: OvsNews[] = [];
  using _ = session.watch(news => void told.push(news));
  await other.apply({
    bridges: { 'br-one': { external_ids: { a: '1', b: '2' }, ports: { vx: { tag: 3, interface: { type: 'internal' } } } } },
  });
  await other.apply({ bridges: { 'br-one': { external_ids: { a: null, b: '3' }, ports: { vx: { tag: null } } } } });
  const now = await session.until('the words', picture => (picture.bridges.get('br-one')?.external_ids['b'] === '3' ? picture : undefined));
  assert.deepEqual([now.bridges.get('br-one')?.external_ids, now.port('vx')?.tag], [{ b: '3' }, undefined]);
  await other.apply({ bridges: { 'br-one': null } });
  await session.until('its end', picture => (picture.bridges.size === 0 ? true : undefined));
  const gone = told.flatMap(news => (news.kind === 'changed' ? news.changes : [])).filter(change => !change.after);
  assert.deepEqual(gone.map(change => change.table).sort(), ['Bridge', 'Interface', 'Interface', 'Port', 'Port']);
});

test('a transaction whose answer is lost is not done twice, nor given up', async () => {
  const server = new SimServer();
  let lose = false;
  const connect: Connect = async () => {
    const [ours, theirs] = duplexPair();
    ours.once('close', () => theirs.destroy());
    theirs.once('close', () => ours.destroy());
    server.accept(theirs);
    return ours;
  };
  server.onCommit(() => {
    if (!lose) return;
    lose = false;
    server.restart();
  });
  await using session = new Session({ options: { connection }, connect, clock: systemClock, random: () => 0.5 });
  await session.apply(bridge, { taken: false });
  const commits = server.commits;
  lose = true;
  const { changed, picture } = await session.apply({ bridges: { 'br-one': { external_ids: { a: '2' } } } }, { taken: false });
  assert.deepEqual([changed, picture.bridges.get('br-one')?.external_ids, server.commits], [true, { a: '2' }, commits + 1]);
  lose = true;
  await assert.rejects(
    session.transact([{ op: 'mutate', table: 'Open_vSwitch', where: [], mutations: [['next_cfg', '+=', 1]] }]),
    OvsdbAway,
  );
});

test('a refusal that nobody else is behind is told, not tried for ever', async () => {
  const { ovsdb } = simHost();
  await using session = ovsdb.open({ connection });
  await session.picture();
  ovsdb.stopSwitch();
  for (const error of ['constraint violation', 'resources exhausted']) {
    ovsdb.server.failNext = { error, details: 'no' };
    await assert.rejects(session.apply(bridge), (thrown: unknown) => thrown instanceof OvsdbRefusal && thrown.error === error);
  }
  ovsdb.startSwitch();
  assert.equal((await session.apply(bridge)).changed, true);
});

test('who is refused, or dropped at once, comes back ever later and never all at once', async () => {
  for (const dropped of [false, true]) {
    const attempts = await Promise.all(
      [0, 1].map(async random => {
        const clock = new SimClock();
        const at: number[] = [];
        const connect: Connect = async () => {
          at.push(clock.now());
          if (!dropped) throw new Error('connect ECONNREFUSED');
          const [ours, theirs] = duplexPair();
          theirs.end();
          return ours;
        };
        await using session = new Session({ options: { connection }, connect, clock, random: () => random });
        const told: OvsNews[] = [];
        using _ = session.watch(news => void told.push(news));
        for (let i = 0; i < 600; i++) {
          await new Promise(resolve => setImmediate(resolve));
          await clock.advance(100);
        }
        assert.equal(told.length, 1, 'why it cannot is told once');
        return at;
      }),
    );
    const [sooner = [], later = []] = attempts;
    for (const at of [sooner, later]) assert.ok(at.length >= 8 && at.length <= 20, `${at.length} attempts in a minute`);
    assert.ok((sooner.at(-1) ?? 0) - (sooner.at(-2) ?? 0) >= 6000);
    assert.notDeepEqual(sooner, later);
  }
});

test('one who fails in what it hears keeps nobody else from hearing', async t => {
  const warned = t.mock.method(process, 'emitWarning', () => {});
  const { ovsdb } = simHost();
  await using session = ovsdb.open({ connection });
  const heard: string[] = [];
  using _ = session.watch(() => {
    throw new Error('of a listener');
  });
  using __ = session.watch(news => void heard.push(news.kind));
  await session.apply(bridge);
  await until(() => heard.includes('changed'), 'changed');
  assert.ok(warned.mock.callCount() > 0);
});

test('who begins to listen while the server is away is first told that it is there', async () => {
  const { ovsdb } = simHost();
  await using session = ovsdb.open({ connection });
  await session.apply(bridge);
  const heard: string[] = [];
  using _ = session.watch(news => {
    if (news.kind === 'down' && heard.length === 0) session.watch(({ kind }) => void heard.push(kind));
  });
  await session.until('the first word', now => now);
  ovsdb.stopServer();
  await until(() => heard.includes('down'), 'down for another reason');
  await ovsdb.transact([{ op: 'update', table: 'Bridge', where: [], row: { fail_mode: 'secure' } }]);
  ovsdb.startServer();
  await until(() => heard.includes('up'), 'up');
  assert.deepEqual(heard.filter(kind => kind !== 'down').slice(0, 1), ['up']);
});
