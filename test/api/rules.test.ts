// Every route asks exactly the rules that the policy table has for it. Here each rule asks for a role of its own name; whoever has the roles
// of all rules but one is refused exactly where that one counts. A misspelt or missing rule shows at once (OSSA-2026-016, N f0d2cad3d8,
// 8ccf3f9e79, 2cc04fb071).
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Field, Resource } from '../../src/model/kit/resource.ts';
import { policies } from '../../src/model/policies.ts';
import { resources } from '../../src/model/registry.ts';
import { defaultConfig } from '../../src/server/context.ts';
import type { At, Sample } from './authorisation/sample.ts';
import { offers } from './authorisation/table.ts';
import { actionOf, allPlugins, has, named, pathOf, samples, type Thing, World } from './authorisation/world.ts';
import { type Api, type Body, client } from './client.ts';
import { beat, type Harness, start } from './harness.ts';
import { holding } from './people.ts';

/** Not what other rules are made of. */
const names = policies.filter(rule => rule.operations.length > 0 || /^(create|get|update|delete)_/.test(rule.name)).map(rule => rule.name);
const inRequests = new Set(policies.filter(rule => rule.operations.length > 0).map(rule => rule.name));
const defined = new Set(names);

/** Neutron has these rules and never asks them, and clients of members set the attribute. */
const neverAsked = ['create_subnet:service_types', 'update_subnet:service_types'];

describe('each rule counts where the table says so, and nowhere else', () => {
  let h: Harness;
  let dir: string;
  let world: World;
  const asked = new Set<string>();

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'weft-rules-'));
    const file = join(dir, 'policy.json');
    await writeFile(file, JSON.stringify(Object.fromEntries(names.map(name => [name, `rule:admin_only or role:${name}`]))));
    h = await start({
      policy: { ...defaultConfig.policy, file },
      quotas: Object.fromEntries(resources.map(r => [r.name, -1])),
      vlanRanges: { p1: [] },
      servicePlugins: allPlugins,
    });
    await Promise.all(['h1', 'h22', 'other1', 'other22'].map(host => beat(h, host)));
    world = new World(h);
    await world.build();
  });
  after(async () => {
    await h[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  const with_ = (rules: readonly string[]): Api => client(h.server.url, holding(rules));
  const everything = (): Api => with_(names);
  function without(rule: string): Api {
    asked.add(rule);
    return with_(names.filter(name => name !== rule));
  }
  /** Of the member's project, and of none. */
  const own = (): Thing[] => world.things.filter(t => !t.at || t.at.kind === 'own');
  /** Attributes with rules, with values. */
  const policedOf = ({ policed }: Sample, at: At): readonly Body[] => [policed?.(at) ?? []].flat();
  /** What is shown to administrators alone is no matter of rules. */
  const shows = (thing: Thing): boolean => offers(thing, 'show') && thing.sample.shownTo === undefined;
  const status = async (api: Api, method: string, path: string, body?: unknown): Promise<number> =>
    (await api.request(method, path, body)).status;

  /** What somebody with all roles is answered, and without the one: 403, or what is given. */
  async function counts(rule: string, ask: (api: Api) => Promise<number>, refused = 403): Promise<string[]> {
    const less = await ask(without(rule));
    const full = await ask(everything());
    return less === refused && full !== 403 && full !== 404 && full < 500 ? [] : [`${rule}: ${less} without, ${full} with`];
  }

  test('show, list, update, tags, actions', async () => {
    const wrong: string[] = [];
    for (const thing of own()) {
      const { resource, sample, collection } = thing;
      const path = pathOf(thing);
      const seen = actionOf(resource, 'show');
      if (shows(thing)) wrong.push(...(await counts(seen, api => status(api, 'GET', path), 404)));
      if (offers(thing, 'list')) {
        const found = async (api: Api): Promise<number> => {
          const { body } = await api.request('GET', collection);
          return ((body[resource.plural] ?? []) as Body[]).some(o => o[resource.key] === thing.id) ? 200 : 404;
        };
        wrong.push(...(await counts(seen, found, 404)));
      }
      const change = { [resource.bodyName]: sample.update ?? { description: 'x' } };
      if (offers(thing, 'update')) wrong.push(...(await counts(actionOf(resource, 'update'), api => status(api, 'PUT', path, change))));
      if (resource.taggable) wrong.push(...(await tagRules(resource, path)));
      for (const [action, method] of Object.entries(resource.actions)) {
        const { body = { nothing: 1 } } = sample.actions?.[action] ?? {};
        wrong.push(...(await counts(action, api => status(api, method, `${path}/${action}`, method === 'GET' ? undefined : body))));
      }
    }
    assert.deepEqual(wrong, []);
  });

  async function tagRules(resource: Resource, path: string): Promise<string[]> {
    const rule = (verb: string): string => `${actionOf(resource, verb)}:tags`;
    const tags = { tags: ['blue'] };
    return [
      ...(await counts(rule('update'), api => status(api, 'PUT', `${path}/tags/red`))),
      ...(await counts(rule('update'), api => status(api, 'PUT', `${path}/tags`, tags))),
      ...(await counts(rule('create'), api => status(api, 'POST', `${path}/tags`, tags))),
      ...(await counts(rule('get'), api => status(api, 'GET', `${path}/tags`))),
      ...(await counts(rule('get'), api => status(api, 'GET', `${path}/tags/blue`))),
      ...(await counts(rule('delete'), api => status(api, 'DELETE', `${path}/tags/blue`))),
      ...(await counts(rule('delete'), api => status(api, 'DELETE', `${path}/tags`))),
    ];
  }

  test('attributes in answers', async () => {
    const wrong: string[] = [];
    for (const thing of world.things.filter(shows)) {
      const { resource } = thing;
      const shown = async (api: Api): Promise<Body> => (await api.request('GET', pathOf(thing))).body[resource.bodyName] as Body;
      const all = await shown(everything());
      if (!all) wrong.push(`${thing.what} is not shown`);
      for (const name of Object.keys(all ?? {})) {
        const rule = `${actionOf(resource, 'show')}:${name}`;
        if (!defined.has(rule)) continue;
        const missing = Object.keys(all).filter(n => n !== name);
        if (String(Object.keys(await shown(without(rule)))) !== String(missing)) wrong.push(rule);
      }
    }
    assert.deepEqual(wrong, []);
  });

  /** Rules about a named attribute and about the keys inside it. */
  function attributeRules(action: string, name: string, value: unknown): string[] {
    const items = [value].flat().filter(item => typeof item === 'object' && item !== null);
    const keys = items.flatMap(item => Object.keys(item as object));
    return [`${action}:${name}`, ...keys.map(key => `${action}:${name}:${key}`)].filter(
      rule => defined.has(rule) && !neverAsked.includes(rule),
    );
  }

  test('attributes of updates', async () => {
    const wrong: string[] = [];
    for (const thing of own().filter(t => offers(t, 'update'))) {
      const { resource } = thing;
      const all = (await everything().request('GET', pathOf(thing))).body[resource.bodyName] as Body;
      const values = Object.assign({}, all, ...(thing.at ? policedOf(thing.sample, world.at(thing.at.kind)) : [])) as Body;
      for (const [name, value] of Object.entries(values).filter(([n]) => resource.fields[n]?.put)) {
        const body = { [resource.bodyName]: { [name]: value } };
        for (const rule of attributeRules(actionOf(resource, 'update'), name, value)) {
          const ask = (api: Api): Promise<number> => status(api, 'PUT', pathOf(thing), body);
          // What cannot be read is refused before any rule is asked.
          if ((await ask(with_(names.filter(n => n !== rule)))) !== 400) wrong.push(...(await counts(rule, ask)));
        }
      }
    }
    assert.deepEqual(wrong, []);
  });

  const flipped = ({ type, default: value }: Field): unknown => (type.kind === 'bool' ? !value : undefined);

  /** A create with the attribute, which is removed again. */
  async function create(api: Api, sample: Sample, extra: (at: At) => Body): Promise<number> {
    const resource = named(sample.resource);
    const at = world.at('own');
    const collection = world.collection(resource, at.made);
    const answer = await api.request('POST', collection, { [resource.bodyName]: { ...sample.body!(at), ...extra(at) } });
    const made = answer.body[resource.bodyName] as Body | undefined;
    const id = sample.id?.(at) ?? made?.[resource.key];
    const removed = made && (await h.admin.request('DELETE', `${collection}/${id}`));
    assert.ok(!removed || removed.status < 300, `${resource.name} cannot be removed: ${JSON.stringify(removed?.body)}`);
    return answer.status;
  }

  test('creates, and their attributes', async () => {
    const wrong: string[] = [];
    for (const sample of samples.filter(s => s.body && has(s, 'own'))) {
      const resource = named(sample.resource);
      const action = actionOf(resource, 'create');
      const plain = sample.body!(world.at('own'));
      const policed = policedOf(sample, world.at('own'));
      const given = Object.assign({}, plain, ...policed) as Body;
      wrong.push(...(await counts(action, api => create(api, sample, () => ({})))));
      for (const [name, field] of Object.entries(resource.fields).filter(([, f]) => f.post && f.policed)) {
        const value = given[name] ?? flipped(field);
        if (value === undefined) continue;
        const which = policed.findIndex(body => name in body);
        const extra = (at: At): Body => policedOf(sample, at)[which] ?? (name in plain ? {} : { [name]: value });
        for (const rule of attributeRules(action, name, value)) wrong.push(...(await counts(rule, api => create(api, sample, extra))));
      }
    }
    assert.deepEqual(wrong, []);
  });

  test('what agents serve, and quotas', async () => {
    const agents = await h.admin.list('agents');
    const [dhcp, l3] = ['DHCP agent', 'L3 agent'].map(type => agents.find(a => a.agent_type === type)!.id);
    const net = await h.admin.make('networks', 'network', { project_id: h.member.project });
    const router = await h.admin.make('routers', 'router', { project_id: h.member.project });
    const rules: readonly (readonly [string, string, string, unknown?])[] = [
      ['create_dhcp-network', 'POST', `agents/${dhcp}/dhcp-networks`, { network_id: net.id }],
      ['get_dhcp-networks', 'GET', `agents/${dhcp}/dhcp-networks`],
      ['get_dhcp-agents', 'GET', `networks/${net.id}/dhcp-agents`],
      ['delete_dhcp-network', 'DELETE', `agents/${dhcp}/dhcp-networks/${net.id}`],
      ['create_l3-router', 'POST', `agents/${l3}/l3-routers`, { router_id: router.id }],
      ['get_l3-routers', 'GET', `agents/${l3}/l3-routers`],
      ['get_l3-agents', 'GET', `routers/${router.id}/l3-agents`],
      ['delete_l3-router', 'DELETE', `agents/${l3}/l3-routers/${router.id}`],
      ['update_agent', 'PUT', `agents/${l3}`, { agent: { description: 'x' } }],
      ['get_quota', 'GET', `quotas/${h.other.project}`],
      ['update_quota', 'PUT', `quotas/${h.other.project}`, { quota: { network: 50 } }],
      ['delete_quota', 'DELETE', `quotas/${h.other.project}`],
    ];
    const wrong: string[] = [];
    for (const [rule, method, path, body] of rules) {
      assert.ok(defined.has(rule), rule);
      wrong.push(...(await counts(rule, api => status(api, method, path, body))));
    }
    assert.deepEqual(wrong, []);
  });

  test('deletes', async () => {
    const wrong: string[] = [];
    const going = own().filter(t => offers(t, 'delete'));
    for (const thing of going.toReversed()) {
      const rule = actionOf(thing.resource, 'delete');
      const ask = (api: Api): Promise<number> => status(api, 'DELETE', pathOf(thing));
      // By a second URL it would go twice.
      if (thing.resource.aliasOf === undefined) wrong.push(...(await counts(rule, ask)));
      else if ((await ask(without(rule))) !== 403) wrong.push(rule);
      if (thing.at) await world.undo(thing.sample, thing.at.kind);
    }
    assert.deepEqual(wrong, []);
  });

  test('no rule of what is offered was left out', () => {
    const compared = resources.filter(r => !samples.some(s => s.resource === r.name && s.relative));
    const offered = compared.flatMap(r => [...new Set(r.verbs.map(verb => actionOf(r, verb)))].map(prefix => ({ r, prefix })));
    const missed = names.filter(name => {
      if (asked.has(name) || neverAsked.includes(name) || !inRequests.has(name)) return false;
      const of = offered.find(({ prefix }) => name === prefix || name.startsWith(`${prefix}:`));
      return of !== undefined && !unreachable(of.r, name.slice(of.prefix.length + 1));
    });
    assert.deepEqual(missed, [], 'a sample may need `policed`: test/api/authorisation/sample.ts');
  });

  /** Attributes that are not there yet. */
  function unreachable({ fields }: Resource, attribute: string): boolean {
    return (
      attribute !== '' && attribute !== 'tags' && !Object.keys(fields).some(name => attribute === name || attribute.startsWith(`${name}:`))
    );
  }
});
