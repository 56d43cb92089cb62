// For tests: the whole agent on a simulated host, a fake server on a bus, and states that a router may be in.
import { localBus } from '../../adapters/bus-local/local-bus.ts';
import { type SimHost, simHost } from '../../adapters/host/sim-host.ts';
import type { Log } from '../../contracts/log.ts';
import { SimClock } from '../../engine/clock.ts';
import type { AgentContext, AgentPart, L3Config } from '../context.ts';
import { startL3Agent } from './agent.ts';
import { FakeServer, type FloatingOf, type PortOf, type RouterOf, uuid } from './fake-server.suite.ts';

export const HOST = 'h1';
export const R1 = uuid('rou', 1);
export const R2 = uuid('rou', 2);
export const NETNS = `qrouter-${R1}`;

export const inside: PortOf = {
  id: uuid('int', 1),
  network: uuid('net', 1),
  mac: 'fa:16:3e:00:00:01',
  ips: ['10.1.0.1/24', '2001:db8:1::1/64'],
  subnets: [
    { cidr: '10.1.0.0/24', gateway: '10.1.0.1' },
    { cidr: '2001:db8:1::/64', gateway: '2001:db8:1::1', ra: 'slaac', dns: ['2001:db8::53', '8.8.8.8'] },
  ],
};
export const other: PortOf = {
  ...inside,
  id: uuid('int', 2),
  network: uuid('net', 2),
  mac: 'fa:16:3e:00:00:02',
  ips: ['10.2.0.1/24'],
  subnets: [{ cidr: '10.2.0.0/24', gateway: '10.2.0.1' }],
  mtu: 1400,
};
export const outside: PortOf = {
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
export const fip = (fixed: string | null, status = 'DOWN'): FloatingOf => ({ id: uuid('fip', 1), floating: '203.0.113.55', fixed, status });

export const log: Log & { lines: string[] } = quietLog();
function quietLog(): Log & { lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (message: string, fields?: object) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  const self = { lines, debug: at('debug'), info: at('info'), warning: at('warning'), error: at('error'), child: (): Log => self };
  return self;
}

export interface World extends AsyncDisposable {
  readonly host: SimHost;
  readonly server: FakeServer;
  readonly clock: SimClock;
  readonly bus: ReturnType<typeof localBus>;
  start(): Promise<AgentPart>;
  /** The agents end, and one begins that is told this besides. */
  restart(config?: Partial<L3Config>): Promise<AgentPart>;
}

export async function world(config: Partial<L3Config> = {}): Promise<World> {
  const clock = new SimClock();
  const bus = localBus({ clock, log });
  const server = await FakeServer.open(bus, HOST);
  const host = simHost();
  host.processes.program('iptables', () => ({ stdout: 'iptables v1.8.9 (nf_tables)\n' }));
  let l3: L3Config = { enableMetadataProxy: true, metadataPort: 9697, handleInternalOnlyRouters: true, dropUser: false, ...config };
  const ctx = (): AgentContext => ({
    bus,
    host,
    clock,
    log,
    random: () => 0.5,
    config: { host: HOST, statePath: '/state', reportIntervalMs: 30_000, l3 },
  });
  const parts: AgentPart[] = [];
  const w: World = {
    host,
    server,
    clock,
    bus,
    async start() {
      const part = await startL3Agent(ctx());
      parts.push(part);
      await settle();
      await part.synced;
      await settle();
      return part;
    },
    async restart(more = {}) {
      for (const part of parts.splice(0)) await part[Symbol.asyncDispose]();
      l3 = { ...l3, ...more };
      return await w.start();
    },
    async [Symbol.asyncDispose]() {
      for (const part of parts) await part[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
    },
  };
  return w;
}

/** Lets everything run that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 60; i++) await new Promise(resolve => setImmediate(resolve));
}

/** All that one can see of a simulated host, without the order in which it came about. */
export async function picture(host: SimHost): Promise<unknown> {
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

export const states: Readonly<Record<string, readonly RouterOf[]>> = {
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
  'conntrack helpers': [
    {
      id: R1,
      interfaces: [inside],
      gateway: outside,
      more: {
        conntrack_helpers: [
          { protocol: 'udp', port: 69, helper: 'tftp' },
          { protocol: 'tcp', port: 21, helper: 'ftp' },
        ],
      },
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
