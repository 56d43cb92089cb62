// Lists of ports are answered with what was printed before, as long as that is what they are. Every other test looks at that, too: their
// clients compare each list with one that is read anew.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Harness, start } from './harness.ts';

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
});
