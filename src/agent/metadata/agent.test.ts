// The metadata agent over its real socket, on a bus with a server that has state: who is answered, and with what.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { Broker } from '../../adapters/bus-local/broker.ts';
import { localBus } from '../../adapters/bus-local/local-bus.ts';
import { systemClock } from '../../adapters/clock/system-clock.ts';
import { simHost } from '../../adapters/host/sim-host.ts';
import { textLog } from '../../adapters/log/text-log.ts';
import { type Json, RpcFailure } from '../../contracts/bus.ts';
import type { MetadataConfig, NovaMetadata } from '../context.ts';
import { NET, networkDict, ROUTER_PORT, routerPort, subnet4, subnet6, VM1, VM2, vm1, vm2 } from '../desired/dhcp/samples.suite.ts';
import { type SimNetwork, SimServer } from '../dhcp/sim-server.suite.ts';
import { startMetadataAgent } from './agent.ts';

const ROUTER = '50783727-bd14-4db7-81ea-513e4246f7c4';
const OTHER_NET = 'e6a99dde-0a55-4b6d-8605-02e72a1e8b06';

interface World {
  readonly server: SimServer;
  readonly instances: Map<string, Json>;
  readonly socket: string;
  readonly lines: string[];
  get(path: string, headers: Record<string, string | string[]>, method?: string): Promise<{ status: number; type: string; body: string }>;
}

async function world(
  t: TestContext,
  backend: MetadataConfig['backend'] = { kind: 'builtin' },
  more: Partial<MetadataConfig> = {},
): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-md-'));
  // Some tests want it not to start.
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const lines: string[] = [];
  const log = textLog({ sink: { write: line => lines.push(line) } });
  const broker = new Broker({ clock: systemClock, log });
  const [bus, serverBus] = [localBus({ broker, clock: systemClock, log }), localBus({ broker, clock: systemClock, log })];
  const server = new SimServer(serverBus, 'lb1');
  server.add(networkDict([subnet4(), subnet6('slaac')], [vm1(), vm2(), { ...routerPort(), device_id: ROUTER }]) as SimNetwork);
  const twin = vm1({ id: VM2.replace('da24', '1111'), network_id: OTHER_NET, device_id: 'twin', mac_address: 'fa:16:3e:00:00:09' });
  server.add({ ...networkDict([], [twin]), id: OTHER_NET } as SimNetwork);
  await server.start();
  const instances = new Map<string, Json>();
  const get_instance = (args: Readonly<Record<string, Json>>): Json => instances.get(String(args['port_id'])) ?? null;
  await serverBus.serve({ topic: 'weft-metadata', server: 'weft', endpoints: [{ version: '1.0', methods: { get_instance } }] });
  const socket = join(folder, 'sub', 'metadata_proxy');
  const config = { host: 'lb1', statePath: folder, reportIntervalMs: 30_000, metadata: { socket, backend, ...more } };
  const agent = await startMetadataAgent({ bus, host: simHost(), clock: systemClock, log, random: Math.random, config });
  t.after(async () => {
    await agent[Symbol.asyncDispose]();
    await bus[Symbol.asyncDispose]();
    await serverBus[Symbol.asyncDispose]();
  });
  const get: World['get'] = (path, headers, method = 'GET') =>
    new Promise((resolve, reject) => {
      const sent = request({ socketPath: socket, path, method, headers }, answer => {
        let body = '';
        answer.setEncoding('utf8').on('data', chunk => (body += chunk));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, type: answer.headers['content-type'] ?? '', body }));
      });
      sent.on('error', reject);
      sent.end();
    });
  return { server, instances, socket, lines, get };
}

const by = (address: string | string[], network = NET): Record<string, string | string[]> => ({
  'X-Forwarded-For': address,
  'X-Neutron-Network-ID': network,
});
const ID = '/latest/meta-data/instance-id';

test('who asks: network and address, router and address, link-local address by its MAC', async t => {
  const w = await world(t);
  const asked = async (headers: Record<string, string | string[]>): Promise<string> => {
    const { status, body } = await w.get(ID, headers);
    return status === 200 ? body : String(status);
  };
  const one = String(vm1()['device_id']);
  assert.equal(await asked(by('10.50.0.227')), one);
  assert.equal(await asked(by('::ffff:10.50.0.227')), one, 'IPv4 as IPv6 wrote it');
  assert.equal(await asked(by('2001:DB8:50::E3')), one);
  assert.equal(await asked(by('fe80::f816:3eff:fe56:4945%ns-x')), one);
  assert.equal(await asked({ 'X-Forwarded-For': '10.50.0.227', 'X-Neutron-Router-ID': ROUTER }), one);
  assert.equal(await asked(by('10.50.0.227', OTHER_NET)), 'twin', 'the same address elsewhere is somebody else');
  for (const nobody of [
    by('10.50.0.9'),
    by('fe80::1'),
    by('10.50.0.227', ROUTER_PORT),
    by('10.50.0.227', '../..'),
    by('not an address'),
    by(''),
    { 'X-Forwarded-For': '10.50.0.227' },
    { 'X-Neutron-Network-ID': NET },
    { 'X-Forwarded-For': '10.50.0.227', 'X-Neutron-Router-ID': NET },
    { ...by('10.50.0.227'), 'X-Neutron-Router-ID': ROUTER },
  ]) {
    assert.equal(await asked(nobody), '404', JSON.stringify(nobody));
  }
});

test('only what the last hop wrote counts', async t => {
  const w = await world(t);
  const victim = '10.50.0.92';
  const spoofed = await w.get(ID, by([victim, '10.50.0.227']));
  assert.equal(spoofed.body, vm1()['device_id']);
  assert.equal((await w.get(ID, by(`${victim}, 10.50.0.227`))).body, vm1()['device_id']);
  const two = await w.get(ID, { 'X-Forwarded-For': '10.50.0.227', 'X-Neutron-Network-ID': [OTHER_NET, NET] });
  assert.equal(two.status, 404, 'two networks');
});

test('two ports with one address on a network are nobody', async t => {
  const w = await world(t);
  w.server.networks.get(NET)?.ports.push({ ...vm1(), id: VM2.replace('da24', '2222') } as SimNetwork['ports'][number]);
  assert.equal((await w.get(ID, by('10.50.0.227'))).status, 404);
  assert.equal((await w.get(ID, by('10.50.0.92'))).status, 200, 'the control');
});

test('the EC2 tree', async t => {
  const w = await world(t);
  w.instances.set(VM1, {
    instance_id: 'i-1',
    name: 'web 1',
    hostname: 'web1',
    user_data: '#!/bin/sh\necho hi\n',
    public_keys: { mykey: 'ssh-rsa AAAA me', other: 'ssh-ed25519 BBBB' },
    meta: { role: 'web' },
  });
  const text = async (path: string): Promise<string | number> => {
    const { status, body } = await w.get(path, by('10.50.0.227'));
    return status === 200 ? body : status;
  };
  assert.match(String(await text('/')), /^1\.0\n.*\n2009-04-04\nlatest$/s);
  assert.equal(await text('/2009-04-04'), 'meta-data/\nuser-data');
  assert.equal(await text('/latest/'), 'meta-data/\nuser-data');
  assert.equal(
    await text('/2009-04-04/meta-data/'),
    'ami-id\nami-launch-index\nhostname\ninstance-action\ninstance-id\nlocal-hostname\nlocal-ipv4\nplacement/\npublic-hostname\npublic-keys/\nsecurity-groups',
  );
  assert.deepEqual(
    [
      await text('/latest/meta-data/instance-id'),
      await text('/latest//meta-data//hostname/'),
      await text('/latest/meta-data/local-ipv4?x=1'),
    ],
    ['i-1', 'web1', '10.50.0.227'],
  );
  assert.equal(await text('/latest/meta-data/placement/availability-zone'), 'nova');
  assert.equal(await text('/latest/meta-data/public-keys/'), '0=mykey\n1=other');
  assert.equal(await text('/latest/meta-data/public-keys/1'), 'openssh-key');
  assert.equal(await text('/latest/meta-data/public-keys/0/openssh-key'), 'ssh-rsa AAAA me');
  assert.equal(await text('/latest/user-data'), '#!/bin/sh\necho hi\n');
  for (const path of [
    '/latest/meta-data/nothing',
    '/latest/meta-data/instance-id/x',
    '/1999-01-01',
    '/latest/meta-data/constructor',
    '/%',
    '/x',
  ]) {
    assert.equal(await text(path), 404, path);
  }
  const other = await w.get('/latest/user-data', by('10.50.0.92'));
  assert.equal(other.status, 404, 'an instance without user data');
  assert.equal((await w.get('/latest/', by('10.50.0.92'))).body, 'meta-data/');
  assert.equal((await w.get('/latest/', by('10.50.0.227'), 'POST')).status, 405);
  const head = await w.get('/latest/meta-data/instance-id', by('10.50.0.227'), 'HEAD');
  assert.deepEqual([head.status, head.body], [200, '']);
});

test('the OpenStack tree', async t => {
  const w = await world(t);
  w.instances.set(VM1, {
    instance_id: 'i-1',
    name: 'web 1',
    hostname: 'web1',
    user_data: 'x',
    public_keys: { k: 'ssh-rsa A' },
    meta: { role: 'web' },
  });
  const body = async (path: string, address = '10.50.0.227'): Promise<string> => (await w.get(path, by(address))).body;
  assert.match(await body('/openstack'), /^2012-08-10\n.*\n2018-08-27\nlatest$/s);
  assert.equal(await body('/openstack/latest/'), 'meta_data.json\nuser_data\nvendor_data.json\nnetwork_data.json\nvendor_data2.json');
  assert.equal(await body('/openstack/2012-08-10'), 'meta_data.json\nuser_data');
  assert.equal((await w.get('/openstack/2012-08-10/network_data.json', by('10.50.0.227'))).status, 404, 'not in that version');
  assert.equal(await body('/openstack/latest/user_data'), 'x');
  const { random_seed, ...meta } = JSON.parse(await body('/openstack/latest/meta_data.json')) as Record<string, unknown>;
  assert.equal(Buffer.from(String(random_seed), 'base64').length, 512);
  assert.deepEqual(meta, {
    uuid: 'i-1',
    name: 'web 1',
    hostname: 'web1',
    availability_zone: 'nova',
    launch_index: 0,
    project_id: '',
    devices: [],
    meta: { role: 'web' },
    public_keys: { k: 'ssh-rsa A' },
    keys: [{ name: 'k', type: 'ssh', data: 'ssh-rsa A' }],
  });
  assert.deepEqual(JSON.parse(await body('/openstack/latest/network_data.json')), {
    links: [{ id: 'tapfc6d9ce1-f4', vif_id: VM1, type: 'bridge', mtu: 1450, ethernet_mac_address: 'fa:16:3e:56:49:45' }],
    networks: [
      { id: 'network0', type: 'ipv4_dhcp', link: 'tapfc6d9ce1-f4', network_id: NET },
      { id: 'network1', type: 'ipv6_slaac', link: 'tapfc6d9ce1-f4', network_id: NET },
    ],
    services: [{ type: 'dns', address: '8.8.8.8' }],
  });
  assert.equal(await body('/openstack/latest/vendor_data.json'), '{}');
  await body('/openstack/latest/network_data.json', '10.50.0.92');
  assert.equal(w.server.called('get_network_info').length, 1, 'instances of one network that boot together ask once');
});

test('without an instance the port tells: its device, and a host name made of what was written', async t => {
  const w = await world(t);
  const port = w.server.networks.get(NET)?.ports.find(p => p.id === VM1) ?? assert.fail();
  const name = async (): Promise<string> => (await w.get('/latest/meta-data/hostname', by('10.50.0.227'))).body;
  assert.equal((await w.get(ID, by('10.50.0.227'))).body, port['device_id']);
  assert.equal(await name(), 'host-10-50-0-227');
  port['name'] = 'My web\nserver_1!';
  assert.equal(await name(), 'my-web-server-1');
  port['dns_name'] = 'web.example.';
  assert.equal(await name(), 'web.example');
  port['device_id'] = '';
  assert.equal((await w.get(ID, by('10.50.0.227'))).body, VM1);
});

test('a line feed in a name forges no entry', async t => {
  const w = await world(t);
  w.instances.set(VM1, {
    instance_id: 'i-1',
    name: 'n',
    hostname: 'h\nevil',
    user_data: null,
    public_keys: { 'a\n9=b': 'ssh x\nssh y' },
    meta: {},
  });
  assert.equal((await w.get('/latest/meta-data/public-keys/', by('10.50.0.227'))).body, '0=a 9=b');
  assert.equal((await w.get('/latest/meta-data/hostname', by('10.50.0.227'))).body, 'h-evil');
});

test('a server that fails is a 500 without details; the agent goes on', async t => {
  const w = await world(t);
  w.server.failing.set('get_ports', new RpcFailure('OperationalError', 'secret words of a database'));
  const failed = await w.get(ID, by('10.50.0.227'));
  assert.deepEqual([failed.status, failed.body.includes('secret')], [500, false]);
  w.server.failing.clear();
  assert.equal((await w.get(ID, by('10.50.0.227'))).status, 200);
});

test('nobody else may connect to the socket', async t => {
  const w = await world(t);
  assert.equal(statSync(w.socket).mode & 0o777, 0o600);
});

test('a body that is too large is refused', async t => {
  const w = await world(t);
  const status = await new Promise<number>((resolve, reject) => {
    const sent = request({ socketPath: w.socket, path: ID, method: 'POST', headers: by('10.50.0.227') }, answer => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.on('error', reject);
    sent.end(Buffer.alloc(100_000));
  });
  assert.equal(status, 413);
});

test('Nova behind it: what is sent, what is signed, and which statuses pass', async t => {
  const seen: { url: string; headers: IncomingHttpHeaders }[] = [];
  let status = 200;
  const nova = createServer((req, res) => {
    seen.push({ url: req.url ?? '', headers: req.headers });
    res.writeHead(status, { 'Content-Type': 'application/json' });
    res.end('{"uuid": "x"}');
  });
  await new Promise<void>(resolve => nova.listen(0, '127.0.0.1', resolve));
  t.after(() => nova.close());
  const url = `http://127.0.0.1:${(nova.address() as AddressInfo).port}`;
  const w = await world(t, { kind: 'nova', url, secret: 'shhh' });
  const asked = { ...by('10.50.0.227'), 'X-Instance-ID': 'forged', 'X-Tenant-ID': 'forged', Cookie: 'c' };
  const answer = await w.get('/openstack/latest/meta_data.json?a=b', asked);
  assert.deepEqual(answer, { status: 200, type: 'application/json', body: '{"uuid": "x"}' });
  const [sent] = seen;
  const instance = String(vm1()['device_id']);
  assert.equal(sent?.url, '/openstack/latest/meta_data.json?a=b');
  assert.equal(sent?.headers['x-forwarded-for'], '10.50.0.227');
  assert.equal(sent?.headers['x-instance-id'], instance);
  assert.equal(sent?.headers['x-instance-id-signature'], createHmac('sha256', 'shhh').update(instance).digest('hex'));
  assert.equal(sent?.headers.cookie, undefined, 'headers of the instance are not forwarded');
  for (const [from, to] of [
    [400, 400],
    [403, 403],
    [404, 404],
    [409, 409],
    [500, 500],
    [502, 502],
    [503, 503],
    [504, 504],
    [418, 500],
    [301, 500],
  ]) {
    status = from ?? 0;
    assert.equal((await w.get('/', by('10.50.0.227'))).status, to, String(from));
  }
  assert.equal((await w.get('/', by('10.50.0.9'))).status, 404, 'an unknown asker never gets there');
  const calls = seen.length;
  nova.closeAllConnections();
  await new Promise(resolve => nova.close(resolve));
  assert.equal((await w.get('/', by('10.50.0.227'))).status, 503);
  assert.equal(seen.length, calls);
});

test('Nova behind TLS: by its certificate, or whoever it is where that was said', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-md-tls-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-keyout', key, '-out', cert, ...subject];
  execFileSync('openssl', made, { stdio: 'ignore' });
  const options = { cert: readFileSync(cert), key: readFileSync(key), requestCert: true, rejectUnauthorized: false };
  const nova = createTlsServer(options, (req, res) => res.end(String((req.socket as TLSSocket).authorized)));
  await new Promise<void>(resolve => nova.listen(0, 'localhost', resolve));
  t.after(() => {
    nova.closeAllConnections();
    nova.close();
  });
  const url = `https://localhost:${(nova.address() as AddressInfo).port}`;
  const ask = async (tls?: NovaMetadata['tls']): Promise<number> =>
    (await (await world(t, { kind: 'nova', url, secret: 's', ...(tls ? { tls } : {}) })).get('/', by('10.50.0.227'))).status;
  assert.equal(await ask(), 503);
  assert.equal(await ask({ caFile: cert }), 200);
  assert.equal(await ask({ caFile: cert, certFile: cert, keyFile: key }), 200);
  assert.equal(await ask({ insecure: true }), 200);
  await assert.rejects(ask({ caFile: join(folder, 'none.pem') }), /ENOENT/);
});

test('who may connect to the socket', async t => {
  const modeOf = async (mode?: MetadataConfig['mode']): Promise<number> =>
    statSync((await world(t, { kind: 'builtin' }, mode ? { mode } : {})).socket).mode & 0o777;
  assert.deepEqual(await Promise.all([modeOf(), modeOf('deduce'), modeOf('user'), modeOf('all')]), [0o600, 0o600, 0o644, 0o666]);
});

test('the state report', async t => {
  const w = await world(t);
  for (let i = 0; i < 1000 && w.server.called('report_state').length === 0; i++) await new Promise(resolve => setTimeout(resolve, 5));
  const state = (w.server.called('report_state')[0]?.args['agent_state'] as { agent_state: Record<string, Json> }).agent_state;
  assert.deepEqual([state['agent_type'], state['binary'], state['topic']], ['Metadata agent', 'neutron-metadata-agent', 'N/A']);
  assert.deepEqual(Object.keys(state['configurations'] as object), [
    'metadata_proxy_socket',
    'nova_metadata_host',
    'nova_metadata_port',
    'log_agent_heartbeats',
  ]);
});
