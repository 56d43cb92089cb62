// Instances of a real Nova on Weft's networks: they wait for their ports, get their addresses, hear what becomes of them, move, and leave nothing.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { systemClock as clock } from '../../src/adapters/clock/system-clock.ts';
import { openKeystoneIdentity } from '../../src/adapters/identity-keystone/keystone-identity.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { noAccount } from '../../src/contracts/service-account.ts';
import { type Api, type Body, client, type Made } from '../api/client.ts';
import { beat, type Harness, start, until } from '../api/harness.ts';
import { ensureAccount, publish } from '../conformance/identity-admin.ts';
import { type RunningKeystone, startKeystone } from '../conformance/keystone.ts';
import { accountOf, NovaCloud, noNova, region } from './nova-cloud.ts';

const adminPassword = 'admin-password';
const hosts = ['node-1', 'node-two'] as const;
const patience = 180_000;

describe('instances of a real Nova on Weft’s networks', { skip: noNova, timeout: 900_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-nova-'));
  const lines: string[] = [];
  let keystone: RunningKeystone;
  let h: Harness;
  let cloud: NovaCloud;
  let api: Api;
  let network: Made;
  let image = '';

  before(async () => {
    keystone = await startKeystone(folder, adminPassword);
    await ensureAccount(keystone.admin, accountOf('neutron'), ['service', 'admin']);
    await ensureAccount(keystone.admin, accountOf('nova'), ['service', 'admin']);
    h = await startWeft();
    cloud = await NovaCloud.start({ folder, keystone, hosts });
    await publish(keystone.admin, region, h.server.url);
    api = client(h.server.url, keystone.admin.token);
    for (const host of hosts) await beat(h, host);
    network = await api.make('networks', 'network', { name: 'net' });
    await api.make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr: '10.20.0.0/24' });
    image = await makeImage();
    await nova('POST', 'flavors', { flavor: { name: 'tiny', id: 't', ram: 64, vcpus: 1, disk: 1 } });
    await until('both computes are there', async () => (await computes()) === hosts.length, patience);
  });
  after(async () => {
    await cloud?.[Symbol.asyncDispose]();
    await h?.[Symbol.asyncDispose]();
    await keystone?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  function startWeft(): Promise<Harness> {
    const domains = { user_domain_name: 'Default', project_domain_name: 'Default' };
    const { username, password, project } = accountOf('neutron');
    const account = { ...noAccount, ...domains, username, password, project_name: project, auth_url: keystone.url, region_name: region };
    const log = textLog({ sink: { write: line => void lines.push(line) }, level: 'info' });
    const identity = async () => openKeystoneIdentity({ account, clock, log });
    // Agents report once here, and live for as long as all this takes.
    return start({ nova: { account, status: true, data: true, interval: 0 }, agentDownTime: 3600 }, log, { identity });
  }

  async function ask(url: string, method: string, body?: unknown, type = 'application/json'): Promise<{ status: number; body: Body }> {
    const headers = { 'x-auth-token': keystone.admin.token, 'content-type': type, 'x-openstack-nova-api-version': '2.79' };
    const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
    const reply = await fetch(url, { method, headers, ...sent });
    const text = await reply.text();
    return { status: reply.status, body: (text.startsWith('{') ? JSON.parse(text) : { text }) as Body };
  }
  async function nova(method: string, path: string, body?: unknown): Promise<Body> {
    const answer = await ask(`${cloud.url}/${path}`, method, body);
    assert.ok(answer.status < 300, `${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
  async function makeImage(): Promise<string> {
    const made = await ask(`${cloud.imageUrl}/v2/images`, 'POST', { name: 'empty', disk_format: 'raw', container_format: 'bare' });
    const id = String(made.body['id']);
    assert.equal((await ask(`${cloud.imageUrl}/v2/images/${id}/file`, 'PUT', 'x', 'application/octet-stream')).status, 204);
    return id;
  }
  /** How many may have instances: Nova knows them, and Placement what they have. */
  async function computes(): Promise<number> {
    const { hypervisors = [] } = (await nova('GET', 'os-hypervisors')) as { hypervisors?: { id: string }[] };
    const inventories = hypervisors.map(async ({ id }) => {
      const { body } = await ask(`${cloud.placementUrl}/resource_providers/${id}/inventories`, 'GET');
      return Object.keys((body['inventories'] as object | undefined) ?? {}).includes('VCPU');
    });
    return (await Promise.all(inventories)).filter(has => has).length;
  }

  /** The `openstack` client, as a person calls it. It asks the server that is in this process. */
  async function openstack(...words: readonly string[]): Promise<Body> {
    const env = {
      PATH: process.env['PATH'],
      OS_AUTH_URL: keystone.url,
      OS_IDENTITY_API_VERSION: '3',
      OS_USERNAME: 'admin',
      OS_PASSWORD: adminPassword,
      OS_PROJECT_NAME: 'admin',
      OS_USER_DOMAIN_NAME: 'Default',
      OS_PROJECT_DOMAIN_NAME: 'Default',
      OS_REGION_NAME: region,
    };
    const { stdout } = await promisify(execFile)('openstack', words, { env });
    return (stdout.trim().startsWith('{') ? JSON.parse(stdout) : {}) as Body;
  }

  const server = async (id: string): Promise<Body> => {
    const now = (await nova('GET', `servers/${id}`))['server'] as Body;
    assert.notEqual(now['status'], 'ERROR', JSON.stringify(now['fault']));
    return now;
  };
  const isActive = (id: string): Promise<Body> =>
    until(
      'the instance is ACTIVE',
      async () => {
        const now = await server(id);
        return now['status'] === 'ACTIVE' && now['OS-EXT-STS:task_state'] === null && now;
      },
      patience,
    );
  const addresses = (of: Body): string[] =>
    Object.values(of['addresses'] as Record<string, { addr: string }[]>)
      .flat()
      .map(one => one.addr);
  const portOf = (id: string): Promise<Made> =>
    until(
      'the instance has a port on its host',
      async () => (await api.list(`ports?device_id=${id}`)).find(p => p['binding:host_id'] !== ''),
      patience,
    );
  /** As a DHCP agent does, and the L2 agent of its host. */
  const plug = async (port: Made): Promise<void> => {
    const host = port['binding:host_id'];
    const device = { device: port.id, host, agent_id: `lb${host}` };
    await h.rpc('q-plugin', 'dhcp_ready_on_ports', { port_ids: [port.id] }, '1.5');
    for (const method of ['get_device_details', 'update_device_up']) await h.rpc('q-plugin', method, device, '1.5');
  };
  const isGone = (id: string): Promise<boolean> =>
    until('the instance is gone', async () => (await ask(`${cloud.url}/servers/${id}`, 'GET')).status === 404, patience);
  /** Its compute waits for the ports: what it hears before means nothing to it, also when it says that it is spawning. */
  const isSpawned = (id: string): Promise<boolean> => until('its ports are plugged', async () => cloud.plugs(id), patience);
  const boot = async (networks: readonly Body[], host: string): Promise<string> => {
    const wanted = { name: 'vm', imageRef: image, flavorRef: 't', networks, host };
    return String(((await nova('POST', 'servers', { server: wanted }))['server'] as Body)['id']);
  };

  test('an instance waits for its port, is ACTIVE with its address, and takes its port with it', async () => {
    const made = await openstack('server', 'create', '--image', 'empty', '--flavor', 'tiny', '--network', 'net', 'vm-1', '-f', 'json');
    const id = String(made['id']);
    const port = await portOf(id);
    assert.equal(port['device_owner'], 'compute:nova');
    // Until its port is plugged it is not started.
    await isSpawned(id);
    assert.equal((await server(id))['status'], 'BUILD');
    await plug(port);
    const [fixed] = port['fixed_ips'] as { ip_address: string }[];
    assert.deepEqual(addresses(await isActive(id)), [fixed?.ip_address]);
    assert.equal(((await api.request('GET', `ports/${port.id}`)).body['port'] as Body)['status'], 'ACTIVE');
    const shown = await openstack('server', 'show', id, '-f', 'json');
    assert.deepEqual(shown['addresses'], { net: [fixed?.ip_address] });
    await openstack('server', 'delete', id);
    await isGone(id);
    assert.deepEqual(await api.list(`ports?device_id=${id}`), []);
  });

  test('Nova hears of a floating IP, and of a port that goes; a port that was there before outlives its instance', async () => {
    const external = await api.make('networks', 'network', { 'router:external': true });
    await api.make('subnets', 'subnet', { network_id: external.id, ip_version: 4, cidr: '203.0.113.0/24', enable_dhcp: false });
    const router = await api.make('routers', 'router', { external_gateway_info: { network_id: external.id } });
    const inner = (await api.list(`subnets?network_id=${network.id}`))[0]?.id;
    assert.equal((await api.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: inner })).status, 200);
    const own = await api.make('ports', 'port', { network_id: network.id });
    const id = await boot([{ port: own.id }, { uuid: network.id }], hosts[0]);
    await until(
      'both ports are on the host',
      async () => (await server(id)) && (await api.list(`ports?device_id=${id}&binding:host_id=${hosts[0]}`)).length === 2,
      patience,
    );
    const ports = await api.list(`ports?device_id=${id}`);
    await isSpawned(id);
    for (const port of ports) await plug(port);
    assert.equal(addresses(await isActive(id)).length, 2);
    const fip = await api.make('floatingips', 'floatingip', { floating_network_id: external.id, port_id: own.id });
    const address = String(fip['floating_ip_address']);
    await until('Nova shows it', async () => addresses(await server(id)).includes(address), patience);
    assert.equal((await api.request('DELETE', `floatingips/${fip.id}`)).status, 204);
    await until('Nova shows it no more', async () => !addresses(await server(id)).includes(address), patience);
    const other = ports.find(port => port.id !== own.id);
    assert.equal((await api.request('DELETE', `ports/${other?.id}`)).status, 204);
    await until('Nova has taken it off', async () => addresses(await server(id)).length === 1, patience);
    await nova('DELETE', `servers/${id}`);
    await isGone(id);
    const left = (await api.request('GET', `ports/${own.id}`)).body['port'] as Body;
    assert.deepEqual([left['device_id'], left['device_owner'], left['binding:host_id'], left['status']], ['', '', '', 'DOWN']);
  });

  test('an instance moves to another host with its port', async () => {
    const id = await boot([{ uuid: network.id }], hosts[0]);
    const port = await portOf(id);
    await isSpawned(id);
    await plug(port);
    await isActive(id);
    await nova('POST', `servers/${id}/action`, { 'os-migrateLive': { host: hosts[1], block_migration: 'auto' } });
    const bindings = async (): Promise<string[]> =>
      (((await api.request('GET', `ports/${port.id}/bindings`)).body['bindings'] ?? []) as { host: string; status: string }[])
        .map(b => `${b.host} ${b.status}`)
        .sort();
    await until('it is bound there alone', async () => (await bindings()).join() === `${hosts[1]} ACTIVE`, patience);
    await plug({ ...port, 'binding:host_id': hosts[1] });
    const moved = await isActive(id);
    assert.equal(moved['OS-EXT-SRV-ATTR:host'], hosts[1]);
    const now = (await api.request('GET', `ports/${port.id}`)).body['port'] as Body;
    assert.deepEqual([now['binding:host_id'], now['status'], now['binding:profile']], [hosts[1], 'ACTIVE', {}]);
    await nova('DELETE', `servers/${id}`);
    await isGone(id);
  });

  test('Nova took every event, and no secret was logged', () => {
    assert.ok(lines.some(line => line.includes('Nova was told')));
    for (const secret of [adminPassword, accountOf('nova').password]) assert.ok(!lines.some(line => line.includes(secret)), secret);
    assert.deepEqual(
      lines.filter(line => / (?:WARNING|ERROR) /.test(line) && /[Nn]ova/.test(line)),
      [],
    );
  });
});
