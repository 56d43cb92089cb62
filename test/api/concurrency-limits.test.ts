// What there is only so much of is given out to the last, by two servers to whoever asks at once, never twice, and again when it is given back.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Answer, Api, Body, Made } from './client.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { openDatabase } from './open-database.ts';

const unlimited = { network: -1, subnet: -1, port: -1, router: -1, floatingip: -1, security_group: -1, security_group_rule: -1 };

function counts(answers: readonly Answer[]): Record<string, number> {
  const names = answers.map(({ status, body }) => [status, (body?.NeutronError as Body | undefined)?.type].filter(Boolean).join(' '));
  return Object.fromEntries([...Map.groupBy(names, n => n)].map(([name, all]) => [name, all.length]));
}

const addressesOf = (ports: readonly Body[]): string[] =>
  ports.flatMap(p => (p.fixed_ips as { ip_address: string }[]).map(f => f.ip_address));
const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const addresses = (prefix: string, from: number, to: number): string[] => numbers(from, to).map(n => `${prefix}.${n}`);
const sorted = (list: readonly unknown[]): string[] => list.map(String).sort();

describe('limits, by two servers on one database', () => {
  let cluster: Cluster;
  let admin: Api;
  let member: Api;

  before(async () => {
    cluster = await startCluster(2, { quotas: unlimited, vniRanges: [[1, 120]], vlanRanges: { p1: [[10, 59]] } });
    [admin, member] = [cluster.as('admin'), cluster.as('member')];
    await member.list('security-groups');
  });
  after(() => cluster[Symbol.asyncDispose]());

  const all = (who: string, count: number, ask: (api: Api, i: number) => Promise<Answer>): Promise<Answer[]> =>
    Promise.all(cluster.spread(who, count).map(ask));

  /** A network that takes no id that others are to have. */
  async function network(cidr: string, more: Body = {}): Promise<Made> {
    const net = await admin.make('networks', 'network', { project_id: member.project, 'provider:network_type': 'local', ...more });
    await admin.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr, project_id: member.project });
    return net;
  }

  test('200 ports at once where there are 125 addresses: 125, no address and no MAC twice', async () => {
    const net = await network('10.0.0.0/25');
    const ask = (api: Api): Promise<Answer> => api.request('POST', 'ports', { port: { network_id: net.id } });
    assert.deepEqual(counts(await all('member', 200, ask)), { 201: 125, '409 IpAddressGenerationFailure': 75 });
    const ports = await member.list(`ports?network_id=${net.id}`);
    assert.deepEqual(sorted(addressesOf(ports)), sorted(addresses('10.0.0', 2, 126)));
    assert.equal(new Set(ports.map(p => p.mac_address)).size, 125);
    for (const port of ports.slice(0, 9)) assert.equal((await member.request('DELETE', `ports/${port.id}`)).status, 204);
    assert.deepEqual(counts(await all('member', 30, ask)), { 201: 9, '409 IpAddressGenerationFailure': 21 });
  });

  test('200 networks at once where there are 120 VNIs: 120, each once, and whoever gives one back makes room for one', async () => {
    const ask = (api: Api): Promise<Answer> => api.request('POST', 'networks', { network: { name: 'vni' } });
    assert.deepEqual(counts(await all('member', 200, ask)), { 201: 120, '503 NoNetworkAvailable': 80 });
    const made = await admin.list('networks?name=vni');
    assert.deepEqual(sorted(made.map(n => n['provider:segmentation_id'])), sorted(numbers(1, 120)));
    await Promise.all(made.slice(0, 7).map(n => admin.request('DELETE', `networks/${n.id}`)));
    assert.deepEqual(counts(await all('member', 20, ask)), { 201: 7, '503 NoNetworkAvailable': 13 });
  });

  test('80 networks at once where a physical network has 50 VLANs: 50, each once', async () => {
    const vlan = { name: 'vlan', 'provider:network_type': 'vlan', 'provider:physical_network': 'p1' };
    const answers = await all('admin', 80, api => api.request('POST', 'networks', { network: vlan }));
    assert.deepEqual(counts(answers), { 201: 50, '503 NoNetworkAvailable': 30 });
    const made = await admin.list('networks?name=vlan');
    assert.deepEqual(sorted(made.map(n => n['provider:segmentation_id'])), sorted(numbers(10, 59)));
  });

  test('270 highly available routers of a project at once where VRRP has 254 ids: 254, each once', async () => {
    const project_id = '5'.repeat(32);
    // The network over which they watch each other takes a VNI.
    const [spare] = await admin.list('networks?name=vni');
    assert.equal((await admin.request('DELETE', `networks/${spare?.id}`)).status, 204);
    const ask = (api: Api): Promise<Answer> => api.request('POST', 'routers', { router: { project_id, ha: true } });
    assert.deepEqual(counts(await all('admin', 270, ask)), { 201: 254, '409 NoVRIDAvailable': 16 });
    await using store = await openDatabase(cluster.file);
    const taken = await store.select({ table: 'ha_vrids' });
    assert.deepEqual(sorted(taken.map(v => v.vr_id)), sorted(numbers(1, 254)));
    const made = await admin.list(`routers?project_id=${project_id}`);
    assert.deepEqual(sorted(taken.map(v => v.router_id)), sorted(made.map(r => r.id)));
    await Promise.all(made.slice(0, 4).map(r => admin.request('DELETE', `routers/${r.id}`)));
    assert.deepEqual(counts(await all('admin', 12, ask)), { 201: 4, '409 NoVRIDAvailable': 8 });
  });

  test('40 local IPs at once where there are 13 addresses: 13, each once; of those who want the same one has it', async () => {
    const net = await network('10.1.0.0/28');
    const ask = (more: Body) => (api: Api) => api.request('POST', 'local-ips', { local_ip: { network_id: net.id, ...more } });
    assert.deepEqual(counts(await all('admin', 40, ask({}))), { 201: 13, '409 IpAddressGenerationFailure': 27 });
    const made = await admin.list(`local-ips?network_id=${net.id}`);
    assert.deepEqual(sorted(made.map(l => l.local_ip_address)), sorted(addresses('10.1.0', 2, 14)));
    assert.equal((await admin.request('DELETE', `local-ips/${made[0]?.id}`)).status, 204);
    const { local_ip_address } = made[0] as Made;
    assert.deepEqual(counts(await all('admin', 12, ask({ local_ip_address }))), { 201: 1, '409 IpAddressAlreadyAllocated': 11 });
  });

  test('60 floating IPs at once where there are 29 addresses: 29, each once', async () => {
    const net = await network('172.24.4.0/27', { 'router:external': true });
    const ask = (api: Api): Promise<Answer> => api.request('POST', 'floatingips', { floatingip: { floating_network_id: net.id } });
    const answers = await all('member', 60, ask);
    assert.deepEqual(counts(answers), { 201: 29, '409 IpAddressGenerationFailure': 31 });
    const made = answers.filter(a => a.status === 201).map(a => (a.body.floatingip as Body).floating_ip_address);
    assert.deepEqual(sorted(made), sorted(addresses('172.24.4', 2, 30)));
  });

  test('200 creates against a quota of 100, also several in a request: 100, and as many are counted', async () => {
    const project = '6'.repeat(32);
    await admin.request('PUT', `quotas/${project}`, { quota: { port: 100, security_group: 100 } });
    const net = await network('10.2.0.0/16', { shared: true });
    const port = { network_id: net.id, security_groups: [] };
    const one = (api: Api): Promise<Answer> => api.request('POST', 'ports', { port });
    assert.deepEqual(counts(await all(`member@${project}`, 200, one)), { 201: 100, '409 OverQuota': 100 });
    const owner = cluster.as(`member@${project}`);
    const ports = await owner.list('ports');
    await Promise.all(ports.slice(0, 30).map(p => owner.request('DELETE', `ports/${p.id}`)));
    const four = (api: Api): Promise<Answer> => api.request('POST', 'ports', { ports: Array(4).fill(port) });
    assert.deepEqual(counts(await all(`member@${project}`, 20, four)), { 201: 7, '409 OverQuota': 13 });
    const { quota } = (await owner.request('GET', `quotas/${project}/details`)).body as { quota: Record<string, Body> };
    assert.deepEqual([quota.port, (await owner.list('ports')).length], [{ limit: 100, used: 98, reserved: 0 }, 98]);
  });
});
