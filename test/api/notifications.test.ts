// What requests tell of themselves: the same events with the same payloads as a real server's, in order, and nothing secret.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Log, LogFields } from '../../src/contracts/log.ts';
import type { NotificationsConfig } from '../../src/server/context.ts';
import type { Made } from './client.ts';
import { again, type Body, beat, type Harness, start, until } from './harness.ts';

interface Told {
  readonly message_id: string;
  readonly publisher_id: string;
  readonly event_type: string;
  readonly priority: string;
  readonly payload: Record<string, unknown>;
  readonly timestamp: string;
}

const config = (...drivers: NotificationsConfig['drivers']): { readonly notifications: NotificationsConfig } => ({
  notifications: { drivers, transportUrl: '', topics: ['notifications'], retry: -1, kept: 100_000 },
});

/** Keeps what the driver `log` says. */
function listening(told: Told[]): Log {
  const log: Log = {
    debug: () => {},
    info: (_message: string, fields?: LogFields) => {
      if (fields?.['notification']) told.push(fields['notification'] as Told);
    },
    warning: () => {},
    error: () => {},
    child: () => log,
  };
  return log;
}

describe('notifications', () => {
  const told: Told[] = [];
  let h: Harness;
  before(async () => {
    h = await start(config('noop', 'log'), listening(told));
  });
  after(() => h[Symbol.asyncDispose]());

  /** What a request told: all of it, once its last event is there. */
  async function of(last: string, ask: () => Promise<unknown>): Promise<Told[]> {
    await settled();
    const from = told.length;
    await ask();
    await until(last, async () => told.slice(from).some(one => one.event_type === last));
    return told.slice(from);
  }
  /** What was done before has been told: events come in their order, however far behind they are. */
  async function settled(): Promise<void> {
    const { id } = await h.member.make('networks', 'network', {});
    const isLast = ({ event_type, payload }: Told): boolean => event_type === 'network.create.end' && JSON.stringify(payload).includes(id);
    await until('what was done before is told', async () => told.some(isLast));
  }
  const events = (all: readonly Told[]): unknown[] => all.map(one => [one.event_type, one.payload]);
  const shown = async (path: string, name: string): Promise<unknown> => (await h.member.request('GET', path)).body[name];

  test('a create, an update, a delete', async () => {
    let made: Made | undefined;
    const created = await of('network.create.end', async () => {
      made = await h.member.make('networks', 'network', { name: 'n1' });
    });
    const id = String(made?.id);
    assert.deepEqual(events(created), [
      ['network.create.start', { network: { name: 'n1' } }],
      ['network.create.end', { network: made }],
    ]);
    const updated = await of('network.update.end', () => h.member.request('PUT', `networks/${id}`, { network: { name: 'n2' } }));
    assert.deepEqual(events(updated), [
      ['network.update.start', { network: { name: 'n2' }, id }],
      ['network.update.end', { network: await shown(`networks/${id}`, 'network') }],
    ]);
    const was = (await h.admin.request('GET', `networks/${id}`)).body['network'];
    const deleted = await of('network.delete.end', () => h.member.request('DELETE', `networks/${id}`));
    // The last thing to be said of it is said in whole, whoever deletes it.
    assert.deepEqual(events(deleted), [
      ['network.delete.start', { network_id: id }],
      ['network.delete.end', { network_id: id, network: was }],
    ]);
    const [first] = deleted;
    assert.match(String(first?.publisher_id), /^network\../);
    assert.match(String(first?.timestamp), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/);
    assert.equal(first?.priority, 'INFO');
    const ids = told.map(one => one.message_id);
    assert.equal(new Set(ids).size, ids.length);
  });

  test('several at once are one event', async () => {
    const networks = [{ name: 'a' }, { name: 'b' }];
    let body: Body = {};
    const all = await of('network.create.end', async () => {
      ({ body } = await h.member.request('POST', 'networks', { networks }));
    });
    assert.deepEqual(events(all), [
      ['network.create.start', { networks }],
      ['network.create.end', body],
    ]);
  });

  test('what is refused has begun and not ended; what cannot be has not begun', async () => {
    const nowhere = '00000000-0000-0000-0000-000000000001';
    await settled();
    const from = told.length;
    for (const [method, path, body, status] of [
      ['POST', 'networks', { network: { bogus: 1 } }, 400],
      ['POST', 'networks', '{"network":', 400],
      ['PUT', `ports/${nowhere}`, { port: { name: 'x' } }, 404],
      ['DELETE', `ports/${nowhere}`, undefined, 404],
      ['GET', 'networks', undefined, 200],
    ] as const)
      assert.equal((await h.member.request(method, path, body)).status, status);
    await settled();
    assert.deepEqual(
      told.slice(from).map(one => one.event_type),
      ['port.update.start', 'port.delete.start', 'network.create.start', 'network.create.end'],
    );
  });

  test('tags, interfaces of routers, agents that are given something', async () => {
    const { id: network_id } = await h.member.make('networks', 'network', {});
    const subnet = await h.member.make('subnets', 'subnet', { network_id, ip_version: 4, cidr: '10.9.0.0/24' });
    const parent = { parent_resource: 'networks', parent_resource_id: network_id };
    const tagged = async (method: string, path: string, last: string, body?: unknown): Promise<unknown> =>
      events(await of(last, () => h.member.request(method, `networks/${network_id}/tags${path}`, body)));
    const both = (event: string, payload: Body): unknown[] => [`${event}.start`, `${event}.end`].map(name => [name, payload]);
    assert.deepEqual(await tagged('PUT', '', 'tag.update.end', { tags: ['a', 'b'] }), both('tag.update', { ...parent, tags: ['a', 'b'] }));
    assert.deepEqual(await tagged('PUT', '/c', 'tag.create.end'), both('tag.create', { ...parent, tags: ['c'] }));
    assert.deepEqual(await tagged('DELETE', '/c', 'tag.delete.end'), both('tag.delete', { ...parent, tags: ['c'] }));
    assert.deepEqual(await tagged('DELETE', '', 'tag.delete_all.end'), both('tag.delete_all', parent));

    const router = await h.member.make('routers', 'router', {});
    for (const [action, event] of [
      ['add', 'create'],
      ['remove', 'delete'],
    ] as const) {
      let body: Body = {};
      const all = await of(`router.interface.${event}`, async () => {
        ({ body } = await h.member.request('PUT', `routers/${router.id}/${action}_router_interface`, { subnet_id: subnet.id }));
      });
      assert.deepEqual(events(all), [[`router.interface.${event}`, { router_interface: body }]]);
    }

    await beat(h, 'node-1');
    const agents = await h.admin.list('agents?host=node-1');
    const agent = (binary: string): string => String(agents.find(one => one['binary'] === binary)?.id);
    const scheduled = async (path: string, body: Body, event: string): Promise<unknown> => {
      const [one, ...more] = await of(`${event}.add`, () => h.admin.request('POST', path, body));
      assert.deepEqual(more, []);
      return [one?.payload, one?.publisher_id.split('.')[0]];
    };
    const [dhcp, l3] = [agent('neutron-dhcp-agent'), agent('neutron-l3-agent')];
    for (const { id } of await h.admin.list(`networks/${network_id}/dhcp-agents`))
      await of('dhcp_agent.network.remove', () => h.admin.request('DELETE', `agents/${id}/dhcp-networks/${network_id}`));
    assert.deepEqual(await scheduled(`agents/${dhcp}/dhcp-networks`, { network_id }, 'dhcp_agent.network'), [
      { agent: { id: dhcp, network_id } },
      'network',
    ]);
    assert.deepEqual(await scheduled(`agents/${l3}/l3-routers`, { router_id: router.id }, 'l3_agent.router'), [
      { agent: { id: l3, router_id: router.id } },
      'router',
    ]);
  });

  test('objects below others go by their own names', async () => {
    const policy = await h.admin.make('qos/policies', 'policy', { name: 'p' });
    const rules = `qos/policies/${policy.id}/bandwidth_limit_rules`;
    const rule = await h.admin.make(rules, 'bandwidth_limit_rule', { max_kbps: 1000 });
    const all = await of('alias_bandwidth_limit_rule.update.end', () =>
      h.admin.request('PUT', `qos/alias_bandwidth_limit_rules/${rule.id}`, { alias_bandwidth_limit_rule: { max_kbps: 5 } }),
    );
    assert.deepEqual(events(all)[0], [
      'alias_bandwidth_limit_rule.update.start',
      { alias_bandwidth_limit_rule: { max_kbps: 5 }, id: rule.id },
    ]);
  });

  test('where nobody is told, nothing is kept', async () => {
    h = await again(h, {});
    const from = told.length;
    const kept = async (kind: string): Promise<number> => {
      const rows = await h.server.store.outbox('who looks', 10_000);
      return rows.filter(row => row.kind === kind).length;
    };
    const before = [await kept('notification'), await kept('network')];
    await h.member.make('networks', 'network', {});
    assert.deepEqual([await kept('notification'), await kept('network')], [before[0], Number(before[1]) + 1]);
    assert.equal(told.length, from);
  });
});
