// What is asked often must not be answered by a look at every row of a table that grows with the cloud: SQLite's plans of the statements that requests send.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, mock, test } from 'node:test';
import { addAgents } from './agent-rows.ts';
import { type Api, client, type Made } from './client.ts';
import { newDatabase } from './database.ts';
import { openDatabase } from './open-database.ts';
import { serveOver } from './wiring.ts';

const skip = (process.env['WEFT_TEST_STORE'] ?? 'sqlite') === 'sqlite' ? false : 'the plans are those of SQLite';
const stack = new AsyncDisposableStack();
const texts = new Set<string>();
const { prepare } = DatabaseSync.prototype;
let file = '';
let admin: Api;
let member: Api;
let network: Made;
let group: Made;
let port: Made;

before(async () => {
  if (skip) return;
  const dir = await mkdtemp(join(tmpdir(), 'weft-plans-'));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  file = join(dir, 'weft.db');
  const url = await newDatabase(dir);
  const store = stack.use(await openDatabase(url));
  const served = stack.use(await serveOver(store));
  admin = client(served.url, 'admin');
  member = client(served.url, 'member');
  await addAgents(url, ['compute-1']);
  // Each text is prepared once: those of the start are none of a request's.
  mock.method(DatabaseSync.prototype, 'prepare', function (this: DatabaseSync, text: string) {
    texts.add(text);
    return prepare.call(this, text);
  });
  network = await member.make('networks', 'network', { name: 'n' });
  await member.make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' });
  group = await member.make('security-groups', 'security_group', { name: 'g' });
  const wish = { network_id: network.id, name: 'p', device_id: 'instance', security_groups: [group.id] };
  port = await member.make('ports', 'port', wish);
  await admin.make('ports', 'port', { ...wish, project_id: member.project, 'binding:host_id': 'compute-1' });
});
after(async () => {
  mock.restoreAll();
  await stack.disposeAsync();
});

/** With rows for every object of the cloud. */
const grown = [
  ...['ports', 'ip_allocations', 'port_bindings', 'port_binding_levels', 'port_security_groups', 'provisioning_blocks', 'tags'],
  ...['networks', 'segments', 'segment_allocations', 'subnets', 'routers', 'router_ports', 'router_bindings', 'floatingips'],
  ...['security_groups', 'security_group_rules', 'default_security_groups', 'rbac_entries', 'dhcp_bindings', 'quota_usages'],
];

/** A page in the order of an index ends where it is full. */
const isPage = (text: string, step: string): boolean => / LIMIT \?$/.test(text) && step.includes(' USING ') && !/ WHERE (?!1=1)/.test(text);

/** Of the statements that were sent, and never before, those that look at every row of such a table, or sort more than they answer. */
async function looksAtAll(work: () => Promise<unknown>): Promise<string[]> {
  texts.clear();
  await work();
  using db = new DatabaseSync(file, { readOnly: true });
  return [...texts].flatMap(text => {
    if (!/^(SELECT|UPDATE|DELETE)/.test(text)) return [];
    const steps = db.prepare(`EXPLAIN QUERY PLAN ${text}`).all() as { detail: string }[];
    const scans = steps.filter(({ detail }) => grown.some(table => detail.startsWith(`SCAN ${table}`) && !isPage(text, detail)));
    return scans.map(({ detail }) => `${detail}: ${text}`);
  });
}

const questions: readonly (readonly [what: string, path: () => string])[] = [
  ['a page of all', () => 'ports?limit=5'],
  ['the next page', () => `ports?limit=5&marker=${port.id}`],
  ['a page by name', () => 'ports?limit=5&sort_key=name&sort_dir=asc'],
  ['the next page by name', () => `ports?limit=5&sort_key=name&sort_dir=asc&marker=${port.id}`],
  ['the next page by name, backwards', () => `ports?limit=5&sort_key=name&sort_dir=desc&marker=${port.id}`],
  ['a page of a project', () => `ports?limit=5&project_id=${member.project}`],
  ['a page of a network', () => `ports?limit=5&network_id=${network.id}&marker=${port.id}`],
  ['ports by name', () => 'ports?name=p'],
  ['ports by MAC address', () => `ports?mac_address=${port['mac_address']}`],
  ['ports of an instance', () => 'ports?device_id=instance'],
  ['ports of a host', () => 'ports?binding:host_id=compute-1'],
  ['ports of a group', () => `ports?security_groups=${group.id}`],
  ['ports by address', () => 'ports?fixed_ips=ip_address%3D10.0.0.5'],
  ['a port by address on its network', () => `ports?network_id=${network.id}&fixed_ips=ip_address%3D10.0.0.5`],
  ['ports with a tag', () => 'ports?tags=red'],
  ['networks by name', () => 'networks?name=n'],
  ['subnets by name', () => 'subnets?name=n'],
  ['routers by name', () => 'routers?name=n'],
  ['groups by name', () => 'security-groups?name=n'],
  ['floating IPs by address', () => 'floatingips?floating_ip_address=198.51.100.1'],
  ['floating IPs of a port', () => `floatingips?port_id=${port.id}`],
  ['rules of a group', () => `security-group-rules?security_group_id=${group.id}`],
];

for (const [what, path] of questions)
  test(`no look at every row: ${what}`, { skip }, async () => {
    for (const api of [admin, member]) assert.deepEqual(await looksAtAll(() => api.request('GET', path())), []);
  });

for (const collection of ['ports', 'networks', 'subnets', 'routers', 'floatingips', 'security-groups', 'security-group-rules'])
  test(`no look at every row: a member's ${collection}`, { skip }, async () => {
    assert.deepEqual(await looksAtAll(() => member.request('GET', `${collection}?limit=5`)), []);
  });

test('no look at every row: a port is made, shown, changed and deleted', { skip }, async () => {
  const scans = await looksAtAll(async () => {
    const made = await member.make('ports', 'port', { network_id: network.id });
    await member.request('GET', `ports/${made.id}`);
    await admin.request('PUT', `ports/${made.id}`, { port: { name: 'q', 'binding:host_id': 'compute-1' } });
    await member.request('DELETE', `ports/${made.id}`);
  });
  assert.deepEqual(scans, []);
});

test('an address on its network is looked for in that network, not in those of all who use it', { skip }, async () => {
  texts.clear();
  await admin.request('GET', `ports?network_id=${network.id}&fixed_ips=ip_address%3D10.0.0.77&status=DOWN`);
  using db = new DatabaseSync(file, { readOnly: true });
  const asked = [...texts].filter(text => text.includes('ip_allocations') && text.startsWith('SELECT') && text.includes('IN (SELECT'));
  const steps = asked.flatMap(text => db.prepare(`EXPLAIN QUERY PLAN ${text}`).all() as { detail: string }[]).map(({ detail }) => detail);
  const found = steps.filter(step => step.includes('ip_allocations') || step.includes('x1'));
  assert.ok(found.length > 0);
  for (const step of found) assert.match(step, /network_id=\? AND ip_address=\?/);
});
