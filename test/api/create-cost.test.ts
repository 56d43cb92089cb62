// What requests, above all about ports, cost in statements on a database server, those that begin and end a transaction among them. On SQLite, where a
// statement costs nothing to send, each row has its own.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Store } from '../../src/contracts/store.ts';
import { addAgents } from './agent-rows.ts';
import { type Asked, countAsked } from './asked.ts';
import { type Api, type Body, client, type Made } from './client.ts';
import { newDatabase } from './database.ts';
import { openDatabase } from './open-database.ts';
import { serveOver } from './wiring.ts';

const onServer = ['mariadb', 'postgres'].includes(process.env['WEFT_TEST_STORE'] ?? '');
const stack = new AsyncDisposableStack();
let url: string;
let store: Store;
let asked: Asked;
let member: Api;
let admin: Api;
let network: Made;
let subnet: Made;
const groups: string[] = [];

// Without the jobs of a server, whose statements would be counted too.
before(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'weft-cost-'));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  asked = await countAsked();
  url = await newDatabase(dir);
  store = stack.use(await openDatabase(url));
  const served = stack.use(await serveOver(store));
  member = client(served.url, 'member');
  admin = client(served.url, 'admin');
  await addAgents(url, ['compute-1']);
  network = await member.make('networks', 'network', { name: 'n' });
  subnet = await member.make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' });
  for (let i = 0; i < 5; i++) groups.push((await member.make('security-groups', 'security_group', { name: `g${i}` })).id);
  // The connections that requests take one after another, and the default group of each project.
  for (const api of [member, admin]) await api.make('ports', 'port', { network_id: network.id });
});
after(() => stack.disposeAsync());

/** What the store says, which is what the server says. */
async function cost(make: () => Promise<unknown>): Promise<number> {
  const [was, wasAsked] = [store.statements, await asked(url)];
  await make();
  const [now, nowAsked] = [store.statements, await asked(url)];
  if (nowAsked !== undefined) assert.equal(now - was, nowAsked - wasAsked!, 'what the server was asked');
  return now - was;
}

const port = (more: Body, api = member) => cost(() => api.make('ports', 'port', { network_id: network.id, ...more }));
const addresses = (n: number) => Array.from({ length: n }, () => ({ subnet_id: subnet.id }));
/** On SQLite each row of a port has a statement. */
const most = (onServers: number, onSqlite: number): number => (onServer ? onServers : onSqlite);

test('a port costs twelve statements at the most, whatever it has of addresses and groups', async t => {
  const plain = await port({});
  const one = await port({ security_groups: groups.slice(0, 1), fixed_ips: addresses(1) });
  const rich = await port({ security_groups: groups, fixed_ips: addresses(5), tags: ['a', 'b'] });
  const bound = await port({ 'binding:host_id': 'compute-1', device_owner: 'compute:nova', device_id: 'instance' }, admin);
  t.diagnostic(`${plain} statements, ${one} with an address and a group by name, ${rich} with five of each, ${bound} on a host`);
  assert.ok(plain <= most(12, 20), `${plain}`);
  assert.ok(one <= most(12, 20), `${one}`);
  if (onServer) assert.equal(rich, one);
  assert.ok(bound <= most(12, 24), `${bound}`);
});

test('fifty ports of one request cost hardly more than one', async t => {
  const made = await cost(async () => {
    const ports = Array.from({ length: 50 }, () => ({ network_id: network.id }));
    assert.equal((await member.request('POST', 'ports', { ports })).status, 201);
  });
  t.diagnostic(`${made} statements`);
  assert.ok(made <= most(16, 320), `${made}`);
});

test('to look at a port, at all of them, to change one and to remove it', async t => {
  const { id } = await member.make('ports', 'port', { network_id: network.id, name: 'a' });
  const costs = {
    show: await cost(() => member.request('GET', `ports/${id}`)),
    list: await cost(() => member.listOnce('ports')),
    update: await cost(() => member.request('PUT', `ports/${id}`, { port: { name: 'b' } })),
    delete: await cost(() => member.request('DELETE', `ports/${id}`)),
  };
  t.diagnostic(JSON.stringify(costs));
  assert.ok(costs.show <= most(2, 9), `${costs.show}`);
  assert.ok(costs.list <= 12, `${costs.list}`);
  assert.ok(costs.update <= most(9, 15), `${costs.update}`);
  assert.ok(costs.delete <= most(20, 34), `${costs.delete}`);
});

test('a network, a subnet, a rule, a router and a floating IP are answered by what was decided', async t => {
  const outside = await admin.make('networks', 'network', { 'router:external': true });
  await admin.make('subnets', 'subnet', { network_id: outside.id, ip_version: 4, cidr: '198.51.100.0/24', enable_dhcp: false });
  const floating = { floating_network_id: outside.id };
  const rule = (port: number) => ({
    ...{ security_group_id: groups[0], direction: 'ingress', protocol: 'tcp' },
    ...{ port_range_min: port, port_range_max: port },
  });
  // The first of a project makes the row that counts them.
  await member.make('routers', 'router', {});
  await member.make('floatingips', 'floatingip', floating);
  const made = await member.make('networks', 'network', {});
  const costs = {
    network: await cost(() => member.make('networks', 'network', {})),
    subnet: await cost(() => member.make('subnets', 'subnet', { network_id: made.id, ip_version: 4, cidr: '10.0.0.0/24' })),
    rule: await cost(() => member.make('security-group-rules', 'security_group_rule', rule(22))),
    router: await cost(() => member.make('routers', 'router', {})),
    floatingip: await cost(() => member.make('floatingips', 'floatingip', floating)),
  };
  t.diagnostic(JSON.stringify(costs));
  assert.ok(costs.network <= most(7, 11), `${costs.network}`);
  assert.ok(costs.subnet <= most(10, 15), `${costs.subnet}`);
  assert.ok(costs.rule <= most(9, 12), `${costs.rule}`);
  assert.ok(costs.router <= most(7, 6), `${costs.router}`);
  assert.ok(costs.floatingip <= most(9, 16), `${costs.floatingip}`);
});

test('what hangs together is asked for together: an interface of a router, its way outside, and an address that leads in', async t => {
  const outside = await admin.make('networks', 'network', { 'router:external': true });
  await admin.make('subnets', 'subnet', { network_id: outside.id, ip_version: 4, cidr: '203.0.113.0/24', enable_dhcp: false });
  const inside = await member.make('networks', 'network', {});
  const behind = await member.make('subnets', 'subnet', { network_id: inside.id, ip_version: 4, cidr: '10.0.0.0/24' });
  const end = await member.make('ports', 'port', { network_id: inside.id });
  const router = await member.make('routers', 'router', {});
  const fip = await member.make('floatingips', 'floatingip', { floating_network_id: outside.id });
  const put = (path: string, body: Body) => cost(async () => assert.equal((await member.request('PUT', path, body)).status, 200));
  const costs = {
    interface: await put(`routers/${router.id}/add_router_interface`, { subnet_id: behind.id }),
    gateway: await put(`routers/${router.id}`, { router: { external_gateway_info: { network_id: outside.id } } }),
    association: await put(`floatingips/${fip.id}`, { floatingip: { port_id: end.id } }),
  };
  t.diagnostic(JSON.stringify(costs));
  assert.ok(costs.interface <= most(14, 24), `${costs.interface}`);
  assert.ok(costs.gateway <= most(23, 32), `${costs.gateway}`);
  assert.ok(costs.association <= most(12, 23), `${costs.association}`);
});
