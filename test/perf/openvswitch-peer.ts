// What Neutron's own Open vSwitch agent and Weft's cost on one host with many ports, one after the other on the same machine: the same server, RabbitMQ and
// Open vSwitch in user space, the `openvswitch` firewall, and every port in one security group that lets its own members in.
// Run as root: node_modules/.bin/node --disable-warning=ExperimentalWarning test/perf/openvswitch-peer.ts [ports] [more]
import { readFileSync, readlinkSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { noAgents } from '../interop/agents/needs.ts';
import type { Made } from '../interop/agents/server.ts';
import { World } from '../interop/agents/world.ts';
import { markdown, ms, percentile } from './statistics.ts';

const count = Number(process.argv[2] ?? 200);
const more = Number(process.argv[3] ?? 20);
const portsPerNetwork = 20;
/** An agent that has not wired all by then has not managed that many. */
const patienceMs = 600_000;
const host = 'ovs1';
const switchDaemons = new Set(['ovsdb-server', 'ovs-vswitchd']);

if (noAgents) throw new Error(noAgents);

interface Life {
  readonly wired: number;
  readonly ms: number;
  /** Of the agent and what it starts, in seconds. */
  readonly cpu: number;
  readonly switchCpu: number;
}

interface Measured {
  readonly cold: Life;
  readonly again: Life;
  readonly oneMore: readonly number[];
  readonly oneMoreCpu: number;
  readonly flows: number;
}

class Host implements AsyncDisposable {
  private readonly world: World;
  private readonly networks: Made[] = [];

  private constructor(world: World) {
    this.world = world;
  }

  static async open(weft: boolean): Promise<Host> {
    const world = await World.open({
      kinds: ['openvswitch'],
      agents: {},
      weft: () => weft,
      server: { quotas: ['port', 'network', 'subnet'].map(name => `quota_${name} = -1`), DEFAULT: ['agent_down_time = 900'] },
      more: () => ({ agent: { extensions: '' }, ovs: { ovsdb_timeout: 300 }, DEFAULT: { rpc_response_timeout: 300 } }),
    });
    // Whichever agent is first may be stopped before it has made its bridge.
    const made = ['--may-exist', 'add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath_type=netdev', 'fail_mode=secure'];
    await world.lab.on(host, 'ovs-vsctl', ...made);
    return new Host(world);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.world[Symbol.asyncDispose]();
  }

  async ports(n: number): Promise<Made[]> {
    const made: Made[] = [];
    while (made.length < n) {
      const wanted = Math.min(portsPerNetwork, n - made.length);
      const network = await this.network();
      const one = {
        network_id: network.id,
        device_owner: 'compute:nova',
        device_id: crypto.randomUUID(),
        'binding:host_id': host,
      };
      const { ports } = await this.world.server.admin.post<{ ports: Made[] }>('/ports', {
        ports: Array.from({ length: wanted }, () => one),
      });
      made.push(...ports);
    }
    return made;
  }

  private async network(): Promise<Made> {
    const { server } = this.world;
    const network = await server.make('networks', 'network', {});
    const cidr = `10.${1 + (this.networks.length >> 8)}.${this.networks.length & 255}.0/24`;
    await server.make('subnets', 'subnet', { network_id: network.id, ip_version: 4, cidr, enable_dhcp: false });
    this.networks.push(network);
    return network;
  }

  async plug(ports: readonly Made[]): Promise<void> {
    const argv = ports.flatMap(port => {
      const tap = `tap${port.id.slice(0, 11)}`;
      const ids = [`iface-id=${port.id}`, `attached-mac="${String(port.mac_address)}"`, 'iface-status=active'];
      return ['--', 'add-port', 'br-int', tap, '--', 'set', 'Interface', tap, 'type=internal', ...ids.map(id => `external_ids:${id}`)];
    });
    await this.world.lab.on(host, 'ovs-vsctl', '--timeout=120', ...argv);
  }

  private async wired(): Promise<number> {
    return (await this.world.server.list('ports?status=ACTIVE&fields=id')).length;
  }

  /** What the processes of the host have spent, in seconds: the switch's daemons, and all others. */
  private async spent(): Promise<{ agent: number; daemons: number }> {
    const init = (await this.world.lab.on(host, 'sh', '-c', 'readlink /proc/self/ns/pid')).trim();
    const sum = { agent: 0, daemons: 0 };
    for (const pid of await readdir('/proc')) {
      if (!/^\d+$/.test(pid)) continue;
      try {
        if (readlinkSync(`/proc/${pid}/ns/pid`) !== init) continue;
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        // Its own, and those of its children that have ended.
        const ticks = fields.slice(11, 15).reduce((total, field) => total + Number(field), 0);
        sum[switchDaemons.has(name) ? 'daemons' : 'agent'] += ticks / 100;
      } catch {
        // It ended meanwhile.
      }
    }
    return sum;
  }

  async stopAgent(): Promise<void> {
    await this.world.agents.kill(this.world.host(host), 'openvswitch');
  }

  /** From the start of the agent until every port was reported up by it. */
  async life(n: number): Promise<Life> {
    const before = await this.spent();
    const began = performance.now();
    this.world.agents.start(this.world.host(host), 'openvswitch');
    let wired = 0;
    while (wired < n && performance.now() - began < patienceMs) {
      await sleep(50);
      wired = await this.wired();
    }
    const after = await this.spent();
    return { wired, ms: performance.now() - began, cpu: after.agent - before.agent, switchCpu: after.daemons - before.daemons };
  }

  /** Bound anew, so that they are DOWN until an agent reports them. */
  async down(ports: readonly Made[]): Promise<void> {
    for (const to of ['', host])
      for (const port of ports) await this.world.server.set(`ports/${port.id}`, 'port', { 'binding:host_id': to });
  }

  async oneMore(n: number): Promise<{ times: number[]; cpu: number }> {
    const times: number[] = [];
    const before = await this.spent();
    for (let i = 0; i < n; i++) {
      const [port] = await this.ports(1);
      const began = performance.now();
      await this.plug([port!]);
      await this.world.until(
        'one more is ACTIVE',
        async () => (await this.world.server.list(`ports?id=${port!.id}`))[0]?.status === 'ACTIVE',
        patienceMs,
      );
      times.push(performance.now() - began);
    }
    return { times, cpu: ((await this.spent()).agent - before.agent) / n };
  }

  async flows(): Promise<number> {
    return Number(await this.world.lab.on(host, 'sh', '-c', 'ovs-ofctl dump-flows br-int | wc -l'));
  }
}

const tell = (text: string): boolean => process.stderr.write(`${text}\n`);

async function measure(name: string, weft: boolean, size: number): Promise<Measured> {
  tell(`${name}: ${size} ports`);
  await using place = await Host.open(weft);
  await place.stopAgent();
  const ports = await place.ports(size);
  for (let i = 0; i < ports.length; i += 100) await place.plug(ports.slice(i, i + 100));
  const cold = await place.life(size);
  tell(`  cold: ${cold.wired} in ${ms(cold.ms)} ms`);
  const flows = await place.flows();
  await place.stopAgent();
  await place.down(ports);
  const again = await place.life(size);
  tell(`  again: ${again.wired} in ${ms(again.ms)} ms`);
  const { times, cpu } = again.wired < size ? { times: [], cpu: Number.NaN } : await place.oneMore(more);
  return { cold, again, oneMore: times, oneMoreCpu: cpu, flows };
}

const peer = await measure("Neutron's", false, count);
const ours = await measure("Weft's", true, count);

const seconds = (value: number): string => (Number.isNaN(value) ? '-' : `${value.toFixed(value < 10 ? 2 : 0)} s`);
const life = (l: Life): string => (l.wired < count ? `${l.wired} of ${count} in ${seconds(l.ms / 1000)}` : seconds(l.ms / 1000));
const row = (what: string, of: (m: Measured) => number, print: (m: Measured) => string = m => seconds(of(m))): string[] => [
  what,
  print(peer),
  print(ours),
  (of(ours) / of(peer)).toFixed(3),
];
const percent = (share: number) => (m: Measured) => percentile(m.oneMore, share) / 1000;
process.stdout.write(
  `${markdown([
    ['', "Neutron's", "Weft's", 'ratio'],
    row(
      `${count} ports from cold`,
      m => m.cold.ms,
      m => life(m.cold),
    ),
    row('- processor time of the agent', m => m.cold.cpu),
    row('- of the switch', m => m.cold.switchCpu),
    row(
      `the agent begins again with ${count} ports`,
      m => m.again.ms,
      m => life(m.again),
    ),
    row('- processor time of the agent', m => m.again.cpu),
    row('- of the switch', m => m.again.switchCpu),
    row(`one port more, p50 of ${more}`, percent(0.5)),
    row('- p95', percent(0.95)),
    row('- processor time of the agent, each', m => m.oneMoreCpu),
    row(
      'flows of br-int',
      m => m.flows,
      m => String(m.flows),
    ),
  ])}\n`,
);
