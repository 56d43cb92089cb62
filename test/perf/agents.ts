// Many hosts: the real L2 agents over simulated kernels and switches, each with a connection of its own to a real RabbitMQ, and a real server. What it costs
// to hear of all of them, to start them all at once, and to tell them of a port, a member and a rule; beside a bare fan-out to as many queues.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { defaultAmqpOptions } from '../../src/adapters/bus-amqp/options.ts';
import { Rabbit, rabbitPassword, rabbitUser } from '../interop/rabbit.ts';
import { publishBare } from './agents/bare.ts';
import { type BoundPort, Cloud } from './agents/cloud.ts';
import { HostsProcess } from './agents/hosts-process.ts';
import type { Counts, HostSpec, Reached } from './agents/protocol.ts';
import { last, spread, table } from './agents/report.ts';
import { startDurable } from './bench/databases.ts';
import { writeSection } from './bench/document.ts';
import { statusOf, untilInterrupted } from './bench/interruption.ts';
import { machineBrief } from './bench/machine.ts';
import { cpuMsOf, pssMib } from './bench/processes.ts';
import { type Server, startWeft } from './bench/servers.ts';
import { percentile } from './statistics.ts';

const usage = `usage: npm run bench:agents -- [--hosts 1000] [--members 5000] [--switches 10] [--rounds 20] [--report 30] [--shape mariadb] [--write]
  --hosts N          simulated hosts, all in one process
  --members N        ports in the group, spread over the hosts
  --switches N       one host in so many has Open vSwitch, the others Linux bridges; 0: none
  --rounds N         of each change
  --report N         seconds between two reports of an agent
  --shape NAME       mariadb, postgres or embedded: what the server keeps its state in
  --write            its section of docs/benchmarks.md
  --node-option, --host-node-option    for the process of the server, and for that of the hosts: --cpu-prof`;

interface Options {
  readonly hosts: number;
  readonly members: number;
  readonly switches: number;
  readonly rounds: number;
  readonly reportMs: number;
  readonly shape: string;
  readonly serverOptions: readonly string[];
  readonly hostOptions: readonly string[];
  readonly write: boolean;
}

const progress = (line: string): void => void process.stderr.write(`${line}\n`);
const now = (): number => performance.timeOrigin + performance.now();

/** What a span of time cost each side. */
interface Cost {
  readonly seconds: number;
  readonly serverMs: number;
  readonly besideMs: number;
  readonly brokerMs: number;
  readonly hostsMs: number;
  /** At the agents' transports. */
  readonly messages: number;
  readonly bytes: number;
}

class Bench {
  private readonly options: Options;
  private readonly rabbit: Rabbit;
  private readonly server: Server;
  private readonly hosts: HostsProcess;
  private readonly cloud: Cloud;
  private readonly names: readonly string[];
  private readonly rows: string[][] = [];
  private group = '';
  private serial = 0;

  constructor(options: Options, parts: { rabbit: Rabbit; server: Server; hosts: HostsProcess; cloud: Cloud; names: readonly string[] }) {
    this.options = options;
    this.rabbit = parts.rabbit;
    this.server = parts.server;
    this.hosts = parts.hosts;
    this.cloud = parts.cloud;
    this.names = parts.names;
  }

  async run(): Promise<void> {
    await this.storm('all agents start at once, with no ports');
    this.queues();
    await this.fill();
    await this.heartbeats();
    await this.wiring();
    const bare = await this.bareFanout();
    await this.changes(bare);
    await this.hosts.tell({ do: 'stop' });
    await this.storm(`all agents start at once, with ${this.options.members} ports`);
    await this.brokerRestart();
    await this.report();
  }

  private async spent<T>(work: () => Promise<T>): Promise<{ cost: Cost; value: T }> {
    const before = await this.spending();
    const value = await work();
    const after = await this.spending();
    const cost = Object.fromEntries(Object.entries(after).map(([key, v]) => [key, v - before[key as keyof Cost]]));
    return { cost: cost as unknown as Cost, value };
  }

  private async spending(): Promise<Cost> {
    const counts = await this.hosts.tell({ do: 'count' });
    return {
      seconds: now() / 1000,
      serverMs: cpuMsOf(this.server.processes),
      besideMs: cpuMsOf(this.server.beside),
      brokerMs: cpuMsOf([this.rabbit.pid!]),
      hostsMs: counts.cpuMs,
      messages: counts.received + counts.sent,
      bytes: counts.receivedBytes + counts.sentBytes,
    };
  }

  private row(what: string, times: string, cost: Cost | undefined, per = 1): void {
    const of = (value: number): string => (cost ? (value / per).toFixed(value / per < 10 ? 2 : 0) : '');
    const cells = cost ? [of(cost.serverMs), of(cost.brokerMs), of(cost.hostsMs), of(cost.messages), of(cost.bytes)] : ['', '', '', '', ''];
    this.rows.push([what, times, ...cells]);
    progress(
      `${what}: ${times}; CPU ms server ${cells[0]}, broker ${cells[1]}, hosts ${cells[2]}; messages ${cells[3]}, bytes ${cells[4]}`,
    );
  }

  private async storm(what: string): Promise<void> {
    const { cost, value } = await this.spent(() => this.hosts.tell({ do: 'start' }));
    this.row(what, `last ${last(value.ms)}`, cost, 1);
  }

  private queues(): void {
    const lines = this.rabbit.ctl('list_queues', '-p', 'v0', 'name').trim().split('\n').length - 1;
    const bindings = this.rabbit.ctl('list_bindings', '-p', 'v0', 'source_name').trim().split('\n').length - 1;
    const n = this.options.hosts;
    this.rows.push([
      `queues, bindings of the broker for each of ${n} agents`,
      `${(lines / n).toFixed(1)}, ${(bindings / n).toFixed(1)}`,
      '',
      '',
      '',
      '',
      '',
    ]);
    progress(`${lines} queues, ${bindings} bindings`);
  }

  private async fill(): Promise<void> {
    const { members } = this.options;
    const where = Array.from({ length: members }, (_, i) => this.names[i % this.names.length]!);
    this.group = await this.cloud.group();
    const made: BoundPort[] = [];
    const { cost } = await this.spent(async () => {
      made.push(...(await this.cloud.ports(where, this.group)));
    });
    this.row(`${members} ports of one group are made, each`, '', cost, members);
    const began = now();
    const wired = await this.spent(async () => {
      await this.plug(made);
      const left = await this.cloud.allActive();
      if (left > 0) throw new Error(`${left} ports were not wired`);
    });
    this.row(`their taps appear at once: all ACTIVE, each`, `last ${last([now() - began])}`, wired.cost, members);
  }

  private async plug(made: readonly BoundPort[]): Promise<void> {
    const ports: Record<string, string[]> = {};
    for (const { id, host } of made) ports[host] = [...(ports[host] ?? []), id];
    await this.hosts.tell({ do: 'plug', ports });
  }

  private async heartbeats(): Promise<void> {
    const { hosts, reportMs } = this.options;
    await this.quiet();
    const { cost } = await this.spent(() => sleep(reportMs));
    this.row(`1,000 reports (${((hosts * 1000) / reportMs).toFixed(1)} a second)`, '', cost, hosts / 1000);
  }

  private async wiring(): Promise<void> {
    const times: number[] = [];
    const group = await this.cloud.group();
    const { cost } = await this.spent(async () => {
      for (let round = 0; round < this.options.rounds; round++) {
        const host = this.names[Math.floor(Math.random() * this.names.length)]!;
        const began = now();
        const port = await this.cloud.onePort(host, group, this.serial++);
        await this.plug([port]);
        await this.cloud.active(port.id);
        times.push(now() - began);
      }
    });
    this.row('port create → ACTIVE on a random host', spread(times), cost, this.options.rounds);
  }

  private async bareFanout(): Promise<readonly Reached[]> {
    const { hosts, rounds } = this.options;
    await this.hosts.tell({ do: 'bare', queues: hosts });
    await this.quiet();
    const each: Reached[] = [];
    const { cost } = await this.spent(async () => {
      await using publish = await publishBare(clientOf(this.rabbit));
      for (let round = 0; round < rounds; round++) {
        await this.hosts.tell({ do: 'watch', text: '' });
        const began = now();
        await publish.send();
        each.push(since(began, await this.hosts.tell({ do: 'await', hosts: [], acted: false, withinMs: 60_000 })));
      }
    });
    await this.hosts.tell({ do: 'bare', queues: 0 });
    this.row('bare: one message of 1 KiB, fan-out to as many queues', spread(each.flatMap(r => r.heard)), cost, rounds);
    return each;
  }

  private async changes(bare: readonly Reached[]): Promise<void> {
    const { rounds } = this.options;
    const member = await this.each('security_groups_member_updated', async () => {
      const { id } = await this.cloud.onePort(this.names[this.serial % this.names.length]!, this.group, this.serial++);
      return () => this.cloud.remove('ports', id);
    });
    this.told('a member more', member, rounds, bare);
    const rule = await this.each('security_groups_rule_updated', async round => {
      const id = await this.cloud.rule(this.group, { protocol: 'tcp', port_range_min: 1000 + round, port_range_max: 1000 + round });
      return () => this.cloud.remove('security-group-rules', id);
    });
    this.told('a rule more', rule, rounds, bare);
  }

  private told(what: string, { heard, acted, cost, missing }: Changes, rounds: number, bare: readonly Reached[]): void {
    const longest = (each: readonly (readonly number[])[]): number =>
      percentile(
        each.map(times => Math.max(...times)),
        0.5,
      );
    const ratio = longest(heard) / longest(bare.map(r => r.heard));
    this.row(`${what}: heard`, `${spread(heard.flat())}; last ÷ bare ${ratio.toFixed(1)}`, undefined);
    const done = longest(acted) / longest(bare.map(r => r.heard));
    this.row(
      `${what}: acted on`,
      `${spread(acted.flat())}; last ÷ bare ${done.toFixed(1)}${missing > 0 ? `; ${missing} never` : ''}`,
      cost,
      rounds,
    );
  }

  /** From the answer of the API, before which some may have heard. Each change is waited for, and undone, before the next one; what undoing costs is not counted. */
  private async each(text: string, change: (round: number) => Promise<() => Promise<unknown>>): Promise<Changes> {
    const heard: number[][] = [];
    const acted: number[][] = [];
    const costs: Cost[] = [];
    let missing = 0;
    const concerned = this.names.slice(0, this.options.members);
    for (let round = 0; round < this.options.rounds; round++) {
      await this.quiet();
      await this.hosts.tell({ do: 'watch', text });
      const { cost, value } = await this.spent(async () => {
        const undo = await change(round);
        const began = now();
        const reached = await this.hosts.tell({ do: 'await', hosts: concerned, acted: true, withinMs: 60_000 });
        return { undo, reached: since(began, reached) };
      });
      heard.push([...value.reached.heard]);
      acted.push([...value.reached.acted]);
      missing += concerned.length - value.reached.acted.length;
      costs.push(cost);
      await this.hosts.tell({ do: 'watch', text });
      await value.undo();
      await this.hosts.tell({ do: 'await', hosts: concerned, acted: true, withinMs: 60_000 });
    }
    const sum = (key: keyof Cost): number => costs.reduce((total, cost) => total + cost[key], 0);
    const keys = Object.keys(costs[0]!) as (keyof Cost)[];
    return { heard, acted, missing, cost: Object.fromEntries(keys.map(key => [key, sum(key)])) as unknown as Cost };
  }

  private async brokerRestart(): Promise<void> {
    await this.quiet();
    const { cost, value } = await this.spent(async () => {
      await this.rabbit.down();
      await this.rabbit.up();
      const began = now();
      // A member more is heard by all: then all are back.
      for (;;) {
        await this.hosts.tell({ do: 'watch', text: 'security_groups_member_updated' });
        const { id } = await this.cloud.onePort(this.names[0]!, this.group, this.serial++);
        const reached = await this.hosts.tell({
          do: 'await',
          hosts: this.names.slice(0, this.options.members),
          acted: false,
          withinMs: 5000,
        });
        await this.cloud.remove('ports', id);
        if (reached.heard.length === Math.min(this.names.length, this.options.members)) return now() - began;
        if (now() - began > 300_000) throw new Error(`${reached.heard.length} agents came back`);
      }
    });
    this.row('the broker restarts: until all hear again', `last ${last([value])}`, { ...cost, brokerMs: Number.NaN });
  }

  /** Until agents say and hear little more than their reports. */
  private async quiet(): Promise<void> {
    const { hosts, reportMs } = this.options;
    const lookMs = 500;
    for (const over = now() + 30_000; now() < over; ) {
      const { cost } = await this.spent(() => sleep(lookMs));
      if (cost.messages <= 4 + (6 * hosts * lookMs) / reportMs) return;
    }
  }

  private async report(): Promise<void> {
    const counts: Counts = await this.hosts.tell({ do: 'count' });
    const { hosts, members, switches, shape, rounds } = this.options;
    const text =
      `${machineBrief()}; ${hosts} hosts` +
      `${switches > 0 ? `, one in ${switches} with Open vSwitch` : ''}; ${members} members; ${shape}; ${rounds} rounds\n\n` +
      `${table(this.rows)}\n\nMiB: hosts ${counts.rssMib.toFixed(0)}, server ${pssMib(this.server.processes).toFixed(0)}, ` +
      `broker ${pssMib([this.rabbit.pid!]).toFixed(0)}; warnings and errors of agents: ${counts.complaints}`;
    process.stdout.write(`${[text, ...counts.examples].join('\n')}\n`);
    if (this.options.write) writeSection(join(import.meta.dirname, '../../docs/benchmarks.md'), 'npm run bench:agents', text);
  }
}

interface Changes {
  readonly heard: readonly (readonly number[])[];
  readonly acted: readonly (readonly number[])[];
  readonly cost: Cost;
  readonly missing: number;
}

const since = (began: number, { heard, acted }: Reached): Reached => ({
  heard: heard.map(at => Math.max(0, at - began)),
  acted: acted.map(at => Math.max(0, at - began)),
});

/** As in use, and unlike the options of tests. */
function clientOf({ port }: Rabbit) {
  const hosts = [{ host: '127.0.0.1', port, username: rabbitUser, password: rabbitPassword }];
  return { ...defaultAmqpOptions, hosts, virtualHost: 'v0' };
}

async function startServer(options: Options, rabbit: Rabbit, stack: AsyncDisposableStack, signal: AbortSignal): Promise<Server> {
  const { shape, serverOptions } = options;
  const database = shape === 'mariadb' || shape === 'postgres' ? stack.use(await startDurable(shape)) : undefined;
  const url = `rabbit://${rabbitUser}:${encodeURIComponent(rabbitPassword)}@127.0.0.1:${rabbit.port}/v0`;
  const config = ['[DEFAULT]', `transport_url = ${url}`, ...(database ? ['[database]', `connection = ${await database.database()}`] : [])];
  const beside = database ? [database.pid!] : [];
  return stack.use(await startWeft({ name: shape, config: `${config.join('\n')}\n`, beside, nodeOptions: serverOptions }, signal));
}

async function main(signal: AbortSignal): Promise<number> {
  const { values } = parseArgs({
    options: {
      hosts: { type: 'string', default: '1000' },
      members: { type: 'string', default: '5000' },
      switches: { type: 'string', default: '10' },
      rounds: { type: 'string', default: '20' },
      report: { type: 'string', default: '30' },
      shape: { type: 'string', default: 'mariadb' },
      'node-option': { type: 'string', multiple: true, default: [] },
      'host-node-option': { type: 'string', multiple: true, default: [] },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || !['mariadb', 'postgres', 'embedded'].includes(values.shape)) {
    process.stdout.write(`${usage}\n`);
    return values.help ? 0 : 2;
  }
  const options: Options = {
    hosts: Number(values.hosts),
    members: Number(values.members),
    switches: Number(values.switches),
    rounds: Number(values.rounds),
    reportMs: Number(values.report) * 1000,
    shape: values.shape,
    serverOptions: values['node-option'],
    hostOptions: values['host-node-option'],
    write: values.write,
  };
  await using stack = new AsyncDisposableStack();
  const rabbit = stack.use(await Rabbit.start());
  const server = await startServer(options, rabbit, stack, signal);
  const hosts = stack.use(new HostsProcess(options.hostOptions));
  const specs = Array.from({ length: options.hosts }, (_, n) => specOf(n, options.switches));
  const cloud = stack.use(new Cloud(server.target));
  const run = async (): Promise<void> => {
    await hosts.tell({ do: 'open', hosts: specs, amqp: clientOf(rabbit), reportIntervalMs: options.reportMs });
    await cloud.prepare(options.members);
    await new Bench(options, { rabbit, server, hosts, cloud, names: specs.map(({ name }) => name) }).run();
  };
  await untilInterrupted(run(), signal);
  return 0;
}

function specOf(n: number, switches: number): HostSpec {
  const kind = switches > 0 && n % switches === switches - 1 ? 'openvswitch' : 'linuxbridge';
  return { name: `host-${n}`, kind, tunnelIp: `100.64.${n >> 8}.${n & 255}` };
}

process.exitCode = await statusOf(line => void process.stderr.write(`${line}\n`), main);
