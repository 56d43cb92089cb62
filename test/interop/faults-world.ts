// Two Weft servers on one MariaDB and one RabbitMQ, and Weft's agents on a contained host: each of them may be killed with -9 and started again.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAmqpBus } from '../../src/adapters/bus-amqp/amqp-bus.ts';
import { systemClock as clock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import type { Finding } from '../../src/agent/audit/finding.ts';
import { freePorts } from '../../src/contracts/free-port.ts';
import { startMariadb } from '../../src/contracts/store-suite/servers/mariadb.ts';
import type { DatabaseServer } from '../../src/contracts/store-suite/servers/server.ts';
import { groundHost } from '../../src/main/audit/ground-host.ts';
import { auditHost } from '../../src/main/audit/host-audit.ts';
import { amqpOptions } from '../../src/main/config/rabbit.ts';
import { type ContainedHost, openContained } from '../../src/main/sandbox/contained.ts';
import { childrenOf } from '../../src/main/sandbox/proc.ts';
import { run } from '../../src/main/sandbox/run.ts';
import { type Api, client } from '../api/client.ts';
import { type Job, startJob, until } from '../system/job.ts';
import { portTo, socketTo } from './broker-relay.ts';
import { optionFile, type Sections, transportUrlOf } from './neutron-server.ts';
import { Rabbit } from './rabbit.ts';

const weft = join(import.meta.dirname, '../../bin/weft');
const kinds = ['linuxbridge', 'dhcp', 'l3'] as const;
export type Kind = (typeof kinds)[number];

const quick = { rabbit_retry_interval: 1, rabbit_retry_backoff: 0, kombu_reconnect_delay: 0.2 };

export class FaultsWorld implements AsyncDisposable {
  readonly rabbit: Rabbit;
  readonly mariadb: DatabaseServer;
  readonly host: ContainedHost;
  private readonly folder: string;
  private readonly database: string;
  private readonly ports: readonly number[];
  private readonly stack: AsyncDisposableStack;
  private readonly servers = new Map<number, ChildProcess>();
  private readonly agents = new Map<Kind, Job>();

  static async open(): Promise<FaultsWorld> {
    await using stack = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), 'weft-faults-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    const [rabbit, mariadb] = [stack.use(await Rabbit.start()), stack.use(await startMariadb())];
    const contained = stack.use(await openContained(1));
    const [host] = contained.hosts;
    if (!host) throw new Error('no host');
    const socket = join(folder, 'broker');
    stack.use(await socketTo(rabbit.port, socket));
    const relay = portTo(socket, rabbit.port, argv => host.sandbox.enter(argv));
    stack.defer(() => void relay.kill('SIGKILL'));
    const parts = { folder, rabbit, mariadb, host, database: await mariadb.database(), ports: await freePorts(2) };
    const world = new FaultsWorld(parts, stack.move());
    try {
      for (const n of [0, 1]) await world.startServer(n);
      for (const kind of kinds) world.startAgent(kind);
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(
    parts: { folder: string; rabbit: Rabbit; mariadb: DatabaseServer; host: ContainedHost; database: string; ports: readonly number[] },
    stack: AsyncDisposableStack,
  ) {
    this.rabbit = parts.rabbit;
    this.mariadb = parts.mariadb;
    this.host = parts.host;
    this.folder = parts.folder;
    this.database = parts.database;
    this.ports = parts.ports;
    this.stack = stack;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const job of this.agents.values()) job.kill('SIGKILL');
    for (const n of this.servers.keys()) await this.killServer(n);
    await this.stack.disposeAsync();
  }

  url(n: number): string {
    return `http://127.0.0.1:${this.ports[n]}`;
  }

  /** Without a Keystone everybody is an administrator. */
  api(n: number): Api {
    return client(this.url(n), 'admin');
  }

  async startServer(n: number): Promise<void> {
    const state = join(this.folder, `server-${n}`);
    mkdirSync(state, { recursive: true });
    const file = join(state, 'neutron.conf');
    const sections: Sections = {
      DEFAULT: {
        ...{
          auth_strategy: 'noauth',
          host: `controller-${n}`,
          transport_url: transportUrlOf(this.rabbit),
          state_path: join(state, 'state'),
        },
        ...{ bind_host: '127.0.0.1', bind_port: Number(this.ports[n]), api_workers: 1, rpc_workers: 1, rpc_state_report_workers: 0 },
      },
      database: { connection: this.database },
      oslo_messaging_rabbit: quick,
      quotas: { quota_port: -1 },
    };
    writeFileSync(file, optionFile(sections), { mode: 0o600 });
    const output = openSync(join(state, 'output'), 'a');
    const argv = ['--pdeathsig', 'KILL', '--', weft, 'server', '--config-file', file];
    const child = spawn('setpriv', argv, { stdio: ['ignore', output, output], detached: true });
    closeSync(output);
    this.servers.set(n, child);
    const answers = (): Promise<boolean> =>
      fetch(`${this.url(n)}/v2.0/networks?limit=1`).then(
        reply => reply.status === 200,
        () => false,
      );
    await this.until(`server ${n} answers`, answers);
  }

  /** kill -9 of all its processes. */
  async killServer(n: number): Promise<void> {
    const child = this.servers.get(n);
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    process.kill(-child.pid, 'SIGKILL');
    await gone;
  }

  startAgent(kind: Kind): void {
    const folder = join(this.folder, 'h1');
    mkdirSync(folder, { recursive: true });
    const own: Readonly<Record<Kind, Sections>> = {
      linuxbridge: {
        linux_bridge: { physical_interface_mappings: 'public:eth1' },
        vxlan: { local_ip: this.host.localIp, l2_population: true },
        securitygroup: { firewall_driver: 'iptables' },
      },
      dhcp: { DEFAULT: { interface_driver: 'linuxbridge' } },
      l3: { DEFAULT: { interface_driver: 'linuxbridge' } },
    };
    const common: Sections = {
      DEFAULT: { transport_url: transportUrlOf(this.rabbit), host: this.host.name, state_path: '/run/neutron' },
      agent: { report_interval: 5 },
      experimental: { linuxbridge: true },
      oslo_messaging_rabbit: quick,
    };
    const files = Object.entries({ 'neutron.conf': common, [`${kind}.ini`]: own[kind] }).map(([name, sections]) => {
      const file = join(folder, name);
      writeFileSync(file, optionFile(sections), { mode: 0o600 });
      return file;
    });
    const argv = [weft, 'agent', kind, ...files.flatMap(file => ['--config-file', file])];
    this.agents.set(kind, startJob(this.host.sandbox.enter(argv)));
  }

  /** kill -9, and another in its place. */
  async restartAgent(kind: Kind): Promise<void> {
    this.signalAgent(kind, 'SIGKILL');
    await this.agents.get(kind)?.done;
    this.startAgent(kind);
  }

  /** To the agent itself, below what entered the host. */
  signalAgent(kind: Kind, signal: NodeJS.Signals): void {
    const [pid] = childrenOf(this.agents.get(kind)?.child.pid ?? 0);
    if (pid === undefined) throw new Error(`no ${kind} agent`);
    process.kill(pid, signal);
  }

  on(...argv: string[]): Promise<string> {
    return run(this.host.sandbox.enter(argv), { timeoutMs: 60_000 });
  }

  /** As `weft audit` looks at a host. */
  async audit(): Promise<readonly Finding[]> {
    const messaging = { transportUrl: transportUrlOf(this.rabbit), controlExchange: 'neutron', host: '', rabbit: {} };
    await using bus = await openAmqpBus({ amqp: amqpOptions(messaging), clock, log: textLog({ sink: { write: () => {} } }) });
    const get = async <T>(path: string): Promise<T> => (await (await fetch(`${this.url(0)}/v2.0${path}`)).json()) as T;
    const place = { place: this.host.sandbox, agent: { statePath: '/run/neutron', interfaceMappings: {} } };
    return (
      (await auditHost(groundHost(place, { api: { get }, bus }))) ?? [{ kind: 'gap', where: this.host.name, what: 'no agents', ids: [] }]
    );
  }

  until(what: string, look: () => boolean | Promise<boolean>, withinMs = 120_000): Promise<void> {
    return until(what, look, { withinMs, everyMs: 200, story: () => this.story() });
  }

  story(): string {
    const agents = [...this.agents].map(([kind, job]) => `${kind}: ${job.output().slice(-3000)}`);
    const servers = [0, 1].map(n => {
      try {
        return `server ${n}: ${readFileSync(join(this.folder, `server-${n}`, 'output'), 'utf8').slice(-3000)}`;
      } catch {
        return `server ${n}: nothing`;
      }
    });
    return [...servers, ...agents].join('\n');
  }
}
