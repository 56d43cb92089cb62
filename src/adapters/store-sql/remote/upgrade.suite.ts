// The upgrade of a database on a server: broken off anywhere, done by several at once, and what is told of a database that is not as it says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DatabaseServer } from '../../../contracts/store-suite/servers/server.ts';
import type { Revision } from '../../../model/kit/revision.ts';
import { tablesOf } from '../../../model/kit/revision.ts';
import type { SchemaDesk } from '../common/inspect.ts';
import type { Engine, Session } from './engine.ts';
import { remoteDesk } from './inspect.ts';
import type { Ground } from './place.suite.ts';
import { parseUrl } from './url.ts';

const history: readonly Revision[] = [
  {
    ...{ id: 'aaaaaaaaaaaa', name: '0001-initial' },
    adds: [
      {
        name: 'networks',
        columns: { id: { type: 'text' }, name: { type: 'text', nullable: true }, size: { type: 'int', nullable: true } },
        primaryKey: ['id'],
        indexes: [['name']],
      },
    ],
  },
  {
    ...{ id: 'bbbbbbbbbbbb', name: '0002-ports' },
    adds: [
      {
        name: 'networks',
        columns: { mtu: { type: 'int', fill: 1500 }, shade: { type: 'text', nullable: true } },
        unique: [['id', 'shade']],
        indexes: [['size']],
      },
      { name: 'ports', columns: { id: { type: 'text' }, network_id: { type: 'text' } }, primaryKey: ['id'], indexes: [['network_id']] },
    ],
  },
];
const version = (count: number) => {
  const revisions = history.slice(0, count);
  return { tables: tablesOf(revisions), revisions, program: `weft ${count}` };
};

/** Its connections are gone after so many statements: for the server, as if the process had been killed. */
function dying(engine: Engine, statements: number): Engine {
  let left = statements;
  const mortal = (session: Session): Session => {
    const counted =
      <A extends unknown[], R>(ask: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        if (left-- <= 0) {
          session.destroy();
          throw new Error('killed');
        }
        return ask(...args);
      };
    return {
      query: counted(statement => session.query(statement)),
      run: counted(text => session.run(text)),
      begin: counted(() => session.begin()),
      commit: counted(() => session.commit()),
      rollback: counted(() => session.rollback()),
      destroy: () => session.destroy(),
      get broken() {
        return session.broken;
      },
      get id() {
        return session.id;
      },
    };
  };
  return { ...engine, connect: async (location, node) => mortal(await engine.connect(location, node)) };
}

export function upgradeSuite(ground: Ground, server: () => Promise<DatabaseServer>): void {
  const deskAt = (url: string, count: number, engine = ground.engine): SchemaDesk => {
    const { tables, ...options } = version(count);
    return remoteDesk(url, tables, options, () => engine);
  };
  const older = async (url: string, id: string): Promise<void> => {
    await using store = await ground.open(url, version(1));
    const done = await store.commit({ ops: [{ op: 'insert', table: 'networks', row: { id, name: 'x', size: 1 } }] });
    assert.ok(done.done);
  };
  const isWhole = async (url: string): Promise<void> => {
    const view = await deskAt(url, 2).inspect();
    assert.deepEqual([view.pending, view.drift, view.isUnfinished, view.refusal], [[], [], false, undefined]);
    assert.deepEqual(
      view.revisions.map(each => [each.name, each.by, each.isKnown]),
      [
        ['0001-initial', 'weft 1', true],
        ['0002-ports', 'weft 2', true],
      ],
    );
  };

  test('broken off between any two statements, the older program works on, and the next upgrade ends it', async () => {
    const at = await server();
    for (let n = 1, ended = false; !ended; n++) {
      const url = await at.database();
      await older(url, 'n1');
      try {
        await deskAt(url, 2, dying(ground.engine, n)).upgrade();
        ended = true;
      } catch (error) {
        assert.equal((error as Error).message, 'killed');
      }
      await older(url, 'n2');
      await deskAt(url, 2).upgrade();
      await isWhole(url);
      await older(url, 'n3');
      await using store = await ground.open(url, version(2));
      const rows = await store.select({ table: 'networks', columns: ['id', 'mtu', 'shade'], order: [['id', 'asc']] });
      assert.deepEqual(
        rows,
        ['n1', 'n2', 'n3'].map(id => ({ id, mtu: 1500, shade: null })),
      );
      assert.ok(n < 100, 'it comes to an end');
      if (ended) assert.ok(n > 15, `${n} statements are too few for what there is to do`);
    }
  });

  test('a new database that was broken off between any two statements is made by the next', async () => {
    const at = await server();
    for (let n = 1, ended = false; !ended; n++) {
      const url = await at.database();
      ended = await deskAt(url, 1, dying(ground.engine, n))
        .upgrade()
        .then(
          () => true,
          () => false,
        );
      await deskAt(url, 1).upgrade();
      await older(url, 'n1');
      assert.ok(n < 100, 'it comes to an end');
    }
  });

  test('several at once, one of which dies', async () => {
    const url = await (await server()).database();
    await older(url, 'n1');
    const [, ...others] = await Promise.allSettled([
      deskAt(url, 2, dying(ground.engine, 9)).upgrade(),
      ...Array.from({ length: 3 }, () => deskAt(url, 2).upgrade()),
    ]);
    assert.deepEqual(
      others.map(each => each.status),
      ['fulfilled', 'fulfilled', 'fulfilled'],
    );
    await isWhole(url);
  });

  test('a transaction that stays holds up the upgrade and nobody else', async () => {
    const url = await (await server()).database();
    await older(url, 'n1');
    const location = parseUrl(url);
    const slow = await ground.engine.connect(location, location.nodes[0]!);
    await using store = await ground.open(url, version(1));
    await slow.begin();
    await slow.query({ text: `UPDATE ${ground.engine.dialect.quote('networks')} SET name = ? WHERE id = ?`, binds: ['slow', 'n1'] });
    let ended = false;
    const upgrade = deskAt(url, 2)
      .upgrade()
      .finally(() => {
        ended = true;
      });
    const began = performance.now();
    let longest = 0;
    for (let n = 0; performance.now() - began < 4000; n++) {
      const at = performance.now();
      assert.ok((await store.commit({ ops: [{ op: 'insert', table: 'networks', row: { id: `w${n}`, name: 'w', size: 1 } }] })).done);
      longest = Math.max(longest, performance.now() - at);
    }
    assert.equal(ended, false, 'the upgrade waits for the transaction');
    assert.ok(longest < 3500, `a commit waited ${longest} ms behind the upgrade`);
    await slow.commit();
    slow.destroy();
    await upgrade;
    await isWhole(url);
  });

  test('what would be added is told, and looking changes nothing', async () => {
    const url = await (await server()).database();
    const empty = await deskAt(url, 2).inspect();
    assert.deepEqual([empty.isEmpty, empty.revisions, empty.pending.slice(0, 2)], [true, [], ['table networks', 'table ports']]);
    await older(url, 'n1');
    for (const _ of [1, 2]) {
      const view = await deskAt(url, 2).inspect();
      assert.deepEqual(view.pending, [
        'table ports',
        'column networks.mtu',
        'column networks.shade',
        'unique key networks (id, shade)',
        'index networks (size)',
      ]);
      assert.deepEqual([view.drift, view.program], [[], 'weft 1']);
      assert.ok(!view.place.includes('secret'));
    }
  });

  test('drift is told exactly, and lost indexes are put back', async () => {
    const at = await server();
    const url = await at.database();
    await deskAt(url, 2).upgrade();
    const q = (name: string): string => ground.engine.dialect.quote(name);
    const dropIndex = ground.engine.schema.dropIndex(q('networks'), q('ix__networks__name'));
    await at.admin(
      `${dropIndex}; ALTER TABLE ports ADD COLUMN extra INT; CREATE TABLE cats (name INT); CREATE INDEX mine ON ports (network_id, id);
       ALTER TABLE networks DROP COLUMN size;`,
      url,
    );
    const told = async () => (await deskAt(url, 2).inspect()).drift.map(({ kind, what }) => `${kind} ${what}`).sort();
    const expected = [
      'missing column networks.size',
      'missing index ix__networks__name on networks (name)',
      'missing index ix__networks__size on networks (size)',
      'unexpected column ports.extra',
      'unexpected index mine on ports (network_id, id)',
      'unexpected table cats',
    ];
    assert.deepEqual(await told(), expected);
    await assert.rejects(deskAt(url, 2).upgrade(), /damaged database \(networks\.size is missing\)/);
    await at.admin(
      `ALTER TABLE networks ADD COLUMN size ${ground.engine.dialect.columnType('bool', 0)} NOT NULL DEFAULT ${ground.engine.dialect.literal(ground.engine.dialect.bool(false))};`,
      url,
    );
    assert.ok(
      (await told()).some(line => /^changed column networks\.size is (BOOLEAN|TINYINT), not BIGINT$/.test(line)),
      String(await told()),
    );
    assert.deepEqual(await deskAt(url, 2).upgrade(), ['ix__networks__name', 'ix__networks__size']);
    assert.ok(!(await told()).some(line => line.startsWith('missing')));
  });

  test('who may not extend does not, and looks only', async () => {
    const url = await (await server()).database();
    const opened = (count: number) => ground.open(url, { ...version(count), extend: false });
    await assert.rejects(opened(1), /has to be upgraded first \(it is empty\), .*"weft db upgrade"/);
    assert.equal((await (await server()).admin(ground.name === 'mariadb' ? 'SHOW TABLES;' : '\\dt', url)).trim(), '');
    await older(url, 'n1');
    await (await opened(1))[Symbol.asyncDispose]();
    await assert.rejects(opened(2), /it lacks table ports, column networks\.mtu/);
    await deskAt(url, 2).upgrade();
    for (const count of [1, 2]) await (await opened(count))[Symbol.asyncDispose]();
  });
}
