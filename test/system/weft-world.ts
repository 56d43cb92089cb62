// A whole Weft for a test: `bin/weft up` in a state directory of its own on a free port, clients of its API, and instances to run
// programs in. It is gone with the world, and also when the test's process dies in whatever way.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { control, type InstanceView, type NewInstance, type StatusView } from '../../src/cli/control.ts';
import { type StateFolder, stateFolder } from '../../src/cli/state.ts';
import { ApiClient, type Body, type Credentials } from '../../src/client/api.ts';
import { freePort } from '../../src/contracts/free-port.ts';
import { isAlive, processId } from '../../src/main/sandbox/proc.ts';
import { type Done, run, tryRun } from '../../src/main/sandbox/run.ts';
import { enterArgv } from '../../src/main/sandbox/sandbox.ts';
import { lockHolder } from '../../src/main/state/lock.ts';
import { type Job, startJob, until } from './job.ts';

export const checkout = join(import.meta.dirname, '../..');
const weftCommand = join(checkout, 'bin/weft');

export interface Made extends Body {
  readonly id: string;
}

export interface WorldOptions {
  readonly hosts?: number;
  /** More words for `weft up`. */
  readonly more?: readonly string[];
  /** A state directory that is there already, and stays; by default one is made and removed. */
  readonly stateDir?: string;
  /** Added to the environment of what is started. */
  readonly env?: Readonly<Record<string, string>>;
  /** What is started instead of `bin/weft up`: `npm start --`. */
  readonly command?: readonly string[];
}

/** An instance that runs, with its addresses at hand. */
export interface Instance {
  readonly view: InstanceView;
  readonly name: string;
  readonly host: string;
  readonly port: string;
  /** Its first IPv4 and IPv6 address as the API gave them; empty when it has none. */
  readonly v4: string;
  readonly v6: string;
}

export interface KilledAgent {
  readonly host: string;
  readonly pid: number;
  /** How often it had started well until then. */
  readonly runs: number;
}

export class WeftWorld implements AsyncDisposable {
  readonly folder: StateFolder;
  readonly listen: string;
  private readonly options: WorldOptions;
  private readonly removes: boolean;
  private readonly jobs = new Set<Job>();
  private main: Job | undefined;
  private clients: { url: string; admin: ApiClient; member: ApiClient; other: ApiClient } | undefined;

  /** Nothing runs yet: `start` it. */
  private constructor(options: WorldOptions, listen: string) {
    this.options = options;
    this.listen = listen;
    this.removes = options.stateDir === undefined;
    this.folder = stateFolder(options.stateDir ?? mkdtempSync(join(tmpdir(), 'weft-world-')));
  }

  /** A world with nothing in it that runs. */
  static async make(options: WorldOptions = {}): Promise<WeftWorld> {
    return new WeftWorld(options, `127.0.0.1:${await freePort()}`);
  }

  /** A world that is ready. */
  static async open(options: WorldOptions = {}): Promise<WeftWorld> {
    const world = await WeftWorld.make(options);
    try {
      await world.start();
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Resolves at the line that begins with `ready`; answers how long that took. */
  async start(command = this.options.command ?? [weftCommand, 'up']): Promise<number> {
    const began = performance.now();
    const job = this.launch(command);
    const isReady = (): boolean => {
      if (job.child.exitCode !== null || job.child.signalCode !== null) throw new Error(`weft up ended:\n${job.output()}`);
      return /^ready/m.test(job.output());
    };
    await until('weft is ready', isReady, { withinMs: 60_000, everyMs: 5, story: () => this.story() });
    const took = performance.now() - began;
    const { url, weft, admin, other } = await control<Record<'weft' | 'admin' | 'other', Credentials> & { url: string }>(
      this.folder,
      'GET',
      '/credentials',
    );
    this.clients = { url, admin: new ApiClient(url, admin), member: new ApiClient(url, weft), other: new ApiClient(url, other) };
    return took;
  }

  /** Starts it, in a process group of its own, and does not wait for anything. */
  launch(command: readonly string[]): Job {
    const { hosts = 1, more = [], env = {} } = this.options;
    const argv = [...command, '--hosts', String(hosts), '--state-dir', this.folder.path, '--listen', this.listen, ...more];
    // A test that is killed leaves nothing: the kernel tells what was started.
    this.main = startJob(['setpriv', '--pdeathsig', 'TERM', '--', ...argv], {
      env: { ...withoutNpm(process.env), ...env },
      cwd: checkout,
      detached: true,
    });
    return this.main;
  }

  /** What was started last: `weft up`, or whatever was named instead. */
  get process(): Job {
    if (!this.main) throw new Error('nothing was started');
    return this.main;
  }

  /** Ends what runs, by a signal to it; resolves when it is gone. Instances and networks are there again after the next start. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    for (const job of this.jobs) job.kill();
    if (!this.main) return;
    this.main.child.kill(signal);
    const impatient = setTimeout(() => this.main?.kill(), 10_000);
    await this.main.done;
    clearTimeout(impatient);
    // Where npm was what we started, and did not take it along.
    const holder = lockHolder(this.folder.lock);
    if (holder) process.kill(holder.pid, 'SIGKILL');
    this.main = undefined;
    this.clients = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.stop();
    } finally {
      if (this.removes) rmSync(this.folder.path, { recursive: true, force: true, maxRetries: 5 });
    }
  }

  get url(): string {
    return this.ready.url;
  }

  /** The administrator. */
  get admin(): ApiClient {
    return this.ready.admin;
  }

  /** A member of the project `weft`. */
  get member(): ApiClient {
    return this.ready.member;
  }

  /** A member of the project `other`. */
  get other(): ApiClient {
    return this.ready.other;
  }

  get cloudsYaml(): string {
    return join(this.folder.path, 'clouds.yaml');
  }

  /** Creates one object: `create(world.member, 'network', { name })`. */
  async create(api: ApiClient, kind: string, attributes: Body): Promise<Made> {
    const key = kind.replaceAll('-', '_');
    const collection = kind.endsWith('policy') ? `${kind.slice(0, -1)}ies` : `${kind}s`;
    const answer = await api.post<Record<string, Made>>(`/${collection}`, { [key]: attributes });
    const made = answer[key];
    if (!made) throw new Error(`no ${key} in ${JSON.stringify(answer)}`);
    return made;
  }

  /** Name and password of a user of the built-in identity, for clients that are not ours. */
  async login(user: 'admin' | 'weft' | 'other'): Promise<{ url: string; user: string; password: string }> {
    const found = await control<Record<typeof user, Credentials>>(this.folder, 'GET', '/credentials');
    return { url: this.url, user: found[user].username, password: found[user].password };
  }

  status(): Promise<StatusView> {
    return control<StatusView>(this.folder, 'GET', '/status');
  }

  /** `weft VERB …` on this state directory. */
  weft(verb: readonly string[], rest: readonly string[] = []): Promise<Done> {
    return tryRun([weftCommand, ...verb, '--state-dir', this.folder.path, ...rest], { timeoutMs: 60_000 });
  }

  /** An instance with its addresses; made on `network`, or on a port that was made before. */
  async instance(wanted: Omit<NewInstance, 'wait'> & { wait?: number }): Promise<Instance> {
    const view = await control<InstanceView>(this.folder, 'POST', '/instances', { wait: 30, ...wanted });
    const instance = asInstance(view);
    const has = view.addresses.map(address => address.split('/')[0]);
    const missing = view.fixed_ips.filter(ip => !has.includes(ip));
    if (wanted.wait !== 0 && (view.state !== 'running' || missing.length > 0))
      throw new Error(
        `instance ${view.name} is ${view.state}, without ${missing.join(', ') || 'nothing'}: ${view.why ?? ''}\n${this.story()}`,
      );
    return instance;
  }

  async instances(): Promise<Instance[]> {
    const { instances } = await control<{ instances: InstanceView[] }>(this.folder, 'GET', '/instances');
    return instances.map(asInstance);
  }

  async deleteInstance({ name }: Instance): Promise<void> {
    await control(this.folder, 'DELETE', `/instances/${name}`);
  }

  /** Runs a command in an instance; fails unless it ends well. */
  inside(vm: Instance, ...argv: string[]): Promise<string> {
    return run(insideArgv(vm, argv), { timeoutMs: 60_000 });
  }

  /** The same, whatever its end. */
  attempt(vm: Instance, ...argv: string[]): Promise<Done> {
    return tryRun(insideArgv(vm, argv), { timeoutMs: 60_000 });
  }

  /** Starts a command in an instance that goes on; it ends with the world at the latest. */
  spawn(vm: Instance, argv: readonly string[]): Job {
    return this.job(insideArgv(vm, argv));
  }

  /** One ping; waits a second for the answer. */
  async pings(vm: Instance, address: string): Promise<boolean> {
    return (await this.attempt(vm, 'ping', '-n', '-c1', '-W1', address)).code === 0;
  }

  /** In a host's own namespaces. */
  async host(name: string, ...argv: string[]): Promise<string> {
    return run(enterArgv(await this.initOf(name), argv), { timeoutMs: 60_000 });
  }

  async hostJob(name: string, argv: readonly string[]): Promise<Job> {
    return this.job(enterArgv(await this.initOf(name), argv));
  }

  /** On the public side. */
  async public(...argv: string[]): Promise<Done> {
    const { underlay } = await this.status();
    if (underlay === undefined) throw new Error('there is no underlay');
    return tryRun(enterArgv(underlay, argv), { timeoutMs: 60_000 });
  }

  /** Where to start programs on the public side. */
  async publicPlace(): Promise<(argv: readonly string[]) => Job> {
    const { underlay } = await this.status();
    if (underlay === undefined) throw new Error('there is no underlay');
    return argv => this.job(enterArgv(underlay, argv));
  }

  /** The process of a host's agents; undefined while there is none. */
  agentPid(host: string): number | undefined {
    try {
      return Number(readFileSync(join(this.folder.run, `${host}.agent.pid`), 'utf8'));
    } catch {
      return undefined;
    }
  }

  /** kill -9 of a host's agents. Resolves when they are dead; the supervisor starts others. */
  async killAgent(host: string): Promise<KilledAgent> {
    const pid = this.agentPid(host);
    const id = pid === undefined ? undefined : processId(pid);
    if (!id) throw new Error(`no agents run on ${host}`);
    const runs = this.agentRuns(host);
    process.kill(id.pid, 'SIGKILL');
    await until(`the agents of ${host} are dead`, () => !isAlive(id), { withinMs: 5000, everyMs: 2 });
    return { host, pid: id.pid, runs };
  }

  /** Until all parts of the agent that follows are in sync with the server; answers its process. */
  async agentBack({ host, pid, runs }: KilledAgent): Promise<number> {
    const back = (): boolean => this.agentRuns(host) > runs && (this.agentPid(host) ?? pid) !== pid;
    await this.until(`the agents of ${host} are back`, back, 30_000);
    return this.agentPid(host) as number;
  }

  /** How often agents of the host have come to run all their parts since those were killed. */
  runsSince({ host, runs }: KilledAgent): number {
    return this.agentRuns(host) - runs;
  }

  until(what: string, look: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
    return until(what, look, { withinMs, story: () => this.story() });
  }

  /** A log as text: `server`, `h1-agent`, `h1-linuxbridge-agent`, …; empty when there is none. */
  log(name: string): string {
    try {
      return readFileSync(join(this.folder.logs, `${name}.log`), 'utf8');
    } catch {
      return '';
    }
  }

  /** What went wrong, for a failure's message: warnings and errors of all logs, and what crashed. */
  story(): string {
    const logs = readLogs(this.folder.logs).flatMap(([name, text]) => {
      const lines = text.split('\n').filter(line => (name.endsWith('.out') ? line !== '' : /^\S+ (WARNING|ERROR|CRITICAL) /.test(line)));
      return lines.slice(-15).map(line => `${name}: ${line.slice(0, 600)}`);
    });
    return [this.main?.output().trimEnd() ?? '', ...logs].join('\n');
  }

  private get ready(): NonNullable<WeftWorld['clients']> {
    if (!this.clients) throw new Error('weft is not ready');
    return this.clients;
  }

  /** How often an agent process of this host came to run all its parts. */
  private agentRuns(host: string): number {
    return this.log(`${host}-agent`).split('all parts run').length - 1;
  }

  private job(argv: readonly string[]): Job {
    const job = startJob(argv);
    this.jobs.add(job);
    void job.done.then(() => this.jobs.delete(job));
    return job;
  }

  private async initOf(name: string): Promise<number> {
    const init = (await this.status()).hosts.find(host => host.name === name)?.init;
    if (init === undefined) throw new Error(`no host ${name}`);
    return init;
  }
}

function asInstance(view: InstanceView): Instance {
  const first = (six: boolean): string => view.fixed_ips.find(ip => ip.includes(':') === six) ?? '';
  return { view, name: view.name, host: view.host, port: view.port_id, v4: first(false), v6: first(true) };
}

function insideArgv({ view, name }: Instance, argv: readonly string[]): string[] {
  if (view.init === undefined) throw new Error(`instance ${name} does not run: ${view.why ?? ''}`);
  return enterArgv(view.init, argv);
}

function readLogs(folder: string): [name: string, text: string][] {
  try {
    return readdirSync(folder)
      .sort()
      .map(name => [name, readFileSync(join(folder, name), 'utf8')]);
  } catch {
    return [];
  }
}

/** As from a terminal, also when npm started the tests. */
function withoutNpm(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([key]) => !key.startsWith('npm_')));
}
