// What a client asks before it asks for anything else, and the forms in which a URL may be written.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { extensions } from '../../src/model/registry.ts';
import type { Body, Made } from './client.ts';
import { type Harness, start } from './harness.ts';

describe('discovery', () => {
  let h: Harness;
  let net: Made;

  before(async () => {
    h = await start();
    net = await h.member.make('networks', 'network', { name: 'n' });
  });
  after(() => h[Symbol.asyncDispose]());

  const get = async (path: string, headers: Record<string, string> = {}): Promise<{ status: number; type: string; text: string }> => {
    const response = await fetch(`${h.server.url}${path}`, { headers });
    return { status: response.status, type: String(response.headers.get('content-type')).split(';')[0] ?? '', text: await response.text() };
  };

  test('the version document needs no token, with and without the prefix', async () => {
    for (const [path, prefix] of [
      ['/', ''],
      ['/networking', '/networking'],
      ['/networking/', '/networking'],
    ] as const) {
      const { status, text } = await get(path);
      assert.equal(status, 200);
      const href = `${h.server.url}${prefix}/v2.0/`;
      assert.deepEqual(JSON.parse(text), { versions: [{ id: 'v2.0', status: 'CURRENT', links: [{ rel: 'self', href }] }] });
    }
  });

  test('everything else needs one', async () => {
    for (const path of ['/v2.0/', '/v2.0/networks', '/v2.0/extensions', '/networking/v2.0/networks', '/v2.0/nonsense']) {
      const { status, text } = await get(path);
      assert.equal(status, 401, path);
      assert.equal((JSON.parse(text).error as Body).title, 'Unauthorized');
      assert.equal((await get(path, { 'x-auth-token': 'junk' })).status, 401);
    }
  });

  test('the same objects below /networking, and links stay there', async () => {
    const { body } = await h.member.request('GET', '/networking/v2.0/networks?limit=1');
    assert.equal((body.networks as Made[])[0]?.id, net.id);
    assert.match(String((body.networks_links as Body[])[0]?.href), /\/networking\/v2\.0\/networks\?limit=1&marker=/);
    const root = (await h.member.request('GET', '/networking/v2.0/')).body.resources as Body[];
    assert.deepEqual(root.map(r => r.name).sort(), ['network', 'port', 'subnet', 'subnetpool']);
  });

  test('dashes and underscores, a suffix, a slash at the end', async () => {
    for (const path of ['security-groups', 'security_groups', 'security-groups.json', 'security-groups/', 'security_group_rules'])
      assert.equal((await h.member.request('GET', path)).status, 200, path);
    assert.equal((await h.member.request('GET', `networks/${net.id}.json`)).status, 200);
    assert.equal((await h.member.request('GET', '/v2.0')).status, 404);
  });

  test('what is not there, and what may not be done', async () => {
    for (const path of ['nonsense', `networks/${net.id}/nonsense`, `networks/${net.id}/tags/x/y`, `ports/${net.id}/dhcp-agents`])
      assert.equal((await h.member.request('GET', path)).status, 404, path);
    assert.equal((await h.member.request('GET', `networks/${'x'.repeat(5000)}`)).status, 404);
    assert.deepEqual((await h.member.refused('GET', 'networks/%zz')).slice(0, 2), [400, 'HTTPBadRequest']);
    assert.deepEqual((await h.member.refused('PROPFIND', 'networks')).slice(0, 2), [404, 'HTTPNotFound']);
    for (const [method, path] of [
      ['PATCH', `networks/${net.id}`],
      ['HEAD', 'networks'],
      ['DELETE', 'networks'],
      ['PUT', 'networks'],
      ['POST', `networks/${net.id}`],
      ['POST', 'extensions'],
      ['DELETE', 'extensions/router'],
      ['POST', `networks/${net.id}/dhcp-agents`],
    ] as const)
      assert.equal((await h.member.request(method, path)).status, 405, `${method} ${path}`);
    assert.equal((await h.member.request('DELETE', `networks/${net.id}`, {})).status, 400);
  });

  test('extensions: each once, each by its alias; an unknown one as a page, or as JSON for who asks for that', async () => {
    const listed = await h.member.list('extensions');
    const offered = extensions.filter(e => e.plugin === undefined);
    assert.deepEqual(listed.map(e => e.alias).sort(), offered.map(e => e.alias).sort());
    assert.equal(new Set(extensions.map(e => e.alias)).size, extensions.length);
    for (const { alias } of offered) assert.equal((await h.member.request('GET', `extensions/${alias}`)).status, 200, alias);
    const page = await get('/v2.0/extensions/%3Cb%3E', { 'x-auth-token': 'member' });
    assert.deepEqual([page.status, page.type], [404, 'text/html']);
    assert.match(page.text, /Extension with alias &lt;b&gt; does not exist/);
    const json = await get('/v2.0/extensions/bogus', { 'x-auth-token': 'member', accept: 'application/json' });
    assert.deepEqual([json.status, json.type, JSON.parse(json.text).title], [404, 'application/json', 'Not Found']);
  });

  test('the OpenAPI document needs no token, says where the API is, and all that it names is there', async () => {
    type Document = { servers: { url: string }[]; paths: Record<string, Record<string, { security?: unknown[] }>> };
    const of = async (path: string): Promise<Document> => JSON.parse((await get(path)).text) as Document;
    const document = await of('/v2.0/openapi.json');
    assert.equal(document.servers[0]?.url, `${h.server.url}/v2.0`);
    assert.equal((await of('/networking/v2.0/openapi.json')).servers[0]?.url, `${h.server.url}/networking/v2.0`);
    const asked = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).flatMap(method =>
        method === 'parameters' || path === '/openapi.json' ? [] : [[method.toUpperCase(), path] as const],
      ),
    );
    assert.ok(asked.length > 60, String(asked.length));
    for (const [method, path] of asked) {
      const url = path.replaceAll(/\{\w+\}/g, '00000000-0000-0000-0000-000000000000').slice(1);
      const answer = await h.admin.request(
        method,
        url === '' ? '/v2.0/' : url,
        method === 'GET' || method === 'DELETE' ? undefined : { nothing: 1 },
      );
      const type = ((answer.body.NeutronError ?? {}) as Body).type;
      assert.ok(
        type !== 'HTTPNotFound' && type !== 'HTTPMethodNotAllowed' && answer.status < 500,
        `${method} ${path} ${answer.status} ${type}`,
      );
    }
  });

  test('quotas: defaults, details, limits set and given back', async () => {
    const own = `quotas/${h.member.project}`;
    const defaults = (await h.member.request('GET', `${own}/default`)).body.quota as Body;
    assert.deepEqual([defaults.network, defaults.port, defaults.router, defaults.security_group_rule], [100, 500, 10, 100]);
    const set = await h.admin.request('PUT', own, { quota: { network: 7, port: '-1' } });
    assert.deepEqual([(set.body.quota as Body).network, (set.body.quota as Body).port], [7, -1]);
    const details = (await h.member.request('GET', `${own}/details`)).body.quota as Record<string, Body>;
    assert.deepEqual(details.network, { limit: 7, used: 1, reserved: 0 });
    assert.equal(details.security_group?.used, 1);
    assert.deepEqual((await h.member.request('GET', 'quotas/tenant')).body, { tenant: { tenant_id: h.member.project } });
    assert.deepEqual((await h.member.request('GET', 'quotas/project')).body, { project: { project_id: h.member.project } });
    assert.equal((await h.admin.list('quotas'))[0]?.project_id, h.member.project);
    for (const network of [-2, 2_147_483_648, 'x', null, 1.5e10])
      assert.equal((await h.admin.request('PUT', own, { quota: { network } })).status, 400, String(network));
    assert.equal((await h.admin.request('PUT', own, { quota: { network: 0 } })).status, 200);
    assert.equal((await h.admin.request('PUT', own, { quota: { network: 0, check_limit: true } })).status, 400);
    assert.deepEqual((await h.member.refused('POST', 'networks', { network: {} })).slice(0, 2), [409, 'OverQuota']);
    // The quota is told of before what policy says and before what is wrong with the rest.
    assert.equal((await h.member.request('POST', 'networks', { network: { shared: true } })).status, 409);
    assert.equal((await h.member.request('POST', 'networks', { network: { name: 7 } })).status, 400);
    assert.equal((await h.admin.request('DELETE', own)).status, 204);
    assert.deepEqual((await h.admin.refused('DELETE', own)).slice(0, 2), [404, 'TenantQuotaNotFound']);
    assert.equal(((await h.member.request('GET', own)).body.quota as Body).network, 100);
  });
});
