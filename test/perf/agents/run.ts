// What many hosts cost: to hear of all of them, to start them all at once, and to tell them of a port, a member and a rule; beside a bare fan-out to as many queues.
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultAmqpOptions } from '../../../src/adapters/bus-amqp/options.ts';
import { type Rabbit, rabbitPassword, rabbitUser } from '../../interop/rabbit.ts';
import { cpuMsOf, pssMib } from '../bench/processes.ts';
import type { Server } from '../bench/servers.ts';
import { digits, percentile } from '../statistics.ts';
import { publishBare } from './bare.ts';
import type { BoundPort, Cloud } from './cloud.ts';
import type { HostsProcess } from './hosts-process.ts';
import type { AgentsOptions } from './options.ts';
import type { Counts, Reached } from './protocol.ts';
import { last, spread } from './report.ts';

/** What is wanted: queues of an agent; how late the last host hears, in times of a bare fan-out; and what one change may cost a host that it concerns. */
const mostQueues = 3;
const mostTimes = 3;
const mostMessages = 1;
const mostBytes = 2048;

export interface AgentFigures {
  /** Of what cloud, and what it took in memory. */
  readonly cloud: string;
  readonly rows: readonly (readonly string[])[];
  readonly missed: readonly string[];
  readonly wrong: readonly string[];
}

interface Parts {
  readonly rabbit: Rabbit;
  readonly server: Server;
  readonly hosts: HostsProcess;
  readonly cloud: Cloud;
  /** Of the hosts. */
  readonly names: readonly string[];
  readonly progress: (line: string) => void;
}

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

export class AgentsRun {
  private readonly options: AgentsOptions;
  private readonly rabbit: Rabbit;
  private readonly server: Server;
  private readonly hosts: HostsProcess;
  private readonly cloud: Cloud;
  private readonly names: readonly string[];
  private readonly progress: (line: string) => void;
  private readonly rows: string[][] = [];
  private readonly missed: string[] = [];
  private readonly wrong: string[] = [];
  private group = '';
  private serial = 0;

  constructor(options: AgentsOptions, parts: Parts) {
    this.options = options;
    this.progress = parts.progress;
    this.rabbit = parts.rabbit;
    this.server = parts.server;
    this.hosts = parts.hosts;
    this.cloud = parts.cloud;
    this.names = parts.names;
  }

  async run(): Promise<AgentFigures> {
    const before = this.bound();
    await this.storm('all agents start at once, with no ports');
    this.queues(before);
    await this.fill();
    await this.heartbeats();
    await this.wiring();
    const bare = await this.bareFanout();
    await this.changes(bare);
    await this.hosts.tell({ do: 'stop' });
    await this.storm(`all agents start at once, with ${this.options.members} ports`);
    await this.brokerRestart();
    return this.figures();
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
    const of = (value: number): string => (cost ? digits(value / per) : '');
    const cells = cost ? [of(cost.serverMs), of(cost.brokerMs), of(cost.hostsMs), of(cost.messages), of(cost.bytes)] : ['', '', '', '', ''];
    this.rows.push([what, times, ...cells]);
    this.progress(
      `${what}: ${times}; CPU ms server ${cells[0]}, broker ${cells[1]}, hosts ${cells[2]}; messages ${cells[3]}, bytes ${cells[4]}`,
    );
  }

  private async storm(what: string): Promise<void> {
    const { cost, value } = await this.spent(() => this.hosts.tell({ do: 'start' }));
    this.row(what, `last ${last(value.ms)}`, cost, 1);
  }

  /** What the broker has. */
  private bound(): { readonly queues: number; readonly bindings: number } {
    const lines = (...argv: string[]): number =>
      this.rabbit
        .ctl(...argv)
        .trim()
        .split('\n').length - 1;
    return { queues: lines('list_queues', '-p', 'v0', 'name'), bindings: lines('list_bindings', '-p', 'v0', 'source_name') };
  }

  private queues(before: { readonly queues: number; readonly bindings: number }): void {
    const { hosts } = this.options;
    const after = this.bound();
    const [queues, bindings] = [(after.queues - before.queues) / hosts, (after.bindings - before.bindings) / hosts];
    this.row('queues, bindings of the broker for each agent', `${queues.toFixed(1)}, ${bindings.toFixed(1)}`, undefined);
    if (queues > mostQueues) this.missed.push(`${queues.toFixed(1)} queues for an agent, wanted ${mostQueues} at most`);
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

  private told(what: string, { heard, acted, cost, missing, messages, bytes }: Changes, rounds: number, bare: readonly Reached[]): void {
    const longest = (each: readonly (readonly number[])[]): number =>
      percentile(
        each.map(times => Math.max(...times)),
        0.5,
      );
    const ratio = longest(heard) / longest(bare.map(r => r.heard));
    const told = `${messages} messages of ${bytes} bytes in all to a host at most`;
    this.row(`${what}: heard`, `${spread(heard.flat())}; last ÷ bare ${ratio.toFixed(1)}; ${told}`, undefined);
    if (!(ratio <= mostTimes))
      this.missed.push(`${what}: the last host hears ${ratio.toFixed(1)} times as late as of a bare fan-out, wanted ${mostTimes}`);
    if (messages > mostMessages || bytes > mostBytes) this.missed.push(`${what}: ${told}, wanted ${mostMessages} of ${mostBytes}`);
    if (missing > 0) this.wrong.push(`${what}: ${missing} times a host did not act`);
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
    let [missing, messages, bytes] = [0, 0, 0];
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
      messages = Math.max(messages, value.reached.mostMessages);
      bytes = Math.max(bytes, value.reached.mostBytes);
      costs.push(cost);
      await this.hosts.tell({ do: 'watch', text });
      await value.undo();
      await this.hosts.tell({ do: 'await', hosts: concerned, acted: true, withinMs: 60_000 });
    }
    const sum = (key: keyof Cost): number => costs.reduce((total, cost) => total + cost[key], 0);
    const keys = Object.keys(costs[0]!) as (keyof Cost)[];
    return { heard, acted, missing, messages, bytes, cost: Object.fromEntries(keys.map(key => [key, sum(key)])) as unknown as Cost };
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

  private async figures(): Promise<AgentFigures> {
    const counts: Counts = await this.hosts.tell({ do: 'count' });
    const { hosts, members, switches, shape, rounds } = this.options;
    const cloud =
      `${hosts} hosts${switches > 0 ? `, one in ${switches} with Open vSwitch` : ''}; ${members} members; ${shape}; ${rounds} rounds. ` +
      `MiB: hosts ${counts.rssMib.toFixed(0)}, server ${pssMib(this.server.processes).toFixed(0)}, broker ${pssMib([this.rabbit.pid!]).toFixed(0)}; ` +
      `warnings and errors of agents: ${counts.complaints}`;
    for (const line of counts.examples) this.progress(line);
    return { cloud, rows: this.rows, missed: this.missed, wrong: this.wrong };
  }
}

interface Changes {
  readonly heard: readonly (readonly number[])[];
  readonly acted: readonly (readonly number[])[];
  readonly cost: Cost;
  readonly missing: number;
  /** To one host by one change, at most. */
  readonly messages: number;
  readonly bytes: number;
}

const since = (began: number, { heard, acted, ...most }: Reached): Reached => ({
  ...most,
  heard: heard.map(at => Math.max(0, at - began)),
  acted: acted.map(at => Math.max(0, at - began)),
});

/** As in use, and unlike the options of tests. */
export function clientOf({ port }: Rabbit) {
  const hosts = [{ host: '127.0.0.1', port, username: rabbitUser, password: rabbitPassword }];
  return { ...defaultAmqpOptions, hosts, virtualHost: 'v0' };
}
