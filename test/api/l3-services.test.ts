// Local IPs, metering labels, logs of packets: what is refused, what goes with what, and two processes.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Api, Body, Made } from './client.ts';
import { startCluster } from './cluster.ts';
import { type Harness, start } from './harness.ts';
import { openDatabase } from './open-database.ts';

const nobodys = '00000000-0000-4000-8000-000000000000';
const addressOf = (port: Made): string => (port.fixed_ips as { ip_address: string }[])[0]!.ip_address;

test('local IPs take their ports of the quota of ports', async () => {
  await using h = await start({ quotas: { port: 1 } });
  const net = await h.member.make('networks', 'network', {});
  await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/24' });
  const { id } = await h.member.make('local-ips', 'local_ip', { network_id: net.id });
  const refused = await h.member.refused('POST', 'local-ips', { local_ip: { network_id: net.id } });
  assert.deepEqual(refused, [409, 'OverQuota', "Quota exceeded for resources: ['port']."]);
  assert.equal((await h.member.request('DELETE', `local-ips/${id}`)).status, 204);
  await h.member.make('local-ips', 'local_ip', { network_id: net.id });
});

describe('local IPs', () => {
  let h: Harness;
  let net: Made;
  before(async () => {
    h = await start({ quotas: { port: -1, network: -1 } });
    net = await h.member.make('networks', 'network', {});
    await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/24' });
  });
  after(() => h[Symbol.asyncDispose]());

  const refused = async (method: string, path: string, body?: unknown): Promise<unknown> =>
    (await h.member.refused(method, path, body)).slice(0, 2);
  const make = (more: Body): Promise<Made> => h.member.make('local-ips', 'local_ip', more);
  const newPort = (more: Body = {}): Promise<Made> => h.member.make('ports', 'port', { network_id: net.id, ...more });

  test('one on a network has a port of its own, which goes with it', async () => {
    const made = await make({ network_id: net.id, name: 'x', local_ip_address: '10.0.0.240' });
    assert.deepEqual([made.local_ip_address, made.ip_mode, made.network_id], ['10.0.0.240', 'translate', net.id]);
    const port = (await h.member.request('GET', `ports/${made.local_port_id}`)).body.port as Body;
    const { device_owner, device_id, status, security_groups, project_id } = port;
    assert.deepEqual([device_owner, device_id, status, security_groups], ['network:local_ip', made.id, 'N/A', []]);
    assert.equal(project_id, h.member.project);
    assert.deepEqual(await refused('DELETE', `ports/${made.local_port_id}`), [409, 'ServicePortInUse']);
    const put = await h.member.request('PUT', `local-ips/${made.id}`, { local_ip: { name: 'y' } });
    assert.deepEqual([put.status, (put.body.local_ip as Body).revision_number], [200, Number(made.revision_number) + 1]);
    assert.deepEqual(await refused('PUT', `local-ips/${made.id}`, { local_ip: { ip_mode: 'passthrough' } }), [400, 'HTTPBadRequest']);
    assert.equal((await h.member.request('DELETE', `local-ips/${made.id}`)).status, 204);
    assert.deepEqual(await refused('GET', `ports/${made.local_port_id}`), [404, 'PortNotFound']);
  });

  test('one on a port holds that port, whose owner makes it; the port stays when it goes', async () => {
    const port = await newPort();
    const made = await make({ local_port_id: port.id });
    assert.deepEqual([made.local_ip_address, made.network_id], [addressOf(port), net.id]);
    assert.deepEqual(await refused('DELETE', `ports/${port.id}`), [409, 'ServicePortInUse']);
    assert.equal((await h.member.request('DELETE', `local-ips/${made.id}`)).status, 204);
    assert.equal((await h.member.request('DELETE', `ports/${port.id}`)).status, 204);
    const foreign = await h.admin.make('ports', 'port', { network_id: net.id });
    assert.deepEqual(await refused('POST', 'local-ips', { local_ip: { local_port_id: foreign.id } }), [400, 'BadRequest']);
    const several = await newPort({ fixed_ips: [{ ip_address: '10.0.0.10' }, { ip_address: '10.0.0.11' }] });
    const bare = await newPort({ fixed_ips: [] });
    const at = (local_port_id: string, more: Body = {}) => refused('POST', 'local-ips', { local_ip: { local_port_id, ...more } });
    assert.deepEqual(await at(several.id), [400, 'LocalIPNoRequestedIP']);
    assert.deepEqual(await at(bare.id), [400, 'LocalIPNoIP']);
    assert.deepEqual(await at(several.id, { local_ip_address: '10.0.0.12' }), [400, 'LocalIPRequestedIPNotFound']);
    assert.deepEqual(await refused('POST', 'local-ips', { local_ip: {} }), [400, 'LocalIPPortOrNetworkRequired']);
    assert.deepEqual(await refused('POST', 'local-ips', { local_ip: { network_id: nobodys } }), [404, 'NetworkNotFound']);
    const theirs = await h.other.make('networks', 'network', {});
    assert.deepEqual(await refused('POST', 'local-ips', { local_ip: { network_id: theirs.id } }), [404, 'NetworkNotFound']);
  });

  test('the port stays whatever else would take it along', async () => {
    const inner = await h.member.make('networks', 'network', {});
    const subnet = await h.member.make('subnets', 'subnet', { network_id: inner.id, ip_version: 4, cidr: '10.9.0.0/24' });
    const router = await h.member.make('routers', 'router', {});
    const act = (action: string) => h.member.request('PUT', `routers/${router.id}/${action}`, { subnet_id: subnet.id });
    const { port_id } = (await act('add_router_interface')).body;
    const made = await make({ local_port_id: port_id });
    assert.equal((await act('remove_router_interface')).status, 409);
    assert.equal((await h.member.request('DELETE', `local-ips/${made.id}`)).status, 204);
    assert.equal((await act('remove_router_interface')).status, 200);
  });

  test('associations: with one’s own ports, below their own local IP, gone with the port', async () => {
    const made = await make({ network_id: net.id });
    const another = await make({ network_id: net.id });
    const port = await newPort();
    const path = `local-ips/${made.id}/port_associations`;
    const body = { port_association: { fixed_port_id: port.id } };
    const { status, body: answer } = await h.member.request('POST', path, body);
    const whole = {
      fixed_port_id: port.id,
      fixed_ip: addressOf(port),
      local_ip_id: made.id,
      local_ip_address: made.local_ip_address,
      host: '',
    };
    assert.deepEqual([status, answer], [201, { port_association: whole }]);
    assert.deepEqual(await h.member.list(path), [whole]);
    assert.deepEqual((await h.member.request('GET', `${path}/${port.id}`)).body, { port_association: whole });
    assert.deepEqual(await refused('POST', path, body), [400, 'BadRequest']);
    const wrong = await h.member.refused('GET', `local-ips/${another.id}/port_associations/${port.id}`);
    const missing = `Local IP ${another.id} association with port ${port.id} could not be found.`;
    assert.deepEqual(wrong, [404, 'LocalIPAssociationNotFound', missing]);
    assert.deepEqual((await h.other.refused('GET', path)).slice(0, 2), [404, 'LocalIPNotFound']);
    const foreign = await h.admin.make('ports', 'port', { network_id: net.id });
    assert.deepEqual(await refused('POST', path, { port_association: { fixed_port_id: foreign.id } }), [400, 'BadRequest']);
    assert.deepEqual(await refused('DELETE', `local-ips/${made.id}`), [409, 'LocalIPInUse']);
    assert.equal((await h.member.request('DELETE', `${path}/${port.id}`)).status, 204);
    await h.member.request('POST', path, body);
    // It leads to an address of the port, and ends with it.
    const address = (...ips: string[]) => ({ port: { fixed_ips: ips.map(ip_address => ({ ip_address })) } });
    assert.equal((await h.member.request('PUT', `ports/${port.id}`, address(addressOf(port), '10.0.0.77'))).status, 200);
    assert.deepEqual(await h.member.list(path), [whole]);
    assert.equal((await h.member.request('PUT', `ports/${port.id}`, address('10.0.0.77'))).status, 200);
    assert.deepEqual(await h.member.list(path), []);
    await h.member.request('POST', path, body);
    assert.equal((await h.member.request('DELETE', `ports/${port.id}`)).status, 204);
    assert.deepEqual(await h.member.list(path), []);
    assert.equal((await h.member.request('DELETE', `local-ips/${made.id}`)).status, 204);
  });

  test('two processes: no association is left without its local IP, no local IP without its port', async () => {
    await using two = await startCluster(2, { quotas: { port: -1 } });
    const member = two.as('member');
    const own = await member.make('networks', 'network', {});
    await member.make('subnets', 'subnet', { network_id: own.id, ip_version: 4, cidr: '10.0.0.0/24' });
    for (let round = 0; round < 4; round++) {
      const ip = await member.make('local-ips', 'local_ip', { network_id: own.id });
      const port = await member.make('ports', 'port', { network_id: own.id });
      const [a, b, c, d] = two.spread('member', 4);
      await Promise.all([
        a?.request('DELETE', `local-ips/${ip.id}`),
        b?.request('POST', `local-ips/${ip.id}/port_associations`, { port_association: { fixed_port_id: port.id } }),
        c?.request('POST', 'local-ips', { local_ip: { local_port_id: port.id } }),
        d?.request('DELETE', `ports/${port.id}`),
      ]);
    }
    await using store = await openDatabase(two.file);
    for (const row of await store.select({ table: 'local_ip_associations' })) {
      assert.ok(await store.get('local_ips', { id: String(row.local_ip_id) }));
      assert.ok(await store.get('ports', { id: String(row.fixed_port_id) }));
    }
    for (const row of await store.select({ table: 'local_ips' })) assert.ok(await store.get('ports', { id: String(row.local_port_id) }));
  });
});

describe('metering', () => {
  let h: Harness;
  before(async () => {
    h = await start();
  });
  after(() => h[Symbol.asyncDispose]());

  test('labels and rules; those that count the same are refused; rules go with their label', async () => {
    const label = await h.admin.make('metering/metering-labels', 'metering_label', { name: 'x', shared: true });
    assert.deepEqual(Object.keys(label).sort(), ['description', 'id', 'name', 'project_id', 'shared', 'tenant_id']);
    const path = 'metering/metering-label-rules';
    const rule = { metering_label_id: label.id, direction: 'ingress' };
    const make = (more: Body): Promise<Made> => h.admin.make(path, 'metering_label_rule', { ...rule, ...more });
    const post = async (more: Body): Promise<unknown> =>
      (await h.admin.refused('POST', path, { metering_label_rule: { ...rule, ...more } })).slice(0, 2);
    const made = await make({ remote_ip_prefix: '10.0.0.5/24' });
    const none = { source_ip_prefix: null, destination_ip_prefix: null };
    assert.deepEqual(made, { id: made.id, ...rule, remote_ip_prefix: '10.0.0.5/24', ...none, excluded: false });
    for (const overlapping of ['10.0.0.0/25', '10.0.0.9', '0.0.0.0/0'])
      assert.deepEqual(await post({ remote_ip_prefix: overlapping }), [409, 'MeteringLabelRuleOverlaps'], overlapping);
    await make({ remote_ip_prefix: '10.0.0.0/25', direction: 'egress' });
    await make({ remote_ip_prefix: 'fd00::/64' });
    await make({ source_ip_prefix: '10.1.0.0/24', destination_ip_prefix: '10.2.0.0/24' });
    assert.deepEqual(await post({}), [400, 'InvalidInput']);
    assert.deepEqual(await post({ remote_ip_prefix: 'x' }), [400, 'InvalidInput']);
    assert.deepEqual(await post({ remote_ip_prefix: '10.7.0.0/24', source_ip_prefix: '10.8.0.0/24' }), [400, 'InvalidInput']);
    assert.deepEqual(await post({ remote_ip_prefix: '10.7.0.0/24', direction: 'up' }), [400, 'HTTPBadRequest']);
    assert.deepEqual(await post({ remote_ip_prefix: '10.7.0.0/24', metering_label_id: nobodys }), [404, 'MeteringLabelNotFound']);
    assert.equal((await h.admin.list(`${path}?direction=egress`)).length, 1);
    assert.deepEqual(await h.member.list(path), []);
    assert.equal((await h.member.refused('POST', 'metering/metering-labels', { metering_label: {} }))[0], 403);
    assert.equal((await h.admin.request('DELETE', `metering/metering-labels/${label.id}`)).status, 204);
    assert.deepEqual(await h.admin.list(path), []);
    const both = ['10.0.0.0/24', '10.0.0.0/25'].map(remote_ip_prefix => ({ ...rule, remote_ip_prefix }));
    const again = await h.admin.make('metering/metering-labels', 'metering_label', {});
    const several = both.map(b => ({ ...b, metering_label_id: again.id }));
    assert.equal((await h.admin.request('POST', path, { metering_label_rules: several })).status, 409);
  });

  test('two processes: of rules that count the same one is made', async () => {
    await using two = await startCluster(2);
    const label = await two.as('admin').make('metering/metering-labels', 'metering_label', {});
    const body = (i: number): Body => ({
      metering_label_rule: { metering_label_id: label.id, direction: 'ingress', remote_ip_prefix: `10.0.0.0/${16 + i}` },
    });
    const made = await Promise.all(two.spread('admin', 6).map((api, i) => api.request('POST', 'metering/metering-label-rules', body(i))));
    assert.deepEqual(made.map(m => m.status).sort(), [201, 409, 409, 409, 409, 409]);
  });
});

describe('logs of packets', () => {
  let h: Harness;
  before(async () => {
    h = await start({ quotas: { network: -1, port: -1 } });
  });
  after(() => h[Symbol.asyncDispose]());

  test('of a project, a group, a port; only of what there is, and what belongs together; gone with it', async () => {
    assert.deepEqual(await h.admin.list('log/loggable-resources'), [{ type: 'security_group' }]);
    assert.deepEqual(await h.member.list('log/loggable-resources'), []);
    const net = await h.member.make('networks', 'network', {});
    const port = await h.member.make('ports', 'port', { network_id: net.id });
    const [group] = port.security_groups as string[];
    const other = await h.member.make('security-groups', 'security_group', { name: 'x' });
    const make = (more: Body): Promise<Made> => h.admin.make('log/logs', 'log', { resource_type: 'security_group', ...more });
    const post = async (more: Body): Promise<unknown> =>
      (await h.admin.refused('POST', 'log/logs', { log: { resource_type: 'security_group', ...more } })).slice(0, 2);
    const all = await make({ name: 'all' });
    assert.deepEqual([all.event, all.enabled, all.resource_id, all.target_id], ['ALL', true, null, null]);
    await make({ resource_id: group, target_id: port.id, event: 'DROP' });
    await make({ resource_id: other.id });
    assert.deepEqual(await post({ resource_type: 'nope' }), [400, 'InvalidLogResourceType']);
    assert.deepEqual(await post({ resource_id: nobodys }), [404, 'ResourceNotFound']);
    assert.deepEqual(await post({ target_id: nobodys }), [404, 'TargetResourceNotFound']);
    assert.deepEqual(await post({ resource_id: other.id, target_id: port.id }), [400, 'InvalidResourceConstraint']);
    assert.deepEqual(await post({ event: 'x' }), [400, 'HTTPBadRequest']);
    assert.equal((await h.admin.refused('PUT', `log/logs/${all.id}`, { log: { event: 'DROP' } }))[0], 400);
    const put = await h.admin.request('PUT', `log/logs/${all.id}`, { log: { enabled: false } });
    assert.deepEqual([put.status, (put.body.log as Body).enabled], [200, false]);
    assert.equal((await h.member.refused('POST', 'log/logs', { log: { resource_type: 'security_group' } }))[0], 403);
    await h.member.request('DELETE', `security-groups/${other.id}`);
    await h.member.request('DELETE', `ports/${port.id}`);
    assert.deepEqual(
      (await h.admin.list('log/logs')).map(l => l.id),
      [all.id],
    );
  });

  test('two processes: a log does not outlive the port or group that it is made for', async () => {
    await using two = await startCluster(2, { quotas: { port: -1, security_group: -1, network: -1 } });
    const [one, other] = two.spread('admin', 2) as [Api, Api];
    const net = await one.make('networks', 'network', {});
    for (let i = 0; i < 12; i++) {
      const [path, made, named] =
        i % 2 === 0
          ? ['ports', await one.make('ports', 'port', { network_id: net.id }), 'target_id']
          : ['security-groups', await one.make('security-groups', 'security_group', { name: `g${i}` }), 'resource_id'];
      const log = { resource_type: 'security_group', [String(named)]: made.id };
      const posts = [one, other, one].map(api => api.request('POST', 'log/logs', { log }));
      const [gone, ...logs] = await Promise.all([other.request('DELETE', `${String(path)}/${made.id}`), ...posts]);
      assert.equal(gone.status, 204);
      assert.ok(logs.every(l => l.status === 201 || l.status === 404));
    }
    assert.deepEqual(await one.list('log/logs'), []);
  });
});
