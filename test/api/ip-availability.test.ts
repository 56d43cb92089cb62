// The availability of addresses: what is counted, to the last digit, who is told, and what that costs.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Body, Made } from './client.ts';
import { type Harness, start } from './harness.ts';
import { beside } from './wiring.ts';

describe('availability of addresses', () => {
  let h: Harness;
  let net: Made;
  const path = 'network-ip-availabilities';

  before(async () => {
    h = await start({ quotas: { network: -1, subnet: -1, port: -1 } });
    net = await h.member.make('networks', 'network', { name: 'avail' });
  });
  after(() => h[Symbol.asyncDispose]());

  const subnet = (attributes: Body): Promise<Made> =>
    h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, ...attributes });
  const shown = async (query = ''): Promise<Body> =>
    (await h.admin.request('GET', `${path}/${net.id}${query}`)).body.network_ip_availability as Body;
  const text = async (url: string): Promise<string> => {
    const response = await fetch(`${h.server.url}/v2.0/${url}`, { headers: { 'x-auth-token': 'admin' } });
    return response.text();
  };
  const details = (subnetTotal: number, poolTotal: number, used: number, usedInPool: number) => ({
    total_ips_in_subnet: subnetTotal,
    total_ips_in_allocation_pool: poolTotal,
    used_ips_in_subnet: used,
    used_ips_in_allocation_pool: usedInPool,
  });

  test('pools and what is in use, by subnet and in all', async () => {
    const project = { project_id: h.member.project, tenant_id: h.member.project };
    const about = { network_id: net.id, network_name: 'avail', ...project };
    const empty = { ...about, subnet_ip_availability: [], used_ips: 0, total_ips: 0, ip_availability_details: details(0, 0, 0, 0) };
    assert.deepEqual(await shown(), empty);
    const pools = [
      { start: '10.1.0.5', end: '10.1.0.9' },
      { start: '10.1.0.50', end: '10.1.0.59' },
    ];
    const { id } = await subnet({ cidr: '10.1.0.0/24', allocation_pools: pools, name: 'four' });
    for (const ip_address of ['10.1.0.6', '10.1.0.200'])
      await h.member.make('ports', 'port', { network_id: net.id, fixed_ips: [{ ip_address }] });
    const counted = { used_ips: 2, total_ips: 15, ip_availability_details: details(254, 15, 2, 1) };
    const four = { subnet_id: id, subnet_name: 'four', ip_version: 4, cidr: '10.1.0.0/24', ...counted };
    assert.deepEqual(await shown(), { ...about, subnet_ip_availability: [four], ...counted });
    await subnet({ cidr: '10.2.0.0/24' });
    const { used_ips, total_ips, ip_availability_details } = await shown();
    assert.deepEqual([used_ips, total_ips, ip_availability_details], [2, 268, details(508, 268, 2, 1)]);
    assert.deepEqual(await shown('?fields=used_ips'), { used_ips: 2 });
  });

  test('IPv6 subnets count to the last digit', async () => {
    await subnet({ ip_version: 6, cidr: 'fd00::/64' });
    await subnet({ ip_version: 6, cidr: '::/1', gateway_ip: null, enable_dhcp: false });
    assert.match(await text(`${path}/${net.id}?fields=subnet_ip_availability`), /"total_ips":18446744073709551615,/);
    // As Neutron adds them up: 253 + 15, 2^64 - 1, 2^127 - 1.
    assert.equal(
      await text(`${path}/${net.id}?fields=total_ips`),
      '{"network_ip_availability":{"total_ips":170141183460469231750134047789593657610}}',
    );
    assert.match(await text(`${path}?network_id=${net.id}`), /"total_ips":170141183460469231750134047789593657610,/);
  });

  test('asked for by network, project and IP version', async () => {
    const other = await h.other.make('networks', 'network', { name: 'other' });
    const ids = async (query: string): Promise<unknown[]> => (await h.admin.list(`${path}?${query}`)).map(n => n.network_id);
    assert.deepEqual(await ids('network_name=avail'), [net.id]);
    assert.deepEqual(await ids(`network_id=${other.id}`), [other.id]);
    assert.deepEqual(await ids(`project_id=${h.other.project}`), [other.id]);
    assert.deepEqual(await ids(`tenant_id=${h.other.project}`), [other.id]);
    assert.deepEqual(await ids('tenant_id=x'), []);
    assert.deepEqual((await ids('')).sort(), [net.id, other.id].sort());
    const [only] = (await h.admin.list(`${path}?ip_version=4`)) as Body[];
    assert.deepEqual([(only?.subnet_ip_availability as Body[]).map(s => s.ip_version), only?.total_ips], [[4, 4], 268]);
    assert.deepEqual(await ids('ip_version=4'), [net.id]);
    assert.deepEqual(await ids('ip_version=x'), []);
    const sorted = [net.id, other.id].sort();
    assert.deepEqual(await ids('limit=1'), [sorted[0]]);
    assert.deepEqual(await ids(`limit=1&marker=${sorted[0]}`), [sorted[1]]);
    assert.deepEqual(await ids('sort_key=network_id&sort_dir=desc'), sorted.toReversed());
    for (const query of ['foo=x', 'total_ips=1']) assert.equal((await h.admin.refused('GET', `${path}?${query}`))[0], 400, query);
  });

  test('for administrators and services; the others are told of none', async () => {
    assert.deepEqual(await h.member.list(path), []);
    assert.equal((await h.member.refused('GET', `${path}/${net.id}`))[0], 404);
    const missing = '11111111-1111-1111-1111-111111111111';
    const none = await h.admin.refused('GET', `${path}/${missing}`);
    assert.deepEqual(none, [404, 'NetworkNotFound', `Network ${missing} could not be found.`]);
    for (const [method, url] of [
      ['POST', path],
      ['PUT', `${path}/${net.id}`],
      ['DELETE', `${path}/${net.id}`],
    ] as const) {
      assert.equal(
        (await h.admin.request(method, url, method === 'DELETE' ? undefined : { network_ip_availability: {} })).status,
        405,
        method,
      );
    }
  });

  test('costs as many statements for fifty networks as for two', async () => {
    await using other = await beside(h.server);
    const statements = async (): Promise<number> => {
      const before = other.store.statements;
      await other.as('admin').listOnce(path);
      return other.store.statements - before;
    };
    const few = await statements();
    await h.member.request('POST', 'networks', { networks: Array.from({ length: 50 }, () => ({})) });
    assert.equal(await statements(), few);
    assert.ok(few <= 3, `${few} statements`);
  });
});
