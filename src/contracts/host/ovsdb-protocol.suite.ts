// Operations of RFC 7047, section 5.2, as every server does them: their results, and their refusals by name.
import assert from 'node:assert/strict';
import { OvsdbRefusal, type OvsOperation, type OvsResult } from './ovsdb.ts';
import type { OvsdbCheck } from './under-test.ts';

const root = 'Open_vSwitch';

/** Makes a bridge with one port of itself, without asking the switch for anything. */
function bridge(name: string, more: object = {}): OvsOperation[] {
  return [
    { op: 'insert', table: 'Interface', row: { name, type: 'internal' }, 'uuid-name': 'i' },
    { op: 'insert', table: 'Port', row: { name, interfaces: ['named-uuid', 'i'] }, 'uuid-name': 'p' },
    {
      op: 'insert',
      table: 'Bridge',
      row: { name, datapath_type: 'netdev', ports: ['set', [['named-uuid', 'p']]], ...more },
      'uuid-name': 'b',
    },
    { op: 'mutate', table: root, where: [], mutations: [['bridges', 'insert', ['set', [['named-uuid', 'b']]]]] },
  ];
}
const named = (name: string): unknown[] => [['name', '==', name]];
const rowsOf = (result: OvsResult | undefined): readonly Readonly<Record<string, unknown>>[] => (result?.['rows'] ?? []) as never;
const select = (table: string, where: unknown[], columns: string[]): OvsOperation => ({ op: 'select', table, where, columns });

export function ovsdbProtocol(check: OvsdbCheck): void {
  check('rows are inserted by name, selected, updated, mutated and deleted', async session => {
    const results = await session.transact([
      ...bridge('br-raw', { external_ids: ['map', [['a', '1']]] }),
      { op: 'comment', comment: 'suite' },
    ]);
    const [uuid, id] = (results[2]?.['uuid'] ?? []) as [string, string];
    assert.equal(uuid, 'uuid');
    assert.deepEqual(results[3], { count: 1 });
    assert.deepEqual(results[4], {});
    const mine = named('br-raw');
    const [found, updated, mutated, after, none] = await session.transact([
      select('Bridge', mine, ['_uuid', 'external_ids', 'fail_mode', 'protocols', 'stp_enable'].slice(0, 4)),
      { op: 'update', table: 'Bridge', where: mine, row: { fail_mode: 'secure', protocols: ['set', ['OpenFlow14', 'OpenFlow10']] } },
      {
        op: 'mutate',
        table: 'Bridge',
        where: [['_uuid', '==', ['uuid', id]]],
        mutations: [
          [
            'external_ids',
            'insert',
            [
              'map',
              [
                ['a', 'not taken'],
                ['b', '2'],
              ],
            ],
          ],
          ['protocols', 'delete', ['set', ['OpenFlow10', 'OpenFlow15']]],
        ],
      },
      select('Bridge', mine, ['external_ids', 'fail_mode', 'protocols']),
      select('Bridge', [['fail_mode', '==', 'standalone']], ['name']),
    ]);
    assert.deepEqual(rowsOf(found), [
      { _uuid: ['uuid', id], external_ids: ['map', [['a', '1']]], fail_mode: ['set', []], protocols: ['set', []] },
    ]);
    assert.deepEqual([updated, mutated], [{ count: 1 }, { count: 1 }]);
    assert.deepEqual(rowsOf(after), [
      {
        external_ids: [
          'map',
          [
            ['a', '1'],
            ['b', '2'],
          ],
        ],
        fail_mode: 'secure',
        protocols: 'OpenFlow14',
      },
    ]);
    assert.deepEqual(rowsOf(none), []);
    const conditions = await session.transact([
      select('Bridge', [...mine, ['external_ids', 'includes', ['map', [['b', '2']]]]], ['name']),
      select('Bridge', [...mine, ['external_ids', 'excludes', ['map', [['b', '2']]]]], ['name']),
      select('Bridge', [...mine, ['fail_mode', '!=', 'secure']], ['name']),
    ]);
    assert.deepEqual(
      conditions.map(result => rowsOf(result).length),
      [1, 0, 0],
    );
    const cut = { op: 'mutate', table: root, where: [], mutations: [['bridges', 'delete', ['set', [['uuid', id]]]]] };
    assert.deepEqual(await session.transact([cut]), [{ count: 1 }]);
    assert.deepEqual(rowsOf((await session.transact([select('Port', named('br-raw'), ['name'])]))[0]), [], 'goes with who referred to it');
  });

  check('a refusal has its name, and nothing of the transaction is done', async session => {
    const before = (await session.picture()).root.next_cfg;
    const bump = { op: 'mutate', table: root, where: [], mutations: [['next_cfg', '+=', 1]] };
    const missing = ['uuid', '00000000-0000-4000-8000-000000000000'];
    for (const [operations, error, index] of [
      [[select('Nosuch', [], ['name'])], 'syntax error', 0],
      [[select('Bridge', [], ['nosuch'])], 'syntax error', 0],
      [[{ op: 'update', table: 'Port', where: [], row: { nosuch: 1 } }], 'unknown column', 0],
      [[{ op: 'nosuch', table: 'Port' }], 'syntax error', 0],
      [[bump, { op: 'update', table: 'Port', where: [], row: { tag: 'five' } }], 'syntax error', 1],
      [[bump, ...bridge('br-raw', { fail_mode: 'odd' })], 'constraint violation', 3],
      [[{ op: 'update', table: 'Port', where: [], row: { tag: 5000 } }], 'constraint violation', 0],
      [[{ op: 'update', table: 'Port', where: [], row: { tag: ['set', [1, 2]] } }], 'syntax error', 0],
      [[select('Port', [['tag', '<>', 1]], ['name'])], 'unknown function', 0],
      [[{ ...bump, mutations: [['next_cfg', '^=', 1]] }], 'unknown mutator', 0],
      [[{ op: 'insert', table: 'Port' }], 'syntax error', 0],
      [[{ op: 'insert', table: 'Port', row: { name: 'vx' } }], 'referential integrity violation', undefined],
      [[bump, { op: 'abort' }], 'aborted', 1],
      [
        [
          { ...bridge('br-raw')[0]!, 'uuid-name': 'x' },
          { ...bridge('br-raw')[0]!, 'uuid-name': 'x' },
        ],
        'duplicate uuid-name',
        1,
      ],
      [
        [
          bump,
          { op: 'wait', timeout: 0, table: 'Bridge', where: named('br-raw'), columns: ['name'], until: '==', rows: [{ name: 'br-raw' }] },
        ],
        'timed out',
        1,
      ],
      [
        [bump, { op: 'mutate', table: root, where: [], mutations: [['bridges', 'insert', missing]] }],
        'referential integrity violation',
        undefined,
      ],
      [[...bridge('br-raw'), { op: 'insert', table: root, row: {} }], 'constraint violation', undefined],
    ] as readonly (readonly [OvsOperation[], string, number | undefined])[])
      await assert.rejects(session.transact(operations), (thrown: unknown) => {
        assert.ok(thrown instanceof OvsdbRefusal, String(thrown));
        assert.deepEqual([thrown.error, thrown.operation], [error, index], `${thrown.message} for ${JSON.stringify(operations)}`);
        return true;
      });
    const after = await session.transact([select(root, [], ['next_cfg'])]);
    assert.equal(rowsOf(after[0])[0]?.['next_cfg'], before);
    await assert.rejects(
      session.transact([], 'Nosuch'),
      (error: unknown) => error instanceof OvsdbRefusal && error.error === 'unknown database',
    );
  });

  check('names are unique and do not change', async session => {
    await session.transact(bridge('br-raw'));
    await session.until('the bridge', now => now.bridges.get('br-raw'));
    const violated = (error: unknown): boolean => error instanceof OvsdbRefusal && error.error === 'constraint violation';
    await assert.rejects(session.transact(bridge('br-raw')), violated);
    await assert.rejects(session.transact([{ op: 'update', table: 'Bridge', where: named('br-raw'), row: { name: 'br-new' } }]), violated);
  });

  check('who waits is answered when it holds, and no sooner', async (session, under) => {
    await using other = under.open();
    const wait = {
      op: 'wait',
      timeout: 20_000,
      table: 'Bridge',
      where: named('br-raw'),
      columns: ['name'],
      until: '==',
      rows: [{ name: 'br-raw' }],
    };
    let answered = false;
    const waiting = session.transact([wait, select('Bridge', named('br-raw'), ['name'])]).finally(() => {
      answered = true;
    });
    await other.transact([{ op: 'comment', comment: 'not it' }]);
    assert.equal(answered, false);
    await other.transact(bridge('br-raw'));
    assert.deepEqual(rowsOf((await waiting)[1]), [{ name: 'br-raw' }]);
  });

  check('many who ask at the same time each get their own answer', async session => {
    const asked = Array.from({ length: 200 }, (_, i) =>
      session.transact([{ op: 'comment', comment: String(i) }, ...Array.from({ length: i % 5 }, () => select(root, [], ['_uuid']))]),
    );
    const answers = await Promise.all(asked);
    assert.deepEqual(
      answers.map(results => results.length),
      asked.map((_, i) => 1 + (i % 5)),
    );
  });
}
