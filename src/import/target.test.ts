// Of two imports into one target the later one writes; what the earlier one wrote is gone, and the target is never half of both.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSqliteStore } from '../adapters/store-sql/sqlite/open.ts';
import type { Row } from '../contracts/store.ts';
import { allTables } from '../model/registry.ts';
import { Target, TargetRefused } from './target.ts';

const scope = (id: string): { table: string; row: Row } => ({
  table: 'address_scopes',
  row: { id, project_id: 'p', name: id, ip_version: 4 },
});

test('the earlier of two imports ends, and nothing of it stays', async () => {
  await using store = await openSqliteStore(':memory:', { tables: allTables });
  const [first, second] = [new Target(store, allTables), new Target(store, allTables)];
  await first.claim();
  assert.equal(await first.write([scope('a'), scope('b')]), undefined);
  assert.deepEqual(await second.occupied(), []);
  await second.claim();
  assert.deepEqual(await store.select({ table: 'address_scopes' }), []);
  for (const step of [() => first.write([scope('c')]), () => first.clear(), () => first.release()])
    await assert.rejects(step, TargetRefused);
  assert.equal(await second.write([scope('d')]), undefined);
  await second.release();
  assert.deepEqual(
    (await store.select({ table: 'address_scopes' })).map(r => r.id),
    ['d'],
  );
  assert.equal(await store.count('beginnings'), 0);
  assert.deepEqual(await new Target(store, allTables).occupied(), ['address_scopes']);
});

test('two that begin at once on an empty target are not both the first', async () => {
  await using store = await openSqliteStore(':memory:', { tables: allTables });
  const done = await Promise.allSettled([new Target(store, allTables).claim(), new Target(store, allTables).claim()]);
  assert.deepEqual(done.map(d => d.status).sort(), ['fulfilled', 'rejected']);
  assert.equal(await store.count('beginnings'), 1);
});

test('rows that collide are named', async () => {
  await using store = await openSqliteStore(':memory:', { tables: allTables });
  const target = new Target(store, allTables);
  await target.claim();
  assert.match((await target.write([scope('a'), scope('a')])) ?? '', /address_scopes: two rows have the same id/);
});
