// Subnets of external networks: they say so. A policy file may show them to whoever may go out through them; to see one is not to own it.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { defaultConfig } from '../../src/server/context.ts';
import type { Made } from './client.ts';
import { type Harness, start } from './harness.ts';

describe('subnets of external networks', () => {
  let h: Harness;
  let outside: Made;
  let hidden: Made;
  let inside: Made;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-policy-'));
    const file = join(folder, 'policy.yaml');
    await writeFile(
      file,
      `get_subnet: 'rule:admin_only or (role:reader and project_id:%(project_id)s) or rule:shared or rule:external_network'\n`,
    );
    h = await start({ policy: { ...defaultConfig.policy, file } });
    const subnet = async (network: object, cidr: string): Promise<Made> => {
      const { id } = await h.admin.make('networks', 'network', { ...network });
      return h.admin.make('subnets', 'subnet', { network_id: id, ip_version: 4, cidr });
    };
    outside = await subnet({ 'router:external': true }, '203.0.113.0/24');
    hidden = await subnet({}, '10.9.0.0/24');
    const net = await h.member.make('networks', 'network', {});
    inside = await h.member.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/24' });
  });
  after(async () => {
    await h[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test("without that, they are their owners'", async () => {
    await using plain = await start();
    const net = await plain.admin.make('networks', 'network', { 'router:external': true });
    const made = await plain.admin.make('subnets', 'subnet', { network_id: net.id, ip_version: 4, cidr: '203.0.113.0/24' });
    assert.equal(made['router:external'], true);
    assert.deepEqual(await plain.member.list('subnets'), []);
    assert.equal((await plain.member.refused('GET', `subnets/${made.id}`))[0], 404);
  });

  test('seen by everybody, told apart, and asked for', async () => {
    assert.deepEqual([outside['router:external'], inside['router:external']], [true, false]);
    const ids = async (query: string): Promise<string[]> => (await h.member.list(`subnets?${query}`)).map(s => s.id);
    assert.deepEqual((await ids('')).sort(), [outside.id, inside.id].sort());
    assert.deepEqual(await ids('router:external=True'), [outside.id]);
    assert.deepEqual(await ids('router:external=False'), [inside.id]);
    assert.equal((await h.other.request('GET', `subnets/${outside.id}`)).status, 200);
    assert.equal((await h.other.refused('GET', `subnets/${hidden.id}`))[0], 404);
    for (const [method, path, body] of [
      ['POST', 'subnets', { subnet: { network_id: inside.network_id, ip_version: 4, cidr: '10.1.0.0/24', 'router:external': true } }],
      ['PUT', `subnets/${inside.id}`, { subnet: { 'router:external': true } }],
    ] as const) {
      assert.equal((await h.member.refused(method, path, body))[0], 400, method);
    }
  });

  test('to see one is not to own it', async () => {
    assert.deepEqual((await h.member.refused('PUT', `subnets/${outside.id}`, { subnet: { name: 'x' } }))[0], 403);
    assert.deepEqual((await h.member.refused('DELETE', `subnets/${outside.id}`))[0], 403);
    const port = { network_id: outside.network_id, fixed_ips: [{ subnet_id: outside.id }] };
    assert.deepEqual((await h.member.refused('POST', 'ports', { port }))[0], 403);
    const router = await h.member.make('routers', 'router', {});
    const added = await h.member.refused('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: outside.id });
    assert.deepEqual(added.slice(0, 2), [400, 'BadRequest']);
    assert.match(added[2], /is not owned by project making the request/);
  });

  test('external for one project, seen by that one', async () => {
    const policy = { object_type: 'network', object_id: hidden.network_id, action: 'access_as_external', target_tenant: h.other.project };
    await h.admin.make('rbac-policies', 'rbac_policy', policy);
    assert.deepEqual(
      (await h.other.list(`subnets?id=${hidden.id}`)).map(s => s['router:external']),
      [true],
    );
    assert.deepEqual(await h.member.list(`subnets?id=${hidden.id}`), []);
  });
});
