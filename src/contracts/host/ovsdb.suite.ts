// What every door to Open vSwitch must do: the database's protocol, what is wanted made so, and what is told of it.
import assert from 'node:assert/strict';
import test from 'node:test';
import { OvsdbAway, OvsdbRefusal, type OvsdbSession, type OvsNews, type OvsPort, SwitchAway, type WantedBridge } from './ovsdb.ts';
import { ovsdbProtocol } from './ovsdb-protocol.suite.ts';
import { type OpenOvsdb, type OvsdbCheck, until } from './under-test.ts';

export function ovsdbContract(name: string, open: OpenOvsdb): void {
  const check: OvsdbCheck = (what, body) => {
    test(`ovsdb ${name}: ${what}`, { timeout: 60_000 }, async () => {
      await using under = await open();
      await using session = under.open();
      const before = await session.picture();
      try {
        await body(session, under);
      } finally {
        const { bridges } = await session.picture();
        const made = [...bridges.keys()].filter(bridge => !before.bridges.has(bridge));
        await session.apply({ bridges: Object.fromEntries(made.map(bridge => [bridge, null])) }, { taken: false });
      }
    });
  };
  ovsdbProtocol(check);
  bridges(check);
  ports(check);
  problems(check);
  queues(check);
  others(check);
  news(check);
  losses(check);
}

/** Without the kernel's datapath, which not every kernel has. */
const netdev = (more: WantedBridge = {}): WantedBridge => ({ datapath_type: 'netdev', ...more });
const internal = { interface: { type: 'internal' } } as const;

async function portOf(session: OvsdbSession, name: string): Promise<OvsPort> {
  const port = (await session.picture()).port(name);
  assert.ok(port, `no port ${name}`);
  return port;
}

function bridges(check: OvsdbCheck): void {
  check('a bridge is made with its local port, and a second time nothing is done', async session => {
    const wanted = {
      bridges: {
        'br-one': netdev({
          fail_mode: 'secure',
          protocols: ['OpenFlow10', 'OpenFlow13'],
          other_config: { 'mac-table-size': '50000' },
          external_ids: { 'bridge-id': 'one' },
          mcast_snooping_enable: true,
        }),
      },
    } as const;
    const made = await session.apply(wanted);
    assert.deepEqual([made.changed, made.absent, made.problems], [true, [], {}]);
    const bridge = made.picture.bridges.get('br-one');
    assert.deepEqual(
      [bridge?.fail_mode, bridge?.protocols, bridge?.other_config, bridge?.external_ids, bridge?.mcast_snooping_enable],
      ['secure', ['OpenFlow10', 'OpenFlow13'], { 'mac-table-size': '50000' }, { 'bridge-id': 'one' }, true],
    );
    assert.match(bridge?.datapath_id ?? '', /^[0-9a-f]{16}$/);
    const [local] = bridge?.ports.get('br-one')?.interfaces ?? [];
    assert.deepEqual([local?.type, local?.ofport, local?.error], ['internal', 65534, undefined]);
    const again = await session.apply(wanted);
    assert.deepEqual([again.changed, again.picture.root.next_cfg], [false, made.picture.root.next_cfg]);
  });

  check('what is not named stays, what is null goes', async session => {
    await session.apply({
      bridges: {
        'br-one': netdev({ fail_mode: 'secure', protocols: ['OpenFlow13'], external_ids: { a: '1', b: '2' }, ports: { vx: internal } }),
      },
    });
    await session.apply({ bridges: { 'br-one': { protocols: ['OpenFlow14'], external_ids: { b: '3', c: '4', d: null } } } });
    const changed = (await session.picture()).bridges.get('br-one');
    assert.deepEqual([changed?.protocols, changed?.fail_mode], [['OpenFlow13', 'OpenFlow14'], 'secure']);
    assert.deepEqual(changed?.external_ids, { a: '1', b: '3', c: '4' });
    assert.deepEqual([...(changed?.ports.keys() ?? [])], ['br-one', 'vx']);
    await session.apply({ bridges: { 'br-one': { fail_mode: null, external_ids: { a: null } } } });
    const after = (await session.picture()).bridges.get('br-one');
    assert.deepEqual([after?.fail_mode, after?.external_ids], [undefined, { b: '3', c: '4' }]);
    const gone = await session.apply({ bridges: { 'br-one': null, 'br-two': null, 'br-three': { make: false } } });
    assert.deepEqual([gone.picture.bridges.has('br-one'), gone.picture.port('vx'), gone.absent], [false, undefined, ['br-three']]);
    assert.equal(
      [...gone.picture.tables.Interface.values()].some(row => row.name === 'vx'),
      false,
      'rows that nobody refers to are gone',
    );
  });

  check('controllers are exactly those wanted, and one that stays is not made anew', async session => {
    const one = { target: 'tcp:127.0.0.1:16633', connection_mode: 'out-of-band', inactivity_probe: 10_000 } as const;
    const two = { target: 'tcp:127.0.0.1:16634' };
    const controllers = async (): Promise<(readonly [string, string])[]> => {
      const bridge = (await session.picture()).bridges.get('br-one');
      return (bridge?.controllers ?? []).map(row => [row.target, row._uuid] as const);
    };
    await session.apply({ bridges: { 'br-one': netdev({ controllers: [one] }) } });
    const [first] = await controllers();
    assert.equal(first?.[0], one.target);
    await session.apply({ bridges: { 'br-one': { controllers: [one, two] } } });
    const both = await controllers();
    assert.deepEqual([both.length, both[0]], [2, first]);
    assert.equal((await session.apply({ bridges: { 'br-one': { controllers: [two, one] } } })).changed, false);
    await session.apply({ bridges: { 'br-one': { controllers: [{ ...one, inactivity_probe: 5000 }] } } });
    assert.deepEqual(await controllers(), [first]);
    assert.equal((await session.picture()).bridges.get('br-one')?.controllers[0]?.inactivity_probe, 5000);
    await session.apply({ bridges: { 'br-one': { controllers: [] } } });
    assert.deepEqual(await controllers(), []);
  });

  check('words of any kind come back as they were', async session => {
    const words = { __proto__x: 'a', constructor: '', 'ключ €': 'zwölf "quoted" \\ 𝄞\n', 'iface-id': '', 'a=b,c': '[]{}' };
    const odd = JSON.parse('{"__proto__":"own"}') as Record<string, string>;
    await session.apply({ bridges: { 'br-one': netdev({ external_ids: { ...words, ...odd } }) } });
    const told = (await session.picture()).bridges.get('br-one')?.external_ids ?? {};
    assert.deepEqual(Object.entries(told).sort(), Object.entries({ ...words, ...odd }).sort());
    assert.ok(Object.hasOwn(told, '__proto__'));
  });
}

function ports(check: OvsdbCheck): void {
  check('a port has its settings, typed, and they change one by one', async session => {
    await session.apply({
      bridges: {
        'br-one': netdev({
          ports: {
            vx: {
              tag: 5,
              trunks: [7, 2],
              vlan_mode: 'access',
              other_config: { net_uuid: 'n' },
              interface: { type: 'internal', external_ids: { 'iface-id': 'x' } },
            },
          },
        }),
      },
    });
    const made = await portOf(session, 'vx');
    assert.deepEqual(
      [made.bridge, made.tag, made.trunks, made.vlan_mode, made.other_config],
      ['br-one', 5, [2, 7], 'access', { net_uuid: 'n' }],
    );
    const [device] = made.interfaces;
    assert.deepEqual([device?.external_ids, (device?.ofport ?? 0) > 0, device?.mtu_request], [{ 'iface-id': 'x' }, true, undefined]);
    assert.match(device?.mac_in_use ?? '', /^[0-9a-f:]{17}$/);
    const port = {
      tag: null,
      trunks: [],
      other_config: { net_uuid: null, tag: '5' },
      interface: { external_ids: { more: 'y' }, ingress_policing_rate: 1000 },
    };
    await session.apply({ bridges: { 'br-one': { ports: { vx: port } } } });
    const changed = await portOf(session, 'vx');
    assert.deepEqual([changed.tag, changed.trunks, changed.vlan_mode, changed.other_config], [undefined, [], 'access', { tag: '5' }]);
    assert.deepEqual([changed._uuid, changed.interfaces[0]?._uuid], [made._uuid, device?._uuid]);
    assert.deepEqual(
      [changed.interfaces[0]?.external_ids, changed.interfaces[0]?.ingress_policing_rate],
      [{ 'iface-id': 'x', more: 'y' }, 1000],
    );
    const gone = await session.apply({ bridges: { 'br-one': { ports: { vx: null, vy: null } } } });
    assert.equal(gone.picture.port('vx'), undefined);
  });

  check('one that only others make is not made, and said to be absent', async session => {
    await session.apply({ bridges: { 'br-one': netdev({ ports: { vx: internal } }) } });
    const { absent, changed } = await session.apply({
      bridges: { 'br-one': { ports: { vx: { make: false, tag: 9 }, tap9: { make: false, tag: 9 } } } },
    });
    assert.deepEqual([absent, changed], [['br-one/tap9'], true]);
    assert.equal((await portOf(session, 'vx')).tag, 9);
    assert.equal((await session.picture()).port('tap9'), undefined);
  });

  check('one that is on another bridge is refused, unless it is to leave that one', async session => {
    await session.apply({ bridges: { 'br-one': netdev({ ports: { vx: internal } }), 'br-two': netdev() } });
    const moved = { 'br-two': { ports: { vx: { ...internal, tag: 3 } } } };
    await assert.rejects(
      session.apply({ bridges: moved }),
      (error: unknown) => error instanceof OvsdbRefusal && error.error === 'conflict' && /br-one/.test(error.message),
    );
    await session.apply({ bridges: { 'br-one': { ports: { vx: null } }, ...moved } });
    assert.deepEqual([(await portOf(session, 'vx')).bridge, (await portOf(session, 'vx')).tag], ['br-two', 3]);
    const bare = await session.apply({ bridges: { 'br-two': { ports: { 'br-two': null } } } });
    assert.deepEqual([...(bare.picture.bridges.get('br-two')?.ports.keys() ?? [])], ['vx'], 'the local port, too, goes if it is said so');
  });

  check('a pair of patch ports joins two bridges', async session => {
    const patch = (peer: string) => ({ interface: { type: 'patch', options: { peer } } });
    const { problems } = await session.apply({
      bridges: { 'br-one': netdev({ ports: { 'to-two': patch('to-one') } }), 'br-two': netdev({ ports: { 'to-one': patch('to-two') } }) },
    });
    assert.deepEqual(problems, {});
    const [one] = (await portOf(session, 'to-two')).interfaces;
    assert.deepEqual([one?.options, (one?.ofport ?? 0) > 0], [{ peer: 'to-one' }, true]);
  });

  check('three hundred ports in one transaction, each with a number of its own', async session => {
    const names = Array.from({ length: 300 }, (_, i) => `vp${i}`);
    const wanted = Object.fromEntries(
      names.map((name, i) => [
        name,
        { tag: i, interface: { type: 'patch', options: { peer: `none${i}` }, external_ids: { words: 'ü'.repeat(200) } } },
      ]),
    );
    const { picture } = await session.apply({ bridges: { 'br-one': netdev({ ports: wanted }) } }, { timeoutMs: 30_000 });
    const rows = names.map(name => picture.port(name)?.interfaces[0]);
    assert.equal(new Set(rows.map(row => row?.ofport)).size, 300);
    assert.ok(rows.every(row => row?.external_ids['words'] === 'ü'.repeat(200)));
    await session.apply({ bridges: { 'br-one': null } }, { timeoutMs: 30_000 });
  });
}

function problems(check: OvsdbCheck): void {
  check('a device that is not there is said, comes, and goes again', async (session, under) => {
    const { problems } = await session.apply({ bridges: { 'br-one': netdev({ ports: { vdev0: {} } }) } });
    assert.match(problems['vdev0'] ?? '', /vdev0.*No such device/);
    assert.equal((await portOf(session, 'vdev0')).interfaces[0]?.ofport, -1);
    const device = (await portOf(session, 'vdev0')).interfaces[0];
    assert.ok(device);
    await under.plug('vdev0');
    try {
      const found = await session.until('its number', now => now.port('vdev0')?.interfaces.find(row => (row.ofport ?? -1) > 0));
      assert.equal(found.error, undefined);
      const fine = await session.apply({ bridges: { 'br-one': { ports: { vdev0: { tag: 4 } } } } });
      assert.deepEqual(fine.problems, {});
    } finally {
      await under.unplug('vdev0');
    }
    // The switch keeps its number for when it comes back, and only a switch that is started anew says that it is not there.
    const lost = await session.until('its end', now => now.port('vdev0')?.interfaces.find(row => row.ifindex === 0));
    assert.deepEqual([(lost.ofport ?? 0) > 0, lost.mac_in_use, lost.link_state], [true, undefined, 'down']);
    await under.stopSwitch();
    await under.startSwitch();
    const missed = await session.until('the error', now => now.port('vdev0')?.interfaces.find(row => row.error !== undefined));
    assert.deepEqual([missed.ofport, /No such device/.test(missed.error ?? '')], [-1, true]);
  });

  check('a type that the switch does not know is its problem alone', async session => {
    const { problems } = await session.apply({
      bridges: { 'br-one': netdev({ ports: { vx: internal, vy: { interface: { type: 'nosuch' } } } }) },
    });
    assert.deepEqual(Object.keys(problems), ['vy']);
    assert.ok(((await portOf(session, 'vx')).interfaces[0]?.ofport ?? 0) > 0);
  });
}

function queues(check: OvsdbCheck): void {
  const counted = async (session: OvsdbSession): Promise<number[]> => {
    const { tables } = await session.picture();
    return [tables.QoS.size, tables.Queue.size];
  };
  check('a QoS comes with its queues, is replaced, and goes with them', async session => {
    const none = await counted(session);
    const qos = (rate: string) => ({
      type: 'linux-htb',
      other_config: { 'max-rate': rate },
      queues: { 0: { other_config: { 'max-rate': rate } }, 7: { dscp: 46 } },
    });
    await session.apply({ bridges: { 'br-one': netdev({ ports: { vx: { ...internal, qos: qos('1000000') } } }) } });
    const made = (await portOf(session, 'vx')).qos;
    assert.deepEqual([made?.type, made?.other_config, made?.queues['7']?.dscp], ['linux-htb', { 'max-rate': '1000000' }, 46]);
    assert.equal((await session.apply({ bridges: { 'br-one': { ports: { vx: { qos: qos('1000000') } } } } })).changed, false);
    await session.apply({ bridges: { 'br-one': { ports: { vx: { qos: qos('2000000') } } } } });
    assert.equal((await portOf(session, 'vx')).qos?.queues['0']?.other_config['max-rate'], '2000000');
    assert.deepEqual(await counted(session), [none[0]! + 1, none[1]! + 2]);
    await session.apply({ bridges: { 'br-one': { ports: { vx: { qos: null } } } } });
    assert.deepEqual([(await portOf(session, 'vx')).qos, await counted(session)], [undefined, none]);
  });

  check('a queue that another QoS has stays with that one', async session => {
    const none = await counted(session);
    const qos = { type: 'linux-htb', queues: { 0: { other_config: { 'max-rate': '5' } } } };
    await session.apply({ bridges: { 'br-one': netdev({ ports: { va: { ...internal, qos } } }) } });
    const queue = (await portOf(session, 'va')).qos?.queues['0']?._uuid;
    const other = { type: 'linux-htb', external_ids: ['map', [['owner', 'other']]], queues: ['map', [[1, ['uuid', queue]]]] };
    await session.transact([{ op: 'insert', table: 'QoS', row: other }]);
    await session.apply({ bridges: { 'br-one': { ports: { va: { qos: null } } } } });
    assert.deepEqual(await counted(session), [none[0]! + 1, none[1]! + 1]);
    await session.apply({ orphans: { owner: 'other' } });
    assert.deepEqual(await counted(session), none);
  });

  check('what a port left behind is found by its mark; another’s stays', async session => {
    const none = await counted(session);
    const qos = (owner: string) => ({ type: 'linux-htb', external_ids: { owner }, queues: { 0: { other_config: { 'max-rate': '5' } } } });
    await session.apply({
      bridges: {
        'br-one': netdev({
          ports: { va: { ...internal, qos: qos('us') }, vb: { ...internal, qos: qos('us') }, vc: { ...internal, qos: qos('them') } },
        }),
      },
    });
    await session.apply({ bridges: { 'br-one': { ports: { va: null, vc: null } } } });
    assert.deepEqual(await counted(session), [none[0]! + 3, none[1]! + 3]);
    await session.apply({ orphans: { owner: 'us' } });
    assert.deepEqual(await counted(session), [none[0]! + 2, none[1]! + 2]);
    assert.ok((await portOf(session, 'vb')).qos);
    await session.apply({ bridges: { 'br-one': null }, orphans: { owner: 'nobody' } });
    await session.apply({ orphans: { owner: 'us' } });
    await session.apply({ orphans: { owner: 'them' } });
    assert.deepEqual(await counted(session), none);
  });
}

function others(check: OvsdbCheck): void {
  check('two who want at the same time both get it', async (session, under) => {
    await using other = under.open();
    await session.apply({ bridges: { 'br-one': netdev() } });
    const ports = (letter: string) => Object.fromEntries([0, 1, 2].map(i => [`v${letter}${i}`, { ...internal, tag: i }]));
    const wanted = (letter: string) => ({
      bridges: {
        'br-one': { external_ids: { shared: letter }, ports: ports(letter) },
        'br-two': netdev({ ports: { same: { ...internal, tag: 8 } } }),
      },
    });
    await Promise.all([session.apply(wanted('a')), other.apply(wanted('b')), session.apply(wanted('c'))]);
    const { bridges } = await session.picture();
    assert.equal(bridges.get('br-one')?.ports.size, 1 + 9);
    assert.deepEqual([...(bridges.get('br-two')?.ports.keys() ?? [])], ['br-two', 'same']);
  });

  check('managers and the words of the switch itself', async session => {
    const target = 'ptcp:16640:127.0.0.1';
    const { picture } = await session.apply({
      managers: { [target]: { inactivity_probe: 7000 } },
      root: { external_ids: { 'weft-suite': 'x' } },
    });
    assert.equal(picture.managers.find(row => row.target === target)?.inactivity_probe, 7000);
    assert.equal(picture.root.external_ids['weft-suite'], 'x');
    const after = await session.apply({ managers: { [target]: null }, root: { external_ids: { 'weft-suite': null } } });
    assert.deepEqual(
      [after.picture.managers.some(row => row.target === target), after.picture.root.external_ids['weft-suite']],
      [false, undefined],
    );
  });

  check('over TCP on this machine, where the server is asked to listen', async (session, under) => {
    const { managers } = await session.picture();
    assert.deepEqual(managers, []);
    await using tcp = under.open('tcp:127.0.0.1:6640');
    await tcp.apply({ bridges: { 'br-one': netdev() } });
    await session.until('the bridge', now => now.bridges.get('br-one'));
    await using again = under.open('tcp:127.0.0.1:6640');
    assert.equal((await again.picture()).managers.length, 1);
    await session.apply({ managers: { 'ptcp:6640:127.0.0.1': null } });
  });
}

/** What a session tells, in words. */
function listen(session: OvsdbSession): Disposable & { readonly heard: string[]; readonly all: OvsNews[] } {
  const heard: string[] = [];
  const all: OvsNews[] = [];
  const watching = session.watch(news => {
    all.push(news);
    if (news.kind !== 'changed') heard.push(news.kind);
    else
      for (const { table, before, after } of news.changes) {
        const row = (after ?? before) as { readonly name?: string };
        heard.push(`${table} ${row.name ?? ''} ${before ? (after ? 'changed' : 'gone') : 'new'}`.replace('  ', ' '));
      }
  });
  return { heard, all, [Symbol.dispose]: () => watching[Symbol.dispose]() };
}

function news(check: OvsdbCheck): void {
  check('what others do is told with what was before, all of a transaction at once', async (session, under) => {
    await using other = under.open();
    await session.apply({ bridges: { 'br-one': netdev() } });
    using ears = listen(session);
    await until(() => ears.heard[0] === 'up', 'up');
    await other.apply({ bridges: { 'br-one': { ports: { vx: { ...internal, tag: 1 } } } } });
    await session.until('the port', now => now.port('vx'));
    assert.deepEqual(ears.heard.filter(word => / new$/.test(word)).sort(), ['Interface vx new', 'Port vx new']);
    await other.apply({ bridges: { 'br-one': { ports: { vx: { tag: 2 } } } } });
    await session.until('the tag', now => now.port('vx')?.tag === 2 || undefined);
    const changes = ears.all.flatMap(one => (one.kind === 'changed' ? one.changes : []));
    const retagged = changes.find(change => change.table === 'Port' && change.before && change.after);
    assert.ok(retagged?.table === 'Port');
    assert.deepEqual([retagged.before?.tag, retagged.after?.tag], [1, 2]);
    await other.apply({ bridges: { 'br-one': { ports: { vx: null } } } });
    await until(() => ears.heard.includes('Port vx gone') && ears.heard.includes('Interface vx gone'), 'gone');
    const count = ears.heard.length;
    ears[Symbol.dispose]();
    await other.apply({ bridges: { 'br-one': { external_ids: { a: 'b' } } } });
    await session.until('words', now => now.bridges.get('br-one')?.external_ids['a']);
    assert.equal(ears.heard.length, count, 'nothing is told after the end');
  });

  check('a picture stays what it was', async session => {
    await session.apply({ bridges: { 'br-one': netdev({ external_ids: { a: '1' } }) } });
    const then = await session.picture();
    await session.apply({ bridges: { 'br-one': { external_ids: { a: '2' } } } });
    const now = await session.picture();
    assert.deepEqual([then.bridges.get('br-one')?.external_ids, now.bridges.get('br-one')?.external_ids], [{ a: '1' }, { a: '2' }]);
    assert.ok(now.revision > then.revision);
  });
}

function losses(check: OvsdbCheck): void {
  check('the server goes and comes back: what changed meanwhile is told, nothing else', async (session, under) => {
    await session.apply({ bridges: { 'br-one': netdev({ ports: { vx: internal } }), 'br-two': netdev() } });
    using ears = listen(session);
    await until(() => ears.heard[0] === 'up', 'up');
    await under.stopSwitch();
    await under.stopServer();
    await until(() => ears.heard.includes('down'), 'down');
    await using late = under.open(undefined, { timeoutMs: 200 });
    await assert.rejects(late.picture(), OvsdbAway);
    const where = [['name', '==', 'br-one']];
    await under.changeWhileAway([{ op: 'update', table: 'Bridge', where, row: { fail_mode: 'secure' } }]);
    ears.heard.length = 0;
    await under.startServer();
    const seen = await session.until('what changed', now => (now.bridges.get('br-one')?.fail_mode === 'secure' ? now : undefined));
    assert.ok(seen.port('vx'));
    await until(() => ears.heard.includes('up'), 'up again');
    assert.ok(ears.heard.includes('Bridge br-one changed'));
    assert.deepEqual(
      ears.heard.filter(word => /new$|gone$/.test(word)),
      [],
    );
    await under.startSwitch();
    const { problems } = await session.apply({ bridges: { 'br-two': { ports: { vy: internal } } } });
    assert.deepEqual(problems, {});
  });

  check('what is asked while the server is away is done when it is back', async (session, under) => {
    await under.stopServer();
    const applied = session.apply({ bridges: { 'br-one': netdev() } });
    await under.startServer();
    assert.ok((await applied).picture.bridges.has('br-one'));
  });

  check('a switch that is away is told apart from a database that is', async (session, under) => {
    assert.equal(await session.switchAlive(), true);
    await under.stopSwitch();
    assert.equal(await session.switchAlive(100), false);
    await assert.rejects(session.apply({ bridges: { 'br-one': netdev() } }, { timeoutMs: 2000 }), SwitchAway);
    const noted = await session.apply({ bridges: { 'br-one': netdev({ ports: { vx: internal } }) } }, { taken: false });
    assert.deepEqual([noted.changed, noted.picture.port('vx')?.interfaces[0]?.ofport], [true, undefined]);
    await under.startSwitch();
    const taken = await session.apply({ bridges: { 'br-one': netdev({ ports: { vx: internal } }) } });
    assert.deepEqual([taken.changed, (taken.picture.port('vx')?.interfaces[0]?.ofport ?? 0) > 0], [false, true]);
    assert.equal(await session.switchAlive(), true);
  });

  check('nobody there, a connection that cannot be, and one that was closed', async (_, under) => {
    await using nobody = under.open('unix:/nonexistent/db.sock', { timeoutMs: 100 });
    await assert.rejects(nobody.picture(), (error: unknown) => error instanceof OvsdbAway && /nonexistent/.test(error.message));
    await assert.rejects(nobody.transact([]), OvsdbAway);
    assert.throws(() => under.open('udp:127.0.0.1:1'), /is no connection/);
    const closed = under.open();
    const waiting = closed.until('nothing', () => undefined, 30_000);
    const failed = assert.rejects(waiting, OvsdbAway);
    await closed.picture();
    await closed[Symbol.asyncDispose]();
    await failed;
    await assert.rejects(closed.picture(), OvsdbAway);
  });
}
