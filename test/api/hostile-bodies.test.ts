// No body makes the server fail: every attribute of every resource, on create and on update, and every action, with values that no client
// of good faith would send. Only that none is answered by 500 or above counts here, and that no text is taken that is longer than any column.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { pathOf, startWorld, type Thing } from './authorisation/world.ts';
import type { Api, Body } from './client.ts';
import type { Harness } from './harness.ts';

const endless = 'x'.repeat(20_000);

const values: readonly unknown[] = [
  null,
  1.5,
  2 ** 53,
  1e308,
  '',
  '__proto__',
  'nul\u0000, line\nfeed, del\u007f, half a pair \ud800',
  endless,
  '99999999999999999999',
  '::ffff:1.2.3.4',
  'fe80::1%eth0',
  '::/0',
  [],
  [null],
  [endless],
  [`compute:${endless}`],
  [{}],
  {},
  { constructor: 1, toString: null },
  JSON.parse('{"__proto__": {"x": 1}}'),
];

/** Items of lists and dictionaries whose keys only the commands know. */
const shapes: Readonly<Record<string, Body>> = {
  fixed_ips: { subnet_id: 'x', ip_address: '10.0.0.1' },
  external_gateway_info: { network_id: 'x', enable_snat: true, external_fixed_ips: [], qos_policy_id: 'x' },
  external_gateways: { network_id: 'x', enable_snat: true, external_fixed_ips: [], qos_policy_id: 'x' },
  allowed_address_pairs: { ip_address: '10.0.0.1', mac_address: 'fa:16:3e:00:00:01' },
  extra_dhcp_opts: { opt_name: 'router', opt_value: '1', ip_version: 4 },
  allocation_pools: { start: '10.0.0.1', end: '10.0.0.2' },
  host_routes: { destination: '10.0.0.0/24', nexthop: '10.0.0.1' },
  routes: { destination: '10.0.0.0/24', nexthop: '10.0.0.1' },
  sub_ports: { port_id: 'x', segmentation_type: 'vlan', segmentation_id: 1 },
  segments: { 'provider:network_type': 'vlan', 'provider:physical_network': 'p', 'provider:segmentation_id': 1 },
  'binding:profile': { allocation: {}, parent_name: 'x', tag: 1, migrating_to: 'h' },
  profile: { allocation: {}, migrating_to: 'h' },
  hints: { openvswitch: { other_config: {} } },
};

const actionBodies: Readonly<Record<string, readonly string[]>> = {
  add_router_interface: ['subnet_id', 'port_id'],
  remove_router_interface: ['subnet_id', 'port_id'],
  add_extraroutes: ['router'],
  remove_extraroutes: ['router'],
  add_subports: ['sub_ports'],
  remove_subports: ['sub_ports'],
  add_addresses: ['addresses'],
  remove_addresses: ['addresses'],
  add_prefixes: ['prefixes'],
  remove_prefixes: ['prefixes'],
  onboard_network_subnets: ['network_id'],
};

const dictionaries = ['external_gateway_info', 'binding:profile', 'profile', 'hints'];

function* mutations(name: string): Generator<unknown> {
  yield* values;
  const shape = shapes[name];
  if (!shape) return;
  for (const key of Object.keys(shape)) {
    for (const value of values) {
      const wrong = { ...shape, [key]: value };
      yield dictionaries.includes(name) ? wrong : [wrong];
    }
  }
}

describe('bodies of bad faith', () => {
  let h: Harness;
  let things: readonly Thing[];

  before(async () => {
    const world = await startWorld();
    h = world.h;
    things = world.things.filter(t => t.at === undefined || t.at.kind === 'own');
  });
  after(() => h[Symbol.asyncDispose]());

  const failures: string[] = [];
  async function send(api: Api, method: string, path: string, body: unknown): Promise<number> {
    const { status, body: answer } = await api.request(method, path, body);
    // Where a port cannot be plugged is a 500, as from Neutron.
    const isToldAs500 = (answer as { NeutronError?: { type?: string } } | undefined)?.NeutronError?.type === 'PortBindingError';
    if ((status >= 500 && status !== 501 && !isToldAs500) || (status < 300 && JSON.stringify(answer)?.includes(endless)))
      failures.push(`${status} ${method} ${path} ${JSON.stringify(body)?.replaceAll(endless, 'x…').slice(0, 300)}`);
    return status;
  }
  const outcome = (): void => {
    const found = failures.splice(0);
    assert.deepEqual(found, []);
  };

  test('creates', async () => {
    for (const { resource, sample, at, collection } of things) {
      if (!resource.verbs.includes('create') || !at) continue;
      for (const value of values) await send(h.admin, 'POST', collection, value);
      for (const value of values) await send(h.admin, 'POST', collection, { [resource.bodyName]: value });
      for (const value of values) await send(h.admin, 'POST', collection, { [resource.plural]: value });
      const good = sample.body?.(at) ?? {};
      for (const [name, field] of Object.entries(resource.fields)) {
        if (!field.post) continue;
        for (const value of mutations(name)) {
          await send(h.admin, 'POST', collection, { [resource.bodyName]: { ...good, [name]: value } });
        }
      }
    }
    outcome();
  });

  test('updates', async () => {
    for (const thing of things) {
      const { resource } = thing;
      if (!resource.verbs.includes('update')) continue;
      for (const [name, field] of Object.entries(resource.fields)) {
        if (!field.put) continue;
        for (const value of mutations(name)) await send(h.admin, 'PUT', pathOf(thing), { [resource.bodyName]: { [name]: value } });
      }
    }
    outcome();
  });

  test('actions', async () => {
    for (const thing of things) {
      for (const [action, method] of Object.entries(thing.resource.actions)) {
        if (method === 'GET') continue;
        for (const value of values) await send(h.admin, method, `${pathOf(thing)}/${action}`, value);
        for (const key of [thing.resource.bodyName, ...(actionBodies[action] ?? [])]) {
          for (const value of mutations(key)) await send(h.member, method, `${pathOf(thing)}/${action}`, { [key]: value });
          for (const value of mutations(key))
            await send(h.admin, method, `${pathOf(thing)}/${action}`, { [thing.resource.bodyName]: { [key]: value } });
          for (const value of mutations('routes'))
            await send(h.admin, method, `${pathOf(thing)}/${action}`, { [thing.resource.bodyName]: { routes: value } });
        }
      }
    }
    outcome();
  });

  test('quotas, agents, tags', async () => {
    const id = (name: string): string => things.find(t => t.resource.name === name && t.at?.kind === 'own')!.id;
    const agents = await h.admin.list('agents');
    for (const value of values) {
      for (const body of [
        value,
        { quota: value },
        { quota: { network: value } },
        { quota: { [typeof value === 'string' ? value : 'x']: value } },
      ])
        await send(h.admin, 'PUT', `quotas/${h.member.project}`, body);
      for (const body of [value, { tags: value }, { tags: [value] }]) {
        await send(h.admin, 'PUT', `networks/${id('network')}/tags`, body);
        await send(h.admin, 'POST', `networks/${id('network')}/tags`, body);
      }
      for (const agent of agents) {
        for (const body of [value, { router_id: value }]) await send(h.admin, 'POST', `agents/${agent.id}/l3-routers`, body);
        for (const body of [value, { network_id: value }]) await send(h.admin, 'POST', `agents/${agent.id}/dhcp-networks`, body);
      }
    }
    outcome();
  });
});
