// Telling of many facts reads what they are about once, and says the same as if each were read by itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSqliteStore } from '../../adapters/store-sql/sqlite/open.ts';
import type { Op, OutboxRow, Row, Store } from '../../contracts/store.ts';
import { allTables } from '../../model/registry.ts';
import type { Services } from '../context.ts';
import { defaultConfig } from '../context.ts';
import { objectPushes } from '../objects/push.ts';
import { agentMessages } from './agents.ts';
import { readTogether } from './batch.ts';
import { Known } from './known.ts';
import type { Message } from './messages.ts';

const at = '2026-01-01T00:00:00Z';

async function storeWith(ids: readonly string[]): Promise<Store> {
  const store = await openSqliteStore(':memory:', { tables: allTables });
  const common = { project_id: 'p', admin_state_up: true, created_at: at, updated_at: at, revision_number: 1 };
  const insert = (table: string, row: Row): Op => ({ op: 'insert', table, row });
  const ops = ids.flatMap((id, i): Op[] => [
    insert('ports', {
      ...{ ...common, id, network_id: 'n', mac_address: `fa:16:3e:00:00:0${i}`, name: id, status: 'DOWN', device_id: '', device_owner: '' },
      ...{ description: '', allowed_address_pairs: [], extra_dhcp_opts: [], ip_allocation: 'immediate', port_security_enabled: true },
      ...{ propagate_uplink_status: true, dns_name: '', dns_domain: '' },
    }),
    insert('ip_allocations', { subnet_id: 's', ip_address: `10.0.0.${i}`, port_id: id, network_id: 'n', position: 0 }),
    insert('port_security_groups', { port_id: id, security_group_id: `g${i % 2}` }),
    insert('port_bindings', {
      port_id: id,
      host: '',
      status: 'ACTIVE',
      vnic_type: 'normal',
      profile: {},
      vif_type: 'unbound',
      vif_details: {},
    }),
    insert('tags', { object_id: id, tag: `t${i}` }),
  ]);
  const network = insert('networks', {
    ...{ ...common, id: 'n', name: 'n', status: 'ACTIVE', mtu: 1450, description: '', is_default: false, availability_zone_hints: [] },
    ...{ port_security_enabled: true, dns_domain: '', pvlan: false },
  });
  // Not one of ours: it is told of groups with all others.
  const agent = insert('agents', {
    ...{ id: 'lb', agent_type: 'Linux bridge agent', host: 'h', binary: '', topic: '', admin_state_up: true, configurations: {} },
    ...{ created_at: at, started_at: at, heartbeat_timestamp: at, description: null, availability_zone: null, resource_versions: null },
  });
  const result = await store.commit({ ops: [network, agent, ...ops, insert('dhcp_bindings', { network_id: 'n', agent_id: 'a' })] });
  assert.ok(result.done);
  return store;
}

const servicesOf = (store: Store): Services =>
  ({ store, config: defaultConfig, clock: { now: () => Date.parse(at), sleep: async () => {} } }) as unknown as Services;

const fact = (id: string, event: OutboxRow['event'] = 'created', facts = {}): OutboxRow => ({
  ...{ seq: 1, at, kind: 'port', id, event, revision: 1, facts },
});

/** What is asked of a store, whether or not that has the answer at hand. */
function counting(store: Store): { readonly counted: Store; asked(): number } {
  let asked = 0;
  const reads: readonly unknown[] = ['select', 'selectAll', 'get', 'count', 'countBy'];
  const counted = new Proxy(store, {
    get(target, name) {
      if (reads.includes(name)) asked++;
      const value = Reflect.get(target, name) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { counted, asked: () => asked };
}

async function told(services: Services, facts: readonly OutboxRow[]): Promise<Message[]> {
  const out: Message[] = [];
  const known = new Known(services);
  for (const one of facts) out.push(...(await agentMessages(services, one, known)), ...(await objectPushes(services, one)));
  return out;
}

test('what is told is the same, in a few statements for all of them', async () => {
  const ids = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5'];
  await using store = await storeWith(ids);
  const services = servicesOf(store);
  const changed = { changed: ['name'], before: { network_id: 'n', host: '', device_owner: '', fixed_ips: [], security_groups: [] } };
  const facts = [
    ...ids.map(id => fact(id)),
    fact('p1', 'updated', changed),
    fact('gone'),
    fact('p9', 'deleted', { before: changed.before }),
  ];
  const apart = await told(services, facts);
  assert.ok(apart.length > ids.length);
  assert.deepEqual(await told(await readTogether(services, facts), facts), apart);

  const made = ids.map(id => fact(id));
  const before = store.statements;
  const together = await readTogether(services, made);
  const readAll = store.statements - before;
  await told(together, made);
  // What is left is the agent that serves the network, and once whether it pushes objects.
  assert.ok(store.statements - before - readAll <= 1, `${store.statements - before - readAll} for ${made.length}`);
});

test('what facts have in common is asked for once, whatever their number', async () => {
  const ids = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5'];
  await using store = await storeWith(ids);
  const services = servicesOf(store);
  const before = { network_id: 'n', host: '', device_owner: '', fixed_ips: [], security_groups: [] };
  const updated = (id: string): OutboxRow => fact(id, 'updated', { changed: ['name'], before });
  const network = (id: string): OutboxRow => ({ ...fact(id), kind: 'network' });
  const rule = (id: string): OutboxRow => ({ ...fact(id), kind: 'security_group_rule', facts: { security_group_id: 'g0' } });
  const spent = async (facts: readonly OutboxRow[]): Promise<number> => {
    const { counted, asked } = counting(store);
    const messages = await told(await readTogether(servicesOf(counted), facts), facts);
    assert.deepEqual(messages, await told(services, facts));
    return asked();
  };
  for (const kind of [updated, network, rule]) assert.equal(await spent(ids.map(kind)), await spent(ids.slice(0, 2).map(kind)), kind.name);
});

test('ports that are gone are not asked for with a list of nothing', async () => {
  await using store = await storeWith([]);
  const services = servicesOf(store);
  const facts = [fact('gone')];
  assert.deepEqual(await told(await readTogether(services, facts), facts), await told(services, facts));
});
