// What a session does when somebody is faster, and when the server says what it should not: a server with somebody between.
import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import type { OvsdbSession, OvsNews, OvsWanted } from '../../../contracts/host/ovsdb.ts';
import { until } from '../../../contracts/host/under-test.ts';
import { systemClock } from '../../clock/system-clock.ts';
import type { Connect } from './connect.ts';
import { JsonStream } from './json-stream.ts';
import { Session } from './session.ts';
import { SimServer } from './sim-server.ts';

type Text = Readonly<Record<string, unknown>>;

class Between {
  readonly server = new SimServer();
  /** What is said in place of what the server said; undefined leaves it as it is. */
  lie: ((said: Text) => unknown) | undefined;
  /** What is said right behind it, in one piece. */
  append: ((said: Text) => unknown) | undefined;
  /** Is done before the next request with guards reaches the server. */
  overtake: (() => Promise<unknown>) | undefined;

  open(): OvsdbSession {
    const options = { connection: 'unix:/run/openvswitch/db.sock' };
    return new Session({ options, connect: this.connect, clock: systemClock, random: () => 0 });
  }

  private readonly connect: Connect = async () => {
    const [ours, middle] = duplexPair();
    const [inner, theirs] = duplexPair();
    this.server.accept(theirs);
    const asked = new JsonStream();
    const said = new JsonStream();
    let turn: Promise<unknown> = Promise.resolve();
    middle.on('data', (chunk: Buffer) => {
      for (const text of asked.push(chunk))
        turn = turn.then(() => this.forward(text as Text)).then(() => inner.write(JSON.stringify(text)));
    });
    inner.on('data', (chunk: Buffer) => {
      for (const text of said.push(chunk) as Iterable<Text>) {
        const more = this.append?.(text);
        middle.write(JSON.stringify(this.lie?.(text) ?? text) + (more === undefined ? '' : JSON.stringify(more)));
      }
    });
    const ends = [ours, middle, inner, theirs];
    for (const end of ends) end.once('close', () => ends.forEach(one => void one.destroy())).on('error', () => {});
    return ours;
  };

  private async forward({ method, params }: Text): Promise<void> {
    const guarded = method === 'transact' && JSON.stringify(params).includes('"op":"wait"');
    if (!guarded || !this.overtake) return;
    const { overtake } = this;
    this.overtake = undefined;
    await overtake();
  }
}

const port = (name: string): object[] => [
  { op: 'insert', table: 'Interface', row: { name, type: 'internal' }, 'uuid-name': 'i' },
  { op: 'insert', table: 'Port', row: { name, interfaces: ['named-uuid', 'i'] }, 'uuid-name': 'p' },
  { op: 'mutate', table: 'Bridge', where: [['name', '==', 'br-one']], mutations: [['ports', 'insert', ['set', [['named-uuid', 'p']]]]] },
];
const noPorts = { op: 'update', table: 'Bridge', where: [['name', '==', 'br-one']], row: { ports: ['set', []] } };
const noBridges = { op: 'update', table: 'Open_vSwitch', where: [], row: { bridges: ['set', []] } };
const vx = (more: object): OvsWanted => ({ bridges: { 'br-one': { ports: { vx: more } } } });

test('who is overtaken decides anew', async () => {
  const between = new Between();
  const { server } = between;
  await using session = between.open();
  const unwaited = { taken: false };
  const start = { bridges: { 'br-one': { external_ids: { a: '1' }, controllers: [{ target: 'tcp:127.0.0.1:1' }] } } };
  const overtaken = async (wanted: OvsWanted, by: readonly unknown[]) => {
    await session.apply(start, unwaited);
    between.overtake = () => server.transact(by);
    const applied = await session.apply(wanted, unwaited);
    assert.equal(between.overtake, undefined);
    return applied;
  };

  // a hypervisor's port goes before its tag is set: no port is made in its place
  await session.apply(start, unwaited);
  await server.transact(port('vx'));
  await session.until('the port', now => now.port('vx'));
  const gone = await overtaken(vx({ make: false, tag: 5 }), [noPorts]);
  assert.deepEqual([gone.absent, gone.picture.port('vx')], [['br-one/vx'], undefined]);

  // one that comes before it is made is taken
  const come = await overtaken(vx({ tag: 6 }), port('vx'));
  assert.deepEqual([come.absent, come.picture.port('vx')?.tag, come.picture.tables.Port.size], [[], 6, 1]);

  // one that goes before it is taken away
  const away = await overtaken({ bridges: { 'br-one': { ports: { vx: null } } } }, [noPorts]);
  assert.equal(away.picture.port('vx'), undefined);

  // its bridge goes
  const again = await overtaken(vx({ tag: 7 }), [noBridges]);
  assert.deepEqual([again.picture.port('vx')?.tag, again.picture.bridges.get('br-one')?.external_ids], [7, {}]);

  // somebody else adds a controller
  const other = [
    { op: 'insert', table: 'Controller', row: { target: 'tcp:127.0.0.1:2' }, 'uuid-name': 'c' },
    { op: 'mutate', table: 'Bridge', where: [], mutations: [['controller', 'insert', ['named-uuid', 'c']]] },
  ];
  const exact = await overtaken({ bridges: { 'br-one': { controllers: [{ target: 'tcp:127.0.0.1:3' }] } } }, other);
  assert.deepEqual(
    exact.picture.bridges.get('br-one')?.controllers.map(row => row.target),
    ['tcp:127.0.0.1:3'],
  );
});

test('of two wishes of one session the later one counts, also when the first is overtaken', async () => {
  const between = new Between();
  await using session = between.open();
  const mode = (fail_mode: 'secure' | 'standalone', ports: Readonly<Record<string, null>> = {}) =>
    session.apply({ bridges: { 'br-one': { fail_mode, ports } } }, { taken: false });
  await session.apply(vx({ interface: { type: 'internal' } }), { taken: false });
  between.overtake = () => between.server.transact([noPorts]);
  await Promise.all([mode('secure', { vx: null }), mode('standalone')]);
  assert.equal((await session.picture()).bridges.get('br-one')?.fail_mode, 'standalone');
});

test('what is told in one piece with the whole is not lost', async () => {
  const between = new Between();
  const row = '11111111-1111-4111-8111-111111111111';
  between.append = ({ result }) =>
    Object.hasOwn((result ?? {}) as object, 'Open_vSwitch')
      ? { id: null, method: 'update2', params: ['weft', { Manager: { [row]: { insert: { target: 'ptcp:1' } } } }] }
      : undefined;
  await using session = between.open();
  assert.deepEqual(
    [...(await session.picture()).tables.Manager.values()].map(manager => manager.target),
    ['ptcp:1'],
  );
});

test('a server that lies is left with a word, and what was known is still known when it comes to its senses', async () => {
  const between = new Between();
  const { server } = between;
  const row = '11111111-1111-4111-8111-111111111111';
  const updates = (table: string, update: unknown) => ({ id: null, method: 'update2', params: ['weft', { [table]: { [row]: update } }] });
  const news = (said: unknown) => (text: Text) => (text['method'] === 'update2' ? said : undefined);
  const answers = (result: unknown) => (text: Text) => (text['method'] ? undefined : { ...text, result });
  const monitored = (result: unknown) => (text: Text) =>
    Object.hasOwn((text['result'] ?? {}) as object, 'Open_vSwitch') ? { ...text, result } : undefined;
  let modes = 0;
  for (const [why, lies, atStart] of [
    [/no integer/, news(updates('Port', { insert: { name: 'x', tag: 'five' } })), false],
    [/no map/, news(updates('Bridge', { insert: { external_ids: ['set', ['a']] } })), false],
    [/no uuid/, news(updates('Bridge', { insert: { ports: ['set', ['a']] } })), false],
    [/never told of/, news(updates('Bridge', { modify: { name: 'x' } })), false],
    [/never told of/, news(updates('Bridge', {})), false],
    [/no object/, news(updates('Bridge', 5)), false],
    [/follows us no more/, news({ id: null, method: 'monitor_canceled', params: ['weft'] }), false],
    [/no object/, answers(5), true],
    [/no object/, answers([]), true],
    [/no object/, answers({ tables: 5 }), true],
    [/no answer to a select/, answers({ tables: {} }), true],
    [/no string/, monitored({ Bridge: { [row]: { initial: { name: 7 } } } }), true],
  ] as const) {
    await using session = between.open();
    await session.apply({ bridges: { 'br-one': {} } }, { taken: false });
    const told: OvsNews[] = [];
    using _ = session.watch(one => void told.push(one));
    await until(() => told.length === 1, 'up');
    between.lie = lies;
    if (atStart) server.restart();
    const row = { fail_mode: ++modes % 2 ? 'secure' : 'standalone' };
    await server.transact([{ op: 'update', table: 'Bridge', where: [], row }]);
    await until(() => told.some(one => one.kind === 'down' && why.test(one.why)), String(why));
    between.lie = undefined;
    await until(() => told.at(-1)?.kind === 'up', 'up again');
    const changes = told.flatMap(one => (one.kind === 'changed' ? one.changes : []));
    assert.deepEqual(
      changes.map(({ table, before, after }) => [table, before !== undefined, after !== undefined]),
      [['Bridge', true, true]],
      String(why),
    );
    assert.equal((await session.picture()).bridges.get('br-one')?.fail_mode, row.fail_mode);
  }
});
