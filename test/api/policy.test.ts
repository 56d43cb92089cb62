// The operator's policy files: what they change, that a wrong one is refused, and that changes are taken up.
import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { defaultConfig } from '../../src/server/context.ts';
import type { Api } from './client.ts';
import { type Harness, start, until } from './harness.ts';

const policy = defaultConfig.policy;
let dir = '';
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weft-policy-'));
});
after(() => rm(dir, { recursive: true }));

/** Written at once, as editors do it. */
async function put(name: string, text: string): Promise<string> {
  const file = join(dir, name);
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
  return file;
}

async function withFile(text: string, work: (h: Harness, file: string) => Promise<void>): Promise<void> {
  const file = await put('policy.yaml', text);
  const h = await start({ policy: { ...policy, file } });
  try {
    await work(h, file);
  } finally {
    await h[Symbol.asyncDispose]();
  }
}

const refusals = async (text: string): Promise<string[]> => {
  const file = await put('refused.yaml', text);
  const error = await start({ policy: { ...policy, file } }).then(
    h => h[Symbol.asyncDispose](),
    (e: Error) => e,
  );
  return (error?.message ?? '').replaceAll(file, 'F').split('\n');
};

describe('policy files', () => {
  test('an attribute that is hidden by a rule is none to filter or sort by', () =>
    withFile('"get_network:mtu": "rule:admin_only"', async h => {
      for (const mtu of [1300, 1200, 1400]) await h.admin.make('networks', 'network', { project_id: h.member.project, mtu });
      const ids = async (who: Api, query: string): Promise<unknown[]> => (await who.list(`networks?${query}`)).map(n => n.id);
      assert.equal((await ids(h.admin, 'mtu=1200')).length, 1);
      assert.deepEqual(await ids(h.member, 'mtu=1200'), []);
      const byMtu = 'sort_key=mtu&sort_dir=asc';
      const byId = await ids(h.member, 'sort_key=id&sort_dir=asc');
      assert.deepEqual(
        (await h.admin.list(`networks?${byMtu}`)).map(n => n.mtu),
        [1200, 1300, 1400],
      );
      assert.deepEqual([await ids(h.member, byMtu), await ids(h.member, `${byMtu}&limit=2&marker=${byId[0]}`)], [byId, byId.slice(1)]);
    }));

  test('rules are in force for objects, attributes and lists alike', () =>
    withFile(
      [
        '"create_network": "role:admin"',
        '"get_port:mac_address": "rule:admin_only"',
        '"update_network": "rule:mine and not field:networks:name=frozen"',
        '"mine": "user_id:reader or rule:admin_only"',
        '"get_router": "rule:admin_only or (role:reader and project_id:%(project_id)s and \'open\':%(name)s)"',
      ].join('\n'),
      async h => {
        const net = await h.admin.make('networks', 'network', { project_id: h.member.project, name: 'n' });
        assert.deepEqual(await h.member.refused('POST', 'networks', { network: {} }), [
          403,
          'PolicyNotAuthorized',
          'rule:create_network is disallowed by policy',
        ]);
        const port = await h.member.make('ports', 'port', { network_id: net.id });
        assert.ok(!('mac_address' in port));
        assert.ok((await h.member.list('ports')).every(p => !('mac_address' in p)));
        assert.ok((await h.admin.list('ports')).every(p => 'mac_address' in p));
        assert.equal((await h.reader.request('PUT', `networks/${net.id}`, { network: { name: 'm' } })).status, 200);
        assert.equal((await h.member.request('PUT', `networks/${net.id}`, { network: { name: 'm' } })).status, 403);
        const [open, hidden] = [await h.member.make('routers', 'router', { name: 'open' }), await h.member.make('routers', 'router', {})];
        assert.deepEqual(
          (await h.member.list('routers')).map(r => r.id),
          [open.id],
        );
        assert.equal((await h.member.request('GET', `routers/${hidden.id}`)).status, 404);
        assert.equal((await h.member.request('DELETE', `routers/${hidden.id}`)).status, 404);
      },
    ));

  test('a rule is overridden by its deprecated name', () =>
    withFile('update_networks_tags: "role:reader and project_id:%(project_id)s"\n', async h => {
      const net = await h.member.make('networks', 'network', {});
      assert.equal((await h.reader.request('PUT', `networks/${net.id}/tags/red`)).status, 201);
      assert.equal((await h.reader.request('DELETE', `networks/${net.id}/tags/red`)).status, 403);
    }));

  test('JSON, lists of lists, and a directory that comes after the file', async () => {
    const file = await put(
      'policy.json',
      '{"create_router": [["role:admin"], ["role:reader", "project_id:%(project_id)s"]], "create_network": "!"}',
    );
    const more = await mkdtemp(join(dir, 'more-'));
    await writeFile(join(more, '10.yaml'), 'create_network: "@"\n');
    await using h = await start({ policy: { ...policy, file, dirs: [more] } });
    assert.equal((await h.reader.request('POST', 'routers', { router: {} })).status, 201);
    assert.equal((await h.nobody.request('POST', 'routers', { router: {} })).status, 403);
    assert.equal((await h.nobody.request('POST', 'networks', { network: {} })).status, 201);
  });

  test('a server does not start with rules that are wrong, and says where and why', async () => {
    assert.deepEqual(await refusals('get_network: "role:reader"\n\nget_port:\n'), [
      'F:3:1: get_port: a check is a text (or a list of lists), not nothing; "" or "@" always holds, "!" never does',
    ]);
    assert.deepEqual(await refusals('get_network: "role:reader and (rule:owner"\n'), [
      "F:1:42: get_network: 'and', 'or' or ')' is expected, not the end",
    ]);
    assert.deepEqual(await refusals('get_network: rule:a\na: rule:gone\n'), ["F:2:1: a: refers to rule 'gone', which does not exist"]);
    assert.deepEqual(await refusals('owner: rule:mine\nmine: rule:owner\n'), [
      'F:1:1: owner: refers to itself: owner → mine → owner',
      'F:2:1: mine: refers to itself: owner → mine → owner',
    ]);
    assert.deepEqual(await refusals('get_network: ip:127.0.0.1 or what\n'), [
      "F:1:30: get_network: 'what' is no check: KIND:MATCH, @, ! or a parenthesis is expected",
    ]);
    assert.match((await refusals('get_network: "role:reader\n'))[0] ?? '', /^F:2:1: the file: Missing closing/);
    assert.match((await refusals('get_network: http://example.org/%(id)s\n'))[0] ?? '', /^F:1:14: get_network: remote checks/);
    await assert.rejects(start({ policy: { ...policy, file: join(dir, 'none.yaml') } }), /none\.yaml:1:1: the file: it is not there/);
    await using h = await start({ policy: { ...policy, file: join(dir, 'none.yaml'), fileMayBeMissing: true } });
    assert.match(
      String(h.logged.find(line => line.includes('policy_file'))),
      /WARNING .* there is no .*none\.yaml, .* the default rules count/,
    );
  });

  test('a change is taken up; one that is wrong changes nothing and is logged', () =>
    withFile('', async (h, file) => {
      const create = async (): Promise<number> => (await h.member.request('POST', 'networks', { network: {} })).status;
      assert.equal(await create(), 201);
      await put('policy.yaml', 'create_network: "!"\n');
      await until('the new rule', async () => (await create()) === 403);
      await put('policy.yaml', 'create_network: "@" and\n');
      await until('the complaint', async () => h.logged.some(line => line.includes(file) && line.includes('rules stay as they were')));
      assert.equal(await create(), 403);
      await put('policy.yaml', 'create_netwrok: "!"\n');
      await until('the default again', async () => (await create()) === 201);
      await until('the warning', async () => h.logged.some(line => line.includes('create_netwrok: is no rule of this server')));
      await rm(file);
      await until('a file that is gone', async () => h.logged.some(line => line.includes('it is not there')));
      assert.equal(await create(), 201);
    }));

  test('without enforce_new_defaults the older defaults count, too', async () => {
    await using h = await start({ policy: { ...policy, enforceNewDefaults: false } });
    const made = await h.reader.request('POST', 'networks', { network: {} });
    assert.equal(made.status, 201);
    const { id } = made.body.network as { id: string };
    assert.equal((await h.nobody.request('GET', `networks/${id}`)).status, 200);
    assert.equal((await h.other.request('GET', `networks/${id}`)).status, 404);
    assert.equal((await h.member.request('POST', 'networks', { network: { shared: true } })).status, 403);
  });

  test('tokens of another scope than a rule is for are denied, and see nothing', async () => {
    await using h = await start();
    const net = await h.member.make('networks', 'network', {});
    for (const who of ['system', 'domain'] as const) {
      const [status, type, message] = await h.as(who).refused('POST', 'networks', { network: { project_id: h.member.project } });
      assert.deepEqual([status, type], [403, 'InvalidScope']);
      assert.equal(message, `rule:create_network requires a scope of ['project'], request was made with ${who} scope.`);
      assert.deepEqual(await h.as(who).list('networks'), []);
      assert.equal((await h.as(who).request('DELETE', `networks/${net.id}`)).status, 404);
    }
    await using loose = await start({ policy: { ...policy, enforceScope: false } });
    assert.equal((await loose.as('system').request('POST', 'networks', { network: { project_id: loose.member.project } })).status, 201);
  });
});
