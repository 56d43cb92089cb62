// The whole DHCP agent on a simulated host and a server with state, over a bus, in simulated time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Broker } from '../../adapters/bus-local/broker.ts';
import { localBus } from '../../adapters/bus-local/local-bus.ts';
import { type SimHost, simHost } from '../../adapters/host/sim-host.ts';
import { textLog } from '../../adapters/log/text-log.ts';
import { BusTimeout, RpcFailure } from '../../contracts/bus.ts';
import { SimClock } from '../../engine/clock.ts';
import type { AgentContext, AgentPart, DhcpConfig } from '../context.ts';
import { NET, networkDict, routerPort, SUB4, SUB6, subnet4, subnet6, VM1, VM2, vm1, vm2 } from '../desired/dhcp/samples.suite.ts';
import { startDhcpAgent } from './agent.ts';
import { type Dict, type SimNetwork, SimServer } from './sim-server.suite.ts';

const OTHER = 'e6a99dde-0a55-4b6d-8605-02e72a1e8b06';
const NS = `qdhcp-${NET}`;
const FOLDER = `/state/dhcp/${NET}`;

interface World extends AsyncDisposable {
  readonly server: SimServer;
  readonly host: SimHost;
  readonly clock: SimClock;
  readonly lines: string[];
  agent: AgentPart;
  /** Lets everything happen that happens within this time. */
  settle(ms?: number): Promise<void>;
  restart(): Promise<void>;
  /** Sends a message and lets it have its effects. */
  notifyAll(method: string, payload: Dict): Promise<void>;
}

async function world(
  networks: readonly Dict[],
  prepare: (server: SimServer, host: SimHost) => void = () => {},
  more: Partial<DhcpConfig> = {},
): Promise<World> {
  const clock = new SimClock(1_800_000_000_000);
  const lines: string[] = [];
  const log = textLog({ sink: { write: line => lines.push(line) } });
  const broker = new Broker({ clock, log });
  const [bus, serverBus] = [localBus({ broker, clock, log }), localBus({ broker, clock, log })];
  const server = new SimServer(serverBus, 'lb1');
  for (const n of networks) server.add(n as SimNetwork);
  const host = simHost();
  host.processes.program(process.execPath, () => ({ code: 1 }));
  prepare(server, host);
  await server.start();
  const dhcp = {
    dnsDomain: 'openstacklocal',
    leaseSeconds: 86400,
    dnsServers: [],
    enableIsolatedMetadata: true,
    forceMetadata: false,
    dropUser: true,
    ...more,
  };
  const ctx: AgentContext = {
    bus,
    host,
    clock,
    log,
    random: () => 0.5,
    config: { host: 'lb1', statePath: '/state', reportIntervalMs: 30_000, dhcp },
  };
  const settle = async (ms = 1500): Promise<void> => {
    for (let left = ms; left > 0; left -= 25) {
      await clock.advance(25);
      await new Promise(resolve => setImmediate(resolve));
      await new Promise(resolve => setImmediate(resolve));
    }
  };
  const w: World = {
    server,
    host,
    clock,
    lines,
    agent: await startDhcpAgent(ctx),
    settle,
    async restart() {
      await w.agent[Symbol.asyncDispose]();
      w.agent = await startDhcpAgent(ctx);
      await settle();
    },
    async notifyAll(method, payload) {
      await server.notify(method, payload);
      await settle();
    },
    async [Symbol.asyncDispose]() {
      await w.agent[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
      await serverBus[Symbol.asyncDispose]();
    },
  };
  await settle();
  return w;
}

/** All of a host that this agent may touch, but for pids, times and logs. */
async function picture(host: SimHost): Promise<unknown> {
  const namespaces = [...(await host.links.namespaces())].sort();
  const links = await Promise.all(
    ['', ...namespaces].map(async ns =>
      (await host.links.list(ns)).map(l => ({ ...l, index: 0, addresses: l.addresses.map(a => a.cidr).sort() })),
    ),
  );
  const routes = await Promise.all(namespaces.flatMap(ns => ([4, 6] as const).map(f => host.links.routes(ns, f))));
  const files = [...host.files.texts].filter(([path]) => !/\/(pid|leases)$|\.pid\./.test(path)).map(([path, file]) => [path, file.text]);
  const processes = [...host.processes.table.values()].map(p => [p.name, p.ns, p.argv]);
  const mangle = await Promise.all(namespaces.map(ns => host.iptables.save(ns, 4, 'mangle')));
  const sorted = (list: unknown[]): unknown[] => list.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return {
    namespaces,
    links,
    routes: routes.map(r => sorted([...r])),
    files: sorted(files),
    processes: sorted(processes),
    mangle: mangle.map(m => m.replace(/^#.*\n/gm, '')),
  };
}

const dnsmasq = (host: SimHost, net = NET) => [...host.processes.table.values()].find(p => p.name === `dnsmasq-${net}`);
const haproxy = (host: SimHost, net = NET) => [...host.processes.table.values()].find(p => p.name === `haproxy-${net}`);

const other = (): Dict => {
  const ids = new Map([
    [NET, OTHER],
    [SUB4, OTHER.replace('e6a9', 'aaaa')],
    [VM1, VM1.replace('fc6d', 'bbbb')],
  ]);
  const text = JSON.stringify(networkDict([subnet4()], [vm1()]));
  return JSON.parse([...ids].reduce((t, [a, b]) => t.replaceAll(a, b), text)) as Dict;
};
const net = (...args: Parameters<typeof networkDict>): Dict => networkDict(...args) as Dict;
const evil = { extra_dhcp_opts: [{ opt_name: 'bootfile-name', opt_value: 'x\nport=0', ip_version: 4 }] };

const states: Readonly<Record<string, readonly Dict[]>> = {
  nothing: [],
  'IPv4 with two ports': [net([subnet4()], [vm1(), vm2()])],
  'another MTU': [net([subnet4()], [vm1(), vm2()], { mtu: 1400 })],
  'one port less, one address changed': [
    net([subnet4()], [vm1({ fixed_ips: [{ subnet_id: SUB4, ip_address: '10.50.0.92' }], revision_number: 7 })]),
  ],
  'dual stack': [net([subnet4(), subnet6('dhcpv6-stateful')], [vm1(), vm2()])],
  'SLAAC alone': [net([subnet6('slaac')], [vm1()])],
  'with a router': [net([subnet4()], [vm1(), routerPort()])],
  'network down': [net([subnet4()], [vm1()], { admin_state_up: false })],
  'DHCP off': [net([subnet4({ enable_dhcp: false })], [vm1()])],
  'a port with an evil option': [net([subnet4()], [vm1(evil), vm2()])],
  'two networks': [net([subnet4()], [vm1()]), other()],
};

/** Makes the server have this, keeping DHCP ports as a server does, and tells the agent as a server does. */
async function goTo(w: World, to: readonly Dict[], how: 'messages' | 'resync'): Promise<void> {
  const wanted = new Map(to.map(n => [String(n['id']), n as SimNetwork]));
  for (const id of w.server.networks.keys()) {
    if (wanted.has(id)) continue;
    w.server.networks.delete(id);
    w.server.scheduled.delete(id);
    if (how === 'messages') await w.server.notify('network_delete_end', { network_id: id, priority: 2 });
  }
  for (const [id, n] of wanted) {
    const was = w.server.networks.get(id);
    const subnets = new Set(n.subnets.map(s => s.id));
    const own = (was?.ports ?? []).filter(p => p['device_owner'] === 'network:dhcp');
    w.server.add(n);
    const now = w.server.networks.get(id);
    now?.ports.push(...own.map(p => ({ ...p, fixed_ips: p.fixed_ips.filter(f => subnets.has(f.subnet_id)) })));
    if (how === 'resync') continue;
    if (!was) await w.server.notify('network_create_end', { network: { id }, priority: 0 });
    else await w.server.notify('network_update_end', { network: { id }, priority: 1 });
    await w.server.notify('subnet_update_end', { subnet: { network_id: id }, priority: 3 });
  }
  if (how === 'resync') await w.server.notify('agent_updated', { admin_state_up: true });
  await w.settle();
}

for (const [a, from] of Object.entries(states)) {
  for (const [b, to] of Object.entries(states)) {
    test(`${a} → ${b} lands where ${b} alone lands`, async () => {
      await using alone = await world(to);
      const want = await picture(alone.host);
      for (const how of ['messages', 'resync'] as const) {
        await using w = await world(from);
        await goTo(w, to, how);
        assert.deepEqual(await picture(w.host), want, how);
      }
    });
  }
}

test('a port message costs one reload; what changes nothing costs none', async () => {
  await using w = await world([net([subnet4()], [vm1()])]);
  assert.deepEqual(dnsmasq(w.host)?.signals, []);
  assert.equal(w.server.ready().includes(VM1), true);
  const pid = dnsmasq(w.host)?.pid;
  const asked = w.server.called('get_network_info').length;
  for (const priority of [5, 6, 6]) await w.server.notify('port_create_end', { port: vm2() as Dict, priority });
  await w.settle();
  assert.deepEqual(dnsmasq(w.host)?.signals, ['SIGHUP']);
  assert.match((await w.host.files.read(`${FOLDER}/host`)) ?? '', /fa:16:3e:1c:e4:0d/);
  assert.equal(w.server.ready().filter(id => id === VM2).length, 2, 'for the first message, and for those behind it together');
  await w.server.notify('port_update_end', { port: vm2() as Dict, priority: 6 });
  await w.settle();
  assert.deepEqual(dnsmasq(w.host)?.signals, ['SIGHUP']);
  await w.server.notify('port_delete_end', { port_id: VM2, network_id: NET, fixed_ips: [], priority: 6 });
  await w.settle();
  assert.deepEqual(dnsmasq(w.host)?.signals, ['SIGHUP', 'SIGHUP']);
  assert.doesNotMatch((await w.host.files.read(`${FOLDER}/host`)) ?? '', /fa:16:3e:1c:e4:0d/);
  assert.equal(dnsmasq(w.host)?.pid, pid);
  assert.equal(w.server.called('get_network_info').length, asked, 'port messages ask the server nothing');
});

test('ready ports go out at most 64 at once, urgent ones first, and after the files', async () => {
  const ports = Array.from({ length: 150 }, (_, i) => {
    const hex = i.toString(16).padStart(4, '0');
    return vm1({ id: VM1.replace('fc6d', hex), mac_address: `fa:16:3e:00:${hex.slice(0, 2)}:${hex.slice(2)}` });
  });
  await using w = await world([net([subnet4()], ports)]);
  assert.deepEqual(
    w.server.called('dhcp_ready_on_ports').map(c => (c.args['port_ids'] as string[]).length),
    [64, 64, 23],
  );
  w.server.calls.length = 0;
  await w.server.notify('port_create_end', { port: vm2({ id: VM2 }) as Dict, priority: 6 });
  await w.server.notify('port_create_end', { port: vm2({ id: VM2.replace('da24', 'ffff') }) as Dict, priority: 5 });
  await w.settle();
  assert.equal(w.server.ready()[0], VM2.replace('da24', 'ffff'));
});

test('one port that the server cannot stand does not hold up the others', async () => {
  await using w = await world([net([subnet4()], [vm1(), vm2()])], server =>
    server.failing.set('dhcp_ready_on_ports', new RpcFailure('ValueError', 'no')),
  );
  await w.settle(5000);
  const single = w.server.called('dhcp_ready_on_ports').filter(c => (c.args['port_ids'] as string[]).length === 1);
  assert.equal(single.length, 3);
  assert.equal(w.lines.filter(l => l.includes('refused a ready port')).length, 3);
});

test('a restarted agent adopts what runs, and touches nothing that is right', async () => {
  await using w = await world([net([subnet4()], [vm1()])]);
  const before = await picture(w.host);
  const [pid, proxy] = [dnsmasq(w.host)?.pid, haproxy(w.host)?.pid];
  const leases = await w.host.files.read(`${FOLDER}/leases`);
  await w.restart();
  assert.deepEqual(await picture(w.host), before);
  assert.deepEqual([dnsmasq(w.host)?.pid, haproxy(w.host)?.pid], [pid, proxy]);
  assert.deepEqual(dnsmasq(w.host)?.signals, []);
  assert.equal(await w.host.files.read(`${FOLDER}/leases`), leases);
  assert.equal(w.server.called('create_dhcp_port').length, 1);
});

test('an agent that died between writing files and telling dnsmasq: the next one tells it', async () => {
  await using w = await world([net([subnet4()], [vm1()])]);
  await w.agent[Symbol.asyncDispose]();
  await w.host.files.write(`${FOLDER}/loaded`, 'what was read before');
  await w.restart();
  assert.deepEqual(dnsmasq(w.host)?.signals, ['SIGHUP']);
});

test('a dnsmasq with tagged hosts is not reloaded but started anew, since it would die of it', async () => {
  const tagged = vm1({ extra_dhcp_opts: [{ opt_name: 'mtu', opt_value: '1300', ip_version: 4 }] });
  await using w = await world([net([subnet4()], [tagged])]);
  const pid = dnsmasq(w.host)?.pid;
  await w.server.notify('port_create_end', { port: vm2() as Dict, priority: 6 });
  await w.settle();
  assert.deepEqual([dnsmasq(w.host)?.signals, dnsmasq(w.host)?.pid === pid], [[], false]);
  assert.match((await w.host.files.read(`${FOLDER}/host`)) ?? '', /fa:16:3e:1c:e4:0d/);
  const second = dnsmasq(w.host)?.pid;
  w.server.networks.get(NET)?.ports.push(vm2() as SimNetwork['ports'][number]);
  await w.restart();
  assert.equal(dnsmasq(w.host)?.pid, second, 'and is adopted like any other');
});

test('a dnsmasq that dies of a reload is seen at once', async () => {
  await using w = await world([net([subnet4()], [vm1()])]);
  await w.settle(1000);
  await w.server.notify('port_create_end', { port: vm2() as Dict, priority: 6 });
  await w.settle(100);
  w.host.processes.kill(dnsmasq(w.host)?.pid ?? assert.fail());
  await w.settle(400);
  assert.ok(dnsmasq(w.host));
});

test('what changed while the agent was away: command line, ports, networks that are gone', async () => {
  await using w = await world([net([subnet4()], [vm1()]), other()]);
  const pid = dnsmasq(w.host)?.pid;
  await w.agent[Symbol.asyncDispose]();
  const n = w.server.networks.get(NET) ?? assert.fail();
  n['mtu'] = 1400;
  w.server.networks.delete(OTHER);
  w.server.scheduled.delete(OTHER);
  await w.restart();
  assert.notEqual(dnsmasq(w.host)?.pid, pid);
  assert.ok(dnsmasq(w.host)?.argv.includes('--dhcp-option-force=option:mtu,1400'));
  assert.equal((await w.host.links.list(NS)).find(l => l.name.startsWith('ns-'))?.mtu, 1400);
  assert.deepEqual(await w.host.links.namespaces(), [NS]);
  assert.deepEqual(
    [...w.host.files.texts.keys()].filter(p => p.includes(OTHER)),
    [],
  );
});

test('nothing is taken away before the server has answered', async () => {
  await using w = await world([net([subnet4()], [vm1()])]);
  w.server.failing.set('get_active_networks_info', new RpcFailure('OperationalError', 'database is locked'));
  await w.restart();
  await w.settle(10_000);
  assert.ok(dnsmasq(w.host));
  assert.ok(w.lines.some(l => l.includes('synchronisation with the server failed')));
  w.server.failing.clear();
  w.server.scheduled.clear();
  await w.settle(40_000);
  assert.equal(dnsmasq(w.host), undefined, 'the control: with an answer it goes');
});

test('dnsmasq and haproxy that die come back; one that dies at once is tried ever more rarely', async () => {
  await using w = await world([net([subnet4()], [vm1()])]);
  const first = dnsmasq(w.host)?.pid ?? assert.fail();
  w.host.processes.kill(first);
  await w.settle(4000);
  assert.ok(dnsmasq(w.host) && dnsmasq(w.host)?.pid !== first);
  w.host.processes.kill(haproxy(w.host)?.pid ?? assert.fail());
  await w.settle(4000);
  assert.ok(haproxy(w.host));
  let starts = 0;
  w.host.processes.program('dnsmasq', () => {
    starts++;
    return { code: 3, stderr: 'junk found in command line' };
  });
  w.host.processes.kill(dnsmasq(w.host)?.pid ?? assert.fail());
  await w.settle(120_000);
  assert.ok(starts >= 4 && starts < 15, `started ${starts} times`);
  assert.ok(w.lines.some(l => l.includes('junk found in command line')));
});

test('one network that fails stops no other', async () => {
  await using w = await world([net([subnet4()], [vm1()]), other()], (_, host) => {
    host.processes.failNext('ensure', { name: `dnsmasq-${NET}`, times: 5 });
  });
  assert.equal(dnsmasq(w.host), undefined);
  assert.ok(dnsmasq(w.host, OTHER));
  await w.agent.synced;
  await w.settle(60_000);
  assert.ok(dnsmasq(w.host), 'and it is tried again');
  assert.ok(w.server.ready().includes(VM1));
});

test('no report of ready ports while dnsmasq does not stand', async () => {
  await using w = await world([net([subnet4()], [vm1()])], (_, host) => host.processes.failNext('ensure', { times: 3 }));
  assert.deepEqual(w.server.ready(), []);
  await w.settle(20_000);
  assert.ok(w.server.ready().includes(VM1));
});

test('a failing kernel: each refusal of a link change is got over', async () => {
  for (let round = 0; round < 6; round++) {
    await using w = await world([net([subnet4()], [vm1()])], (_, host) => {
      for (const what of ['add-link', 'set-link', 'add-address', 'replace-route'] as const) {
        if (round < 4 && what === (['add-link', 'set-link', 'add-address', 'replace-route'] as const)[round]) host.links.failNext(what);
      }
      if (round === 4) host.iptables.failNext('restore');
      if (round === 5) host.files.failNext('write');
    });
    await w.settle(30_000);
    await using clean = await world([net([subnet4()], [vm1()])]);
    assert.deepEqual(await picture(w.host), await picture(clean.host), `round ${round}`);
  }
});

test('the DHCP port: a reserved one is taken over, a stolen device_id is not', async () => {
  const reserved = vm2({
    device_owner: 'network:dhcp',
    device_id: 'reserved_dhcp_port',
    fixed_ips: [{ subnet_id: SUB4, ip_address: '10.50.0.5' }],
  });
  await using w = await world([net([subnet4()], [vm1(), reserved])]);
  assert.deepEqual(w.server.called('update_dhcp_port')[0]?.args['port'], {
    port: { network_id: NET, device_id: `dhcp8230875d-f69e-58db-84bc-7330176d788c-${NET}` },
  });
  assert.equal(w.server.called('create_dhcp_port').length, 0);
  const thief = vm2({ device_id: `dhcp8230875d-f69e-58db-84bc-7330176d788c-${NET}` });
  await using v = await world([net([subnet4()], [vm1(), thief])]);
  assert.equal(v.server.called('create_dhcp_port').length, 1);
});

test('a subnet more: the DHCP port gets an address on it, keeping the others', async () => {
  await using w = await world([net([subnet4()], [vm1()])]);
  const n = w.server.networks.get(NET) ?? assert.fail();
  n.subnets.push(subnet6('dhcpv6-stateful') as SimNetwork['subnets'][number]);
  await w.server.notify('subnet_create_end', { subnet: { network_id: NET }, priority: 3 });
  await w.settle();
  const body = w.server.called('update_dhcp_port')[0]?.args['port'];
  assert.deepEqual(body, { port: { network_id: NET, fixed_ips: [{ subnet_id: SUB4, ip_address: '10.50.0.2' }, { subnet_id: SUB6 }] } });
  assert.ok((await w.host.links.list(NS)).some(l => l.addresses.some(a => a.cidr === '2001:db8:50::2/64')));
});

test('our own port deleted under us is made again', async () => {
  await using w = await world([net([subnet4()], [vm1()])]);
  const n = w.server.networks.get(NET) ?? assert.fail();
  const own = n.ports.find(p => p['device_owner'] === 'network:dhcp') ?? assert.fail();
  n.ports = n.ports.filter(p => p !== own);
  await w.server.notify('port_delete_end', { port_id: own.id, network_id: NET, fixed_ips: [], priority: 6 });
  await w.settle();
  assert.equal(w.server.called('create_dhcp_port').length, 2);
});

test('an address that changes hands is released first; when that fails dnsmasq starts with a clean lease file', async () => {
  await using w = await world([net([subnet4()], [vm1()])]);
  await w.host.files.write(`${FOLDER}/leases`, '1900000000 fa:16:3e:56:49:45 10.50.0.227 * *\n');
  const pid = dnsmasq(w.host)?.pid;
  w.host.processes.program(process.execPath, () => {
    void w.host.files.write(`${FOLDER}/leases`, '');
    return {};
  });
  const heir = vm2({ fixed_ips: [{ subnet_id: SUB4, ip_address: '10.50.0.227' }] });
  await w.server.notify('port_delete_end', { port_id: VM1, network_id: NET, fixed_ips: [], priority: 6 });
  await w.server.notify('port_create_end', { port: heir as Dict, priority: 6 });
  await w.settle();
  const sent = w.host.processes.ran.find(r => r.argv[0] === process.execPath);
  assert.equal(sent?.ns, NS);
  assert.match(sent?.argv[3] ?? '', /"port":67/);
  assert.equal(dnsmasq(w.host)?.pid, pid);

  w.host.processes.program(process.execPath, () => ({ code: 1 }));
  await w.host.files.write(`${FOLDER}/leases`, '1900000000 fa:16:3e:1c:e4:0d 10.50.0.227 * *\n');
  await w.server.notify('port_delete_end', { port_id: VM2, network_id: NET, fixed_ips: [], priority: 6 });
  const third = vm1({ id: VM1.replace('fc6d', 'cccc'), fixed_ips: [{ subnet_id: SUB4, ip_address: '10.50.0.227' }] });
  await w.server.notify('port_create_end', { port: third as Dict, priority: 6 });
  await w.settle(5000);
  assert.notEqual(dnsmasq(w.host)?.pid, pid);
  assert.match((await w.host.files.read(`${FOLDER}/leases`)) ?? '', /^\d+ fa:16:3e:56:49:45 10\.50\.0\.227 \* \*\n$/);
});

test('a server that had given us up is asked for everything anew', async () => {
  await using w = await world([net([subnet4()], [vm1()])]);
  const asked = w.server.called('get_active_networks_info').length;
  w.server.reportAnswer = 'revived';
  await w.settle(31_000);
  assert.equal(w.server.called('get_active_networks_info').length, asked + 1);
});

test('what is heard while the server gathers its answer is newer than the answer', async () => {
  await using w = await world([net([subnet4()], [vm1()])]);
  const { promise, resolve } = Promise.withResolvers<void>();
  w.server.held.set('get_active_networks_info', promise);
  w.server.add(other() as SimNetwork);
  w.server.scheduled.delete(OTHER);
  await w.notifyAll('agent_updated', { admin_state_up: true });
  const moved = vm1({ fixed_ips: [{ subnet_id: SUB4, ip_address: '10.50.0.9' }], revision_number: 2 });
  w.server.networks.get(NET)?.ports.splice(0, 1, moved as SimNetwork['ports'][number]);
  w.server.scheduled.add(OTHER);
  await w.notifyAll('port_update_end', { port: moved as Dict, priority: 6 });
  await w.notifyAll('network_create_end', { network: { id: OTHER }, priority: 0 });
  assert.match((await w.host.files.read(`${FOLDER}/host`)) ?? '', /10\.50\.0\.9\b/);
  resolve();
  w.server.held.clear();
  await w.settle();
  assert.equal(w.server.called('get_active_networks_info').length, 2);
  assert.match((await w.host.files.read(`${FOLDER}/host`)) ?? '', /10\.50\.0\.9\b/, 'not what the answer says');
  assert.ok(dnsmasq(w.host, OTHER), 'not gone because the answer does not name it');
});

test('a port of a network that the answer on its way names for the first time is not lost', async () => {
  await using w = await world([]);
  const { promise, resolve } = Promise.withResolvers<void>();
  w.server.held.set('get_active_networks_info', promise);
  w.server.add(net([subnet4()], [vm1()]) as SimNetwork);
  await w.notifyAll('agent_updated', { admin_state_up: true });
  w.server.networks.get(NET)?.ports.push(vm2() as SimNetwork['ports'][number]);
  await w.notifyAll('port_create_end', { port: vm2() as Dict, priority: 6 });
  resolve();
  w.server.held.clear();
  await w.settle();
  assert.match((await w.host.files.read(`${FOLDER}/host`)) ?? '', /fa:16:3e:1c:e4:0d/);
  assert.ok(w.server.ready().includes(VM2));
});

test('a refusal of the server is asked about again after a while', async () => {
  await using w = await world([net([subnet4()], [vm1()])], server =>
    server.failing.set('create_dhcp_port', new RpcFailure('IpAddressGenerationFailure', 'none left')),
  );
  await w.settle(10_000);
  assert.equal(w.server.called('create_dhcp_port').length, 1, 'not at once');
  w.server.failing.clear();
  await w.settle(60_000);
  assert.ok(dnsmasq(w.host));
});

test('a kernel without IPv6 serves IPv4', async () => {
  const keys = ['disable_ipv6', 'accept_ra', 'dad_transmits'].map(k => `net/ipv6/conf/default/${k}`);
  await using w = await world([net([subnet4(), subnet6('slaac')], [vm1()])], (_, host) => {
    for (const key of keys) host.files.withoutSysctl(key);
  });
  const addresses = (await w.host.links.list(NS))
    .flatMap(l => l.addresses.map(a => a.cidr))
    .filter(a => !a.startsWith('fe80:') && !a.startsWith('::1'));
  assert.deepEqual(addresses, ['127.0.0.1/8', '10.50.0.2/24', '169.254.169.254/32']);
  assert.doesNotMatch((await w.host.files.read(`/state/ns-metadata-proxy/${NET}.conf`)) ?? '', /fe80/);
});

test('a network that is not scheduled to us any more gives its port back', async () => {
  await using w = await world([net([subnet4()], [vm1()])]);
  w.server.failing.set('release_dhcp_port', new BusTimeout('release_dhcp_port', 1));
  await w.server.notify('network_delete_end', { network_id: NET, priority: 2 });
  await w.settle();
  assert.deepEqual(await w.host.links.namespaces(), []);
  assert.equal(w.host.processes.table.size, 0);
  w.server.failing.clear();
  await w.settle(5000);
  assert.deepEqual(
    [...w.host.files.texts.keys()].filter(p => p.includes(NET) && !p.endsWith('.log')),
    [],
  );
});

test('messages that make no sense are named and ignored', async () => {
  await using w = await world([net([subnet4()], [vm1()])]);
  const before = await picture(w.host);
  const port = { ...vm2(), network_id: '../../etc' } as Dict;
  await w.server.notify('port_create_end', { port, priority: 6 });
  await w.server.notify('network_delete_end', { network_id: '../..' });
  await w.server.notify('port_update_end', { port: 'x', priority: 'y' });
  await w.server.notify('network_create_end', {});
  await w.settle();
  assert.deepEqual(await picture(w.host), before);
  assert.equal(w.lines.filter(l => l.includes('names no network')).length, 4);
});

test('on Open vSwitch: a port of the switch in the namespace; a switch that begins again has dnsmasq and haproxy begin again', async () => {
  const interfaceDriver = {
    kind: 'openvswitch',
    bridge: 'br-int',
    useVeth: false,
    datapathType: 'netdev',
    connection: 'unix:/run/openvswitch/db.sock',
    timeoutMs: 10_000,
  } as const;
  await using w = await world([net([subnet4()], [vm1()])], () => {}, { interfaceDriver });
  const settled = async (what: string, holds: () => boolean): Promise<void> => {
    for (let i = 0; !holds(); i++) {
      assert.ok(i < 100, `${what}: ${w.lines.slice(-3).join('')}`);
      await w.settle(500);
    }
  };
  assert.equal(dnsmasq(w.host), undefined, 'there is no bridge yet');
  await using others = w.host.ovsdb.open({ connection: interfaceDriver.connection });
  await others.apply({ bridges: { 'br-int': { datapath_type: 'netdev' } } });
  await settled('served', () => dnsmasq(w.host) !== undefined && haproxy(w.host) !== undefined);
  const device = () => w.host.links.nets.get(NS)?.link(`tapd4c9${NET.slice(0, 4)}-b0`);
  assert.equal(device()?.kind, 'tun');
  const [before, served, proxy] = [await picture(w.host), dnsmasq(w.host)?.pid, haproxy(w.host)?.pid];
  w.host.ovsdb.stopSwitch();
  w.host.ovsdb.startSwitch();
  await settled('served anew', () => dnsmasq(w.host) !== undefined && dnsmasq(w.host)?.pid !== served && haproxy(w.host) !== undefined);
  assert.deepEqual(await picture(w.host), before);
  assert.notEqual(haproxy(w.host)?.pid, proxy);
  assert.equal(device()?.abandoned, undefined);
  w.server.scheduled.clear();
  await w.notifyAll('network_delete_end', { network_id: NET });
  await settled('gone', () => !w.host.links.nets.has(NS));
  assert.deepEqual([...w.host.ovsdb.now().bridges.get('br-int')!.ports.keys()], ['br-int']);
});
