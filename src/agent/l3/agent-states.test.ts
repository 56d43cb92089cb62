// The agent on a simulated host: every state leads to every other, safely at each step; restarts touch nothing; leftovers go.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Refusal } from '../../contracts/host/netns.ts';
import { uuid } from './fake-server.suite.ts';
import { inside, NETNS, outside, picture, R1, R2, settle, states, world } from './sim-world.suite.ts';

describe('every state leads to every other', () => {
  for (const [from, first] of Object.entries(states))
    test(`from ${from}`, async () => {
      for (const [to, second] of Object.entries(states)) {
        await using direct = await world();
        direct.server.set(...second);
        await direct.start();
        await using w = await world();
        w.server.set(...first);
        await w.start();
        w.server.set(...second);
        for (const id of [R1, R2]) await w.server.updated(id);
        await settle();
        // `first` may have had routers that a message does not name any more.
        assert.deepEqual(await picture(w.host), await picture(direct.host), `${from} -> ${to}`);
      }
    });
});

test('at no step between two states can a packet leave untranslated, or reach the metadata port', async () => {
  const translated = Object.entries(states).filter(([, routers]) => routers.every(r => r.snat !== false));
  for (const [from, first] of translated)
    for (const [to, second] of translated) {
      await using w = await world();
      let steps = 0;
      // The agent would only try again: what is seen is kept until the end.
      const wrong: string[] = [];
      const look = async (): Promise<void> => {
        if (!(await w.host.links.namespaces()).includes(NETNS)) return;
        const up = (await w.host.links.list(NETNS)).filter(l => l.up && l.name.startsWith('q'));
        const saved = await w.host.iptables.save(NETNS, 4);
        steps++;
        if (up.length > 0 && !/--dport 9697 -j DROP/.test(saved)) wrong.push('the metadata port is open');
        for (const { name } of up.filter(l => l.name.startsWith('qg-')))
          if (!saved.includes(`-A neutron-l3-agent-snat -o ${name} -j SNAT`)) wrong.push(`${name} is up without SNAT`);
      };
      const { links, iptables } = w.host;
      const apply = links.apply.bind(links);
      const restore = iptables.restore.bind(iptables);
      links.apply = async (ns, batch) => {
        const refused: Refusal[] = [];
        for (const change of batch) {
          refused.push(...(await apply(ns, [change])));
          await look();
        }
        return refused;
      };
      iptables.restore = async (ns, family, text) => {
        await restore(ns, family, text);
        await look();
      };
      w.server.set(...first);
      await w.start();
      w.server.set(...second);
      for (const id of [R1, R2]) await w.server.updated(id);
      await settle();
      if (to !== 'nothing') assert.ok(steps > 0);
      assert.deepEqual(wrong, [], `${from} -> ${to}`);
    }
});

test('marks of address scopes that another agent numbered its own way stay: connections carry them', async () => {
  await using w = await world();
  w.server.set(...states['address scopes']!);
  const first = await w.start();
  await first[Symbol.asyncDispose]();
  const save = () => w.host.iptables.save(NETNS, 4);
  const [, mark = assert.fail()] = /scope -i qr-\S+ -j MARK --set-xmark (0x(?!4000000)[0-9a-f]+)\//.exec(await save()) ?? [];
  const rules = (await save()).split('\n').filter(line => line.includes(mark));
  assert.ok(rules.length > 2, 'inwards, outwards, and translations');
  for (const table of ['nat', 'mangle', 'filter']) {
    const text = (await w.host.iptables.save(NETNS, 4, table)).replaceAll(mark, '0x4010000');
    await w.host.iptables.restore(NETNS, 4, text.replace(/^:(neutron\S+) .*$/gm, ':$1 - [0:0]').replace(/^-A (?!neutron).*\n/gm, ''));
  }
  const before = await save();
  assert.ok(before.includes('0x4010000/') && !before.includes(mark));
  await w.start();
  assert.equal(await save(), before);
});

test('a restarted agent changes nothing where all is as wanted', async () => {
  for (const [name, routers] of Object.entries(states)) {
    await using w = await world();
    w.server.set(...routers);
    await using first = await w.start();
    await first[Symbol.asyncDispose]();
    const before = await picture(w.host);
    const [batches, restored, pids] = [w.host.links.batches.length, w.host.iptables.restored.length, [...w.host.processes.table.keys()]];
    await w.start();
    assert.deepEqual(w.host.links.batches.slice(batches), [], name);
    assert.deepEqual(w.host.iptables.restored.slice(restored), [], name);
    assert.deepEqual([...w.host.processes.table.keys()], pids, name);
    assert.deepEqual(await picture(w.host), before, name);
  }
});

test('nothing is removed before the server has answered, leftovers go afterwards', async () => {
  await using w = await world();
  w.server.set(...states['two routers']!);
  const first = await w.start();
  await first[Symbol.asyncDispose]();
  w.server.set({ id: R1, interfaces: [inside], gateway: outside });
  w.server.unwell = true;
  const before = await picture(w.host);
  const second = w.start();
  await settle();
  await w.clock.advance(5000);
  await settle();
  assert.deepEqual(await picture(w.host), before);
  w.server.unwell = false;
  await w.clock.advance(60_000);
  await second;
  assert.deepEqual(await w.host.links.namespaces(), [NETNS]);
  assert.equal(
    [...w.host.files.texts.keys()].some(path => path.includes(R2)),
    false,
  );
  assert.equal(
    [...w.host.processes.table.values()].some(p => p.argv.join(' ').includes(R2)),
    false,
  );
});

test('leftovers of routers that nobody remembers go, namespaces and daemons of others stay', async () => {
  await using w = await world();
  const gone = uuid('rou', 9);
  await w.host.links.addNamespace(`qrouter-${gone}`);
  await w.host.links.apply('', [
    { do: 'add-link', link: { kind: 'veth', name: 'tapdead0000-00', peer: 'qr-dead0000-00', peerNetns: `qrouter-${gone}` } },
  ]);
  await w.host.links.addNamespace('qdhcp-1');
  await w.host.links.addNamespace('qrouter-not-an-id');
  await w.host.files.write(`/state/ra/${uuid('rou', 8)}.radvd.conf`, '');
  await w.start();
  assert.deepEqual((await w.host.links.namespaces()).toSorted(), ['qdhcp-1', 'qrouter-not-an-id']);
  assert.deepEqual(
    (await w.host.links.list('')).map(l => l.name),
    ['lo'],
  );
  assert.deepEqual(await w.host.files.list('/state/ra'), []);
});

test('one changed router changes only what differs: a floating IP more is no device, no radvd', async () => {
  await using w = await world();
  w.server.set(...states['gateway']!);
  await w.start();
  const pids = [...w.host.processes.table.keys()];
  const batches = w.host.links.batches.length;
  w.server.set(...states['floating IP']!);
  await w.server.updated(R1);
  await settle();
  assert.deepEqual(
    w.host.links.batches.slice(batches).flatMap(b => b.changes.map(c => c.do)),
    ['add-address'],
  );
  assert.deepEqual([...w.host.processes.table.keys()], pids);
  assert.deepEqual(w.host.links.announced.at(-1), { ns: NETNS, dev: `qg-${outside.id.slice(0, 11)}`, ip: '203.0.113.55' });
});
