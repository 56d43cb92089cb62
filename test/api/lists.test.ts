// Lists: filters, sort keys, pages both ways, fields; compared with the same done in memory.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Api, Body, Made } from './client.ts';
import { beat, type Harness, start } from './harness.ts';
import { type Beside, beside } from './wiring.ts';

type Key = readonly [key: string, direction: 'asc' | 'desc'];

const query = (pairs: readonly (readonly [string, string])[]): string => new URLSearchParams(pairs as [string, string][]).toString();
const sortQuery = (keys: readonly Key[]): [string, string][] =>
  keys.flatMap(([k, d]): [string, string][] => [
    ['sort_key', k],
    ['sort_dir', d],
  ]);

/** Nulls first, text by code points; the id decides what is left. */
function compare(a: unknown, b: unknown): number {
  if (a === b) return 0;
  if (a === null) return -1;
  if (b === null) return 1;
  return (a as string) < (b as string) ? -1 : 1;
}

function sorted(objects: readonly Made[], keys: readonly Key[]): Made[] {
  const all: readonly Key[] = keys.some(([k]) => k === 'id') ? keys : [...keys, ['id', 'asc']];
  return objects.toSorted((x, y) => {
    for (const [key, direction] of all) {
      const order = compare(x[key], y[key]) * (direction === 'asc' ? 1 : -1);
      if (order !== 0) return order;
    }
    return 0;
  });
}

const ids = (objects: readonly Body[]): unknown[] => objects.map(o => o.id);

/** Follows the links of one kind to the end. */
async function walk(api: Api, plural: string, first: string, rel: 'next' | 'previous'): Promise<Made[]> {
  const out: Made[] = [];
  let url: string | undefined = first;
  for (let pages = 0; url !== undefined; pages++) {
    assert.ok(pages < 200, 'pages without end');
    const { status, body } = await api.request('GET', url);
    assert.equal(status, 200, JSON.stringify(body));
    const page = body[plural] as Made[];
    if (page.length === 0) break;
    if (rel === 'next') out.push(...page);
    else out.unshift(...page);
    const link = ((body[`${plural}_links`] ?? []) as { rel: string; href: string }[]).find(l => l.rel === rel);
    url = link?.href.slice(link.href.indexOf('/v2.0/'));
  }
  return out;
}

describe('lists', () => {
  let h: Harness;
  let subnets: Made[];
  let ports: Made[];
  let net: Made;

  before(async () => {
    h = await start({ quotas: { port: -1, subnet: -1, network: -1 } });
    await beat(h, 'h1');
    net = await h.member.make('networks', 'network', { name: 'n' });
    const modes = [null, 'slaac', 'dhcpv6-stateful'] as const;
    for (let i = 0; i < 24; i++) {
      const mode = modes[i % 3];
      await h.member.make('subnets', 'subnet', {
        network_id: net.id,
        name: ['b', 'a', '', 'Ä', 'a'][i % 5],
        enable_dhcp: mode !== null || i % 2 === 0,
        ...(mode
          ? { ip_version: 6, cidr: `2001:db8:${i}::/64`, ipv6_ra_mode: mode, ipv6_address_mode: mode }
          : { ip_version: 4, cidr: `10.0.${i}.0/24`, gateway_ip: i % 4 ? `10.0.${i}.1` : null }),
      });
    }
    subnets = await h.member.list('subnets');
    const other = await h.member.make('networks', 'network', { name: 'other' });
    await h.member.make('subnets', 'subnet', { network_id: other.id, ip_version: 4, cidr: '10.7.0.0/24' });
    for (let i = 0; i < 12; i++) {
      await h.member.make('ports', 'port', {
        network_id: i < 8 ? net.id : other.id,
        name: `p${i % 4}`,
        tags: ['red', 'green', 'blue'].filter((_, t) => (i >> t) & 1),
        ...(i >= 8 ? { fixed_ips: [{ ip_address: `10.7.0.${20 + i}` }] } : { fixed_ips: [] }),
      });
    }
    ports = await h.member.list('ports');
  });
  after(() => h[Symbol.asyncDispose]());

  test('random sort keys, page sizes and directions give the same as sorting in memory, with nulls and equal keys', async () => {
    const keys = ['name', 'gateway_ip', 'enable_dhcp', 'ip_version', 'ipv6_ra_mode', 'cidr', 'id', 'network_id'];
    let seed = 7;
    const random = (n: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * n);
    };
    subnets = await h.member.list('subnets');
    for (let round = 0; round < 25; round++) {
      const sort = Array.from({ length: 1 + random(3) }, (): Key => [keys[random(keys.length)] ?? 'id', random(2) ? 'asc' : 'desc']).filter(
        ([key], i, all) => all.findIndex(([k]) => k === key) === i,
      );
      const wanted = ids(sorted(subnets, sort));
      const limit = String(1 + random(9));
      const pairs = [...sortQuery(sort), ['limit', limit]] as [string, string][];
      const what = JSON.stringify([sort, limit]);
      assert.deepEqual(ids(await h.member.list(`subnets?${query(sortQuery(sort))}`)), wanted, what);
      assert.deepEqual(ids(await walk(h.member, 'subnets', `subnets?${query(pairs)}`, 'next')), wanted, `forward ${what}`);
      const back = query([...pairs, ['page_reverse', 'True']]);
      assert.deepEqual(ids(await walk(h.member, 'subnets', `subnets?${back}`, 'previous')), wanted, `backward ${what}`);
    }
  });

  test('links are there whenever a limit is, with what was asked for', async () => {
    const { body } = await h.member.request('GET', `subnets?limit=2&fields=id&sort_key=name&sort_dir=desc&network_id=${net.id}`);
    const links = body.subnets_links as { rel: string; href: string }[];
    assert.deepEqual(
      links.map(l => l.rel),
      ['next', 'previous'],
    );
    const next = new URL(String(links[0]?.href));
    assert.deepEqual(
      [...next.searchParams].map(([k]) => k),
      ['limit', 'fields', 'sort_key', 'sort_dir', 'network_id', 'marker'],
    );
    assert.equal(next.searchParams.get('marker'), (body.subnets as Made[]).at(-1)?.id);
    assert.equal(new URL(String(links[1]?.href)).searchParams.get('page_reverse'), 'True');
    const empty = (await h.member.request('GET', 'subnets?limit=2&name=nothing')).body;
    assert.deepEqual(empty.subnets, []);
    assert.deepEqual(
      (empty.subnets_links as Body[]).map(l => l.rel),
      ['previous'],
    );
    assert.equal((await h.member.request('GET', 'subnets')).body.subnets_links, undefined);
  });

  test('a limit is what Python takes for a number; 0 means none, and then there are no links', async () => {
    const asked = async (query: string): Promise<[number, boolean]> => {
      const { body } = await h.member.request('GET', `subnets?${query}`);
      return [(body.subnets as Made[]).length, 'subnets_links' in body];
    };
    for (const text of ['1', '%201%20', '%2B1', '5&limit=1', '1&marker=', '0_1'])
      assert.deepEqual(await asked(`limit=${text}`), [1, true], text);
    for (const text of ['0', '-0', '0&page_reverse=True']) assert.deepEqual(await asked(`limit=${text}`), [subnets.length, false], text);
    for (const text of ['-1', 'x', '', '1.5', '1__0', '_1', '99999999999999999999'])
      assert.deepEqual((await h.member.refused('GET', `subnets?limit=${text}`)).slice(0, 2), [400, 'BadRequest'], text);
  });

  test('what a query may not ask, and which of several errors is told', async () => {
    const filter = (...names: string[]): string => `[${names.map(n => `'${n}'`).join(', ')}] is invalid attribute for filtering`;
    const mismatch = 'The number of sort_keys and sort_dirs must be same';
    for (const [query, message] of [
      ['a=1&b=2', filter('a', 'b')],
      ['changed_since=2020-01-01T00:00:00Z', filter('changed_since')],
      ['a=1&limit=x&sort_key=b&sort_dir=asc', filter('a')],
      ['sort_key=b&sort_dir=asc&limit=x', "Bad limit request: Limit must be an integer 0 or greater and not 'x'."],
      ['a=1&admin_state_up=maybe', "Invalid input for operation: 'maybe' cannot be converted to boolean."],
      ['sort_key=id', mismatch],
      ['sort_dir=asc', mismatch],
      ['sort_key=a&sort_key=b&sort_dir=asc&sort_dir=up', "['a', 'b'] is invalid attribute for sort_keys"],
      ['sort_key=id&sort_dir=up', "['up'] is invalid value for sort_dirs, valid value is 'asc' and 'desc'"],
    ] as const)
      for (const path of ['networks', `networks/${net.id}`])
        assert.equal((await h.member.refused('GET', `${path}?${query}`))[2], message, `${path}?${query}`);
    assert.equal((await h.member.request('GET', 'networks?sort_key=&sort_dir=&sort_key=id&sort_dir=asc')).status, 200);
    assert.equal((await h.member.request('GET', 'networks?name=%EF%BF%BD')).status, 200);
    for (const query of ['name=%ff', '%ff=1', 'name=a%c3'])
      assert.equal((await h.member.request('GET', `networks?${query}`)).status, 400, query);
    assert.deepEqual(await h.member.list('networks?revision_number=x'), []);
  });

  test('a marker that is not there, or not to be seen, is not found; without a limit it means nothing', async () => {
    const foreign = await h.other.make('networks', 'network', {});
    for (const marker of [foreign.id, '00000000-0000-0000-0000-000000000000'])
      assert.deepEqual((await h.member.refused('GET', `networks?limit=1&marker=${marker}`)).slice(0, 2), [404, 'NetworkNotFound']);
    assert.equal((await h.member.list(`networks?marker=${net.id}`)).length, 2);
  });

  const matching = async (text: string): Promise<unknown[]> => ids(await h.member.list(`ports?${text}`)).sort();
  const where = (test: (port: Made) => boolean): unknown[] => ids(ports.filter(test)).sort();

  test('filters: values of one name are alternatives, names go together', async () => {
    assert.deepEqual(
      await matching('name=p1&name=p2'),
      where(p => ['p1', 'p2'].includes(String(p.name))),
    );
    assert.deepEqual(
      await matching(`name=p1&network_id=${net.id}`),
      where(p => p.name === 'p1' && p.network_id === net.id),
    );
    assert.deepEqual(await matching('name='), []);
    assert.deepEqual(
      await matching(`id=${ports[0]?.id}&id=${ports[1]?.id}`),
      where(p => [ports[0]?.id, ports[1]?.id].includes(p.id)),
    );
    assert.deepEqual(
      await matching('admin_state_up=true&admin_state_up=False'),
      where(() => true),
    );
    assert.deepEqual(await matching('admin_state_up=0'), []);
    assert.deepEqual(
      await matching(`tenant_id=${h.member.project}`),
      where(() => true),
    );
  });

  test('filters by tags: all, any, not all, not any', async () => {
    const tags = (p: Made): string[] => p.tags as string[];
    assert.deepEqual(
      await matching('tags=red,blue'),
      where(p => tags(p).includes('red') && tags(p).includes('blue')),
    );
    assert.deepEqual(
      await matching('tags=red&tags=blue'),
      where(p => tags(p).includes('red') && tags(p).includes('blue')),
    );
    assert.deepEqual(
      await matching('tags-any=red,blue'),
      where(p => tags(p).includes('red') || tags(p).includes('blue')),
    );
    assert.deepEqual(
      await matching('not-tags=red,blue'),
      where(p => !(tags(p).includes('red') && tags(p).includes('blue'))),
    );
    assert.deepEqual(
      await matching('not-tags-any=red,blue'),
      where(p => !tags(p).includes('red') && !tags(p).includes('blue')),
    );
  });

  test('filters by addresses: whole, a part, a subnet, and all of the same address', async () => {
    const addresses = (p: Made): { subnet_id: string; ip_address: string }[] => p.fixed_ips as never;
    const [one, two] = ports.filter(p => addresses(p).some(f => f.ip_address.startsWith('10.7.')));
    const [first, second] = [addresses(one as Made)[0], addresses(two as Made)[0]];
    assert.deepEqual(
      await matching(`fixed_ips=ip_address=${first?.ip_address}&fixed_ips=ip_address=${second?.ip_address}`),
      where(p => p === one || p === two),
    );
    assert.deepEqual(
      await matching('fixed_ips=ip_address_substr=.7.0.2'),
      where(p => addresses(p).some(f => f.ip_address.includes('.7.0.2'))),
    );
    assert.deepEqual(
      await matching(`fixed_ips=subnet_id=${first?.subnet_id}&fixed_ips=ip_address=${first?.ip_address}`),
      where(p => p === one),
    );
    const v6 = addresses(ports.find(p => p.network_id === net.id) as Made)[0];
    assert.deepEqual(
      await matching(`fixed_ips=ip_address=${v6?.ip_address.toUpperCase()}`),
      await matching(`fixed_ips=ip_address=${v6?.ip_address}`),
    );
    assert.deepEqual(await matching(`fixed_ips=subnet_id=${v6?.subnet_id}&fixed_ips=ip_address=${first?.ip_address}`), []);
    assert.deepEqual((await h.member.refused('GET', 'ports?fixed_ips=10.7.0.1')).slice(0, 2), [400, 'InvalidInput']);
  });

  test('values of some filters are read as the attribute is: canonical, or refused', async () => {
    assert.equal((await h.member.list('subnets?cidr=2001:DB8:1:0::/64')).length, 1);
    assert.deepEqual((await h.member.refused('GET', 'subnets?cidr=x')).slice(1), [
      'InvalidInput',
      'Invalid input for operation: x is not in a CIDR format.',
    ]);
    const rules = 'security-group-rules';
    assert.equal((await h.member.list(`${rules}?ethertype=ipv4`)).length, (await h.member.list(`${rules}?ethertype=IPv4`)).length);
    for (const [filter, type] of [
      ['protocol=x', 'SecurityGroupRuleInvalidProtocol'],
      ['ethertype=x', 'SecurityGroupRuleInvalidEtherType'],
      ['port_range_min=x', 'SecurityGroupInvalidPortValue'],
      ['remote_ip_prefix=x', 'InvalidCIDR'],
    ] as const)
      assert.deepEqual((await h.member.refused('GET', `${rules}?${filter}`)).slice(0, 2), [400, type], filter);
  });

  test('filters by group, host and sharing', async () => {
    const [group] = await h.member.list('security-groups?name=default');
    assert.equal((await matching(`security_groups=${group?.id}`)).length, ports.length);
    assert.deepEqual(await matching('security_groups=00000000-0000-0000-0000-000000000000'), []);
    const bound = await h.admin.make('ports', 'port', { network_id: net.id, project_id: h.member.project, 'binding:host_id': 'h1' });
    assert.deepEqual(ids(await h.admin.list('ports?binding:host_id=h1')), [bound.id]);
    await h.admin.request('DELETE', `ports/${bound.id}`);
    assert.deepEqual(await h.member.list('networks?shared=True'), []);
    assert.equal((await h.member.list('networks?shared=False')).length, 2);
    assert.equal((await h.member.list('networks?router:external=False&shared=False')).length, 2);
  });

  test('fields: what is named and nothing else; unknown ones give empty objects', async () => {
    const [port] = await h.member.list('ports?fields=id&fields=tenant_id&limit=1');
    assert.deepEqual(Object.keys(port ?? {}).sort(), ['id', 'tenant_id']);
    assert.deepEqual(await h.member.list('ports?fields=bogus&limit=1'), [{}]);
    assert.deepEqual(Object.keys((await h.member.list('ports?fields=id&fields=&limit=1'))[0] ?? {}), ['id']);
    assert.ok(Object.keys((await h.member.list('ports?fields=&limit=1'))[0] ?? {}).length > 10);
    assert.deepEqual((await h.member.request('GET', `ports/${ports[0]?.id}?fields=name`)).body, { port: { name: ports[0]?.name } });
  });

  test('attributes that policy hides are not there, in a list as in a show', async () => {
    const hidden = [
      'binding:host_id',
      'binding:profile',
      'binding:vif_details',
      'binding:vif_type',
      'hints',
      'trusted',
      'resource_request',
    ];
    const id = String(ports[0]?.id);
    const shown = (await h.admin.request('GET', `ports/${id}`)).body.port as Body;
    const keys = Object.keys(shown).filter(k => !hidden.includes(k));
    assert.deepEqual(Object.keys((await h.member.list(`ports?id=${id}`))[0] ?? {}).sort(), keys.toSorted());
    assert.deepEqual(Object.keys((await h.member.request('GET', `ports/${id}`)).body.port as Body).sort(), keys.toSorted());
    const network = (await h.member.request('GET', `networks/${net.id}`)).body.network as Body;
    assert.deepEqual(
      Object.keys(network).filter(k => k.startsWith('provider:')),
      [],
    );
    assert.equal((await h.admin.list(`networks?id=${net.id}`))[0]?.['provider:network_type'], 'vxlan');
  });

  test('what policy hides cannot be found out by filters', async () => {
    const own = await h.admin.make('networks', 'network', { project_id: h.member.project, name: 'guessed' });
    const at = (project: Api, query: string): Promise<Made[]> => project.list(`networks?name=guessed&${query}`);
    const guess = `provider:segmentation_id=${own['provider:segmentation_id']}`;
    assert.deepEqual([(await at(h.admin, guess)).length, (await at(h.member, guess)).length], [1, 0]);
    for (const host of ['guess-b', 'guess-a'])
      await h.admin.make('ports', 'port', { network_id: own.id, project_id: h.member.project, 'binding:host_id': host });
    const hosts = `ports?network_id=${own.id}&binding:host_id=guess-a`;
    assert.deepEqual([(await h.admin.list(hosts)).length, (await h.member.list(hosts)).length], [1, 0]);
  });

  test('what is never shown can be asked for all the same', async () => {
    const own = await h.member.make('networks', 'network', { name: 'asked' });
    await h.member.make('subnets', 'subnet', { network_id: own.id, ip_version: 4, cidr: '10.77.0.0/24' });
    const count = async (query: string): Promise<number> => (await h.member.list(`subnets?network_id=${own.id}&${query}`)).length;
    assert.deepEqual([await count('shared=False'), await count('shared=True')], [1, 0]);
    const available = async (version: number): Promise<number> =>
      (await h.admin.list(`network-ip-availabilities?network_id=${own.id}&ip_version=${version}`)).length;
    assert.deepEqual([await available(4), await available(6)], [1, 0]);
  });

  test('what a create answers is what a show answers', async () => {
    const made = await h.member.make('ports', 'port', {
      network_id: net.id,
      tags: ['z', 'a'],
      allowed_address_pairs: [{ ip_address: '10.0.0.9' }],
    });
    assert.deepEqual(made, (await h.member.request('GET', `ports/${made.id}`)).body.port);
    const bound = await h.admin.make('ports', 'port', { network_id: net.id, 'binding:host_id': 'h1', device_owner: 'compute:nova' });
    assert.deepEqual(bound, (await h.admin.request('GET', `ports/${bound.id}`)).body.port);
    const bulk = await h.member.request('POST', 'ports', {
      ports: [{ network_id: net.id, name: 'x' }, { port: { network_id: net.id, name: 'y' } }],
    });
    assert.equal(bulk.status, 201);
    for (const port of bulk.body.ports as Made[]) assert.deepEqual(port, (await h.member.request('GET', `ports/${port.id}`)).body.port);
  });

  describe('cost', () => {
    let other: Beside;
    let member: Api;
    before(async () => {
      other = await beside(h.server);
      member = other.as('member');
    });
    after(() => other[Symbol.asyncDispose]());

    const statements = async (ask: () => Promise<unknown>): Promise<number> => {
      const was = other.store.statements;
      await ask();
      return other.store.statements - was;
    };

    test('a list takes as many statements for five hundred as for ten', async () => {
      const big = await member.make('networks', 'network', { name: 'big' });
      await member.make('subnets', 'subnet', { network_id: big.id, ip_version: 4, cidr: '10.8.0.0/16' });
      const bulk = (count: number): Promise<unknown> =>
        member.request('POST', 'ports', { ports: Array.from({ length: count }, () => ({ network_id: big.id })) });
      await bulk(10);
      const ports = `ports?network_id=${big.id}`;
      await member.listOnce(ports);
      const few = await statements(() => member.listOnce(ports));
      await bulk(490);
      assert.equal((await member.listOnce(ports)).length, 500);
      assert.equal(await statements(() => member.listOnce(ports)), few);
      assert.ok(few <= 10, `${few} statements`);
      for (const path of ['networks', 'subnets', 'security-groups', 'security-group-rules', 'routers', 'floatingips'])
        assert.ok((await statements(() => member.listOnce(path))) <= 8, path);
    });

    /** Statements of each commit's request before it. */
    const readsBefore = async (ask: () => Promise<unknown>): Promise<number[]> => {
      const { store } = other;
      const commit = store.commit.bind(store);
      const before = store.statements;
      const reads: number[] = [];
      store.commit = writeSet => {
        reads.push(store.statements - before);
        return commit(writeSet);
      };
      await ask();
      store.commit = commit;
      return reads;
    };

    test('a port: ten queries at most, and then one commit', async () => {
      const network = await member.make('networks', 'network', {});
      await member.make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.8.0.0/16' });
      const reads = await readsBefore(() => member.make('ports', 'port', { network_id: network.id }));
      assert.equal(reads.length, 1);
      assert.ok((reads[0] ?? 99) <= 10, `${reads[0]} reads`);
    });

    test('many ports in one request share what they read, addresses that may be free too', async () => {
      const network = await member.make('networks', 'network', {});
      await member.make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.9.0.0/16' });
      const body = { ports: Array.from({ length: 50 }, () => ({ network_id: network.id })) };
      const reads = await readsBefore(() => member.request('POST', 'ports', body));
      assert.equal(reads.length, 1);
      assert.ok((reads[0] ?? 99) <= 16, `${reads[0]} reads`);
    });
  });
});
