// Ports and lists of them are answered with what was printed before, as long as that is what they are. Every other test looks at that, too: their
// clients compare each list with one that is read anew.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Harness, start } from './harness.ts';
import { type Beside, beside } from './wiring.ts';

describe('lists that are printed already', () => {
  let h: Harness;
  let network: string;
  let port: string;
  const shown = async (who = h.member): Promise<Record<string, unknown>> => {
    const [found] = (await who.list(`ports?network_id=${network}`)).filter(p => p.id === port);
    return found as Record<string, unknown>;
  };

  before(async () => {
    h = await start();
    network = (await h.member.make('networks', 'network', { name: 'printed' })).id;
    await h.member.make('subnets', 'subnet', { network_id: network, ip_version: 4, cidr: '10.20.0.0/24' });
    port = (await h.member.make('ports', 'port', { network_id: network, name: 'first' })).id;
  });
  after(() => h[Symbol.asyncDispose]());

  test('what has not changed is not read again', async () => {
    await shown();
    const selected: string[] = [];
    const { store } = h.server;
    const select = store.select.bind(store);
    store.select = query => {
      selected.push(query.table);
      return select(query);
    };
    await h.member.listOnce(`ports?network_id=${network}`);
    store.select = select;
    assert.ok(selected.includes('ports') && !selected.includes('ip_allocations'), selected.join());
  });

  test('each caller sees what he may, whoever asked before', async () => {
    assert.ok('binding:host_id' in (await shown(h.admin)));
    assert.ok(!('binding:host_id' in (await shown(h.member))));
    assert.ok('binding:host_id' in (await shown(h.admin)));
  });

  test('a change of the port, of what hangs on it, and of what it shows of others', async () => {
    const expect = async (what: Record<string, unknown>): Promise<void> => {
      const now = await shown(h.admin);
      for (const [name, value] of Object.entries(what)) assert.deepEqual(now[name], value, name);
    };
    const must = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
      const answer = await h.admin.request(method, path, body);
      assert.ok(answer.status < 300, `${method} ${path}: ${answer.status}`);
      return answer.body;
    };
    await must('PUT', `ports/${port}`, { port: { name: 'second' } });
    await expect({ name: 'second' });
    await must('PUT', `ports/${port}`, { port: { fixed_ips: [{ ip_address: '10.20.0.77' }], security_groups: [] } });
    const [{ ip_address }] = (await shown(h.admin)).fixed_ips as [{ ip_address: string }];
    assert.equal(ip_address, '10.20.0.77');
    await expect({ security_groups: [] });
    await must('PUT', `ports/${port}/tags/red`);
    await expect({ tags: ['red'] });
    await must('PUT', `ports/${port}`, { port: { 'binding:host_id': 'somewhere' } });
    await expect({ 'binding:host_id': 'somewhere' });

    const policy = await h.admin.make('qos/policies', 'policy', { name: 'of the network', shared: true });
    await must('PUT', `networks/${network}`, { network: { qos_policy_id: policy.id } });
    await expect({ qos_network_policy_id: policy.id, resource_request: null });
    await must('PUT', `networks/${network}`, { network: { qos_policy_id: null } });
    await expect({ qos_network_policy_id: null, resource_request: null });

    await must('PUT', `ports/${port}`, { port: { 'binding:host_id': '' } });
    const trunk = await h.admin.make('trunks', 'trunk', { port_id: port });
    await expect({ trunk_details: { trunk_id: trunk.id, sub_ports: [] } });
    await must('DELETE', `trunks/${trunk.id}`);
    await expect({ trunk_details: undefined });
    await must('DELETE', `ports/${port}`);
    assert.equal(await shown(h.admin), undefined);
  });

  test('a port that has not changed is not read again to be shown', async () => {
    const { id } = await h.member.make('ports', 'port', { network_id: network });
    await using other = await beside(h.server);
    const show = () => other.as('member').request('GET', `ports/${id}`);
    const first = await show();
    const before = other.store.statements;
    assert.deepEqual((await show()).body, first.body);
    assert.equal(other.store.statements - before, 1);
    assert.ok(!('binding:host_id' in (first.body.port as object)));
    assert.ok('binding:host_id' in ((await other.as('admin').request('GET', `ports/${id}`)).body.port as object));
    assert.equal((await other.as('other').request('GET', `ports/${id}`)).status, 404);
  });
});

describe('two servers that have printed the same', () => {
  let h: Harness;
  let other: Beside;
  let network: string;
  let ports: string[];
  const stack = new AsyncDisposableStack();

  before(async () => {
    h = stack.use(await start());
    other = stack.use(await beside(h.server));
    network = (await h.member.make('networks', 'network', {})).id;
    await h.member.make('subnets', 'subnet', { network_id: network, ip_version: 4, cidr: '10.21.0.0/24' });
    ports = [];
    for (let i = 0; i < 3; i++) ports.push((await h.member.make('ports', 'port', { network_id: network })).id);
  });
  after(() => stack.disposeAsync());

  type Port = Record<string, unknown>;

  /** What the other server says of all of them, by its list and by showing each: the same. */
  const seen = async (who: string): Promise<Map<unknown, Port>> => {
    const list = await other.as(who).listOnce(`ports?network_id=${network}`);
    for (const each of list) assert.deepEqual((await other.as(who).request('GET', `ports/${each.id}`)).body, { port: each });
    return new Map(list.map(each => [each.id, each]));
  };

  test('each sees what the other has changed, at once', async () => {
    const must = async (method: string, path: string, body?: unknown): Promise<void> => {
      const { status } = await h.admin.request(method, path, body);
      assert.ok(status < 300, `${method} ${path}: ${status}`);
    };
    const [first = '', second = ''] = ports;
    const expect = async (id: string, what: Port): Promise<void> => {
      // Twice: printed anew, and as it was printed.
      for (let i = 0; i < 2; i++)
        for (const [name, value] of Object.entries(what)) assert.deepEqual((await seen('admin')).get(id)?.[name], value);
    };
    await seen('admin');
    await must('PUT', `ports/${first}`, { port: { name: 'new', security_groups: [] } });
    await expect(first, { name: 'new', security_groups: [] });
    await must('PUT', `ports/${second}`, { port: { fixed_ips: [{ ip_address: '10.21.0.88' }] } });
    assert.match(JSON.stringify((await seen('admin')).get(second)?.fixed_ips), /10\.21\.0\.88/);
    await must('PUT', `ports/${first}/tags/red`);
    await expect(first, { tags: ['red'] });
    await must('PUT', `ports/${first}`, { port: { 'binding:host_id': 'elsewhere' } });
    await expect(first, { 'binding:host_id': 'elsewhere' });
    const trunk = await h.admin.make('trunks', 'trunk', { port_id: second });
    await expect(second, { trunk_details: { trunk_id: trunk.id, sub_ports: [] } });
    await must('DELETE', `trunks/${trunk.id}`);
    await expect(second, { trunk_details: undefined });
    const policy = await h.admin.make('qos/policies', 'policy', { name: 'of the network', shared: true });
    await must('PUT', `networks/${network}`, { network: { qos_policy_id: policy.id } });
    await expect(first, { qos_network_policy_id: policy.id });
    await must('PUT', `networks/${network}`, { network: { qos_policy_id: null } });
    await expect(first, { qos_network_policy_id: null });
    await must('DELETE', `ports/${first}`);
    assert.ok(!(await seen('admin')).has(first));
    assert.equal((await other.as('admin').request('GET', `ports/${first}`)).status, 404);
  });

  test('whoever sees less is not given what others were given', async () => {
    for (const [who, sees] of [
      ['admin', true],
      ['member', false],
      ['admin', true],
      ['reader', false],
    ] as const)
      for (const port of (await seen(who)).values()) assert.equal('binding:host_id' in port, sees, who);
    assert.equal((await seen('other')).size, 0);
  });
});
