// The typed client against a server: every verb, pages, tags, actions, collections below an object.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { collection, type Transport } from '../../src/client/collection.ts';
import { conntrackHelper } from '../../src/model/conntrack-helper.ts';
import { network } from '../../src/model/network.ts';
import { router } from '../../src/model/router.ts';
import { subnet } from '../../src/model/subnet.ts';
import type { Api } from './client.ts';
import { type Harness, start } from './harness.ts';

/** As somebody of the tests. */
const by = (who: Api): Transport => ({
  request: async <T>(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>) => {
    const answer = await who.request(method, path.slice(1), body, headers);
    if (answer.status >= 400) throw Object.assign(new Error(JSON.stringify(answer.body)), { status: answer.status });
    return answer.body as T;
  },
});

describe('typed client', () => {
  let h: Harness;
  before(async () => {
    h = await start();
  });
  after(() => h[Symbol.asyncDispose]());

  test('creates, shows, changes, lists in pages, deletes', async () => {
    const networks = collection(by(h.member), network);
    const made = await networks.createMany(Array.from({ length: 7 }, (_, i) => ({ name: `n${i}` })));
    const seen: string[] = [];
    for await (const { name } of networks.each({ fields: ['name'], sort: [['name', 'desc']], page: 2 })) seen.push(name);
    assert.deepEqual(seen, ['n6', 'n5', 'n4', 'n3', 'n2', 'n1', 'n0']);
    const [first] = await networks.list({ filters: { name: ['n3', 'none'] } });
    assert.equal(first?.id, made[3]?.id);
    const id = String(first?.id);
    const { revision_number } = await networks.update(id, { description: 'new' }, { revision: first?.revision_number ?? 0 });
    await assert.rejects(networks.update(id, { description: 'late' }, { revision: revision_number - 1 }), { status: 412 });
    assert.deepEqual(await networks.setTags(id, ['b', 'a']), ['a', 'b']);
    assert.deepEqual((await networks.show(id)).tags, await networks.tags(id));
    assert.deepEqual(
      (await networks.list({ filters: { tags: 'a' }, fields: ['id'] })).map(n => n.id),
      [id],
    );
    await networks.delete(id);
    await assert.rejects(networks.show(id), { status: 404 });
  });

  test('lists all, whatever the server gives at once at the most', async () => {
    await using few = await start({ paginationMaxLimit: 3 });
    const networks = collection(by(few.member), network);
    await networks.createMany(Array.from({ length: 7 }, (_, i) => ({ name: `n${i}` })));
    const names = ['n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6'];
    assert.deepEqual((await networks.list({ fields: ['name'] })).map(n => n.name).sort(), names);
    assert.deepEqual(
      (await networks.list({ fields: ['name'], sort: [['name', 'asc']] })).map(n => n.name),
      names,
    );
    for (const page of [2, 3, 5]) {
      const seen: string[] = [];
      for await (const { name } of networks.each({ fields: ['name'], page })) seen.push(name);
      assert.deepEqual(seen.sort(), names, String(page));
    }
  });

  test('acts, and goes below an object', async () => {
    const routers = collection(by(h.member), router);
    const { id } = await routers.create({ name: 'r' });
    const net = await collection(by(h.member), network).create({});
    const sub = await collection(by(h.member), subnet).create({ network_id: net.id, ip_version: 4, cidr: '10.9.0.0/24' });
    const added = await routers.act<{ subnet_id: string }>(id, 'add_router_interface', { subnet_id: sub.id });
    assert.equal(added.subnet_id, sub.id);
    const helpers = collection(by(h.admin), router).below(id, conntrackHelper);
    const helper = await helpers.create({ protocol: 'udp', port: 69, helper: 'tftp' });
    assert.deepEqual(await helpers.list(), [helper]);
    await helpers.delete(helper.id);
    assert.deepEqual(await helpers.list(), []);
  });
});
