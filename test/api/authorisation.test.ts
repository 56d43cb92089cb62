// Who may do what, walked over every route of the model: what the server answers is what the policy table says of the object.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Creds, Target } from '../../src/domain/policy/check.ts';
import { holds } from '../../src/domain/policy/evaluate.ts';
import { compileRules } from '../../src/domain/policy/rules.ts';
import type { Resource } from '../../src/model/kit/resource.ts';
import { policies } from '../../src/model/policies.ts';
import { resources } from '../../src/model/registry.ts';
import type { Api, Body, Made } from './client.ts';
import { beat, type Harness, start } from './harness.ts';
import { personOf } from './people.ts';

const { rules } = compileRules(policies);
const everybody = ['admin', 'member', 'reader', 'nobody', 'other'] as const;
type Who = (typeof everybody)[number];

function may(who: Who, rule: string, target: Target): boolean {
  const { roles, project_id, user_id } = personOf(who)!;
  const creds: Creds = { roles, project_id, user_id };
  return holds({ kind: 'rule', name: rule }, { creds, target, rules });
}

/** An object, and what policy may ask about it. */
interface Thing {
  readonly resource: Resource;
  readonly what: string;
  readonly id: string;
  readonly target: Target;
}

const named = (name: string): Resource => resources.find(r => r.name === name)!;
const pathOf = ({ resource, id }: Thing): string => `${resource.path}/${id}`;

/** 404 where the object may not be seen, 403 where it may be seen and the action is not allowed. */
function expected(who: Who, { resource, target }: Thing, rule: string, done: number): number {
  if (!may(who, `get_${resource.name}`, target)) return 404;
  return may(who, rule, target) ? done : 403;
}

describe('authorisation', () => {
  let h: Harness;
  const things: Thing[] = [];
  const networks: Record<'own' | 'foreign' | 'shared' | 'external', Made> = {} as never;
  const api = (who: Who): Api => h[who];

  /** One object of a resource for a project, made by the administrator. */
  async function make(name: string, project: string, attributes: Body = {}): Promise<Made> {
    return h.admin.make(named(name).path, name, { project_id: project, ...attributes });
  }

  function keep(name: string, what: string, made: Made, target: Target = {}): void {
    things.push({ resource: named(name), what: `${what} ${name}`, id: made.id, target: { project_id: made.project_id, ...target } });
  }

  /** What hangs together: a network with a subnet and a port, a router, a group with a rule. */
  async function family(what: string, project: string): Promise<Made> {
    const net = await make('network', project);
    const target = { 'network:project_id': project, 'networks:shared': false, shared: false };
    keep('network', what, net, { shared: false, 'router:external': false });
    keep('subnet', what, await make('subnet', project, { network_id: net.id, ip_version: 4, cidr: '10.0.0.0/24' }), target);
    keep('port', what, await make('port', project, { network_id: net.id }), target);
    keep('router', what, await make('router', project));
    const group = await make('security_group', project, { name: what });
    keep('security_group', what, group, { shared: false });
    const rule = await make('security_group_rule', project, { security_group_id: group.id, direction: 'ingress' });
    keep('security_group_rule', what, rule, { 'security_group:project_id': project });
    return net;
  }

  before(async () => {
    h = await start({ quotas: Object.fromEntries(resources.map(r => [r.name, -1])) });
    await beat(h, 'h1');
    networks.own = await family('own', h.member.project);
    networks.foreign = await family('foreign', h.other.project);
    networks.shared = await make('network', h.admin.project, { shared: true });
    keep('network', 'shared', networks.shared, { shared: true, 'router:external': false });
    const target = { 'network:project_id': h.admin.project, 'networks:shared': true, shared: true };
    const subnet = await make('subnet', h.admin.project, { network_id: networks.shared.id, ip_version: 4, cidr: '10.1.0.0/24' });
    keep('subnet', 'shared', subnet, target);
    keep('port', 'guest', await make('port', h.member.project, { network_id: networks.shared.id }), target);
    networks.external = await make('network', h.admin.project, { 'router:external': true });
    keep('network', 'external', networks.external, { shared: false, 'router:external': true });
    const outer = await make('subnet', h.admin.project, { network_id: networks.external.id, ip_version: 4, cidr: '172.24.4.0/24' });
    keep('subnet', 'external', outer, { 'network:project_id': h.admin.project, 'networks:shared': false, shared: false });
    for (const [what, project] of [
      ['own', h.member.project],
      ['foreign', h.other.project],
    ] as const)
      keep('floatingip', what, await make('floatingip', project, { floating_network_id: networks.external.id }));
    for (const agent of await h.admin.list('agents')) keep('agent', String(agent.agent_type), agent);
  });
  after(() => h[Symbol.asyncDispose]());

  /** Walks all objects and people, and compares the statuses. */
  async function walk(
    of: (thing: Thing) => boolean,
    ask: (api: Api, thing: Thing) => Promise<number>,
    expect: (who: Who, thing: Thing) => number,
  ) {
    const wrong: string[] = [];
    let asked = 0;
    for (const thing of things.filter(of)) {
      for (const who of everybody) {
        const status = await ask(api(who), thing);
        asked++;
        if (status !== expect(who, thing)) wrong.push(`${who}, ${thing.what}: ${status} for ${expect(who, thing)}`);
      }
    }
    assert.deepEqual(wrong, []);
    assert.ok(asked >= everybody.length);
  }

  const asks =
    (method: string, below = '', body?: (thing: Thing) => unknown) =>
    async (client: Api, thing: Thing): Promise<number> =>
      (await client.request(method, `${pathOf(thing)}${below}`, body?.(thing))).status;

  test('show: what may not be seen is not there', () =>
    walk(
      () => true,
      asks('GET'),
      (who, thing) => expected(who, thing, `get_${thing.resource.name}`, 200),
    ));

  test('list: exactly what may be seen', async () => {
    for (const resource of resources) {
      for (const who of everybody) {
        const ids = new Set((await api(who).list(resource.path)).map(o => o.id));
        const wrong = things.filter(t => t.resource === resource && ids.has(t.id) !== may(who, `get_${resource.name}`, t.target));
        assert.deepEqual(
          wrong.map(t => t.what),
          [],
          `${resource.plural} as ${who}`,
        );
      }
    }
  });

  test('a filter by a foreign project or id opens nothing', async () => {
    for (const thing of things.filter(t => t.target.project_id === h.other.project)) {
      const { path } = thing.resource;
      for (const query of [`project_id=${h.other.project}`, `tenant_id=${h.other.project}`, `id=${thing.id}`])
        assert.deepEqual(await h.member.list(`${path}?${query}`), [], `${thing.what} by ${query}`);
      assert.ok((await h.admin.list(`${path}?id=${thing.id}`)).length === 1);
    }
  });

  test('update', () =>
    walk(
      ({ resource }) => resource.verbs.includes('update'),
      asks('PUT', '', ({ resource }) => ({ [resource.name]: { description: 'x' } })),
      (who, thing) => expected(who, thing, `update_${thing.resource.name}`, 200),
    ));

  test('tags, in all their forms', async () => {
    const taggable = ({ resource }: Thing): boolean => resource.taggable;
    const rule =
      (verb: string, done: number) =>
      (who: Who, thing: Thing): number =>
        expected(who, thing, `${verb}_${thing.resource.name}:tags`, done);
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
        await walk(
          t => t.resource === resource,
          asks(method, `/${action}`, () => ({ nothing: 1 })),
          (who, thing) => expected(who, thing, action, 400),
        );
      }
    }
  });

  test('what agents serve is for administrators, below whatever parent', async () => {
    const agent = things.find(t => t.what.startsWith('DHCP'))!.id;
    const l3 = things.find(t => t.what.startsWith('L3'))!.id;
    const [net, router] = [networks.own.id, things.find(t => t.what === 'own router')!.id];
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
        assert.equal((await api(who).request(method, path, body)).status, 403, `${who} ${method} ${path}`);
      const { status } = await h.admin.request(method, path, body);
      assert.ok([200, 201, 204, 409].includes(status), `admin ${method} ${path}: ${status}`);
    }
  });

  test('create: for the own project, on networks and groups that may be built on', async () => {
    const seen = { own: true, foreign: false, shared: true, external: true };
    for (const who of everybody) {
      const { project } = api(who);
      const post = async (name: string, attributes: Body): Promise<number> =>
        (await api(who).request('POST', named(name).path, { [name]: attributes })).status;
      const free = (name: string, target: Target = {}): number =>
        may(who, `create_${name}`, { project_id: project, ...target }) ? 201 : 403;
      assert.equal(await post('network', {}), free('network'), `${who} network`);
      assert.equal(await post('router', {}), free('router'), `${who} router`);
      assert.equal(await post('security_group', { name: 'x' }), free('security_group'), `${who} group`);
      assert.equal(await post('floatingip', { floating_network_id: networks.external.id }), free('floatingip'), `${who} floating IP`);
      for (const kind of ['own', 'foreign', 'shared', 'external'] as const) {
        const net = networks[kind];
        const owner = String(net.project_id);
        const target = { 'network:project_id': owner, 'networks:shared': kind === 'shared' };
        const isVisible = may(who, 'get_network', { project_id: owner, shared: kind === 'shared', 'router:external': kind === 'external' });
        const ownOrShared = owner === project || kind === 'shared' || who === 'admin';
        const on = (name: string): number => (isVisible ? (ownOrShared ? free(name, target) : 403) : 404);
        assert.equal(await post('port', { network_id: net.id }), on('port'), `${who} port on ${kind}`);
        const cidr = `10.${40 + everybody.indexOf(who)}.0.0/24`;
        assert.equal(await post('subnet', { network_id: net.id, ip_version: 4, cidr }), on('subnet'), `${who} subnet on ${kind}`);
        assert.ok(who !== 'member' || seen[kind] === isVisible);
      }
      for (const thing of things.filter(t => t.resource.name === 'security_group')) {
        const target = { 'security_group:project_id': thing.target.project_id };
        const rule = { security_group_id: thing.id, direction: 'egress', protocol: 'tcp', description: who };
        const wanted = may(who, 'get_security_group', thing.target) ? free('security_group_rule', target) : 404;
        const port = 1000 + everybody.indexOf(who);
        const status = await post('security_group_rule', { ...rule, port_range_min: port, port_range_max: port });
        assert.equal(status, wanted, `${who} rule in ${thing.what}`);
      }
    }
  });

  test('quotas: everybody sees the own, administrators those of all, and only they change them', async () => {
    for (const who of everybody) {
      const admin = who === 'admin';
      const status = async (method: string, path: string, body?: unknown): Promise<number> =>
        (await api(who).request(method, path, body)).status;
      assert.equal(await status('GET', `quotas/${api(who).project}`), 200);
      assert.equal(await status('GET', `quotas/${api(who).project}/details`), 200);
      const foreign = who === 'other' ? h.member.project : h.other.project;
      assert.equal(await status('GET', `quotas/${foreign}`), admin ? 200 : 403);
      assert.equal(await status('GET', `quotas/${foreign}/details`), admin ? 200 : 403);
      assert.equal(await status('GET', 'quotas'), admin ? 200 : 403);
      assert.equal(await status('PUT', `quotas/${api(who).project}`, { quota: { network: 50 } }), admin ? 200 : 403);
      assert.equal(await status('DELETE', `quotas/${api(who).project}`), admin ? 204 : 403);
    }
  });

  test('delete', async () => {
    for (const who of everybody) {
      for (const [what, project] of [
        ['own', h.member.project],
        ['foreign', h.other.project],
      ] as const) {
        things.length = 0;
        await family(what, project);
        keep('floatingip', what, await make('floatingip', project, { floating_network_id: networks.external.id }));
        // Ports before subnets, subnets before networks, rules before groups.
        for (const thing of things.toReversed()) {
          const { status } = await api(who).request('DELETE', pathOf(thing));
          assert.equal(status, expected(who, thing, `delete_${thing.resource.name}`, 204), `${who} ${thing.what}`);
        }
      }
    }
  });

  test('every route asks for an action that the policy table knows (OSSA-2026-016)', () => {
    const actions = resources.flatMap(resource => [
      ...resource.verbs.map(verb => `${verb === 'list' || verb === 'show' ? 'get' : verb}_${resource.name}`),
      ...(resource.taggable ? ['get', 'create', 'update', 'delete'].map(verb => `${verb}_${resource.name}:tags`) : []),
      ...Object.keys(resource.actions),
    ]);
    assert.deepEqual(
      actions.filter(a => !rules.has(a)),
      [],
    );
  });
});
