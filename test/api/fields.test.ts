// Lists with `fields`: what is asked for is what the whole object says, for every attribute of every resource and whoever asks; and nothing
// else is read for it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { resources } from '../../src/model/registry.ts';
import { startWorld, type Thing } from './authorisation/world.ts';
import type { Api, Body } from './client.ts';
import type { Harness } from './harness.ts';
import { beside } from './wiring.ts';

describe('lists with fields', () => {
  let h: Harness;
  let things: readonly Thing[];
  const stack = new AsyncDisposableStack();

  before(async () => {
    const world = await startWorld();
    h = stack.use(world.h);
    things = world.things;
  });
  after(() => stack.disposeAsync());

  const only = (object: Body, names: readonly string[]): Body =>
    Object.fromEntries(Object.entries(object).filter(([name]) => names.includes(name)));

  const compare = async (api: Api, collection: string, names: readonly string[]): Promise<void> => {
    const query = `${collection}?${names.map(name => `fields=${encodeURIComponent(name)}`).join('&')}`;
    const whole = await api.listOnce(collection);
    assert.deepEqual(
      await api.listOnce(query),
      whole.map(object => only(object, names)),
      query,
    );
  };

  test('each attribute alone, and some together', async () => {
    for (const resource of resources.filter(r => r.verbs.includes('list'))) {
      const collection = things.find(t => t.resource === resource)?.collection ?? resource.path;
      const names = [...Object.keys(resource.fields), 'tenant_id', 'nothing_of_ours'];
      for (const name of names) await compare(h.admin, collection, [name]);
      // Not everybody sees the object above.
      for (const api of resource.parent ? [h.admin] : [h.admin, h.member, h.other]) {
        await compare(api, collection, names);
        await compare(api, collection, ['id', 'tenant_id']);
        await compare(api, collection, ['id', 'project_id', 'tenant_id', 'name', 'status']);
      }
    }
  });

  test('of a member what is his to see, each attribute alone', async () => {
    for (const name of ['networks', 'ports', 'subnets', 'routers', 'floatingips', 'security-groups', 'security-group-rules']) {
      const resource = resources.find(r => r.path === name);
      assert.ok(resource, name);
      for (const field of Object.keys(resource.fields)) await compare(h.member, name, [field]);
    }
  });

  test('what a port shows is made of more than is asked for', async () => {
    const policy = await h.admin.make('qos/policies', 'policy', { name: 'of the port' });
    await h.admin.make(`qos/policies/${policy.id}/minimum_bandwidth_rules`, 'minimum_bandwidth_rule', { min_kbps: 1, direction: 'egress' });
    const network_id = (
      await h.admin.make('networks', 'network', { 'provider:network_type': 'flat', 'provider:physical_network': 'fields' })
    ).id;
    await h.admin.make('subnets', 'subnet', { network_id, ip_version: 4, cidr: '10.22.0.0/24' });
    const bound = { 'binding:host_id': 'h', 'binding:profile': { a: 'b' }, trusted: true, qos_policy_id: policy.id };
    await h.admin.make('ports', 'port', { network_id, ...bound });
    const [shown] = await h.admin.listOnce(`ports?network_id=${network_id}`);
    assert.ok(shown?.resource_request);
    assert.deepEqual(shown['binding:profile'], { a: 'b', trusted: true });
    for (const name of Object.keys(shown)) {
      const [alone] = await h.admin.listOnce(`ports?network_id=${network_id}&fields=${encodeURIComponent(name)}`);
      assert.deepEqual(alone, only(shown, [name]));
    }
  });

  test('ports are read as far as they are asked for', async () => {
    await using other = await beside(h.server);
    const { store } = other;
    const tablesOf = async (query: string): Promise<string[]> => {
      const asked = new Set<string>();
      const select = store.select.bind(store);
      store.select = one => {
        asked.add(one.table);
        return select(one);
      };
      await other.as('member').listOnce(query);
      store.select = select;
      return [...asked].sort();
    };
    assert.deepEqual(await tablesOf('ports?fields=id&fields=name&fields=status'), ['ports']);
    assert.deepEqual(await tablesOf('ports?fields=id&fields=fixed_ips'), ['ip_allocations', 'ports']);
    assert.deepEqual(await tablesOf('ports?fields=tags'), ['ports', 'tags']);
  });
});
