// Ports whose columns the database has printed are, byte for byte, what JSON.stringify makes of them as objects: ports of every form, for every caller.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ListQuery } from '../../src/domain/input/query.ts';
import type { Commands } from '../../src/server/commands/commands.ts';
import { ports } from '../../src/server/commands/ports.ts';
import type { RequestContext } from '../../src/server/context.ts';
import { list } from '../../src/server/pipeline.ts';
import { PrintedObjects, PrintedPages, Texts } from '../../src/server/printed.ts';
import { type Harness, start } from './harness.ts';
import { personOf } from './people.ts';

const texts = [
  '',
  'plain',
  'naïve \u{1f600} ü',
  '"quoted" \\ / back\\slash',
  'line\nand\ttab',
  'bell\u0007 escape\u001b one\u0001 \u007f',
  '\u2028 {?}',
];

describe('ports that the database has printed', () => {
  let h: Harness;
  let networks: string[];
  let asked: number;

  before(async () => {
    h = await start();
    networks = [];
    for (const [i, who] of [h.member, h.member, h.admin].entries()) {
      const { id } = await who.make('networks', 'network', { ...(i === 2 ? { shared: true } : {}) });
      await who.make('subnets', 'subnet', { network_id: id, ip_version: 4, cidr: `10.7${i}.0.0/24` });
      await who.make('subnets', 'subnet', { network_id: id, ip_version: 6, cidr: `fd00:7${i}::/64` });
      networks.push(id);
    }
    const [first = '', second = '', shared = ''] = networks;
    for (const text of texts) await h.member.make('ports', 'port', { network_id: first, name: text, description: text, device_id: text });
    const port = (given: Record<string, unknown>) => h.admin.make('ports', 'port', { network_id: first, ...given });
    await port({
      fixed_ips: [],
      security_groups: [],
      port_security_enabled: false,
      admin_state_up: false,
      mac_address: '00:11:22:33:44:55',
    });
    await port({
      'binding:host_id': 'somewhere',
      'binding:vnic_type': 'direct',
      'binding:profile': { 10: 'ten', b: [1, { ü: '\ud800' }], a: null, capabilities: ['switchdev'] },
      hints: { openvswitch: { other_config: { 'tx-steering': 'hash' } } },
      extra_dhcp_opts: [{ opt_name: 'bootfile-name', opt_value: 'a "b" \\ ü' }],
      allowed_address_pairs: [{ ip_address: '10.70.0.0/28' }, { ip_address: 'fd00::1', mac_address: '00:11:22:33:44:66' }],
      dns_name: 'named',
      dns_domain: 'example.org.',
      trusted: true,
      hardware_offload_type: 'switchdev',
      numa_affinity_policy: 'required',
      device_profile: 'profile',
      tags: ['red', 'naïve "tag"', 'blue'],
    });
    const parent = await port({ name: 'parent' });
    const sub = await port({ network_id: second, name: 'sub' });
    await h.admin.make('trunks', 'trunk', {
      port_id: parent.id,
      sub_ports: [{ port_id: sub.id, segmentation_type: 'vlan', segmentation_id: 7 }],
    });
    const policy = await h.admin.make('qos/policies', 'policy', { name: 'own', shared: true });
    await h.admin.make(`qos/policies/${policy.id}/minimum_packet_rate_rules`, 'minimum_packet_rate_rule', {
      min_kpps: 5,
      direction: 'any',
    });
    await port({ qos_policy_id: policy.id });
    await h.admin.request('PUT', `networks/${second}`, { network: { qos_policy_id: policy.id } });
    await h.admin.make('ports', 'port', { network_id: shared, name: 'of the owner' });
    await h.other.make('ports', 'port', { network_id: shared, name: 'of another' });
  });
  after(() => h[Symbol.asyncDispose]());

  const query = (more: Partial<ListQuery> = {}): ListQuery => ({
    filters: new Map(),
    sort: [],
    limit: 0,
    reverse: false,
    marker: undefined,
    fields: [],
    ...more,
  });

  /** As nobody has printed them before. */
  const printed = async (commands: Commands, who: string, asked = query()): Promise<string> => {
    const caller = personOf(who);
    assert.ok(caller);
    const isAdmin = caller.roles.includes('admin');
    const fresh = { printed: new PrintedObjects(), pages: new PrintedPages() };
    const ctx: RequestContext = { ...h.server.services, ...fresh, caller, isAdmin, isPrivileged: isAdmin, requestId: 'req-1' };
    const { objects } = await list(ctx, commands, asked);
    assert.ok(objects instanceof Texts);
    return Buffer.from(objects.within('', '')).toString();
  };

  const { sources: _, ...asObjects } = ports;

  test('are the same as when they are printed as objects, for every caller and in every order', async () => {
    const { store } = h.server;
    const select = store.select.bind(store);
    asked = 0;
    store.select = query => {
      if (query.printed) asked++;
      return select(query);
    };
    const orders = [
      {},
      { reverse: true },
      { limit: 5 },
      { limit: 5, reverse: true },
      { sort: [['id', 'desc']] },
      { sort: [['name', 'asc']] },
    ] as const;
    for (const who of ['admin', 'member', 'reader', 'other', 'manager', 'service', 'system'])
      for (const order of orders) {
        const text = await printed(ports, who, query(order));
        assert.equal(text, await printed(asObjects, who, query(order)), `${who} ${JSON.stringify(order)}`);
        // Nothing that a client would read otherwise.
        assert.equal(JSON.stringify(JSON.parse(text)), text);
      }
    store.select = select;
    assert.ok(asked > 0, 'the database has printed none');
    const all = JSON.parse(await printed(ports, 'admin')) as { readonly name: string }[];
    assert.equal(all.length, 14);
    assert.deepEqual(
      all
        .map(p => p.name)
        .filter(name => texts.includes(name) && name !== '')
        .sort(),
      texts.filter(text => text !== '').sort(),
    );
  });

  test('of a long whole list what belongs to them is asked for by what was asked for, if that cannot change, and not by the name of each', async () => {
    const network = String(networks[0]);
    const many = Array.from({ length: 120 }, () => ({ network_id: network }));
    assert.equal((await h.admin.request('POST', 'ports', { ports: many })).status, 201);
    const { store } = h.server;
    const select = store.select.bind(store);
    const longest = async (asked: ListQuery): Promise<number> => {
      let most = 0;
      store.select = query => {
        if (query.table !== 'ports') most = Math.max(most, JSON.stringify(query.where ?? null).length);
        return select(query);
      };
      const text = await printed(ports, 'admin', asked);
      store.select = select;
      assert.equal(text, await printed(asObjects, 'admin', asked));
      assert.ok((JSON.parse(text) as unknown[]).length >= 100);
      return most;
    };
    for (const filters of [[], [['network_id', [network]]]] as const)
      assert.ok((await longest(query({ filters: new Map(filters) }))) < 1000);
    assert.ok((await longest(query({ filters: new Map([['status', ['DOWN']]]) }))) > 4000, 'a state may change meanwhile');
    assert.ok((await longest(query({ limit: 110 }))) > 4000, 'a page');
  });
});
