// The whole agent on a simulated host: every state leads to every other, restarts touch nothing, one bad router holds up no other.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { localBus } from '../../adapters/bus-local/local-bus.ts';
import { type SimHost, simHost } from '../../adapters/host/sim-host.ts';
import type { Refusal } from '../../contracts/host/netns.ts';
import type { Log } from '../../contracts/log.ts';
import { SimClock } from '../../engine/clock.ts';
import type { AgentContext, AgentPart, L3Config } from '../context.ts';
import { startL3Agent } from './agent.ts';
import { FakeServer, type FloatingOf, type PortOf, type RouterOf, uuid } from './fake-server.suite.ts';

const HOST = 'h1';
const R1 = uuid('rou', 1);
const R2 = uuid('rou', 2);
const NETNS = `qrouter-${R1}`;

const inside: PortOf = {
  id: uuid('int', 1),
  network: uuid('net', 1),
  mac: 'fa:16:3e:00:00:01',
  ips: ['10.1.0.1/24', '2001:db8:1::1/64'],
  subnets: [
    { cidr: '10.1.0.0/24', gateway: '10.1.0.1' },
    { cidr: '2001:db8:1::/64', gateway: '2001:db8:1::1', ra: 'slaac', dns: ['2001:db8::53', '8.8.8.8'] },
  ],
};
const other: PortOf = {
  ...inside,
  id: uuid('int', 2),
  network: uuid('net', 2),
  mac: 'fa:16:3e:00:00:02',
  ips: ['10.2.0.1/24'],
  subnets: [{ cidr: '10.2.0.0/24', gateway: '10.2.0.1' }],
  mtu: 1400,
};
const outside: PortOf = {
  id: uuid('ext', 1),
  network: uuid('pub', 1),
  mac: 'fa:16:3e:00:00:09',
  mtu: 1500,
  ips: ['203.0.113.67/24', '2001:db8:f::67/64'],
  subnets: [
    { cidr: '203.0.113.0/24', gateway: '203.0.113.1' },
    { cidr: '2001:db8:f::/64', gateway: 'fe80::1' },
  ],
  extra: [{ cidr: '198.51.100.0/24', gateway: '198.51.100.1' }],
};
const fip = (fixed: string | null, status = 'DOWN'): FloatingOf => ({ id: uuid('fip', 1), floating: '203.0.113.55', fixed, status });

const log: Log & { lines: string[] } = quietLog();
function quietLog(): Log & { lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (message: string, fields?: object) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  const self = { lines, debug: at('debug'), info: at('info'), warning: at('warning'), error: at('error'), child: (): Log => self };
  return self;
}

interface World extends AsyncDisposable {
  readonly host: SimHost;
  readonly server: FakeServer;
  readonly clock: SimClock;
  readonly bus: ReturnType<typeof localBus>;
  start(): Promise<AgentPart>;
}

async function world(config: Partial<L3Config> = {}): Promise<World> {
  const clock = new SimClock();
  const bus = localBus({ clock, log });
  const server = await FakeServer.open(bus, HOST);
  const host = simHost();
  host.processes.program('iptables', () => ({ stdout: 'iptables v1.8.9 (nf_tables)\n' }));
  const ctx: AgentContext = {
    bus,
    host,
    clock,
    log,
    random: () => 0.5,
    config: {
      host: HOST,
      statePath: '/state',
      reportIntervalMs: 30_000,
      l3: { enableMetadataProxy: true, metadataPort: 9697, handleInternalOnlyRouters: true, dropUser: false, ...config },
    },
  };
  const parts: AgentPart[] = [];
  return {
    host,
    server,
    clock,
    bus,
    async start() {
      const part = await startL3Agent(ctx);
      parts.push(part);
      await settle();
      await part.synced;
      await settle();
      return part;
    },
    async [Symbol.asyncDispose]() {
      for (const part of parts) await part[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
    },
  };
}

/** Lets everything run that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let i = 0; i < 60; i++) await new Promise(resolve => setImmediate(resolve));
}

/** All that one can see of a simulated host, without the order in which it came about. */
async function picture(host: SimHost): Promise<unknown> {
  const out: Record<string, unknown> = {};
  for (const ns of [...(await host.links.namespaces()), ''].sort()) {
    const links = (await host.links.list(ns)).map(({ index: _, mac, ...l }) => ({
      ...l,
      mac: ns === '' ? '' : mac,
      addresses: l.addresses.map(a => a.cidr).sort(),
    }));
    const routes = [...(await host.links.routes(ns, 4)), ...(await host.links.routes(ns, 6))].map(r => JSON.stringify(r)).sort();
    const saved = await Promise.all(([4, 6] as const).map(f => host.iptables.save(ns, f)));
    out[ns] = { links: links.sort((a, b) => (a.name < b.name ? -1 : 1)), routes, tables: saved.map(sortedTables) };
  }
  out['files'] = [...host.files.texts]
    .map(([path, f]) => (path.endsWith('.pid') || path.includes('.pid.') ? path : `${path}\n${f.text}`))
    .sort();
  out['processes'] = [...host.processes.table.values()].map(p => `${p.ns} ${p.argv.join(' ')}`).sort();
  return out;
}

/** Chains in alphabetical order; rules within a chain keep theirs. */
function sortedTables(text: string): string[] {
  return (
    text
      .split('COMMIT\n')
      .map(table => {
        const lines = table.trim().split('\n');
        const of = (line: string): string => line.split(' ')[line.startsWith('-A') ? 1 : 0]?.replace(':', '') ?? '';
        return lines
          .map((line, i) => ({ line, key: `${of(line)} ${line.startsWith(':') ? '0' : `1${String(i).padStart(5, '0')}`}` }))
          .sort((a, b) => (a.key < b.key ? -1 : 1))
          .map(l => l.line)
          .join('\n');
      })
      // A table without a rule and with no chain of ours is as good as none.
      .filter(table => /neutron/.test(table))
  );
}

const states: Readonly<Record<string, readonly RouterOf[]>> = {
  nothing: [],
  'internal only': [{ id: R1, interfaces: [inside] }],
  'two networks': [{ id: R1, interfaces: [inside, other] }],
  gateway: [{ id: R1, interfaces: [inside, other], gateway: outside }],
  'without SNAT': [{ id: R1, interfaces: [inside, other], gateway: outside, snat: false }],
  'other gateway address': [
    {
      id: R1,
      interfaces: [inside],
      gateway: { ...outside, ips: ['203.0.113.68/24'], subnets: [{ cidr: '203.0.113.0/24', gateway: '203.0.113.2' }], extra: [] },
    },
  ],
  'other address, same way out': [{ id: R1, interfaces: [inside], gateway: { ...outside, ips: ['203.0.113.69/24', '2001:db8:f::69/64'] } }],
  'floating IP': [{ id: R1, interfaces: [inside, other], gateway: outside, floating: [fip('10.1.0.11')] }],
  'floating IP elsewhere': [{ id: R1, interfaces: [inside, other], gateway: outside, floating: [fip('10.2.0.22')] }],
  'port forwarding': [
    {
      id: R1,
      interfaces: [inside],
      gateway: outside,
      forwarding: [
        {
          id: uuid('fip', 2),
          floating: '203.0.113.99',
          forwardings: [{ id: uuid('pf', 1), protocol: 'tcp', internal_ip_address: '10.1.0.11', internal_port: 22, external_port: 2222 }],
        },
      ],
    },
  ],
  'extra routes': [
    {
      id: R1,
      interfaces: [inside],
      gateway: outside,
      routes: [
        { destination: '192.0.2.0/24', nexthop: '10.1.0.77' },
        { destination: '2001:db8:77::/48', nexthop: '2001:db8:1::77' },
      ],
    },
  ],
  'other MAC and MTU': [
    {
      id: R1,
      interfaces: [
        { ...inside, mac: 'fa:16:3e:00:00:77' },
        { ...other, mtu: 1300 },
      ],
      gateway: outside,
    },
  ],
  'address scopes': [
    {
      id: R1,
      interfaces: [{ ...inside, scope: uuid('sco', 1) }, other],
      gateway: { ...outside, scope: uuid('sco', 1) },
      floating: [fip('10.2.0.22')],
    },
  ],
  'two routers': [
    { id: R1, interfaces: [inside], gateway: outside },
    { id: R2, interfaces: [other] },
  ],
};

describe('every state leads to every other', () => {
  for (const [from, first] of Object.entries(states))
    test(`from ${from}`, async () => {
      for (const [to, second] of Object.entries(states)) {
        await using direct = await world();
        direct.server.set(...second);
        await direct.start();
        await using w = await world();
        w.server.set(...first);
        await w.start();
        w.server.set(...second);
        for (const id of [R1, R2]) await w.server.updated(id);
        await settle();
        // `first` may have had routers that a message does not name any more.
        assert.deepEqual(await picture(w.host), await picture(direct.host), `${from} -> ${to}`);
      }
    });
});

test('at no step between two states can a packet leave untranslated, or reach the metadata port', async () => {
  const translated = Object.entries(states).filter(([, routers]) => routers.every(r => r.snat !== false));
  for (const [from, first] of translated)
    for (const [to, second] of translated) {
      await using w = await world();
      let steps = 0;
      // The agent would only try again: what is seen is kept until the end.
      const wrong: string[] = [];
      const look = async (): Promise<void> => {
        if (!(await w.host.links.namespaces()).includes(NETNS)) return;
        const up = (await w.host.links.list(NETNS)).filter(l => l.up && l.name.startsWith('q'));
        const saved = await w.host.iptables.save(NETNS, 4);
        steps++;
        if (up.length > 0 && !/--dport 9697 -j DROP/.test(saved)) wrong.push('the metadata port is open');
        for (const { name } of up.filter(l => l.name.startsWith('qg-')))
          if (!saved.includes(`-A neutron-l3-agent-snat -o ${name} -j SNAT`)) wrong.push(`${name} is up without SNAT`);
      };
      const { links, iptables } = w.host;
      const apply = links.apply.bind(links);
      const restore = iptables.restore.bind(iptables);
      links.apply = async (ns, batch) => {
        const refused: Refusal[] = [];
        for (const change of batch) {
          refused.push(...(await apply(ns, [change])));
          await look();
        }
        return refused;
      };
      iptables.restore = async (ns, family, text) => {
        await restore(ns, family, text);
        await look();
      };
      w.server.set(...first);
      await w.start();
      w.server.set(...second);
      for (const id of [R1, R2]) await w.server.updated(id);
      await settle();
      if (to !== 'nothing') assert.ok(steps > 0);
      assert.deepEqual(wrong, [], `${from} -> ${to}`);
    }
});

test('a restarted agent changes nothing where all is as wanted', async () => {
  for (const [name, routers] of Object.entries(states)) {
    await using w = await world();
    w.server.set(...routers);
    await using first = await w.start();
    await first[Symbol.asyncDispose]();
    const before = await picture(w.host);
    const [batches, restored, pids] = [w.host.links.batches.length, w.host.iptables.restored.length, [...w.host.processes.table.keys()]];
    await w.start();
    assert.deepEqual(w.host.links.batches.slice(batches), [], name);
    assert.deepEqual(w.host.iptables.restored.slice(restored), [], name);
    assert.deepEqual([...w.host.processes.table.keys()], pids, name);
    assert.deepEqual(await picture(w.host), before, name);
  }
});

test('nothing is removed before the server has answered, leftovers go afterwards', async () => {
  await using w = await world();
  w.server.set(...states['two routers']!);
  const first = await w.start();
  await first[Symbol.asyncDispose]();
  w.server.set({ id: R1, interfaces: [inside], gateway: outside });
  w.server.unwell = true;
  const before = await picture(w.host);
  const second = w.start();
  await settle();
  await w.clock.advance(5000);
  await settle();
  assert.deepEqual(await picture(w.host), before);
  w.server.unwell = false;
  await w.clock.advance(60_000);
  await second;
  assert.deepEqual(await w.host.links.namespaces(), [NETNS]);
  assert.equal(
    [...w.host.files.texts.keys()].some(path => path.includes(R2)),
    false,
  );
  assert.equal(
    [...w.host.processes.table.values()].some(p => p.argv.join(' ').includes(R2)),
    false,
  );
});

test('leftovers of routers that nobody remembers go, namespaces and daemons of others stay', async () => {
  await using w = await world();
  const gone = uuid('rou', 9);
  await w.host.links.addNamespace(`qrouter-${gone}`);
  await w.host.links.apply('', [
    { do: 'add-link', link: { kind: 'veth', name: 'tapdead0000-00', peer: 'qr-dead0000-00', peerNetns: `qrouter-${gone}` } },
  ]);
  await w.host.links.addNamespace('qdhcp-1');
  await w.host.links.addNamespace('qrouter-not-an-id');
  await w.host.files.write(`/state/ra/${uuid('rou', 8)}.radvd.conf`, '');
  await w.start();
  assert.deepEqual((await w.host.links.namespaces()).toSorted(), ['qdhcp-1', 'qrouter-not-an-id']);
  assert.deepEqual(
    (await w.host.links.list('')).map(l => l.name),
    ['lo'],
  );
  assert.deepEqual(await w.host.files.list('/state/ra'), []);
});

test('HA and distributed routers are left alone, and that is said', async () => {
  await using w = await world();
  w.server.set({ id: R1, interfaces: [inside], more: { ha: true } }, { id: R2, interfaces: [other], more: { distributed: true } });
  await w.host.links.addNamespace(NETNS);
  log.lines.length = 0;
  await w.start();
  assert.deepEqual(await w.host.links.namespaces(), [NETNS]);
  assert.deepEqual(
    (await w.host.links.list(NETNS)).map(l => l.name),
    ['lo'],
  );
  assert.equal(log.lines.filter(l => /HA routers are not supported|distributed routers are not supported/.test(l)).length, 2);
});

test('a router that fails is tried again and holds up no other', async () => {
  await using w = await world();
  w.server.set(...states['two routers']!);
  w.host.iptables.failNext('restore', { name: NETNS, times: 3 });
  await w.start();
  assert.match(JSON.stringify(await w.host.links.list(`qrouter-${R2}`)), /10\.2\.0\.1/);
  // Fails closed: without its filter no device was made.
  assert.deepEqual(
    (await w.host.links.list(NETNS)).map(l => l.name),
    ['lo'],
  );
  await w.clock.advance(30_000);
  await settle();
  assert.match(JSON.stringify(await w.host.links.list(NETNS)), /203\.0\.113\.67/);
});

test('a router whose radvd or proxy does not start still forwards, and so do the others', async () => {
  await using w = await world();
  w.server.set(...states['two routers']!);
  w.host.processes.failNext('ensure', { name: `radvd-${R1}`, times: 2 });
  await w.start();
  assert.match(JSON.stringify(await w.host.links.list(NETNS)), /203\.0\.113\.67/);
  const radvd = (): boolean => [...w.host.processes.table.values()].some(p => p.argv[0] === 'radvd');
  assert.equal(radvd(), false);
  await w.clock.advance(10_000);
  await settle();
  assert.equal(radvd(), true);
});

test('a route that the kernel refuses costs only that route, an address of the gateway its floating IPs', async () => {
  await using w = await world();
  const id = uuid('fip', 1);
  w.server.set({ ...states['extra routes']![0]!, floating: [fip('10.1.0.11')] });
  w.host.links.failNext('replace-route', { times: 4, name: `qr-${inside.id.slice(0, 11)}` });
  await w.start();
  assert.deepEqual(w.server.statuses.at(-1)?.statuses, { [id]: 'ACTIVE' });
  assert.doesNotMatch(JSON.stringify(await w.host.links.routes(NETNS, 4)), /192\.0\.2\.0/);
  await w.clock.advance(60_000);
  await settle();
  assert.match(JSON.stringify(await w.host.links.routes(NETNS, 4)), /192\.0\.2\.0/);
  await using other = await world();
  other.server.set(...states['floating IP']!);
  other.host.links.failNext('add-address', { times: 8, name: `qg-${outside.id.slice(0, 11)}` });
  await other.start();
  assert.deepEqual(other.server.statuses.at(-1)?.statuses, { [id]: 'ERROR' });
  await other.clock.advance(60_000);
  await settle();
  assert.deepEqual(other.server.statuses.at(-1)?.statuses, { [id]: 'ACTIVE' });
});

test('without IPv6 in the kernel, routers forward IPv4', async () => {
  await using w = await world();
  w.server.set(...states['gateway']!);
  w.host.files.withoutSysctl('net.ipv6.conf.all.forwarding');
  await w.start();
  const seen = JSON.stringify(await picture(w.host));
  assert.match(seen, /203\.0\.113\.67/);
  assert.doesNotMatch(JSON.stringify(await w.host.links.list(NETNS)), /2001:db8/);
});

test('a namespace that somebody else deleted is made anew, with daemons that live in it', async () => {
  await using w = await world();
  w.server.set(...states['gateway']!);
  await w.start();
  const before = await picture(w.host);
  const pids = [...w.host.processes.table.keys()];
  await w.host.links.delNamespace(NETNS);
  await settle();
  assert.deepEqual(await picture(w.host), before);
  assert.equal(
    [...w.host.processes.table.keys()].some(pid => pids.includes(pid)),
    false,
  );
});

test('one router that the server cannot describe does not hide the others', async () => {
  await using w = await world();
  w.server.set(...states['two routers']!);
  w.server.broken.add(R1);
  await w.start();
  assert.deepEqual(await w.host.links.namespaces(), [`qrouter-${R2}`]);
  w.server.broken.clear();
  await w.clock.advance(31_000);
  await settle();
  assert.deepEqual((await w.host.links.namespaces()).toSorted(), [NETNS, `qrouter-${R2}`].toSorted());
});

test('a router that cannot be read any more stays as it was', async () => {
  await using w = await world();
  w.server.set(...states['gateway']!);
  await w.start();
  const before = await picture(w.host);
  w.server.set({ id: R1, interfaces: [inside], gateway: { ...outside, mac: 'nonsense' } });
  await w.server.updated(R1);
  await settle();
  assert.deepEqual(await picture(w.host), before);
});

test('floating IPs: reported when they work, when they go, and when they fail', async () => {
  await using w = await world();
  w.server.set(...states['floating IP']!);
  await w.start();
  const id = uuid('fip', 1);
  assert.deepEqual(w.server.statuses, [{ router: R1, statuses: { [id]: 'ACTIVE' } }]);
  // The server knows it now: nothing to say.
  w.server.set({ ...states['floating IP']![0]!, floating: [fip('10.1.0.11', 'ACTIVE')] });
  await w.server.updated(R1);
  await settle();
  assert.equal(w.server.statuses.length, 1);
  w.server.set(...states['gateway']!);
  await w.server.updated(R1);
  await settle();
  assert.deepEqual(w.server.statuses.at(-1), { router: R1, statuses: { [id]: 'DOWN' } });
  w.host.iptables.failNext('restore', { name: NETNS });
  w.server.set(...states['floating IP']!);
  await w.server.updated(R1);
  await settle();
  assert.deepEqual(w.server.statuses.at(-1), { router: R1, statuses: { [id]: 'ERROR' } });
  await w.clock.advance(5000);
  await settle();
  assert.deepEqual(w.server.statuses.at(-1), { router: R1, statuses: { [id]: 'ACTIVE' } });
  w.server.set();
  await w.server.deleted(R1);
  await settle();
  assert.deepEqual(w.server.statuses.at(-1), { router: R1, statuses: { [id]: 'DOWN' } });
});

test('a status is kept until the server takes it', async () => {
  await using w = await world();
  w.server.set(...states['gateway']!);
  await w.start();
  w.server.set(...states['floating IP']!);
  const broken = w.server.statuses.length;
  await w.server.updated(R1);
  w.server.unwell = true;
  await settle();
  w.server.unwell = false;
  await w.clock.advance(40_000);
  await settle();
  assert.equal(w.server.statuses.length, broken + 1);
});

test('a floating IP that moves or goes ends the flows of the old one, and of no other', async () => {
  await using w = await world();
  w.server.set(...states['floating IP']!);
  await w.start();
  const flows = [
    { family: 4, protocol: 'tcp', src: '198.51.100.9', dst: '203.0.113.55', replySrc: '10.1.0.11' },
    { family: 4, protocol: 'tcp', src: '10.1.0.11', dst: '198.51.100.9' },
    { family: 4, protocol: 'tcp', src: '10.2.0.22', dst: '198.51.100.9' },
  ] as const;
  for (const flow of flows) w.host.conntrack.track(NETNS, flow);
  await w.server.updated(R1);
  await settle();
  assert.equal((await w.host.conntrack.list(NETNS, 4)).length, 3);
  w.server.set(...states['floating IP elsewhere']!);
  await w.server.updated(R1);
  await settle();
  assert.deepEqual(
    (await w.host.conntrack.list(NETNS, 4)).map(f => f.src),
    ['10.2.0.22'],
  );
});

test('flows that could not be ended are ended by the next attempt, and by the next agent', async () => {
  await using w = await world();
  w.server.set(...states['floating IP']!);
  const first = await w.start();
  w.host.conntrack.track(NETNS, { family: 4, protocol: 'tcp', src: '198.51.100.9', dst: '203.0.113.55', replySrc: '10.1.0.11' });
  w.host.conntrack.failNext('flush');
  w.server.set(...states['gateway']!);
  await w.server.updated(R1);
  await settle();
  assert.equal((await w.host.conntrack.list(NETNS, 4)).length, 1);
  assert.doesNotMatch(await w.host.iptables.save(NETNS, 4), /-A neutron-l3-agent-PREROUTING -d 203/);
  await first[Symbol.asyncDispose]();
  await w.start();
  assert.equal((await w.host.conntrack.list(NETNS, 4)).length, 0);
  assert.doesNotMatch(await w.host.iptables.save(NETNS, 4), /203\.0\.113\.55/);
});

test('one changed router changes only what differs: a floating IP more is no device, no radvd', async () => {
  await using w = await world();
  w.server.set(...states['gateway']!);
  await w.start();
  const pids = [...w.host.processes.table.keys()];
  const batches = w.host.links.batches.length;
  w.server.set(...states['floating IP']!);
  await w.server.updated(R1);
  await settle();
  assert.deepEqual(
    w.host.links.batches.slice(batches).flatMap(b => b.changes.map(c => c.do)),
    ['add-address'],
  );
  assert.deepEqual([...w.host.processes.table.keys()], pids);
  assert.deepEqual(w.host.links.announced.at(-1), { ns: NETNS, dev: `qg-${outside.id.slice(0, 11)}`, ip: '203.0.113.55' });
});

test('a changed advertisement is a reload of radvd, not a restart', async () => {
  await using w = await world();
  w.server.set(...states['gateway']!);
  await w.start();
  const radvd = () => [...w.host.processes.table.values()].find(p => p.argv[0] === 'radvd');
  const pid = radvd()?.pid;
  w.server.set({ id: R1, gateway: outside, interfaces: [{ ...inside, mtu: 1280 }, other] });
  await w.server.updated(R1);
  await settle();
  assert.equal(radvd()?.pid, pid);
  assert.deepEqual(radvd()?.signals, ['SIGHUP']);
});

test('radvd and the proxy are started again when they die', async () => {
  await using w = await world();
  w.server.set(...states['gateway']!);
  await w.start();
  for (const p of [...w.host.processes.table.values()]) w.host.processes.kill(p.pid);
  await w.clock.advance(2500);
  await settle();
  assert.deepEqual([...w.host.processes.table.values()].map(p => p.argv[0]).sort(), ['haproxy', 'radvd']);
});

test('when the L2 agent plugs a device, its addresses are announced and radvd says its piece again', async () => {
  await using w = await world();
  w.server.set(...states['internal only']!);
  await w.start();
  const before = w.host.links.announced.length;
  await w.host.links.apply('', [
    { do: 'add-link', link: { kind: 'bridge', name: 'brq1' } },
    { do: 'set-link', name: `tap${inside.id.slice(0, 11)}`, master: 'brq1' },
  ]);
  await settle();
  assert.deepEqual(
    w.host.links.announced.slice(before).map(a => a.ip),
    ['10.1.0.1', '2001:db8:1::1'],
  );
  assert.deepEqual([...w.host.processes.table.values()].find(p => p.argv[0] === 'radvd')?.signals, ['SIGHUP']);
});

test('a device that somebody else deleted comes back', async () => {
  await using w = await world();
  w.server.set(...states['gateway']!);
  await w.start();
  const before = await picture(w.host);
  await w.host.links.apply('', [{ do: 'del-link', name: `tap${outside.id.slice(0, 11)}` }]);
  await settle();
  assert.deepEqual(await picture(w.host), before);
});

test('messages: removal, addition as a call, disabling, another MTU, and a port forwarding', async () => {
  await using w = await world();
  w.server.set(...states['two routers']!);
  await w.start();
  const all = new Map(w.server.routers);
  w.server.routers.delete(R1);
  await w.bus.cast({ topic: 'l3_agent', server: HOST, version: '1.0' }, 'router_removed_from_agent', { payload: { router_id: R1 } });
  await settle();
  assert.deepEqual(await w.host.links.namespaces(), [`qrouter-${R2}`]);
  for (const [id, dict] of all) w.server.routers.set(id, dict);
  assert.equal(await w.bus.call({ topic: 'l3_agent', server: HOST, version: '1.0' }, 'router_added_to_agent', { payload: [R1] }), null);
  await settle();
  assert.equal((await w.host.links.namespaces()).length, 2);
  const syncs = w.server.count('sync_routers');
  const network = (mtu: number) =>
    w.bus.cast({ topic: 'q-agent-notifier-network-update', fanout: true, version: '1.4' }, 'network_update', {
      network: { id: inside.network, mtu },
    });
  await network(1450);
  await settle();
  assert.equal(w.server.count('sync_routers'), syncs);
  await network(1400);
  await settle();
  assert.equal(w.server.count('sync_routers'), syncs + 1);
  const forwarding = {
    'versioned_object.name': 'PortForwarding',
    'versioned_object.version': '1.3',
    'versioned_object.data': { router_id: R1 },
  };
  await w.bus.cast({ topic: 'neutron-vo-PortForwarding-1.3', fanout: true, version: '1.1' }, 'push', {
    resource_list: [forwarding],
    event_type: 'created',
  });
  await settle();
  assert.equal(w.server.count('sync_routers'), syncs + 2);
  w.server.set();
  await w.bus.cast({ topic: 'l3_agent', server: HOST, version: '1.0' }, 'agent_updated', { payload: { admin_state_up: false } });
  await settle();
  assert.deepEqual(await w.host.links.namespaces(), []);
});

test('a router of another agent costs no question', async () => {
  await using w = await world();
  w.server.set(...states['gateway']!);
  await w.start();
  const syncs = w.server.count('sync_routers');
  await w.server.deleted(uuid('rou', 77));
  await settle();
  assert.equal(w.server.count('sync_routers'), syncs);
});

test('without handle_internal_only_routers, a router needs a gateway', async () => {
  await using w = await world({ handleInternalOnlyRouters: false });
  w.server.set({ id: R1, interfaces: [inside], gateway: outside }, { id: R2, interfaces: [other] });
  await w.start();
  assert.deepEqual(await w.host.links.namespaces(), [NETNS]);
  w.server.set({ id: R1, interfaces: [inside] });
  await w.server.updated(R1);
  await settle();
  assert.deepEqual(await w.host.links.namespaces(), []);
});

test('the report is that of a legacy L3 agent', async () => {
  await using w = await world();
  w.server.set(...states['floating IP']!);
  await w.start();
  await w.clock.advance(31_000);
  await settle();
  const { uuid: _, ...report } = w.server.reports.at(-1)!;
  assert.deepEqual(report, {
    binary: 'neutron-l3-agent',
    host: HOST,
    availability_zone: 'nova',
    topic: 'l3_agent',
    agent_type: 'L3 agent',
    configurations: {
      agent_mode: 'legacy',
      handle_internal_only_routers: true,
      interface_driver: 'linuxbridge',
      log_agent_heartbeats: false,
      extensions: ['port_forwarding'],
      routers: 1,
      ex_gw_ports: 1,
      interfaces: 2,
      floating_ips: 1,
    },
  });
});
