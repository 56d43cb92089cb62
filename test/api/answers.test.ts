// What a create answers without looking again is what is shown of the object at that moment, whoever else is at work.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Store } from '../../src/contracts/store.ts';
import { addAgents } from './agent-rows.ts';
import { type Api, type Body, client, type Made } from './client.ts';
import { newDatabase } from './database.ts';
import { beforeCommit } from './meanwhile.ts';
import { openDatabase } from './open-database.ts';
import { serveOver } from './wiring.ts';

const stack = new AsyncDisposableStack();
let store: Store;
let admin: Api;
let member: Api;
/** Of another server on the same database. */
let elsewhere: Api;

before(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'weft-answers-'));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const url = await newDatabase(dir);
  store = stack.use(await openDatabase(url));
  const served = stack.use(await serveOver(store, { vlanRanges: { p1: [], q1: [], q2: [] } }));
  const other = stack.use(await serveOver(stack.use(await openDatabase(url))));
  admin = client(served.url, 'admin');
  member = client(served.url, 'member');
  elsewhere = client(other.url, 'admin');
  await addAgents(url, ['compute-1']);
});
after(() => stack.disposeAsync());

/** With what the stores have otherwise than clients: no NUL, what stands for it, half a pair of surrogates. */
const texts = ['\0', '\u0001\u0002', 'naïve "\u{1f600}" \\ \u2028', 'half \ud800'];

/** Made as asked for, and shown as it was answered. */
async function made(api: Api, path: string, name: string, attributes: Body): Promise<Made> {
  const answered = await api.make(path, name, attributes);
  const { body } = await api.request('GET', `${path}/${answered.id}`);
  assert.deepEqual(answered, body[name]);
  return answered;
}

/** What only the answer to its creation says of a network that is not outside. */
async function madeNetwork(api: Api, attributes: Body): Promise<Made> {
  const { is_default, ...answered } = await api.make('networks', 'network', attributes);
  const { body } = await api.request('GET', `networks/${answered.id}`);
  const { is_default: shown, ...rest } = body['network'] as Made;
  assert.deepEqual(answered, rest);
  assert.equal(is_default, shown ?? false);
  return answered as Made;
}

test('networks, of whatever kind', async () => {
  await madeNetwork(member, {});
  await madeNetwork(member, { name: 'n', description: 'd', admin_state_up: false, mtu: 1300, port_security_enabled: false });
  await madeNetwork(admin, { shared: true, dns_domain: 'example.org.' });
  await madeNetwork(admin, { 'router:external': true });
  await madeNetwork(admin, { 'router:external': true, is_default: true });
  await madeNetwork(admin, { 'provider:network_type': 'vlan', 'provider:physical_network': 'p1', 'provider:segmentation_id': 7 });
  await madeNetwork(admin, { 'provider:network_type': 'flat', 'provider:physical_network': 'p1' });
  await madeNetwork(admin, { segments: [7, 8].map(id => ({ 'provider:network_type': 'vxlan', 'provider:segmentation_id': id })) });
  const policy = await admin.make('qos/policies', 'policy', { name: 'p' });
  await madeNetwork(admin, { qos_policy_id: policy.id });
});

test('texts of whatever characters', async () => {
  for (const [i, text] of texts.entries()) {
    const named = { name: text, description: text };
    const net = await madeNetwork(member, named);
    const cidr = `10.0.${i}.0/24`;
    await made(member, 'subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr, ...named });
    const plugged = { device_id: text, 'binding:host_id': text, 'binding:profile': { [text]: text } };
    const port = await made(admin, 'ports', 'port', { network_id: net.id, tags: [text], ...plugged, ...named });
    assert.equal(port['name'], text.toWellFormed());
    await made(member, 'routers', 'router', named);
    const group = await made(member, 'security-groups', 'security_group', named);
    const rule = { security_group_id: group.id, direction: 'ingress', description: text };
    await made(member, 'security-group-rules', 'security_group_rule', rule);
  }
});

test('networks of one request, of different kinds', async () => {
  const vxlan = { 'provider:network_type': 'vxlan' };
  const networks = [{}, { shared: true }, { 'router:external': true }, vxlan, { segments: [vxlan, { 'provider:network_type': 'local' }] }];
  const { body } = await admin.request('POST', 'networks', { networks });
  const answered = body['networks'] as Made[];
  const read = await Promise.all(answered.map(async ({ id }) => (await admin.request('GET', `networks/${id}`)).body['network'] as Made));
  const plain = ({ is_default: _, ...net }: Made): Body => net;
  assert.deepEqual(answered.map(plain), read.map(plain));
});

test('a segment that chance draws twice is given once', async () => {
  const { url, [Symbol.asyncDispose]: close } = await serveOver(store, {}, { random: () => 0.5 });
  await using _served = { [Symbol.asyncDispose]: close };
  const api = client(url, 'admin');
  const ids = [await madeNetwork(api, {}), await madeNetwork(api, {})].map(net => net['provider:segmentation_id']);
  assert.equal(new Set(ids).size, 2, `${ids}`);
});

test('subnets, of whatever kind', async () => {
  const net = await member.make('networks', 'network', {});
  const outside = await admin.make('networks', 'network', { 'router:external': true });
  const on = (network_id: string, cidr: string, more: Body = {}) => ({ network_id, ip_version: cidr.includes(':') ? 6 : 4, cidr, ...more });
  await made(member, 'subnets', 'subnet', on(net.id, '10.0.0.0/24'));
  await made(member, 'subnets', 'subnet', on(net.id, '10.0.1.0/24', { gateway_ip: null, enable_dhcp: false, name: 'n' }));
  await made(member, 'subnets', 'subnet', on(net.id, 'fd00::/64', { ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' }));
  const host_routes = [{ destination: '10.9.0.0/24', nexthop: '10.0.2.9' }];
  await made(member, 'subnets', 'subnet', on(net.id, '10.0.2.0/24', { host_routes, dns_nameservers: ['10.0.2.3'] }));
  const shown = await made(admin, 'subnets', 'subnet', on(outside.id, '203.0.113.0/24'));
  assert.equal(shown['router:external'], true);
  const pooled = await member.make('networks', 'network', {});
  const pool = await member.make('subnetpools', 'subnetpool', { name: 'p', prefixes: ['10.64.0.0/16'], default_prefixlen: 24 });
  await made(member, 'subnets', 'subnet', { network_id: pooled.id, ip_version: 4, subnetpool_id: pool.id });
  const slaac = { ipv6_ra_mode: 'slaac', ipv6_address_mode: 'slaac' };
  await made(member, 'subnets', 'subnet', { network_id: pooled.id, ip_version: 6, subnetpool_id: 'prefix_delegation', ...slaac });
  const several = [5, 6].map(i => on(net.id, `10.0.${i}.7/24`, { allocation_pools: [{ start: `10.0.${i}.9`, end: `10.0.${i}.9` }] }));
  const { body } = await member.request('POST', 'subnets', { subnets: several });
  for (const answered of body['subnets'] as Made[])
    assert.deepEqual(answered, (await member.request('GET', `subnets/${answered.id}`)).body['subnet']);
});

test('subnets of one request that give each other routes', async () => {
  const vlan = (id: number) => ({ 'provider:network_type': 'vlan', 'provider:physical_network': `q${id}`, 'provider:segmentation_id': id });
  const net = await admin.make('networks', 'network', { segments: [1, 2].map(vlan) });
  const segments = await admin.list(`segments?network_id=${net.id}`);
  const subnets = segments.map(({ id }, i) => ({ network_id: net.id, ip_version: 4, cidr: `10.7.${i}.0/24`, segment_id: id }));
  const { body } = await admin.request('POST', 'subnets', { subnets });
  const answered = body['subnets'] as Made[];
  const read = await Promise.all(answered.map(async ({ id }) => (await admin.request('GET', `subnets/${id}`)).body['subnet']));
  assert.deepEqual(answered, read);
  assert.deepEqual(
    answered.map(s => (s['host_routes'] as unknown[]).length),
    [1, 1],
  );
});

test('a subnet whose network is opened to the outside meanwhile says so', async () => {
  const net = await admin.make('networks', 'network', {});
  const entry = { object_type: 'network', object_id: net.id, action: 'access_as_external', target_tenant: '*' };
  beforeCommit(store, () => elsewhere.make('rbac-policies', 'rbac_policy', entry));
  const shown = await made(admin, 'subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/24' });
  assert.equal(shown['router:external'], true);
});

test("rules, of groups of one's own and of the default one", async () => {
  const group = await member.make('security-groups', 'security_group', { name: 'g' });
  const [standard] = await member.list('security-groups?name=default');
  const rule = { direction: 'ingress', protocol: 'tcp', port_range_min: 22, port_range_max: 22 };
  const own = await made(member, 'security-group-rules', 'security_group_rule', { security_group_id: group.id, ...rule });
  assert.equal(own['belongs_to_default_sg'], false);
  const more = { ...rule, remote_group_id: group.id, description: 'd' };
  const other = await made(member, 'security-group-rules', 'security_group_rule', { security_group_id: standard!.id, ...more });
  assert.equal(other['belongs_to_default_sg'], true);
  const two = [1, 2].map(port => ({ ...rule, security_group_id: group.id, port_range_min: port, port_range_max: port }));
  const { body } = await member.request('POST', 'security-group-rules', { security_group_rules: two });
  const answered = body['security_group_rules'] as Made[];
  const read = answered.map(async ({ id }) => (await member.request('GET', `security-group-rules/${id}`)).body['security_group_rule']);
  assert.deepEqual(answered, await Promise.all(read));
});

test('routers and floating IPs, with what they lead to and without', async () => {
  const outside = await admin.make('networks', 'network', { 'router:external': true });
  await admin.make('subnets', 'subnet', { network_id: outside.id, ip_version: 4, cidr: '198.51.100.0/24', enable_dhcp: false });
  const net = await member.make('networks', 'network', {});
  const subnet = await member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/24' });
  await made(member, 'routers', 'router', { name: 'r', description: 'd', admin_state_up: false });
  await made(admin, 'routers', 'router', { distributed: true });
  const router = await made(member, 'routers', 'router', { external_gateway_info: { network_id: outside.id } });
  assert.equal((await member.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id })).status, 200);
  const port = await member.make('ports', 'port', { network_id: net.id });
  await made(member, 'floatingips', 'floatingip', { floating_network_id: outside.id });
  await made(member, 'floatingips', 'floatingip', { floating_network_id: outside.id, description: 'd', port_id: port.id });
  const policy = await admin.make('qos/policies', 'policy', { name: 'p' });
  assert.equal((await admin.request('PUT', `networks/${outside.id}`, { network: { qos_policy_id: policy.id } })).status, 200);
  const shown = await made(admin, 'floatingips', 'floatingip', { floating_network_id: outside.id });
  assert.equal(shown['qos_network_policy_id'], policy.id);
});
