// The types of the client, checked by the compiler: a wrong one is no test that fails but a program that does not compile.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conntrackHelper } from '../model/conntrack-helper.ts';
import { network } from '../model/network.ts';
import { port } from '../model/port.ts';
import type { securityGroupRule } from '../model/security-group.ts';
import type { subnetpool } from '../model/subnet-pool.ts';
import { collection, type Transport } from './collection.ts';
import type { Create, Filters, Shown, SortKey, Update } from './types.ts';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_T extends true>(): void => {};

type Network = Shown<typeof network>;
type Port = Shown<typeof port>;

test('shown: values by their types, with null where a column is, without what is never shown', () => {
  holds<Same<Network['name'], string>>();
  holds<Same<Network['admin_state_up'], boolean>>();
  holds<Same<Network['subnets'], readonly string[]>>();
  holds<Same<Network['created_at'], string | null>>();
  holds<Same<Network['provider:segmentation_id'], number | null>>();
  holds<Same<Port['binding:host_id'], string | null>>();
  holds<Same<Port['mac_address'], string>>();
  holds<Same<Shown<typeof subnetpool>['min_prefixlen'], string>>();
  holds<Same<Port['security_groups'], readonly string[]>>();
  holds<Same<'project_id' extends keyof Shown<typeof conntrackHelper> ? true : false, false>>();
});

test('given on create: what has no default is required, what may not be given is not there', () => {
  const least = { network_id: 'n' } satisfies Create<typeof port>;
  const rule: Create<typeof securityGroupRule> = { security_group_id: 'g', direction: 'ingress', protocol: null, port_range_min: 22 };
  // @ts-expect-error: a port needs a network
  const none: Create<typeof port> = { name: 'x' };
  // @ts-expect-error: the server decides on the status
  const status: Create<typeof network> = { status: 'ACTIVE' };
  // @ts-expect-error: one of two words
  const sideways: Create<typeof securityGroupRule> = { ...rule, direction: 'sideways' };
  assert.ok(least && rule && none && status && sideways);
});

test('given on update, asked for, sorted by', () => {
  const update: Update<typeof network> = { name: 'x', admin_state_up: false };
  // @ts-expect-error: a port stays on its network
  const moved: Update<typeof port> = { network_id: 'n' };
  const filters: Filters<typeof port> = { name: ['a', 'b'], admin_state_up: true, 'tags-any': ['x'] };
  // @ts-expect-error: no filter
  const made: Filters<typeof network> = { created_at: 'x' };
  const key: SortKey<typeof port> = 'name';
  // @ts-expect-error: no sort key
  const tags: SortKey<typeof port> = 'tags';
  assert.ok(update && moved && filters && made && key && tags);
});

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly headers: unknown;
}

/** Answers what it is told to, and remembers what it was asked. */
function recorder(...answers: readonly unknown[]): { readonly api: Transport; readonly sent: Sent[] } {
  const sent: Sent[] = [];
  const api: Transport = {
    request: async <T>(method: string, path: string, body?: unknown, headers?: unknown) => {
      sent.push({ method, path, body, headers });
      return answers[sent.length - 1] as T;
    },
  };
  return { api, sent };
}

test('fields that are asked for are those that are there', async () => {
  const { api, sent } = recorder({ ports: [{ id: 'p', name: 'a' }] });
  const [first] = await collection(api, port).list({
    fields: ['id', 'name'],
    filters: { network_id: 'n 1', admin_state_up: true, tags: ['a', 'b'] },
    sort: [['name', 'desc']],
  });
  holds<Same<keyof NonNullable<typeof first>, 'id' | 'name'>>();
  // @ts-expect-error: not asked for
  assert.equal(first?.status, undefined);
  assert.equal(sent[0]?.path, '/ports?network_id=n+1&admin_state_up=true&tags=a&tags=b&fields=id&fields=name&sort_key=name&sort_dir=desc');
});

test('each reads one page after the other, and not one too many', async () => {
  // The server ends a page where it wants to, and says where it goes on.
  const page = (...ids: string[]): unknown => ({
    networks: ids.map(id => ({ id })),
    networks_links: [{ rel: 'previous', href: 'http://x/v2.0/networks?page_reverse=True&marker=no' }, ...next(ids.at(-1))],
  });
  const next = (id: string | undefined): unknown[] => (id ? [{ rel: 'next', href: `http://x/v2.0/networks?limit=2&marker=${id}` }] : []);
  const { api, sent } = recorder(page('a'), page('c', 'd'), page());
  const seen: string[] = [];
  for await (const { id } of collection(api, network).each({ page: 2, fields: ['id'], filters: { shared: true } })) seen.push(id);
  assert.deepEqual(seen, ['a', 'c', 'd']);
  const base = '/networks?shared=true&fields=id&limit=2';
  assert.deepEqual(
    sent.map(s => s.path),
    [base, `${base}&marker=a`, `${base}&marker=d`],
  );
  const one = recorder(page('a', 'b'), page('c'));
  for await (const { id } of collection(one.api, network).each({ page: 2 })) if (id === 'a') break;
  assert.equal(one.sent.length, 1);
});

test('verbs, guards, actions, tags, and what is below an object', async () => {
  const { api, sent } = recorder(
    { network: { id: 'a' } },
    { networks: [] },
    { network: {} },
    undefined,
    { conntrack_helper: {} },
    { tags: ['x'] },
  );
  const networks = collection(api, network);
  assert.deepEqual(await networks.create({ name: 'n' }), { id: 'a' });
  await networks.createMany([{}, {}]);
  await networks.update('a/b', { name: 'x' }, { revision: 3 });
  await networks.delete('a');
  const { router } = await import('../model/router.ts');
  await collection(api, router).below('r', conntrackHelper).create({ protocol: 'udp', port: 69, helper: 'tftp' });
  assert.deepEqual(await networks.tags('a'), ['x']);
  assert.deepEqual(
    sent.map(s => [s.method, s.path, s.body, s.headers]),
    [
      ['POST', '/networks', { network: { name: 'n' } }, {}],
      ['POST', '/networks', { networks: [{}, {}] }, {}],
      ['PUT', '/networks/a%2Fb', { network: { name: 'x' } }, { 'if-match': 'revision_number=3' }],
      ['DELETE', '/networks/a', undefined, {}],
      ['POST', '/routers/r/conntrack_helpers', { conntrack_helper: { protocol: 'udp', port: 69, helper: 'tftp' } }, {}],
      ['GET', '/networks/a/tags', undefined, {}],
    ],
  );
  assert.throws(() => collection(api, conntrackHelper), /are below a router/);
  assert.throws(() => networks.below('n', conntrackHelper), /are not below a network/);
});
