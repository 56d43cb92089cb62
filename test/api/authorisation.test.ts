// Who may do what, walked over every route of the model: what the server answers is what the policy table says of the object.
// A new resource takes part by a sample: see authorisation/sample.ts and the files in authorisation/samples.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { resources } from '../../src/model/registry.ts';
import { type At, kinds, type Sample } from './authorisation/sample.ts';
import { everybody, expected, may, mayAll, offers, rules, sees, type Who } from './authorisation/table.ts';
import { actionOf, has, named, pathOf, samples, type Thing, World } from './authorisation/world.ts';
import { type Api, type Body, client } from './client.ts';
import { beat, type Harness, start } from './harness.ts';

describe('authorisation', () => {
  let h: Harness;
  let world: World;
  let apis: Readonly<Record<Who, Api>>;

  before(async () => {
    // The walk is long: its agents beat once.
    h = await start({ quotas: Object.fromEntries(resources.map(r => [r.name, -1])), agentDownTime: 3600 });
    apis = Object.fromEntries(everybody.map(who => [who, client(h.server.url, who)])) as typeof apis;
    for (const host of ['h1', 'h22', 'other1', 'other22']) await beat(h, host);
    world = new World(h);
    await world.build();
  });
  after(() => h[Symbol.asyncDispose]());

  const kept = (who: Who, { sample: { shownTo } }: Thing): boolean => shownTo !== undefined && who !== shownTo;
  const find = (what: string): Thing => world.things.find(t => t.what === what)!;

  /** Walks all objects and people, and compares the statuses. */
  async function walk(
    things: readonly Thing[],
    ask: (api: Api, thing: Thing) => Promise<number>,
    expect: (who: Who, thing: Thing) => number,
  ) {
    const wrong: string[] = [];
    for (const thing of things) {
      for (const who of everybody) {
        const status = await ask(apis[who], thing);
        if (status !== expect(who, thing)) wrong.push(`${who}, ${thing.what}: ${status} for ${expect(who, thing)}`);
      }
    }
    assert.deepEqual(wrong, []);
  }

  const asks =
    (method: string, below = '', body?: (thing: Thing) => unknown) =>
    async (api: Api, thing: Thing): Promise<number> =>
      (await api.request(method, `${pathOf(thing)}${below}`, body?.(thing))).status;
  const updateOf = ({ resource, sample }: Thing): Body => ({ [resource.bodyName]: sample.update ?? { description: 'x' } });

  test('every resource of the model has a sample, and every sample an object', () => {
    assert.deepEqual(
      resources.map(r => r.name).filter(name => !samples.some(s => s.resource === name)),
      [],
      'add a sample: test/api/authorisation/sample.ts says how',
    );
    for (const { resource } of samples.filter(s => !s.relative))
      assert.ok(
        world.things.some(t => t.resource.name === resource),
        `there is no ${resource}`,
      );
  });

  test('every route asks for an action that the policy table knows (OSSA-2026-016)', () => {
    const actions = resources.flatMap(resource => [
      ...resource.verbs.map(verb => actionOf(resource, verb)),
      ...(resource.taggable ? ['get', 'create', 'update', 'delete'].map(verb => `${actionOf(resource, verb)}:tags`) : []),
      ...Object.keys(resource.actions),
    ]);
    assert.deepEqual(
      actions.filter(a => !rules.has(a)),
      [],
    );
  });

  test('show: what may not be seen is not there', () =>
    walk(
      world.things.filter(t => offers(t, 'show')),
      asks('GET'),
      (who, thing) => (kept(who, thing) ? 403 : expected(who, thing, actionOf(thing.resource, 'show'), 200)),
    ));

  test('show: attributes that may not be seen are absent', async () => {
    const wrong: string[] = [];
    for (const thing of world.things.filter(t => offers(t, 'show'))) {
      const all = (await h.admin.request('GET', pathOf(thing))).body[thing.resource.bodyName] as Body;
      for (const who of everybody.filter(w => sees(w, thing) && !kept(w, thing))) {
        const shown = (await apis[who].request('GET', pathOf(thing))).body[thing.resource.bodyName] as Body;
        const rule = (name: string): string => `${actionOf(thing.resource, 'show')}:${name}`;
        const wanted = Object.keys(all).filter(name => !rules.has(rule(name)) || may(who, rule(name), thing.target));
        if (String(Object.keys(shown).toSorted()) !== String(wanted.toSorted())) wrong.push(`${who}, ${thing.what}: ${Object.keys(shown)}`);
      }
    }
    assert.deepEqual(wrong, []);
  });

  test('list: exactly what may be seen', async () => {
    const wrong: string[] = [];
    const collections = Map.groupBy(
      world.things.filter(t => offers(t, 'list')),
      t => t.collection,
    );
    for (const [collection, things] of collections) {
      for (const who of everybody) {
        const { status, body } = await apis[who].request('GET', collection);
        const { plural, key } = things[0]!.resource;
        const ids = new Set(((body[plural] ?? []) as Body[]).map(o => o[key]));
        const parent = parentOf(things[0]!);
        if (status !== (parent && !sees(who, parent) ? 404 : 200)) wrong.push(`${who}, ${collection}: ${status}`);
        for (const thing of things) if (ids.has(thing.id) !== sees(who, thing)) wrong.push(`${who}, ${thing.what}: ${!sees(who, thing)}`);
      }
    }
    assert.deepEqual(wrong, []);
  });

  const parentOf = ({ resource, at }: Pick<Thing, 'resource' | 'at'>): Thing | undefined =>
    resource.parent && world.things.find(t => t.resource.name === resource.parent!.resource && t.id === at!.made[t.resource.name]?.id);

  test('a filter by a foreign project or id opens nothing', async () => {
    for (const thing of world.things.filter(t => offers(t, 'list') && !sees('member', t) && t.target.project_id !== undefined)) {
      const { key } = thing.resource;
      for (const query of [`project_id=${thing.target.project_id}`, `tenant_id=${thing.target.project_id}`, `${key}=${thing.id}`]) {
        const { body } = await h.member.request('GET', `${thing.collection}?${query}`);
        const found = (body[thing.resource.plural] ?? []) as Body[];
        const ids = found.filter(o => o[key] === thing.id || o.project_id !== thing.target.project_id).map(o => o[key]);
        assert.deepEqual(ids, [], `${thing.what} by ${query}`);
      }
      assert.equal((await h.admin.list(`${thing.collection}?${key}=${thing.id}`)).length, 1, thing.what);
    }
  });

  test('update', () =>
    walk(
      world.things.filter(t => offers(t, 'update')),
      asks('PUT', '', updateOf),
      (who, thing) => expected(who, thing, actionOf(thing.resource, 'update'), 200),
    ));

  test('update: naming a policed attribute takes its rule, whatever the value (OSSA-2014-031)', async () => {
    const wrong: string[] = [];
    for (const thing of world.things.filter(t => offers(t, 'update'))) {
      const { resource } = thing;
      const all = (await h.admin.request('GET', pathOf(thing))).body[resource.bodyName] as Body;
      for (const name of Object.keys(all).filter(n => resource.fields[n]?.policed && resource.fields[n].put)) {
        const body = { [name]: all[name] };
        const { status: best } = await h.admin.request('PUT', pathOf(thing), { [resource.bodyName]: body });
        for (const who of everybody) {
          const status = await asks('PUT', '', () => ({ [resource.bodyName]: body }))(apis[who], thing);
          const isAllowed = mayAll(who, resource, 'update', body, { ...thing.target, ...body });
          const wanted = !sees(who, thing) ? 404 : isAllowed ? best : 403;
          // A body that cannot be read is refused before anything else.
          const unreadable = best === 400 && status === 400;
          if (status !== wanted && !unreadable) wrong.push(`${who}, ${name} of ${thing.what}: ${status} for ${wanted}`);
        }
      }
    }
    assert.deepEqual(wrong, []);
  });

  test('tags, in all their forms', async () => {
    const taggable = world.things.filter(t => t.resource.taggable);
    const rule =
      (verb: string, done: number) =>
      (who: Who, thing: Thing): number =>
        expected(who, thing, `${actionOf(thing.resource, verb)}:tags`, done);
    const set = (): Body => ({ tags: ['blue'] });
    await walk(taggable, asks('PUT', '/tags', set), rule('update', 200));
    await walk(taggable, asks('PUT', '/tags/red'), rule('update', 201));
    await walk(taggable, asks('POST', '/tags', set), rule('create', 201));
    await walk(taggable, asks('GET', '/tags'), rule('get', 200));
    await walk(taggable, asks('GET', '/tags/red'), rule('get', 204));
    await walk(taggable, asks('DELETE', '/tags'), rule('delete', 204));
  });

  test('actions of members', async () => {
    for (const resource of resources) {
      for (const [action, method] of Object.entries(resource.actions)) {
        // Not a valid body, so that whoever is allowed gets to 400 and nothing changes.
        const {
          body = { nothing: 1 },
          status = 400,
          again = status,
        } = samples.find(s => s.resource === resource.name)?.actions?.[action] ?? {};
        const done = new Set<Thing>();
        const first = (thing: Thing): number => {
          const answer = done.has(thing) ? again : status;
          done.add(thing);
          return answer;
        };
        await walk(
          world.things.filter(t => t.resource === resource),
          asks(method, `/${action}`, method === 'GET' ? undefined : () => body),
          (who, thing) => (expected(who, thing, action, 0) === 0 ? first(thing) : expected(who, thing, action, 0)),
        );
      }
    }
  });

  test('below another parent there is nothing, whoever asks (N bc8a55497f, 8804195cd3, df79bcc977)', async () => {
    const wrong: string[] = [];
    for (const thing of world.things.filter(t => t.resource.parent && t.at)) {
      const parent = parentOf(thing)!;
      for (const stranger of world.things.filter(t => t.resource === parent.resource && t.id !== parent.id)) {
        const elsewhere = { ...thing, collection: `${pathOf(stranger)}/${thing.resource.path}` };
        for (const who of everybody) {
          const tried: [string, number][] = [];
          if (offers(thing, 'show')) tried.push(['GET', await asks('GET')(apis[who], elsewhere)]);
          if (offers(thing, 'update')) tried.push(['PUT', await asks('PUT', '', updateOf)(apis[who], elsewhere)]);
          if (offers(thing, 'delete')) tried.push(['DELETE', await asks('DELETE')(apis[who], elsewhere)]);
          for (const [method, status] of tried)
            if (status !== 404) wrong.push(`${who} ${method} ${thing.what} below ${stranger.what}: ${status}`);
        }
      }
    }
    assert.deepEqual(wrong, []);
  });

  test('what agents serve is for administrators, below whatever parent', async () => {
    const agent = find('agent DHCP agent').id;
    const l3 = find('agent L3 agent').id;
    const [net, router] = [find('own network').id, find('own router').id];
    const requests: readonly (readonly [string, string, unknown?])[] = [
      ['GET', `agents/${agent}/dhcp-networks`],
      ['GET', `agents/${l3}/l3-routers`],
      ['GET', `networks/${net}/dhcp-agents`],
      ['GET', `routers/${router}/l3-agents`],
      ['POST', `agents/${agent}/dhcp-networks`, { network_id: net }],
      ['DELETE', `agents/${agent}/dhcp-networks/${net}`],
      ['POST', `agents/${l3}/l3-routers`, { router_id: router }],
      ['DELETE', `agents/${l3}/l3-routers/${router}`],
    ];
    for (const [method, path, body] of requests) {
      for (const who of everybody.filter(w => w !== 'admin'))
        assert.equal((await apis[who].request(method, path, body)).status, 403, `${who} ${method} ${path}`);
      const { status } = await h.admin.request(method, path, body);
      assert.ok([200, 201, 204, 409].includes(status), `admin ${method} ${path}: ${status}`);
    }
  });

  /** What a create for the own project is answered in a family that may be another's. */
  function expectedCreate(who: Who, sample: Sample, at: At, body: Body): number {
    const resource = named(sample.resource);
    const isService = who === 'admin' || who === 'service';
    const parent = parentOf({ resource, at });
    const anywhere = { project_id: apis[who].project, 'ext_parent:project_id': apis[who].project };
    if (parent && !sees(who, parent)) return may(who, actionOf(resource, 'create'), anywhere) ? 404 : 403;
    for (const [name, how] of Object.entries(sample.on ?? {})) {
      const on = world.things.find(t => t.id === at.made[name]?.id)!;
      if (how === 'owned' || (how === 'usable' && isService)) continue;
      if (!sees(who, on)) return 404;
      if (how === 'usable' && on.target.project_id !== apis[who].project && on.target.shared !== true) return 403;
    }
    const project = resource.fields.project_id;
    const own = project?.post && project.default !== null ? { project_id: apis[who].project } : {};
    if (!mayAll(who, resource, 'create', body, world.target(sample, at, { ...own, ...body }))) return 403;
    const owned = Object.keys(sample.on ?? {}).filter(name => sample.on?.[name] === 'owned');
    if (who !== 'admin' && !owned.every(name => at.made[name]?.project_id === apis[who].project)) return 400;
    if (sample.own && who !== 'admin' && at.project !== apis[who].project) return 404;
    return sample.single ? 409 : 201;
  }

  test('create: for the own project, below and on what may be built on', async () => {
    const wrong: string[] = [];
    for (const sample of samples.filter(s => s.body)) {
      const resource = named(sample.resource);
      for (const kind of kinds.filter(k => has(sample, k))) {
        for (const who of everybody) {
          const at = world.at(kind);
          const collection = world.collection(resource, at.made);
          const body = sample.body!(at);
          const answer = await apis[who].request('POST', collection, { [resource.bodyName]: body });
          const wanted = expectedCreate(who, sample, at, body);
          if (answer.status !== wanted) wrong.push(`${who}, ${kind} ${resource.name}: ${answer.status} for ${wanted}`);
          const made = answer.body[resource.bodyName] as Body | undefined;
          if (made) await h.admin.request('DELETE', pathOf({ collection, id: String(made[resource.key]) }));
        }
      }
    }
    assert.deepEqual(wrong, []);
  });

  test('quotas: everybody sees the own, administrators those of all, and only they change them', async () => {
    for (const who of everybody) {
      const admin = who === 'admin';
      const status = async (method: string, path: string, body?: unknown): Promise<number> =>
        (await apis[who].request(method, path, body)).status;
      assert.equal(await status('GET', `quotas/${apis[who].project}`), 200);
      assert.equal(await status('GET', `quotas/${apis[who].project}/details`), 200);
      const foreign = who === 'other' ? h.member.project : h.other.project;
      assert.equal(await status('GET', `quotas/${foreign}`), admin ? 200 : 403);
      assert.equal(await status('GET', `quotas/${foreign}/details`), admin ? 200 : 403);
      assert.equal(await status('GET', 'quotas'), admin ? 200 : 403);
      assert.equal(await status('PUT', `quotas/${apis[who].project}`, { quota: { network: 50 } }), admin ? 200 : 403);
      assert.equal(await status('DELETE', `quotas/${apis[who].project}`), admin ? 204 : 403);
    }
  });

  test('delete: those who may not first, then each who may, of an object made anew', async () => {
    const wrong: string[] = [];
    for (let thing of world.things.filter(t => offers(t, 'delete')).toReversed()) {
      const { sample, resource } = thing;
      const wanted = (who: Who): number => expected(who, thing, actionOf(resource, 'delete'), 204);
      const allowed = everybody.filter(who => wanted(who) === 204);
      for (const who of everybody.filter(w => wanted(w) !== 204)) {
        const status = await asks('DELETE')(apis[who], thing);
        if (status !== wanted(who)) wrong.push(`${who}, ${thing.what}: ${status} for ${wanted(who)}`);
      }
      // What the server has made cannot be made anew.
      for (const [i, who] of (sample.body || sample.make ? allowed : []).entries()) {
        if (i > 0) thing = await world.make(sample, thing.at!.kind);
        const status = await asks('DELETE')(apis[who], thing);
        if (status !== 204) wrong.push(`${who}, ${thing.what}: ${status} for 204`);
      }
      if (thing.at) await world.undo(sample, thing.at.kind);
    }
    assert.deepEqual(wrong, []);
  });
});
