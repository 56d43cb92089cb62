// A guaranteed bandwidth from the API to the port: a real Nova boots instances where a real Placement has room, as agents have reported, and what an
// instance has there follows the policies of its ports.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { systemClock as clock } from '../../src/adapters/clock/system-clock.ts';
import { openKeystoneIdentity } from '../../src/adapters/identity-keystone/keystone-identity.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { noAccount } from '../../src/contracts/service-account.ts';
import { type Api, type Body, client, type Made } from '../api/client.ts';
import { type Harness, start, until } from '../api/harness.ts';
import { ensureAccount, publish } from '../conformance/identity-admin.ts';
import { type RunningKeystone, startKeystone } from '../conformance/keystone.ts';
import { CloudWatch } from './cloud-watch.ts';
import { accountOf, NovaCloud, noNova, region } from './nova-cloud.ts';

const hosts = ['node-1', 'node-two'] as const;
/** Kilobits per second that a host's bridge has in each direction. */
const bandwidth = { 'node-1': 10_000, 'node-two': 2000 };
const patience = 180_000;
const classes = { egress: 'NET_BW_EGR_KILOBIT_PER_SEC', ingress: 'NET_BW_IGR_KILOBIT_PER_SEC' };

describe('guaranteed bandwidth', { skip: noNova, timeout: 900_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bandwidth-'));
  const stack = new AsyncDisposableStack();
  const lines: string[] = [];
  let keystone: RunningKeystone;
  let h: Harness;
  let cloud: NovaCloud;
  let watch: CloudWatch;
  let api: Api;
  let network: Made;
  let image = '';
  const instances: string[] = [];

  before(async () => {
    keystone = stack.use(await startKeystone(folder, 'admin-password'));
    for (const name of ['neutron', 'nova']) await ensureAccount(keystone.admin, accountOf(name), ['service', 'admin']);
    h = stack.use(await startWeft());
    cloud = stack.use(await NovaCloud.start({ folder, keystone, hosts }));
    await publish(keystone.admin, region, h.server.url);
    watch = new CloudWatch(cloud, () => keystone.admin.token);
    api = client(h.server.url, keystone.admin.token);
    network = await api.make('networks', 'network', { 'provider:network_type': 'flat', 'provider:physical_network': 'physnet1' });
    await api.make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.30.0.0/24' });
    image = await makeImage();
    await watch.nova('POST', 'flavors', { flavor: { name: 'tiny', id: 't', ram: 64, vcpus: 1, disk: 1 } });
    for (const host of hosts) await report(host);
    await until('both computes are there', async () => (await watch.hypervisors()).length === hosts.length, 240_000);
    // A compute whose first word another's came between says it again after a minute.
    await until('Nova has told what both have', async () => (await Promise.all(hosts.map(hasProcessors))).every(Boolean), patience);
    const synced = async (): Promise<boolean> => (await api.list('agents')).every(agent => agent['resources_synced'] === true);
    await until('Placement knows what both have', synced, patience);
  });
  after(async () => {
    await stack.disposeAsync();
    rmSync(folder, { recursive: true, force: true });
  });

  function startWeft(): Promise<Harness> {
    const domains = { user_domain_name: 'Default', project_domain_name: 'Default' };
    const { username, password, project } = accountOf('neutron');
    const account = { ...noAccount, ...domains, username, password, project_name: project, auth_url: keystone.url, region_name: region };
    const log = textLog({ sink: { write: line => void lines.push(line) }, level: 'info' });
    const identity = async () => openKeystoneIdentity({ account, clock, log });
    const nova = { account, status: true, data: true, interval: 0 };
    return start({ nova, placement: { account }, agentDownTime: 3600 }, log, { identity });
  }

  async function makeImage(): Promise<string> {
    const ask = (path: string, method: string, type: string, body: string): Promise<Response> =>
      fetch(`${cloud.imageUrl}/v2/images${path}`, {
        method,
        headers: { 'x-auth-token': keystone.admin.token, 'content-type': type },
        body,
      });
    const wanted = { name: 'empty', disk_format: 'raw', container_format: 'bare' };
    const made = (await (await ask('', 'POST', 'application/json', JSON.stringify(wanted))).json()) as Made;
    assert.equal((await ask(`/${made.id}/file`, 'PUT', 'application/octet-stream', 'x')).status, 204);
    return made.id;
  }

  async function report(host: (typeof hosts)[number]): Promise<void> {
    const rate = bandwidth[host];
    const configurations = {
      bridge_mappings: { physnet1: 'br-ex' },
      tunnel_types: [],
      resource_provider_bandwidths: { 'br-ex': { egress: rate, ingress: rate } },
      resource_provider_packet_processing_without_direction: { [host]: { any: 500 } },
      resource_provider_inventory_defaults: { allocation_ratio: 1.0, min_unit: 1, step_size: 1, reserved: 0 },
    };
    const what = { agent_type: 'Open vSwitch agent', binary: 'neutron-openvswitch-agent', topic: 'N/A', uuid: randomUUID() };
    const time = new Date().toISOString().replace('Z', '');
    const agent_state = { ...what, host, configurations, start_flag: true };
    await h.rpc('q-reports-plugin', 'report_state', { agent_state: { agent_state }, time }, '1.2');
  }

  /** Kilobits by direction; packets in either. */
  const policy = async (rates: Partial<Record<keyof typeof classes, number>>, min_kpps?: number): Promise<string> => {
    const { id } = await api.make('qos/policies', 'policy', {});
    for (const [direction, min_kbps] of Object.entries(rates))
      await api.make(`qos/policies/${id}/minimum_bandwidth_rules`, 'minimum_bandwidth_rule', { min_kbps, direction });
    const packets = { minimum_packet_rate_rule: { min_kpps, direction: 'any' } };
    if (min_kpps !== undefined) await api.request('POST', `qos/policies/${id}/minimum_packet_rate_rules`, packets);
    return id;
  };
  const portOf = async (id: string): Promise<Body> => (await api.request('GET', `ports/${id}`)).body['port'] as Body;
  const server = async (id: string): Promise<Body> => (await watch.nova('GET', `servers/${id}`))['server'] as Body;
  const providerNamed = async (name: string): Promise<string> => {
    const all = (await watch.placement('GET', 'resource_providers'))['resource_providers'] as { name: string; uuid: string }[];
    return String(all.find(p => p.name === name)?.uuid);
  };
  const device = (host: string): Promise<string> => providerNamed(`${host}:Open vSwitch agent:br-ex`);
  async function hasProcessors(host: string): Promise<boolean> {
    const { inventories } = await watch.placement('GET', `resource_providers/${await providerNamed(host)}/inventories`);
    return (inventories as Body)['VCPU'] !== undefined;
  }
  const ofProvider = async (instance: string, provider: string): Promise<unknown> => {
    const { allocations } = (await watch.placement('GET', `allocations/${instance}`)) as {
      allocations: Record<string, { resources: unknown }>;
    };
    return allocations[provider]?.resources;
  };
  /** What an instance has of a host's bridge. */
  const allocated = async (instance: string, host: string): Promise<unknown> => ofProvider(instance, await device(host));
  async function boot(ports: readonly string[], host?: string): Promise<string> {
    const networks = ports.map(port => ({ port }));
    const wanted = { name: 'vm', imageRef: image, flavorRef: 't', networks, ...(host === undefined ? {} : { host }) };
    const { id } = (await watch.nova('POST', 'servers', { server: wanted }))['server'] as Made;
    instances.push(id);
    return id;
  }
  const isBound = (id: string): Promise<Body> =>
    until('the port is on a host', async () => (p => p['binding:host_id'] !== '' && p)(await portOf(id)), patience);
  /** As the L2 agent of its host does, once its compute waits for it. */
  async function plug(instance: string, port: string): Promise<void> {
    await until('its ports are plugged', async () => cloud.plugs(instance), patience);
    const host = (await portOf(port))['binding:host_id'];
    for (const method of ['get_device_details', 'update_device_up'])
      await h.rpc('q-plugin', method, { device: port, host, agent_id: `ovs-${host}` }, '1.5');
  }
  const isActive = (id: string): Promise<Body> =>
    until(
      'the instance is ACTIVE',
      async () => {
        const now = await server(id);
        assert.notEqual(now['status'], 'ERROR', JSON.stringify(now['fault']));
        return now['status'] === 'ACTIVE' && now['OS-EXT-STS:task_state'] === null && now;
      },
      patience,
    );

  let port = '';
  let instance = '';

  test('an instance runs where there is room for what its port asks, and has it', async () => {
    const gold = await policy({ egress: 5000, ingress: 3000 });
    const made = await api.make('ports', 'port', { network_id: network.id, qos_policy_id: gold });
    port = made.id;
    const request = made['resource_request'] as { request_groups: Body[] };
    assert.deepEqual(
      request.request_groups.map(({ resources, required }) => [resources, required]),
      [[{ [classes.egress]: 5000, [classes.ingress]: 3000 }, ['CUSTOM_PHYSNET_PHYSNET1', 'CUSTOM_VNIC_TYPE_NORMAL']]],
    );
    instance = await boot([port]);
    const bound = await isBound(port);
    // The other has not so much.
    assert.equal(bound['binding:host_id'], 'node-1');
    assert.deepEqual([bound['binding:vif_type'], bound['status']], ['ovs', 'DOWN']);
    assert.deepEqual((bound['binding:profile'] as Body)['allocation'], {
      [String(request.request_groups[0]?.['id'])]: await device('node-1'),
    });
    assert.deepEqual(await allocated(instance, 'node-1'), { [classes.egress]: 5000, [classes.ingress]: 3000 });
    await plug(instance, port);
    await isActive(instance);
    assert.equal((await portOf(port))['status'], 'ACTIVE');
  });

  test('one that asks for more than any host has gets none; one that asks for what is left gets it', async () => {
    const [greedy, modest] = [await policy({ egress: 5001 }), await policy({ egress: 4000 })];
    const make = (qos_policy_id: string): Promise<Made> => api.make('ports', 'port', { network_id: network.id, qos_policy_id });
    const [much, some] = [await make(greedy), await make(modest)];
    const refused = await boot([much.id]);
    const failed = await until('it is given up', async () => (s => s['status'] === 'ERROR' && s)(await server(refused)), patience);
    assert.match(String((failed['fault'] as Body)['message']), /No valid host was found/);
    assert.equal((await portOf(much.id))['binding:host_id'], '');
    assert.equal(await allocated(refused, 'node-1'), undefined);
    const taken = await boot([some.id]);
    assert.equal((await isBound(some.id))['binding:host_id'], 'node-1');
    assert.deepEqual(await allocated(taken, 'node-1'), { [classes.egress]: 4000 });
    await plug(taken, some.id);
    await isActive(taken);
  });

  const put = (qos_policy_id: string | null) => api.request('PUT', `ports/${port}`, { port: { qos_policy_id } });
  const groups = async (): Promise<readonly unknown[]> =>
    ((await portOf(port))['resource_request'] as { request_groups?: Body[] } | null)?.request_groups?.map(g => g['id']) ?? [];
  const profile = async (): Promise<unknown> => ((await portOf(port))['binding:profile'] as Body)['allocation'];

  test('what the instance has follows the policy of its port, as far as there is room', async () => {
    const [less, more, tooMuch] = [
      await policy({ egress: 2000 }),
      await policy({ egress: 6000, ingress: 10_000 }),
      await policy({ egress: 6001 }),
    ];
    assert.equal((await put(less)).status, 200);
    assert.deepEqual(await allocated(instance, 'node-1'), { [classes.egress]: 2000 });
    assert.deepEqual(await profile(), { [String((await groups())[0])]: await device('node-1') });
    // 4000 of 10000 are another's.
    const refused = await put(tooMuch);
    const { type, message } = refused.body['NeutronError'] as Body;
    assert.deepEqual([refused.status, type], [409, 'QosPlacementAllocationUpdateConflict']);
    const text = `Updating placement allocation with {'${await device('node-1')}': {'${classes.egress}': 4001}} for consumer ${instance} failed. The requested resources would exceed the capacity available.`;
    assert.equal(message, text);
    assert.equal((await portOf(port))['qos_policy_id'], less);
    assert.deepEqual(await allocated(instance, 'node-1'), { [classes.egress]: 2000 });
    assert.equal((await put(more)).status, 200);
    assert.deepEqual(await allocated(instance, 'node-1'), { [classes.egress]: 6000, [classes.ingress]: 10_000 });
    assert.deepEqual(await profile(), { [String((await groups())[0])]: await device('node-1') });
    assert.equal((await portOf(port))['status'], 'ACTIVE');
    assert.equal(await h.server.store.count('allocation_changes'), 0);
  });

  test('packets and bandwidth are reserved with the agent and its bridge, on one host', async () => {
    const make = async (kpps: number): Promise<string> =>
      (await api.make('ports', 'port', { network_id: network.id, qos_policy_id: await policy({ egress: 100 }, kpps) })).id;
    const [some, tooMany] = [await make(500), await make(501)];
    const refused = await boot([tooMany]);
    const failed = await until('it is given up', async () => (s => s['status'] === 'ERROR' && s)(await server(refused)), patience);
    assert.match(String((failed['fault'] as Body)['message']), /No valid host was found/);
    const taken = await boot([some], 'node-two');
    const { 'binding:profile': own, 'binding:host_id': host, 'binding:vif_type': vif } = await isBound(some);
    const agent = await providerNamed('node-two:Open vSwitch agent');
    assert.deepEqual([host, vif], ['node-two', 'ovs']);
    assert.deepEqual(Object.values((own as Body)['allocation'] as Body).sort(), [agent, await device('node-two')].sort());
    assert.deepEqual(await ofProvider(taken, agent), { NET_PACKET_RATE_KILOPACKET_PER_SEC: 500 });
    assert.deepEqual(await allocated(taken, 'node-two'), { [classes.egress]: 100 });
    await plug(taken, some);
    await isActive(taken);
    assert.equal((await portOf(some))['status'], 'ACTIVE');
  });

  test('a port without a policy leaves nothing, also of its network’s; and an instance that goes takes all with it', async () => {
    const common = await policy({ ingress: 700 });
    const ofNetwork = (qos_policy_id: string | null) => api.request('PUT', `networks/${network.id}`, { network: { qos_policy_id } });
    assert.equal((await ofNetwork(common)).status, 200);
    assert.equal((await put(null)).status, 200);
    assert.deepEqual(await allocated(instance, 'node-1'), { [classes.ingress]: 700 });
    assert.equal((await ofNetwork(await policy({ ingress: 10_001 }))).status, 409);
    assert.equal((await ofNetwork(await policy({ ingress: 800 }))).status, 200);
    assert.deepEqual(await allocated(instance, 'node-1'), { [classes.ingress]: 800 });
    assert.equal((await ofNetwork(null)).status, 200);
    assert.equal(await allocated(instance, 'node-1'), undefined);
    assert.deepEqual(await profile(), {});
    for (const id of instances) await watch.nova('DELETE', `servers/${id}`);
    const left = async (): Promise<unknown> =>
      (await watch.placement('GET', `resource_providers/${await device('node-1')}/usages`))['usages'];
    await until('nothing is used', async () => Object.values((await left()) as Record<string, number>).every(n => n === 0), patience);
    assert.ok(!lines.some(line => line.includes(accountOf('neutron').password)));
  });
});
