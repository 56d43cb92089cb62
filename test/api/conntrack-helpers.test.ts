// Conntrack helpers: the first of the resources below an object, so also what holds for all of those.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Made } from './client.ts';
import { startCluster } from './cluster.ts';
import { type Harness, start } from './harness.ts';
import { openDatabase } from './open-database.ts';

describe('conntrack helpers', () => {
  let h: Harness;
  let router: Made;
  let path: string;
  const name = 'conntrack_helper';
  const tftp = { protocol: 'udp', port: 69, helper: 'tftp' };

  before(async () => {
    h = await start({ quotas: { router: -1 } });
    router = await h.member.make('routers', 'router', {});
    path = `routers/${router.id}/conntrack_helpers`;
  });
  after(() => h[Symbol.asyncDispose]());

  const revision = async (): Promise<number> => Number((await h.member.list(`routers?id=${router.id}`))[0]?.revision_number);

  test('made, shown, listed, changed and removed; the router shows it and moves on', async () => {
    const before = await revision();
    const made = await h.member.make(path, name, tftp);
    assert.deepEqual(Object.keys(made).sort(), ['helper', 'id', 'port', 'protocol']);
    assert.deepEqual((await h.member.request('GET', `${path}/${made.id}`)).body, { [name]: made });
    assert.deepEqual(await h.member.list(path), [made]);
    assert.deepEqual(await h.member.list(`${path}?port=70`), []);
    assert.deepEqual((await h.member.list('routers'))[0]?.conntrack_helpers, [tftp]);
    const changed = await h.member.request('PUT', `${path}/${made.id}`, { [name]: { port: 70 } });
    assert.deepEqual([changed.status, changed.body], [200, { [name]: { ...made, port: 70 } }]);
    assert.equal((await h.member.request('DELETE', `${path}/${made.id}`)).status, 204);
    assert.deepEqual(await h.member.list(path), []);
    assert.equal(await revision(), before + 3);
  });

  test('several at once, all or none', async () => {
    const ftp = { protocol: 'tcp', port: 21, helper: 'ftp' };
    const refused = await h.member.refused('POST', path, { conntrack_helpers: [ftp, tftp, ftp] });
    assert.deepEqual(refused.slice(0, 2), [400, 'BadRequest']);
    assert.deepEqual(await h.member.list(path), []);
    const { status, body } = await h.member.request('POST', path, { conntrack_helpers: [ftp, tftp] });
    assert.equal(status, 201);
    for (const { id } of body.conntrack_helpers as Made[]) await h.member.request('DELETE', `${path}/${id}`);
  });

  test('what is refused', async () => {
    const made = await h.member.make(path, name, tftp);
    const post = (more: object) => h.member.refused('POST', path, { [name]: { ...tftp, ...more } });
    const twin = `conflicting values are {'router_id': '${router.id}', 'protocol': 'udp', 'port': 69, 'helper': 'tftp'}`;
    const duplicate = `Bad conntrack_helper request: A duplicate conntrack helper entry with same attributes already exists, ${twin}.`;
    assert.deepEqual(await post({}), [400, 'BadRequest', duplicate]);
    const protocols = 'Conntrack Helper tftp does not support: tcp. Supported protocols are: udp';
    assert.deepEqual(await post({ protocol: 'tcp' }), [400, 'InvalidProtocolForHelper', protocols]);
    assert.deepEqual(await post({ helper: 'nono' }), [400, 'ConntrackHelperNotAllowed', 'Conntrack Helper nono is not allowed.']);
    assert.deepEqual((await post({ helper: 'constructor' })).slice(0, 2), [400, 'ConntrackHelperNotAllowed']);
    for (const wrong of [{ port: 0 }, { port: 65_536 }, { protocol: 'TCP' }, { router_id: router.id }])
      assert.deepEqual((await post(wrong)).slice(0, 2), [400, 'HTTPBadRequest'], JSON.stringify(wrong));
    const put = await h.member.refused('PUT', `${path}/${made.id}`, { [name]: { helper: 'ftp' } });
    assert.deepEqual(put.slice(0, 2), [400, 'InvalidProtocolForHelper']);
    await h.member.request('DELETE', `${path}/${made.id}`);
  });

  test('below a foreign parent, or none, there is nothing (N bc8a55497f)', async () => {
    const made = await h.member.make(path, name, tftp);
    const another = await h.member.make('routers', 'router', {});
    const others = await h.other.make('routers', 'router', {});
    const missing = `Conntrack Helper ${made.id} could not be found.`;
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const body = method === 'PUT' ? { [name]: { port: 70 } } : undefined;
      const own = await h.member.refused(method, `routers/${another.id}/conntrack_helpers/${made.id}`, body);
      assert.deepEqual(own, [404, 'ConntrackHelperNotFound', missing], method);
      // Who owns a router reaches nothing of another's through it, nor through the other's.
      const mine = await h.other.refused(method, `routers/${others.id}/conntrack_helpers/${made.id}`, body);
      assert.deepEqual(mine, [404, 'ConntrackHelperNotFound', missing], method);
      const theirs = await h.other.refused(method, `${path}/${made.id}`, body);
      assert.deepEqual(theirs.slice(0, 2), [404, 'RouterNotFound'], method);
    }
    assert.deepEqual((await h.other.refused('POST', path, { [name]: tftp })).slice(0, 2), [404, 'RouterNotFound']);
    assert.deepEqual((await h.reader.refused('POST', path, { [name]: { ...tftp, port: 71 } })).slice(0, 2), [403, 'PolicyNotAuthorized']);
    assert.deepEqual(await h.reader.list(path), [made]);
    assert.equal((await h.member.request('DELETE', `${path}/${made.id}`)).status, 204);
  });

  test('they go with their router', async () => {
    const brief = await h.member.make('routers', 'router', {});
    await h.member.make(`routers/${brief.id}/conntrack_helpers`, name, tftp);
    assert.equal((await h.member.request('DELETE', `routers/${brief.id}`)).status, 204);
    assert.equal(await h.server.store.count('conntrack_helpers', { eq: ['router_id', brief.id] }), 0);
  });

  test('two processes: of equal ones at once one is made, and none is left without its router', async () => {
    await using two = await startCluster(2);
    const there = await two.as('member').make('routers', 'router', {});
    const below = `routers/${there.id}/conntrack_helpers`;
    const twins = await Promise.all(two.spread('member', 6).map(api => api.request('POST', below, { [name]: tftp })));
    assert.deepEqual(twins.map(t => t.status).sort(), [201, 400, 400, 400, 400, 400]);
    const clients = two.spread('member', 9);
    const mixed = await Promise.all(
      clients.map((api, i) =>
        i === 4 ? api.request('DELETE', `routers/${there.id}`) : api.request('POST', below, { [name]: { ...tftp, port: 1000 + i } }),
      ),
    );
    assert.equal(mixed[4]?.status, 204);
    for (const [i, { status }] of mixed.entries()) assert.ok(i === 4 || status === 201 || status === 404, String(status));
    await using store = await openDatabase(two.file);
    assert.equal(await store.count('conntrack_helpers'), 0);
  });
});
