// Whatever several do at once, in two processes: no row names what is gone, nothing of what is gone is left, and quotas count what is there.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { openSqliteStore } from '../../src/adapters/store-sql/sqlite/open.ts';
import type { Store } from '../../src/contracts/store.ts';
import { allTables, resources } from '../../src/model/registry.ts';
import { addAgents } from './agent-rows.ts';
import type { Api, Body } from './client.ts';
import { startCluster } from './cluster.ts';
import { wrongIn } from './integrity/references.ts';

const lasts = Number(process.env.WEFT_INTEGRITY_SECONDS ?? 12) * 1000;
const projects = ['b', 'c'].map(letter => letter.repeat(32));
const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)] as T;
const maybe = (chance: number, attributes: Body): Body => (Math.random() < chance ? attributes : {});

/** The last few objects of each kind, which everybody wants at once. */
class Objects {
  private readonly byKind = new Map<string, { readonly id: string; readonly path: string }[]>();

  add(kind: string, id: string, path: string): void {
    this.byKind.set(kind, [...(this.byKind.get(kind) ?? []), { id, path }].slice(-4));
  }

  id(kind: string): string {
    return pick(this.byKind.get(kind) ?? [])?.id ?? randomUUID();
  }

  any(): string | undefined {
    return pick(pick([...this.byKind.values()]) ?? [])?.path;
  }
}

let counter = 0;
const next = (most: number): number => 1 + (counter++ % most);

type Making = readonly [path: string, bodyName: string, attributes: Body];

function making(o: Objects, external: string, other: string): readonly (() => Making)[] {
  const project_id = (): Body => ({ project_id: pick(projects) });
  const vlans = () => ['p1', 'p2'].map(p => ({ 'provider:network_type': 'vlan', 'provider:physical_network': p }));
  const remote = (): Body => pick([{ remote_group_id: o.id('security_group') }, { remote_address_group_id: o.id('address_group') }]);
  const sub = (): Body => ({ port_id: o.id('port'), segmentation_type: 'vlan', segmentation_id: next(9) });
  const ports = (): Body => ({ internal_port: next(60_000), external_port: next(60_000), internal_port_id: o.id('port') });
  const shareable = ['network', 'subnetpool', 'address_scope', 'address_group', 'security_group'];
  return [
    () => [
      'networks',
      'network',
      { ...project_id(), ...maybe(0.4, { segments: vlans() }), ...maybe(0.3, { qos_policy_id: o.id('policy') }) },
    ],
    () => ['networks', 'network', { ...project_id(), ha: true }],
    () => ['subnets', 'subnet', { network_id: o.id('network'), ip_version: 4, cidr: `10.${next(250)}.0.0/24` }],
    () => ['subnets', 'subnet', { network_id: o.id('network'), ip_version: 4, subnetpool_id: o.id('subnetpool') }],
    () => ['ports', 'port', { ...project_id(), network_id: o.id('network'), ...maybe(0.2, { security_groups: [o.id('security_group')] }) }],
    () => [
      'ports',
      'port',
      { ...project_id(), network_id: o.id('network'), 'binding:host_id': 'h', ...maybe(0.3, { qos_policy_id: o.id('policy') }) },
    ],
    () => [
      'routers',
      'router',
      {
        ...project_id(),
        ...maybe(0.3, { ha: true }),
        ...maybe(0.3, { evpn_vni: next(9) - 1 }),
        ...maybe(0.7, { external_gateway_info: { network_id: external } }),
      },
    ],
    () => [
      'floatingips',
      'floatingip',
      { ...project_id(), floating_network_id: pick([external, other]), ...maybe(0.4, { port_id: o.id('port') }) },
    ],
    () => [
      `floatingips/${o.id('floatingip')}/port_forwardings`,
      'port_forwarding',
      { protocol: 'tcp', internal_ip_address: '10.0.0.2', ...ports() },
    ],
    () => ['qos/policies', 'policy', { ...project_id(), name: 'p' }],
    () => [`qos/policies/${o.id('policy')}/bandwidth_limit_rules`, 'bandwidth_limit_rule', { max_kbps: 1000 }],
    () => ['security-groups', 'security_group', { ...project_id(), name: 'g' }],
    () => ['security-group-rules', 'security_group_rule', { security_group_id: o.id('security_group'), direction: 'ingress', ...remote() }],
    () => ['address-groups', 'address_group', { ...project_id(), addresses: ['192.0.2.0/24'] }],
    () => ['trunks', 'trunk', { ...project_id(), port_id: o.id('port'), sub_ports: pick([[], [sub()]]) }],
    () => ['local-ips', 'local_ip', { ...project_id(), ...pick([{ network_id: o.id('network') }, { local_port_id: o.id('port') }]) }],
    () => [`local-ips/${o.id('local_ip')}/port_associations`, 'port_association', { fixed_port_id: o.id('port') }],
    () => [
      'log/logs',
      'log',
      { resource_type: 'security_group', ...pick([{ target_id: o.id('port') }, { resource_id: o.id('security_group') }]) },
    ],
    () => [
      'segments',
      'segment',
      { network_id: o.id('network'), network_type: 'vlan', physical_network: 'p2', segmentation_id: next(4000) },
    ],
    () => [
      'subnetpools',
      'subnetpool',
      { ...project_id(), name: 's', prefixes: [`20.${next(250)}.0.0/16`], ...maybe(0.5, { address_scope_id: o.id('address_scope') }) },
    ],
    () => ['address-scopes', 'address_scope', { ...project_id(), ip_version: 4 }],
    () => [`routers/${o.id('router')}/conntrack_helpers`, 'conntrack_helper', { protocol: 'udp', port: next(60_000), helper: 'tftp' }],
    () => {
      const object_type = pick(shareable);
      const target_tenant = pick(['*', 'd'.repeat(32)]);
      return ['rbac-policies', 'rbac_policy', { object_type, object_id: o.id(object_type), action: 'access_as_shared', target_tenant }];
    },
    () => ['metering/metering-labels', 'metering_label', { name: 'm' }],
    () => ['metering/metering-label-rules', 'metering_label_rule', { metering_label_id: o.id('metering_label'), direction: 'ingress' }],
  ];
}

type Change = readonly [path: string, body?: Body];

function changing(o: Objects, external: string, other: string): readonly (() => Change)[] {
  const gateways = (): Body[] =>
    pick([[external], [other], [other, external], [external, other, other]]).map(network_id => ({ network_id }));
  const sub = { segmentation_type: 'vlan', segmentation_id: 5 };
  return [
    () => [`routers/${o.id('router')}/${pick(['add', 'remove'])}_router_interface`, { subnet_id: o.id('subnet') }],
    () => [`routers/${o.id('router')}`, { router: { external_gateway_info: pick([{}, { network_id: external }]) } }],
    () => [
      `routers/${o.id('router')}/${pick(['add', 'update', 'remove'])}_external_gateways`,
      { router: { external_gateways: pick([gateways(), gateways(), []]) } },
    ],
    () => [`routers/${o.id('router')}`, { router: { admin_state_up: false, ha: pick([true, false]) } }],
    () => [`routers/${o.id('router')}`, { router: { admin_state_up: false } }],
    () => [`ports/${o.id('port')}`, { port: { 'binding:host_id': pick(['', 'h']), ...maybe(0.3, { qos_policy_id: o.id('policy') }) } }],
    () => [`trunks/${o.id('trunk')}/${pick(['add', 'remove'])}_subports`, { sub_ports: [{ port_id: o.id('port'), ...sub }] }],
    () => pick([`networks/${o.id('network')}/tags/t`, `trunks/${o.id('trunk')}/tags/t`].map(path => [path] as const)),
    () => [`floatingips/${o.id('floatingip')}`, { floatingip: { port_id: pick([null, o.id('port')]) } }],
    () => [`subnetpools/${o.id('subnetpool')}/onboard_network_subnets`, { network_id: o.id('network') }],
    () => [`subnetpools/${o.id('subnetpool')}`, { subnetpool: { address_scope_id: pick([null, o.id('address_scope')]) } }],
    () => [`subnets/${o.id('subnet')}`, { subnet: { segment_id: o.id('segment') } }],
  ];
}

async function addL3Agent(store: Store, host: string): Promise<void> {
  const now = `${new Date().toISOString().slice(0, 19)}Z`;
  const times = { created_at: now, started_at: now, heartbeat_timestamp: now };
  const kind = { agent_type: 'L3 agent', binary: 'neutron-l3-agent', topic: 'l3_agent', configurations: { agent_mode: 'legacy' } };
  const row = { id: randomUUID(), host, ...kind, ...times, admin_state_up: true };
  await store.commit({ guards: [], outbox: [], ops: [{ op: 'insert', table: 'agents', row }] });
}

test('whatever several do at once, no row names what is gone, and quotas count what is there', { timeout: lasts + 120_000 }, async () => {
  const quotas = Object.fromEntries(resources.map(r => [r.name, 100_000]));
  await using two = await startCluster(2, {
    quotas,
    vlanRanges: { p1: [[1, 4000]], p2: [[1, 4000]] },
    agentDownTime: 3600,
    servicePlugins: ['evpn'],
  });
  await addAgents(two.file, ['h'], { interface_mappings: { p1: 'eth1', p2: 'eth2' }, tunnel_types: ['vxlan'], tunneling_ip: '192.0.2.1' });
  await using store = await openSqliteStore(two.file, { tables: allTables });
  for (const host of ['l1', 'l2', 'l3', 'l4']) await addL3Agent(store, host);
  const external = await two.as('admin').make('networks', 'network', { 'router:external': true });
  const other = await two.as('admin').make('networks', 'network', { 'router:external': true });
  await two.as('admin').make('subnets', 'subnet', { network_id: external.id, ip_version: 4, cidr: '172.24.0.0/16' });
  await two.as('admin').make('subnets', 'subnet', { network_id: other.id, ip_version: 4, cidr: '172.25.0.0/16' });
  const objects = new Objects();
  const [makings, changes] = [making(objects, external.id, other.id), changing(objects, external.id, other.id)];
  const failed: string[] = [];
  const done = new Map<string, number>();
  const ask = async (api: Api, method: string, path: string, body?: Body): Promise<Body> => {
    const answer = await api.request(method, path, body);
    if (answer.status >= 500) failed.push(`${answer.status} ${method} ${path} ${JSON.stringify(answer.body)}`);
    if (answer.status < 300) done.set(method, (done.get(method) ?? 0) + 1);
    return answer.body;
  };
  const make = async (api: Api): Promise<void> => {
    const [path, name, attributes] = pick(makings)();
    const made = (await ask(api, 'POST', path, { [name]: attributes }))[name] as Body | undefined;
    const id = String(made?.id ?? made?.fixed_port_id);
    if (made) objects.add(name, id, `${path}/${id}`);
  };
  const replaceAgent = async (api: Api): Promise<void> => {
    const agents = await api.list('agents?agent_type=L3%20agent');
    if (agents.length > 3) await ask(api, 'DELETE', `agents/${pick(agents).id}`);
    else await addL3Agent(store, `l${next(1_000_000)}-${randomUUID()}`);
  };
  const end = Date.now() + lasts;
  const work = async (api: Api): Promise<void> => {
    while (Date.now() < end) {
      const dice = Math.random();
      const path = objects.any();
      if (dice < 0.5 || path === undefined) await make(api);
      else if (dice < 0.72) await ask(api, 'DELETE', path);
      else if (dice < 0.98) await ask(api, 'PUT', ...pick(changes)());
      else await replaceAgent(api);
    }
  };
  await Promise.all(two.spread('admin', 12).map(work));
  assert.deepEqual(failed, []);
  assert.ok(
    ['POST', 'PUT', 'DELETE'].every(method => (done.get(method) ?? 0) > 20),
    JSON.stringify([...done]),
  );
  assert.deepEqual(await wrongIn(store), []);
});
