// What an agent says while Placement is told what it said before is told, too.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Placement, PlacementRefused } from '../../src/contracts/cloud.ts';
import { noAccount } from '../../src/contracts/service-account.ts';
import { reportAll } from '../../src/server/placement/reporter.ts';
import { agentState } from '../../src/server/rpc/agent-state.ts';
import { newDatabase } from './database.ts';
import { openDatabase } from './open-database.ts';
import { servicesOver } from './wiring.ts';

async function world(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'weft-placement-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const store = await openDatabase(await newDatabase(folder));
  t.after(() => store[Symbol.asyncDispose]());
  const services = servicesOver(store, { placement: { account: { ...noAccount, auth_url: 'http://127.0.0.1:1' } } });
  const { report_state } = agentState(services, '2000-01-01T00:00:00', async () => {}).methods;
  const report = async (egress: number, host = 'node-1'): Promise<void> => {
    const configurations = { bridge_mappings: { p: 'br' }, resource_provider_bandwidths: { br: { egress } } };
    const agent = { agent_type: 'Open vSwitch agent', binary: 'b', topic: 'N/A', host, configurations };
    await report_state?.({ agent_state: { agent_state: agent }, time: new Date().toISOString().replace('Z', '') } as never, {} as never);
  };
  return { store, services, report };
}

test('a report that comes while the last one is told is not taken for told', async t => {
  const { store, services, report } = await world(t);
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

test('a host whose name Placement does not take keeps nobody from telling it of the others', async t => {
  const { store, services, report } = await world(t);
  const hosts = ['node-1', 'node-2', 'node-3'];
  for (const host of hosts) await report(1000, host);
  const told: string[] = [];
  const placement: Placement = {
    async providerNamed(name) {
      if (name === refused) throw new PlacementRefused(400, 'no such name can be');
      return name;
    },
    ensureTrait: async () => {},
    ensureProvider: async ({ name }) => void told.push(name),
    setTraits: async () => {},
    setInventories: async () => {},
  };
  // Whichever comes first.
  const refused = String((await store.select({ table: 'agents' }))[0]?.host);
  assert.equal(await reportAll(services, placement), false);
  const others = hosts.filter(host => host !== refused).flatMap(host => [`${host}:Open vSwitch agent`, `${host}:Open vSwitch agent:br`]);
  assert.deepEqual(told.sort(), others.sort());
  const synced = Object.fromEntries((await store.select({ table: 'agents' })).map(row => [row.host, row.resources_synced]));
  assert.deepEqual(synced, Object.fromEntries(hosts.map(host => [host, host !== refused])));
});
