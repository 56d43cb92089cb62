// What Nova is told of instances' ports: what is recorded of Neutron, in order, until Nova has answered, by whichever server is there.
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { textLog } from '../../src/adapters/log/text-log.ts';
import type { NovaConfig } from '../../src/server/context.ts';
import { live, type Stream, type Told } from '../interop/nova-lives.ts';
import { type Api, client, type Made } from './client.ts';
import { newDatabase } from './database.ts';
import { type Body, beat, type Harness, start, until } from './harness.ts';
import { listenerPassword, NovaListener, taken } from './nova-listener.ts';
import { databaseAt } from './open-database.ts';

interface World extends AsyncDisposable {
  readonly nova: NovaListener;
  readonly h: Harness;
  readonly network: string;
  /** What the server has logged, from `info` on. */
  readonly lines: readonly string[];
  port(more?: Body): Promise<Made>;
  rename(port: Made, name: string): Promise<void>;
  remove(port: Made): Promise<void>;
  /** Nova was told of it last. */
  heard(port: Made, name: string): Promise<void>;
}

async function world(more: Partial<NovaConfig> = {}): Promise<World> {
  const nova = await NovaListener.start();
  const lines: string[] = [];
  const log = textLog({ sink: { write: line => void lines.push(line) }, level: 'info' });
  const h = await start({ nova: nova.config(more), agentDownTime: 3600 }, log);
  const { id: network } = await h.admin.make('networks', 'network', {});
  const change = async (method: string, { id }: Made, body?: Body): Promise<void> => {
    const { status } = await h.admin.request(method, `ports/${id}`, body);
    assert.ok(status < 300, `${method} answered ${status}`);
  };
  return {
    nova,
    h,
    network,
    lines,
    port: (attributes = {}) => instancePort(h.admin, network, attributes),
    rename: (port, name) => change('PUT', port, { port: { name } }),
    remove: port => change('DELETE', port),
    heard: async (port, name) => {
      await until(`${name} of ${port.id}`, async () => nova.events.some(e => e.tag === port.id && e.name === name), 60_000);
    },
    async [Symbol.asyncDispose]() {
      await h[Symbol.asyncDispose]();
      await nova[Symbol.asyncDispose]();
    },
  };
}

const instancePort = (api: Api, network_id: string, attributes: Body = {}): Promise<Made> =>
  api.make('ports', 'port', { network_id, device_id: randomUUID(), device_owner: 'compute:nova', ...attributes });

const [changed, deleted] = ['network-changed', 'network-vif-deleted'] as const;
const [plugged, unplugged] = ['network-vif-plugged completed', 'network-vif-unplugged completed'] as const;

/** Where the status of a port is another than Neutron's, so is what is told of it: docs/differences.md. */
const different: Readonly<Record<string, Stream>> = {
  // DOWN at once, and not when its host has said so.
  'a port is put down and up': [plugged, unplugged, changed, plugged],
  // Another profile does not take a port from its host for a moment.
  'an instance moves, its port is plugged there before': [plugged, changed, plugged, unplugged, plugged],
  'an instance does not get there, and stays': [plugged, changed, plugged, unplugged, plugged],
};

/** That the network of an instance has changed is told twice in a row by Neutron where nothing else was: once is as good. */
const once_ = (stream: Stream): Stream => stream.filter((event, i) => event !== changed || event !== stream[i - 1]);

test('Nova hears what it hears from Neutron', async () => {
  await using w = await world();
  const recorded = JSON.parse(readFileSync(join(import.meta.dirname, '../data/nova-events.json'), 'utf8')) as Told;
  const told = await live({ api: w.h.admin, rpc: w.h.rpc, nova: w.nova });
  assert.deepEqual(Object.keys(told), Object.keys(recorded));
  for (const [name, streams] of Object.entries(told)) {
    const wanted = different[name] ? [different[name]] : (recorded[name] as readonly Stream[]);
    assert.deepEqual(streams.map(once_), wanted.map(once_), name);
    if (different[name]) assert.notDeepEqual(streams.map(once_), recorded[name]?.map(once_), `${name} is as from Neutron now`);
  }
});

test('a request is what Nova knows, to the endpoint of the region, with the token of the service user', async () => {
  await using w = await world();
  const port = await w.port();
  await w.rename(port, 'a');
  await w.heard(port, changed);
  const [post] = w.nova.posts;
  assert.equal(post?.path, '/v2.1/os-server-external-events');
  assert.equal(post?.headers['x-auth-token'], 'token-1');
  assert.equal(post?.headers['x-openstack-nova-api-version'], '2.1');
  assert.match(String(post?.headers['x-openstack-request-id']), /^req-[0-9a-f-]{36}$/);
  assert.deepEqual(post?.events, [{ name: changed, server_uuid: port['device_id'], tag: port.id }]);
  const domain = { name: 'Default' };
  assert.deepEqual(w.nova.logins, [
    {
      auth: {
        identity: { methods: ['password'], password: { user: { name: 'neutron', domain, password: listenerPassword } } },
        scope: { project: { name: 'service', domain } },
      },
    },
  ]);
});

test('the first is told at once, the next together after the interval', async () => {
  await using w = await world({ interval: 1 });
  const { promise: later, resolve: answer } = Promise.withResolvers<void>();
  let asked = 0;
  w.nova.answer = async events => {
    asked++;
    await later;
    return taken(events);
  };
  const port = await w.port();
  await w.rename(port, 'a');
  await until('Nova is told', async () => asked > 0);
  for (const name of ['b', 'c', 'd']) await w.rename(port, name);
  await w.remove(port);
  const answered = performance.now();
  answer();
  await w.heard(port, deleted);
  const [first, second, ...more] = w.nova.posts;
  assert.deepEqual(first?.events.length, 1);
  assert.deepEqual(
    second?.events.map(e => e['name']),
    [changed, changed, changed, deleted],
  );
  assert.deepEqual(more, []);
  assert.ok(second.at - answered >= 990);
});

test('only what is wanted is told', async () => {
  for (const [more, wanted] of [
    [{ status: false }, [changed, deleted]],
    [{ data: false }, ['network-vif-plugged', 'network-vif-unplugged']],
  ] as const) {
    await using w = await world(more);
    await beat(w.h, 'node-1');
    const port = await w.port({ 'binding:host_id': 'node-1' });
    const said = { device: port.id, host: 'node-1', agent_id: 'lb' };
    for (const method of ['get_device_details', 'update_device_up', 'update_device_down']) await w.h.rpc('q-plugin', method, said, '1.5');
    await w.rename(port, 'a');
    await w.remove(port);
    await w.heard(port, wanted[1]);
    assert.deepEqual(
      w.nova.events.map(e => e['name']),
      wanted,
    );
  }
});

test('of an instance on its way Nova hears when its host has the port, and not when DHCP has it last', async () => {
  await using w = await world();
  await beat(w.h, 'node-1');
  await w.h.admin.make('subnets', 'subnet', { network_id: w.network, ip_version: 4, cidr: '10.9.0.0/24' });
  for (const [profile, first, wanted] of [
    [{}, 'L2', ['network-vif-plugged', changed]],
    [{ migrating_to: 'node-two' }, 'L2', [changed]],
    [{ migrating_to: 'node-two' }, 'DHCP', ['network-vif-plugged', changed]],
  ] as const) {
    const port = await w.port({ 'binding:host_id': 'node-1', 'binding:profile': profile });
    const said = { device: port.id, host: 'node-1', agent_id: 'lb' };
    const ready = { L2: () => w.h.rpc('q-plugin', 'update_device_up', said, '1.5'), DHCP: () => dhcpHas(w, port) };
    await w.h.rpc('q-plugin', 'get_device_details', said, '1.5');
    await ready[first]();
    await ready[first === 'L2' ? 'DHCP' : 'L2']();
    assert.equal(((await w.h.admin.request('GET', `ports/${port.id}`)).body['port'] as Body)['status'], 'ACTIVE');
    await w.rename(port, 'a');
    await w.heard(port, changed);
    assert.deepEqual(
      w.nova.events.filter(e => e['tag'] === port.id).map(e => e['name']),
      wanted,
    );
  }
});

const dhcpHas = (w: World, port: Made) => w.h.rpc('q-plugin', 'dhcp_ready_on_ports', { port_ids: [port.id] }, '1.5');

async function changedPort(w: World): Promise<Made> {
  const port = await w.port();
  await w.rename(port, 'other');
  return port;
}

test('while Nova is away nothing is lost and nothing overtakes; of a port that is gone meanwhile only that is told', async () => {
  await using w = await world();
  let tries = 0;
  w.nova.answer = () => (++tries % 2 === 0 ? undefined : { status: 503 });
  const [stays, goes] = [await w.port(), await w.port()];
  for (const port of [stays, goes]) await w.rename(port, 'a');
  await until('it is tried again', async () => tries > 2);
  await w.remove(goes);
  await w.rename(stays, 'b');
  const fixed = await w.h.admin.request('PUT', `ports/${stays.id}`, { port: { device_id: '' } });
  assert.equal(fixed.status, 200);
  assert.deepEqual(w.nova.events, []);
  w.nova.answer = taken;
  await w.heard(goes, deleted);
  const of = (port: Made) => w.nova.events.filter(e => e['tag'] === port.id).map(e => e['name']);
  assert.deepEqual(of(goes), [deleted]);
  assert.deepEqual(of(stays), [changed, changed]);
  assert.ok(w.lines.some(line => line.includes('Nova answers 503')));
});

test('whose port a floating IP leads to is told as it was, however late', async () => {
  await using w = await world();
  const { admin } = w.h;
  const subnet = (network_id: unknown, cidr: string) => admin.make('subnets', 'subnet', { network_id, ip_version: 4, cidr });
  const { id: floating_network_id } = await admin.make('networks', 'network', { 'router:external': true });
  await subnet(floating_network_id, '203.0.113.0/24');
  const router = await admin.make('routers', 'router', { external_gateway_info: { network_id: floating_network_id } });
  const inner = await subnet(w.network, '10.9.0.0/24');
  await admin.request('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: inner.id });
  const { promise: later, resolve: goOn } = Promise.withResolvers<void>();
  let waiting = 0;
  w.nova.answer = async events => {
    waiting++;
    await later;
    return taken(events);
  };
  await changedPort(w);
  await until('Nova thinks', async () => waiting > 0);
  const [gone, given, kept] = [await w.port(), await w.port(), await w.port()];
  const fip = await admin.make('floatingips', 'floatingip', { floating_network_id, port_id: gone.id });
  await w.remove(gone);
  for (const port of [given, kept]) await admin.request('PUT', `floatingips/${fip.id}`, { floatingip: { port_id: port.id } });
  await admin.request('PUT', `ports/${given.id}`, { port: { device_id: '' } });
  await admin.request('DELETE', `floatingips/${fip.id}`);
  await w.remove(kept);
  goOn();
  await w.heard(kept, deleted);
  const of = (port: Made) => w.nova.events.filter(e => e.tag === port.id);
  for (const port of [gone, given, kept]) assert.ok(of(port).every(e => e.server_uuid === port.device_id));
  assert.deepEqual(
    [gone, given, kept].map(port => of(port).map(e => e.name)),
    [
      [changed, deleted],
      [changed, changed],
      [changed, changed, deleted],
    ],
  );
});

test('a token that is refused or at its end is replaced; while there is none, everything waits', async () => {
  await using w = await world();
  const port = await w.port();
  await w.rename(port, 'a');
  await w.heard(port, changed);
  w.nova.revoke();
  const second = await changedPort(w);
  await w.heard(second, changed);
  assert.equal(w.nova.logins.length, 2);
  w.nova.revoke();
  w.nova.login = () => ({ status: 401 });
  const third = await changedPort(w);
  await until('Keystone is asked again', async () => w.nova.logins.length > 4);
  w.nova.login = () => ({ status: 201 });
  // Each token is too old for a second use.
  w.nova.lasts = 30;
  await w.heard(third, changed);
  const before = w.nova.logins.length;
  await w.heard(await changedPort(w), changed);
  assert.equal(w.nova.logins.length, before + 1);
  assert.ok(w.lines.some(line => /Keystone at http:\/\/127\.0\.0\.1:\d+ answers 401 to the service user/.test(line)));
});

test('what Nova says of each event is logged, and nothing is told again', async () => {
  await using w = await world();
  const codeOf = new Map<unknown, number>();
  w.nova.answer = events => ({
    status: 207,
    body: { events: events.map(e => ({ ...e, status: 'failed', code: codeOf.get(e['tag']) ?? 200 })) },
  });
  const ports: Made[] = [];
  for (const code of [200, 404, 422, 400]) {
    const port = await w.port();
    codeOf.set(port.id, code);
    ports.push(port);
  }
  for (const port of ports) await w.rename(port, 'a');
  const last = await w.port();
  await w.rename(last, 'last');
  await w.heard(last, changed);
  for (const port of ports) assert.equal(w.nova.events.filter(e => e['tag'] === port.id).length, 1);
  const lineOf = (port: Made): string => w.lines.find(line => line.includes(port.id) && line.includes('code')) ?? '';
  const [fine, unknown, homeless, bad] = ports.map(lineOf);
  assert.match(String(fine), / INFO .*Nova was told/i);
  assert.match(String(unknown), / INFO .*does not know the instance/i);
  for (const line of [homeless, bad]) assert.match(String(line), / WARNING .*did not pass an event on/i);
});

test('of several events one that Nova does not take holds up no other', async () => {
  await using w = await world({ interval: 1 });
  const bad = await w.port();
  w.nova.answer = events =>
    events.some(e => e['tag'] === bad.id) ? { status: 400, body: { badRequest: { message: 'no to it' } } } : taken(events);
  const first = await changedPort(w);
  const ports = [await w.port(), await w.port()];
  await w.rename(bad, 'x');
  for (const port of ports) await w.rename(port, 'x');
  for (const port of [first, ...ports]) await w.heard(port, changed);
  await until('it is given up', async () => w.lines.some(line => line.includes(bad.id) && line.includes('no to it')));
  assert.ok(!w.nova.events.some(e => e['tag'] === bad.id));
});

test('an answer to the whole request that is not about its events loses none of them, and is told', async () => {
  await using w = await world();
  for (const reply of [
    { status: 404 },
    { status: 404, body: { itemNotFound: { message: 'The resource could not be found.' } } },
    { status: 403, body: { forbidden: { message: 'Policy does not allow it' } } },
    { status: 405 },
    { status: 500, body: { computeFault: { message: 'Unexpected' } } },
    { status: 503 },
    { status: 200, body: { versions: [] } },
  ]) {
    let asked = 0;
    w.nova.answer = () => {
      asked++;
      return reply;
    };
    const from = w.lines.length;
    const port = await changedPort(w);
    await until(`${JSON.stringify(reply)} is tried again`, async () => asked > 2);
    w.nova.answer = taken;
    await w.heard(port, changed);
    const said = w.lines
      .slice(from)
      .some(line => / ERROR .*relay: delivery failed/i.test(line) && line.includes(`Nova answers ${reply.status}`));
    assert.ok(said, JSON.stringify(reply));
  }
});

test('a Nova that fails now and then loses no event, and is told none twice', async () => {
  await using w = await world({ interval: 1 });
  const first = await changedPort(w);
  const ports = [await w.port(), await w.port(), await w.port()];
  // All at once is too much for it, and the second alone a few times, too.
  let failures = 0;
  w.nova.answer = events => {
    if (events.length === 1 && (events[0]?.['tag'] !== ports[1]?.id || ++failures > 3)) return taken(events);
    return { status: 500 };
  };
  for (const port of ports) await w.rename(port, 'x');
  for (const port of [first, ...ports]) await w.heard(port, changed);
  assert.equal(failures, 4);
  const last = await changedPort(w);
  await w.heard(last, changed);
  assert.deepEqual(w.nova.events.map(e => e['tag']).sort(), [first, ...ports, last].map(port => port.id).sort());
});

test('a Nova that knows none of the instances is done with them; a catalog without Nova is waited for', async () => {
  await using w = await world();
  w.nova.answer = () => ({ status: 404, body: { itemNotFound: { message: 'No instances found for any event' } } });
  await changedPort(w);
  await until('that is said', async () => w.lines.some(line => line.includes('Nova does not know the instance of an event')));
  w.nova.answer = taken;
  await w.heard(await changedPort(w), changed);
  assert.equal(w.nova.events.length, 1);
  await using lost = await world({ account: { ...w.nova.config().account, region_name: 'Three' } });
  await changedPort(lost);
  await until('that is said', async () => lost.lines.some(line => line.includes('no internal endpoint of compute in the region Three')));
});

test('neither passwords nor tokens are logged', async () => {
  await using w = await world();
  w.nova.answer = (events, post) => ({
    status: 400,
    body: { badRequest: { message: `${JSON.stringify(events)} ${post.headers['x-openstack-request-id']}` } },
  });
  await changedPort(w);
  await until('that is said', async () => w.lines.some(line => line.includes('Nova does not take an event')));
  w.nova.login = () => ({ status: 401 });
  w.nova.revoke();
  await changedPort(w);
  await until('that is said', async () => w.lines.some(line => line.includes('answers 401 to the service user')));
  for (const secret of [listenerPassword, 'token-1']) assert.ok(!w.lines.some(line => line.includes(secret)), secret);
});

interface Process {
  readonly api: Api;
  kill(): Promise<void>;
}

async function wholeServer(config: Body): Promise<Process> {
  const stateDir = mkdtempSync(join(tmpdir(), 'weft-whole-'));
  const program = fileURLToPath(import.meta.resolve('./whole-server.ts'));
  const { NODE_TEST_CONTEXT: _test, ...env } = process.env;
  const child: ChildProcess = fork(program, [stateDir, JSON.stringify(config)], {
    env,
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const ended = once(child, 'exit');
  const [{ url }] = (await Promise.race([once(child, 'message'), ended.then(() => Promise.reject(new Error('the server ended')))])) as [
    { url: string },
  ];
  return {
    api: client(url, 'admin'),
    async kill() {
      child.kill('SIGKILL');
      await ended;
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

async function shared(work: (nova: NovaListener, begin: () => Promise<Process>) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-nova-'));
  const started: Process[] = [];
  await using nova = await NovaListener.start();
  const config = { nova: nova.config(), database: databaseAt(await newDatabase(folder)) };
  try {
    await work(nova, async () => {
      const one = await wholeServer(config);
      started.push(one);
      return one;
    });
  } finally {
    for (const one of started) await one.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

test('a server that is killed between a commit and its event loses nothing', async () => {
  await shared(async (nova, begin) => {
    const first = await begin();
    let waiting = 0;
    nova.answer = () => {
      waiting++;
      return new Promise(() => {});
    };
    const { id: network } = await first.api.make('networks', 'network', {});
    const port = await instancePort(first.api, network);
    await first.api.request('PUT', `ports/${port.id}`, { port: { name: 'a' } });
    await until('it is on its way', async () => waiting > 0);
    await first.api.request('DELETE', `ports/${port.id}`);
    await first.kill();
    nova.answer = taken;
    await begin();
    await until('the next one tells', async () => nova.events.some(e => e['name'] === deleted), 60_000);
    assert.deepEqual(
      nova.events.map(e => [e['name'], e['tag']]),
      [
        [changed, port.id],
        [deleted, port.id],
      ],
    );
  });
});

test('two servers tell each event once, and in order', async () => {
  await shared(async (nova, begin) => {
    const servers = [await begin(), await begin()];
    nova.answer = async events => {
      await sleep(20);
      return taken(events);
    };
    const { id: network } = await (servers[0] as Process).api.make('networks', 'network', {});
    const lives = Array.from({ length: 12 }, async (_, n) => {
      const [one, other] = [servers[n % 2], servers[(n + 1) % 2]] as [Process, Process];
      const port = await instancePort(one.api, network);
      for (const { api } of [one, other, one])
        assert.equal((await api.request('PUT', `ports/${port.id}`, { port: { name: 'a' } })).status, 200);
      assert.equal((await other.api.request('DELETE', `ports/${port.id}`)).status, 204);
      return port;
    });
    const ports = await Promise.all(lives);
    await until('all is told', async () => nova.events.filter(e => e['name'] === deleted).length >= ports.length, 60_000);
    await sleep(700);
    for (const port of ports)
      assert.deepEqual(
        nova.events.filter(e => e['tag'] === port.id).map(e => e['name']),
        [changed, changed, changed, deleted],
      );
  });
});
