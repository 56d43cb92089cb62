// What an agent says while Placement is told what it said before is told, too.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Placement } from '../../src/contracts/cloud.ts';
import { noAccount } from '../../src/contracts/service-account.ts';
import { reportAll } from '../../src/server/placement/reporter.ts';
import { agentState } from '../../src/server/rpc/agent-state.ts';
import { newDatabase } from './database.ts';
import { openDatabase } from './open-database.ts';
import { servicesOver } from './wiring.ts';

test('a report that comes while the last one is told is not taken for told', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-placement-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  await using store = await openDatabase(await newDatabase(folder));
  const services = servicesOver(store, { placement: { account: { ...noAccount, auth_url: 'http://127.0.0.1:1' } } });
  const { report_state } = agentState(services, '2000-01-01T00:00:00', async () => {}).methods;
  const report = async (egress: number): Promise<void> => {
    const configurations = { bridge_mappings: { p: 'br' }, resource_provider_bandwidths: { br: { egress } } };
    const agent = { agent_type: 'Open vSwitch agent', binary: 'b', topic: 'N/A', host: 'node-1', configurations };
    await report_state?.({ agent_state: { agent_state: agent }, time: new Date().toISOString().replace('Z', '') } as never, {} as never);
  };
  const synced = async (): Promise<unknown> => (await store.select({ table: 'agents' }))[0]?.resources_synced;

  const totals: unknown[] = [];
  let meanwhile: (() => Promise<void>) | undefined = () => report(2000);
  const placement: Placement = {
    providerNamed: async () => 'root',
    ensureTrait: async () => {},
    ensureProvider: async () => {},
    setTraits: async () => {},
    async setInventories(_, inventories) {
      totals.push(inventories['NET_BW_EGR_KILOBIT_PER_SEC']?.['total']);
      await meanwhile?.();
      meanwhile = undefined;
    },
  };
  await report(1000);
  await reportAll(services, placement);
  assert.equal(await synced(), false);
  await reportAll(services, placement);
  assert.equal(await synced(), true);
  await report(2000);
  await reportAll(services, placement);
  assert.deepEqual(totals, [1000, 2000]);
});
