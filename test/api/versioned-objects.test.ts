// Versioned objects on the bus: what agents are pushed and what they pull, compared with what Neutron was recorded to say.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Json, RemoteError } from '../../src/contracts/bus.ts';
import { objects } from '../../src/server/rpc/resources.ts';
import { proxying } from './authorisation/scenes.ts';
import type { Body, Made } from './client.ts';
import { beat, type Harness, start, until } from './harness.ts';
import { beside } from './wiring.ts';

interface Pushed {
  readonly type: string;
  readonly event: string;
  readonly object: Body;
}

const dataOf = (object: unknown): Body => (object as Body)['versioned_object.data'] as Body;

const recorded = new Map(
  readFileSync(join(import.meta.dirname, '../data/versioned-objects.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as { what: string; object: Body })
    .map(({ what, object }) => [what, object]),
);

/** What differs from one cloud to the next: ids, times, addresses that were drawn, how often something changed. */
const drawn: Readonly<Record<string, RegExp>> = { mac_address: /^fa:16:3e:/, revision_number: /^\d+$/, segmentation_id: /^\d+$/ };
const same: readonly (readonly [RegExp, string])[] = [
  [/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, '<id>'],
  [/^[0-9a-f]{32}$/, '<project>'],
  [/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, '<time>'],
];

/** Field by field, with each value that is drawn replaced by what kind it is. */
function comparable(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) {
    const items = value.map(item => comparable(item, name));
    return name === 'rules' || name === 'versioned_object.changes'
      ? items.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
      : items;
  }
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, comparable(inner, key)]));
  if (drawn[name]?.test(String(value))) return `<${name}>`;
  return typeof value === 'string' ? (same.find(([form]) => form.test(value))?.[1] ?? value) : value;
}

const zed = {
  ...{ Port: '1.7', Network: '1.1', Subnet: '1.1', SecurityGroup: '1.5', SecurityGroupRule: '1.2', AddressGroup: '1.2', QosPolicy: '1.10' },
  ...{
    PortForwarding: '1.3',
    ConntrackHelper: '1.0',
    Trunk: '1.1',
    SubPort: '1.0',
    Log: '1.0',
    LocalIPAssociation: '1.0',
    NDPProxy: '1.0',
  },
} as const;
type Type = keyof typeof zed;

describe('versioned objects', () => {
  let h: Harness;
  let net: Made;
  let subnet: Made;
  const pushed: Pushed[] = [];

  /** An agent that reads versions of types, as they come. */
  async function listen(type: string, version: string, into: Pushed[]): Promise<void> {
    const push = (args: Readonly<Record<string, Json>>): null => {
      for (const object of args.resource_list as unknown as Body[]) into.push({ type, event: String(args.event_type), object });
      return null;
    };
    await h.bus.serve({ topic: `neutron-vo-${type}-${version}`, server: 'ovs1', endpoints: [{ version: '1.1', methods: { push } }] });
  }

  const report = (host: string, agent_type: string, resource_versions: object) => {
    const state = { agent_type, host, binary: 'neutron-agent', topic: 'N/A', configurations: {}, uuid: randomUUID(), start_flag: true };
    const time = new Date().toISOString().slice(0, 19);
    return h.rpc('q-reports-plugin', 'report_state', { agent_state: { agent_state: { ...state, resource_versions } }, time }, '1.2');
  };

  before(async () => {
    h = await start({ quotas: { router: -1 } });
    await beat(h, 'lb1');
    await report('ovs1', 'Open vSwitch agent', zed);
    for (const [type, version] of Object.entries(zed)) await listen(type, version, pushed);
    net = await h.member.make('networks', 'network', {});
    subnet = await h.member.make('subnets', 'subnet', {
      network_id: net.id,
      ip_version: 4,
      cidr: '10.50.0.0/24',
      dns_nameservers: ['8.8.8.8'],
    });
  });
  after(() => h[Symbol.asyncDispose]());

  const pull = async (resource_type: Type, filter_kwargs: object, version: string = zed[resource_type]): Promise<Body[]> =>
    (await h.rpc('q-plugin', 'bulk_pull', { resource_type, version, filter_kwargs }, '1.1')) as unknown as Body[];
  const heard = (type: string, event: string, id: string): Promise<Pushed> =>
    until(`${type} ${event} ${id}`, async () => pushed.findLast(p => p.type === type && p.event === event && dataOf(p.object).id === id));
  /** The object that is pushed and the one that is pulled are the same, and like the recorded one. */
  async function alike(what: string, type: Type, event: string, id: string, but: object = {}): Promise<void> {
    const [object] = await pull(type, { id: [id] });
    const wanted = { ...dataOf(recorded.get(what)), ...but };
    assert.deepEqual(comparable(object), comparable({ ...recorded.get(what), 'versioned_object.data': wanted }));
    const { revision_number } = dataOf(object);
    await until(`the push of ${type} ${id}`, async () =>
      pushed.some(
        p => p.type === type && p.event === event && dataOf(p.object).id === id && dataOf(p.object).revision_number === revision_number,
      ),
    );
    assert.deepEqual((await heard(type, event, id)).object, object);
  }

  test('a network and a subnet, and that they have gone', async () => {
    await alike('Network', 'Network', 'updated', net.id, { name: '', project_id: '1'.repeat(32) });
    await alike('Subnet', 'Subnet', 'updated', subnet.id);
    const brief = await h.member.make('networks', 'network', {});
    const of = await h.member.make('subnets', 'subnet', { network_id: brief.id, ip_version: 4, cidr: '10.51.0.0/24' });
    await h.member.request('DELETE', `subnets/${of.id}`);
    await h.member.request('DELETE', `networks/${brief.id}`);
    assert.deepEqual(comparable((await heard('Subnet', 'deleted', of.id)).object), comparable(recorded.get('Subnet deleted')));
    assert.deepEqual(comparable((await heard('Network', 'deleted', brief.id)).object), comparable(recorded.get('Network deleted')));
  });

  test('a port that is nowhere, one that is bound, and one that has gone', async () => {
    const ip_address = '10.50.0.55';
    const port = await h.member.make('ports', 'port', { network_id: net.id, fixed_ips: [{ ip_address }] });
    await alike('Port', 'Port', 'updated', port.id);
    const at = { 'binding:host_id': 'lb1', device_owner: 'compute:nova', device_id: randomUUID() };
    const bound = await h.admin.make('ports', 'port', {
      ...{ network_id: net.id, name: 'vm-lb', project_id: h.member.project, fixed_ips: [{ ip_address: '10.50.0.227' }] },
      ...at,
    });
    const [object] = await pull('Port', { id: [bound.id] });
    const [binding] = dataOf(object).bindings as Body[];
    // The details of a VIF are the driver's.
    assert.deepEqual(JSON.parse(String(dataOf(binding).vif_details)), bound['binding:vif_details']);
    dataOf(binding).vif_details = '{"connectivity": "l2", "port_filter": true}';
    const wanted = { ...dataOf(recorded.get('Port bound')), status: 'DOWN' };
    assert.deepEqual(comparable(object), comparable({ ...recorded.get('Port bound'), 'versioned_object.data': wanted }));
    await h.admin.request('DELETE', `ports/${bound.id}`);
    assert.deepEqual(comparable((await heard('Port', 'deleted', bound.id)).object), comparable(recorded.get('Port deleted')));
    const [group] = port.security_groups as string[];
    assert.deepEqual(
      (await pull('Port', { security_group_ids: [group] })).map(p => dataOf(p).id),
      [port.id],
    );
    assert.deepEqual(await pull('Port', { network_id: net.id, device_owner: ['compute:nova'] }), []);
  });

  test('a group with its rules, a rule, and that it has gone', async () => {
    const group = (await h.member.list('security-groups?name=default'))[0]!;
    const [object] = await pull('SecurityGroup', { id: group.id });
    assert.deepEqual(comparable(object), comparable({ ...recorded.get('SecurityGroup') }));
    const own = await h.member.make('security-groups', 'security_group', { name: 'own' });
    const rule = await h.member.make('security-group-rules', 'security_group_rule', {
      ...{ security_group_id: own.id, direction: 'ingress', protocol: 'tcp', port_range_min: 22, port_range_max: 22 },
      remote_ip_prefix: '192.0.2.0/24',
    });
    await alike('SecurityGroupRule', 'SecurityGroupRule', 'updated', rule.id);
    assert.deepEqual((await pull('SecurityGroupRule', { security_group_id: [own.id] })).map(r => dataOf(r).id).includes(rule.id), true);
    await h.member.request('DELETE', `security-group-rules/${rule.id}`);
    assert.deepEqual(dataOf((await heard('SecurityGroupRule', 'deleted', rule.id)).object), { id: rule.id });
    await h.member.request('DELETE', `security-groups/${own.id}`);
    assert.equal(dataOf((await heard('SecurityGroup', 'deleted', own.id)).object).id, own.id);
  });

  test('an address group', async () => {
    const group = await h.member.make('address-groups', 'address_group', { name: 'ag', addresses: ['198.51.100.0/24'] });
    await alike('AddressGroup', 'AddressGroup', 'updated', group.id);
  });

  test('a policy: pushed when its rules change, pulled by its id, gone', async () => {
    const policy = await h.admin.make('qos/policies', 'policy', { name: 'q1', project_id: h.member.project });
    const path = `qos/policies/${policy.id}`;
    await h.admin.make(`${path}/bandwidth_limit_rules`, 'bandwidth_limit_rule', { max_kbps: 1000, max_burst_kbps: 800 });
    const mark = await h.admin.make(`${path}/dscp_marking_rules`, 'dscp_marking_rule', { dscp_mark: 26 });
    await alike('QosPolicy', 'QosPolicy', 'updated', policy.id);
    const one = await h.rpc('q-plugin', 'pull', { resource_type: 'QosPolicy', version: '1.10', resource_id: policy.id }, '1.1');
    assert.deepEqual(comparable(one), comparable(recorded.get('QosPolicy')));
    await h.admin.make(`${path}/packet_rate_limit_rules`, 'packet_rate_limit_rule', { max_kpps: 1 });
    const names = async (version: string): Promise<unknown> =>
      (dataOf((await pull('QosPolicy', { id: [policy.id] }, version))[0]).rules as Body[]).map(r => r['versioned_object.name']);
    assert.deepEqual(await names('1.10'), ['QosBandwidthLimitRule', 'QosDscpMarkingRule', 'QosPacketRateLimitRule']);
    assert.deepEqual(await names('1.8'), ['QosBandwidthLimitRule', 'QosDscpMarkingRule']);
    await h.admin.request('DELETE', `${path}/dscp_marking_rules/${mark.id}`);
    await until('the policy without the mark', async () => {
      const last = pushed.findLast(p => p.type === 'QosPolicy' && dataOf(p.object).id === policy.id);
      return last?.event === 'updated' && !JSON.stringify(last.object).includes('QosDscpMarkingRule');
    });
    await h.admin.request('DELETE', path);
    assert.deepEqual(dataOf((await heard('QosPolicy', 'deleted', policy.id)).object), { id: policy.id });
    assert.equal(
      pushed.some(p => p.type === 'QosPolicy' && p.event === 'created'),
      false,
    );
    const gone = await h.rpc('q-plugin', 'pull', { resource_type: 'QosPolicy', version: '1.10', resource_id: policy.id }, '1.1');
    assert.equal(gone, null);
  });

  test('what routers do besides: conntrack helpers and port forwardings, from birth to death', async () => {
    const external = await h.admin.make('networks', 'network', { 'router:external': true });
    await h.admin.make('subnets', 'subnet', { network_id: external.id, ip_version: 4, cidr: '203.0.113.0/24' });
    const router = await h.member.make('routers', 'router', { external_gateway_info: { network_id: external.id } });
    await h.member.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
    const helper = await h.member.make(`routers/${router.id}/conntrack_helpers`, 'conntrack_helper', {
      ...{ protocol: 'udp', port: 69, helper: 'tftp' },
    });
    await alike('ConntrackHelper', 'ConntrackHelper', 'created', helper.id);
    assert.deepEqual(
      (await pull('ConntrackHelper', { router_id: router.id })).map(o => dataOf(o).id),
      [helper.id],
    );
    const ip = '10.50.0.92';
    const inside = await h.member.make('ports', 'port', { network_id: net.id, fixed_ips: [{ ip_address: ip }] });
    const fip = await h.admin.make('floatingips', 'floatingip', {
      ...{ floating_network_id: external.id, project_id: h.member.project, floating_ip_address: '203.0.113.134' },
    });
    const path = `floatingips/${fip.id}/port_forwardings`;
    const wanted = { protocol: 'tcp', external_port: 2222, internal_port: 22, internal_port_id: inside.id, internal_ip_address: ip };
    const forwarding = await h.member.make(path, 'port_forwarding', wanted);
    // The API has no times of it; nobody who reads it looks at them.
    const { created_at: _c, updated_at: _u, ...data } = dataOf(recorded.get('PortForwarding'));
    const like = comparable({ ...recorded.get('PortForwarding'), 'versioned_object.data': data });
    const [object] = await pull('PortForwarding', { floatingip_id: [fip.id] });
    assert.deepEqual(comparable(object), like);
    assert.deepEqual((await heard('PortForwarding', 'created', forwarding.id)).object, object);
    const put = await h.member.request('PUT', `${path}/${forwarding.id}`, { port_forwarding: { external_port: 2223 } });
    assert.equal(put.status, 200);
    assert.equal(dataOf((await heard('PortForwarding', 'updated', forwarding.id)).object).external_port, 2223);
    await h.member.request('PUT', `${path}/${forwarding.id}`, { port_forwarding: { external_port: 2222 } });
    await h.member.request('DELETE', `${path}/${forwarding.id}`);
    assert.deepEqual(comparable((await heard('PortForwarding', 'deleted', forwarding.id)).object), like);
    await h.member.request('DELETE', `routers/${router.id}/conntrack_helpers/${helper.id}`);
    assert.deepEqual(
      comparable((await heard('ConntrackHelper', 'deleted', helper.id)).object),
      comparable(recorded.get('ConntrackHelper')),
    );
    const last = await h.member.make(`routers/${router.id}/conntrack_helpers`, 'conntrack_helper', {
      ...{ protocol: 'udp', port: 69, helper: 'tftp' },
    });
    await h.member.request('PUT', `routers/${router.id}/conntrack_helpers/${last.id}`, { conntrack_helper: { port: 70 } });
    assert.equal(dataOf((await heard('ConntrackHelper', 'updated', last.id)).object).port, 70);
    // One that goes with its router, and a forwarding that goes with its port.
    const again = await h.member.make(path, 'port_forwarding', wanted);
    await h.member.request('DELETE', `ports/${inside.id}`);
    await heard('PortForwarding', 'deleted', again.id);
    await h.member.request('PUT', `routers/${router.id}/remove_router_interface`, { subnet_id: subnet.id });
    assert.equal((await h.member.request('DELETE', `routers/${router.id}`)).status, 204);
    assert.equal(dataOf((await heard('ConntrackHelper', 'deleted', last.id)).object).port, 70);
  });

  test('a trunk and its subports', async () => {
    const [parent, sub] = [
      await h.member.make('ports', 'port', { network_id: net.id }),
      await h.member.make('ports', 'port', { network_id: net.id }),
    ];
    const made = await h.member.make('trunks', 'trunk', {
      port_id: parent.id,
      sub_ports: [{ port_id: sub.id, segmentation_type: 'vlan', segmentation_id: 101 }],
    });
    const like = dataOf(recorded.get('Trunk'));
    const one = await h.rpc('q-plugin', 'pull', { resource_type: 'Trunk', version: '1.1', resource_id: parent.id }, '1.1');
    assert.deepEqual(comparable(one), comparable(recorded.get('Trunk')));
    assert.deepEqual((await heard('Trunk', 'created', made.id)).object, one);
    const data = { port_id: sub.id, trunk_id: made.id, segmentation_type: 'vlan', segmentation_id: 101 };
    assert.deepEqual((await pull('SubPort', { trunk_id: [made.id] })).map(dataOf), [data]);
    const change = { sub_ports: [{ port_id: sub.id }] };
    await h.member.request('PUT', `trunks/${made.id}/remove_subports`, change);
    await until('the subport that has gone', async () =>
      pushed.some(p => p.type === 'SubPort' && p.event === 'deleted' && JSON.stringify(dataOf(p.object)) === JSON.stringify(data)),
    );
    await h.member.request('DELETE', `trunks/${made.id}`);
    const gone = await heard('Trunk', 'deleted', made.id);
    assert.deepEqual(
      comparable(gone.object),
      comparable({ ...recorded.get('Trunk'), 'versioned_object.data': { ...like, sub_ports: [] } }),
    );
    assert.equal(
      pushed.some(p => p.type === 'Trunk' && p.event === 'updated'),
      false,
    );
  });

  test('an NDP proxy', async () => {
    const scene = await proxying(h.member.project, h.admin, 1);
    const port = await h.member.make('ports', 'port', { network_id: scene.net.id });
    const made = await h.member.make('ndp_proxies', 'ndp_proxy', { router_id: scene.router.id, port_id: port.id, name: 'x' });
    const [object] = await pull('NDPProxy', { router_id: [scene.router.id] });
    const { description: _d, created_at: _c, updated_at: _u, revision_number: _r, ...shown } = dataOf(object);
    const { id, name, project_id, router_id, port_id, ip_address } = made;
    assert.deepEqual(shown, { id, name, project_id, router_id, port_id, ip_address });
    assert.deepEqual((await heard('NDPProxy', 'created', made.id)).object, object);
    await h.member.request('DELETE', `ndp_proxies/${made.id}`);
    assert.deepEqual((await heard('NDPProxy', 'deleted', made.id)).object, object);
  });

  test('logs, and ports behind local IPs', async () => {
    const group = await h.member.make('security-groups', 'security_group', { name: 'logged' });
    const log = await h.admin.make('log/logs', 'log', { resource_type: 'security_group', resource_id: group.id, name: 'l' });
    const [pulled] = await pull('Log', { id: [log.id] });
    assert.deepEqual((await heard('Log', 'created', log.id)).object, pulled);
    const { description: _d, created_at: _c, updated_at: _u, revision_number: _r, ...shown } = dataOf(pulled);
    const wanted = { id: log.id, project_id: log.project_id, name: 'l', resource_type: 'security_group', resource_id: group.id };
    assert.deepEqual(shown, { ...wanted, event: 'ALL', enabled: true });
    await h.admin.request('PUT', `log/logs/${log.id}`, { log: { enabled: false } });
    assert.equal(dataOf((await heard('Log', 'updated', log.id)).object).enabled, false);
    await h.admin.request('DELETE', `log/logs/${log.id}`);
    assert.equal(dataOf((await heard('Log', 'deleted', log.id)).object).name, 'l');

    const ip = await h.member.make('local-ips', 'local_ip', { network_id: net.id, name: 'lip' });
    const port = await h.member.make('ports', 'port', { network_id: net.id });
    const path = `local-ips/${ip.id}/port_associations`;
    await h.member.make(path, 'port_association', { fixed_port_id: port.id });
    const id = `${ip.id}_${port.id}`;
    const [association] = await pull('LocalIPAssociation', { local_ip_id: [ip.id] });
    const [fixed] = port.fixed_ips as Body[];
    const { local_ip, ...own } = dataOf(association);
    assert.deepEqual(own, { id, local_ip_id: ip.id, fixed_port_id: port.id, fixed_ip: fixed?.ip_address });
    assert.deepEqual(
      [dataOf(local_ip).id, dataOf(local_ip).local_ip_address, dataOf(local_ip).ip_mode],
      [ip.id, ip.local_ip_address, 'translate'],
    );
    assert.deepEqual((await heard('LocalIPAssociation', 'created', id)).object, association);
    await h.member.request('DELETE', `ports/${port.id}`);
    assert.deepEqual((await heard('LocalIPAssociation', 'deleted', id)).object, association);
  });

  test('each version that a living agent knows is pushed, and no other', async () => {
    const newer: Pushed[] = [];
    const unknown: Pushed[] = [];
    await listen('Port', '1.10', newer);
    await listen('Port', '1.9', unknown);
    await report('ovs2', 'Open vSwitch agent', { Port: '1.10', Network: '1.3' });
    const port = await h.admin.make('ports', 'port', {
      network_id: net.id,
      hints: { openvswitch: { other_config: { 'tx-steering': 'hash' } } },
    });
    const old = await heard('Port', 'updated', port.id);
    const mine = await until('the newer one', async () => newer.find(p => dataOf(p.object).id === port.id));
    assert.deepEqual([mine.object['versioned_object.version'], old.object['versioned_object.version']], ['1.10', '1.7']);
    const hints = dataOf(dataOf(mine.object).hints);
    assert.deepEqual(hints, { port_id: port.id, hints: '{"openvswitch": {"other_config": {"tx-steering": "hash"}}}' });
    assert.equal(Object.hasOwn(dataOf(old.object), 'hints'), false);
    assert.deepEqual(unknown, []);
    const agent = (await h.admin.list('agents?host=ovs2'))[0]!;
    await h.admin.request('DELETE', `agents/${agent.id}`);
    newer.length = 0;
    await h.admin.request('PUT', `ports/${port.id}`, { port: { name: 'x' } });
    await until('the push in the version that is left', async () =>
      pushed.some(p => dataOf(p.object).id === port.id && dataOf(p.object).name === 'x'),
    );
    assert.deepEqual(newer, []);
  });

  test('the other servers are told what an agent knows', async () => {
    const told: Readonly<Record<string, Json>>[] = [];
    const report_agent_resource_versions = (args: Readonly<Record<string, Json>>): null => {
      told.push(args);
      return null;
    };
    const endpoints = [{ version: '1.0', methods: { report_agent_resource_versions } }];
    await using _listening = await h.bus.serve({ topic: 'q-server-resource-versions', server: 'other', endpoints });
    await report('ovs3', 'Open vSwitch agent', { Port: '1.7' });
    await until('the versions', async () => told.length > 0);
    assert.deepEqual(told[0], { agent_type: 'Open vSwitch agent', agent_host: 'ovs3', version_map: { Port: '1.7' } });
  });

  test('what is refused, as agents know it', async () => {
    const refused = async (method: string, args: object): Promise<unknown> => {
      try {
        return await h.rpc('q-plugin', method, { ...args }, '1.1');
      } catch (error) {
        if (error instanceof RemoteError) return [error.excType, error.message];
        throw error;
      }
    };
    const bogus = ['Invalid', "The value 'Bogus' for resource is not valid."];
    assert.deepEqual(await refused('pull', { resource_type: 'Bogus', version: '1.0', resource_id: 'x' }), bogus);
    const none = ['CallbackNotFound', 'Callback for Network not found'];
    assert.deepEqual(await refused('pull', { resource_type: 'Network', version: '1.0', resource_id: 'x' }), none);
    const version = ['InvalidTargetVersion', 'Invalid target version 1.12'];
    assert.deepEqual(await refused('bulk_pull', { resource_type: 'Port', version: '1.12', filter_kwargs: {} }), version);
    const older = (await refused('bulk_pull', { resource_type: 'Port', version: '1.4', filter_kwargs: {} })) as string[];
    assert.equal(older[0], 'IncompatibleObjectVersion');
    for (const filter_kwargs of [{ nonsense: 1 }, { id: [{}] }, { id: Array(10_001).fill('x') }, { constructor: 1 }])
      assert.equal(((await refused('bulk_pull', { resource_type: 'Port', version: '1.7', filter_kwargs })) as string[])[0], 'InvalidInput');
  });

  test('many objects cost as many queries as one', async () => {
    await using other = await beside(h.server);
    const { store, services } = other;
    const cost = async (id: readonly string[]): Promise<number> => {
      const before = store.statements;
      const args = { resource_type: 'Port', version: zed.Port, filter_kwargs: { id } };
      const pulled = await objects(services).methods['bulk_pull']?.(args, {} as never);
      assert.equal((pulled as readonly unknown[]).length, id.length);
      return store.statements - before;
    };
    const ports: Made[] = [];
    for (let i = 0; i < 12; i++) ports.push(await h.member.make('ports', 'port', { network_id: net.id }));
    assert.equal(await cost(ports.map(p => p.id)), await cost([ports[0]!.id]));
  });
});
