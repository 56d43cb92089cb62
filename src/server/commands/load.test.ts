import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSqliteStore } from '../../adapters/store-sql/sqlite/open.ts';
import type { Op, Row } from '../../contracts/store.ts';
import { allTables } from '../../model/registry.ts';
import type { Services } from '../context.ts';
import { Draft } from '../draft.ts';
import { translatedBehind } from './floatingip-rows.ts';

const now = '2026-01-01T00:00:00Z';
const id = (n: number): string => `${String(n).padStart(8, '0')}-0000-4000-8000-000000000000`;
const router_id = id(99_999_999);

const floating = (n: number): Row => ({
  ...{ id: id(n), project_id: 'p', router_id, port_id: id(n + 50_000_000), fixed_ip_address: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}` },
  ...{
    floating_network_id: id(1),
    floating_port_id: id(n + 70_000_000),
    floating_ip_address: `172.${n >> 16}.${(n >> 8) & 255}.${n & 255}`,
  },
  ...{ status: 'ACTIVE', description: '', revision_number: 0, created_at: now, updated_at: now },
});

test('a decision relies on each of many thousand floating IPs of a router, and on there being no other', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'weft-load-'));
  await using store = await openSqliteStore(join(dir, 'weft.db'), { tables: allTables });
  try {
    const table = allTables.find(({ name }) => name === 'floatingips')!;
    const insert = (n: number): Op => {
      const row = Object.entries(floating(n)).filter(([name]) => name in table.columns);
      return { op: 'insert', table: 'floatingips', row: Object.fromEntries(row) };
    };
    assert.ok((await store.commit({ ops: Array.from({ length: 12_000 }, (_, n) => insert(n)) })).done);
    const attempt = async (meanwhile: readonly Op[]) => {
      const draft = new Draft({ now, newId: () => id(0) });
      assert.equal(await translatedBehind({ store } as unknown as Services, draft, router_id, id(2)), false);
      assert.ok((await store.commit({ ops: meanwhile })).done);
      return (await store.commit({ guards: draft.guards, ops: [] })).done;
    };
    const change = (n: number, set: Row): Op => ({ op: 'update', table: 'floatingips', where: { eq: ['id', id(n)] }, set, expect: 1 });
    assert.equal(await attempt([]), true);
    assert.equal(await attempt([change(11_999, { status: 'DOWN' })]), true);
    for (const n of [0, 199, 200, 11_999]) assert.equal(await attempt([change(n, { fixed_ip_address: '10.9.9.9' })]), false, String(n));
    assert.equal(await attempt([change(7, { port_id: null })]), false);
    assert.equal(await attempt([insert(12_000)]), false);
    // One that goes takes nothing away from the decision.
    assert.equal(await attempt([{ op: 'delete', table: 'floatingips', where: { eq: ['id', id(5)] } }]), true);
  } finally {
    await rm(dir, { recursive: true });
  }
});
