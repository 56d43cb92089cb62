// What Nova's client asks, in the queries that it asks it with.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Body, Made } from './client.ts';
import { beat, type Harness, start } from './harness.ts';

let h: Harness;
let network: Made;
let subnet: Made;
const device = randomUUID();
let port: Made;

before(async () => {
  h = await start();
  for (const host of ['node-1', 'node-two']) await beat(h, host);
  network = await h.member.make('networks', 'network', {});
  subnet = await h.member.make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' });
  // Made with the user's token, then taken with Nova's own.
  port = await h.member.make('ports', 'port', { network_id: network.id, device_id: device, admin_state_up: true });
});
after(() => h?.[Symbol.asyncDispose]());

const ids = (objects: readonly Body[]): unknown[] => objects.map(o => o['id']);

test('the extensions whose aliases it looks for', async () => {
  const aliases = new Set((await h.member.list('/v2.0/extensions')).map(e => e['alias']));
  const asked = ['dns-integration', 'multi-provider', 'fip-port-details', 'ip-substring-filtering', 'segment', 'security-group', 'quotas'];
  const needed = [
    'binding',
    'binding-extended',
    'port-resource-request',
    'port-resource-request-groups',
    'security-groups-shared-filtering',
  ];
  for (const alias of [...asked, ...needed]) assert.ok(aliases.has(alias), alias);
});

test('networks that a project may use: by id, its own, shared ones, external ones', async () => {
  const { project } = h.member;
  assert.deepEqual(ids(await h.member.list(`networks?id=${network.id}&id=${randomUUID()}`)), [network.id]);
  assert.deepEqual(ids(await h.member.list(`networks?tenant_id=${project}&shared=False&admin_state_up=True`)), [network.id]);
  assert.deepEqual(await h.member.list('networks?shared=True'), []);
  assert.deepEqual(await h.member.list('networks?router%3Aexternal=True&fields=id'), []);
  const { body } = await h.admin.request('GET', `networks/${network.id}?fields=provider%3Aphysical_network&fields=provider%3Anetwork_type`);
  assert.deepEqual(body['network'], { 'provider:physical_network': null, 'provider:network_type': 'vxlan' });
  assert.deepEqual((await h.admin.request('GET', `networks/${network.id}?fields=segments`)).body['network'], {});
  assert.deepEqual((await h.admin.request('GET', `subnets?network_id=${network.id}&fields=segment_id`)).body['subnets'], [
    { segment_id: null },
  ]);
});

test('how many ports there may be, and are; groups by what a user names', async () => {
  const { project } = h.member;
  const { quota } = (await h.member.request('GET', `quotas/${project}`)).body as { quota: Body };
  assert.equal(quota['port'], 500);
  assert.deepEqual(ids(await h.member.list(`ports?tenant_id=${project}&fields=id`)), [port.id]);
  const [group] = await h.member.list(`security-groups?fields=id&fields=name&tenant_id=${project}`);
  assert.deepEqual(Object.keys(group ?? {}).sort(), ['id', 'name']);
  assert.equal(group?.['name'], 'default');
  assert.deepEqual(await h.member.list('security-groups?fields=id&fields=name&shared=True'), []);
});

test('a port is taken, found, and let go', async () => {
  const taken = { device_id: device, device_owner: 'compute:nova', 'binding:host_id': 'node-1', dns_name: 'vm' };
  const { status, body } = await h.admin.request('PUT', `ports/${port.id}`, { port: taken });
  assert.equal(status, 200);
  const now = body['port'] as Body;
  assert.deepEqual([now['binding:vif_type'], now['binding:vnic_type'], now['binding:profile']], ['bridge', 'normal', {}]);
  assert.equal((now['binding:vif_details'] as Body)['connectivity'], 'l2');
  const mine = `device_id=${device}&tenant_id=${h.member.project}`;
  assert.deepEqual(ids(await h.admin.list(`ports?${mine}`)), [port.id]);
  assert.deepEqual(ids(await h.admin.list(`ports?${mine}&binding%3Ahost_id=node-1`)), [port.id]);
  assert.deepEqual(ids(await h.admin.list(`ports?${mine}&binding%3Ahost_id=node-two`)), []);
  assert.deepEqual((await h.admin.request('GET', `ports?device_id=${device}&fields=id&fields=resource_request`)).body['ports'], [
    { id: port.id, resource_request: null },
  ]);
  const shown = (await h.admin.request('GET', `ports/${port.id}?fields=binding%3Aprofile&fields=network_id`)).body['port'];
  assert.deepEqual(shown, { 'binding:profile': {}, network_id: network.id });
  const [fixed] = port['fixed_ips'] as { ip_address: string }[];
  assert.deepEqual(ids(await h.admin.list(`ports?fixed_ips=ip_address%3D${fixed?.ip_address}`)), [port.id]);
  assert.deepEqual(ids(await h.admin.list(`ports?fixed_ips=ip_address_substr%3D10.0.0.`)), [port.id]);
  assert.deepEqual(ids(await h.admin.list(`subnets?id=${subnet.id}`)), [subnet.id]);
  assert.deepEqual(await h.admin.list(`ports?network_id=${network.id}&device_owner=network%3Adhcp`), []);
  assert.deepEqual(await h.admin.list(`floatingips?fixed_ip_address=${fixed?.ip_address}&port_id=${port.id}`), []);
});

test('a live migration that goes back leaves the port as it was', async () => {
  const call = async (method: string, path: string, wanted: number, body?: Body): Promise<Body> => {
    const answer = await h.admin.request(method, `ports/${port.id}${path}`, body);
    assert.equal(answer.status, wanted, `${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const binding = { host: 'node-two', vnic_type: 'normal', profile: {} };
  const made = (await call('POST', '/bindings', 201, { binding }))['binding'] as Body;
  assert.deepEqual([made['vif_type'], made['status']], ['bridge', 'INACTIVE']);
  await call('PUT', '', 200, { port: { 'binding:profile': { migrating_to: 'node-two' } } });
  assert.equal(((await call('GET', '/bindings/node-two', 200))['binding'] as Body)['status'], 'INACTIVE');
  await call('PUT', '/bindings/node-two/activate', 200);
  await call('PUT', '/bindings/node-two/activate', 409);
  await call('PUT', '/bindings/node-1/activate', 200);
  await call('DELETE', '/bindings/node-two', 204);
  await call('GET', '/bindings/node-two', 404);
  await call('PUT', '', 200, { port: { 'binding:profile': {} } });
  const now = (await call('GET', '', 200))['port'] as Body;
  assert.deepEqual([now['binding:host_id'], now['binding:profile'], now['device_id']], ['node-1', {}, device]);
});
