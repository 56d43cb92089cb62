// For the tests of the L3 agent: a sandboxed host with plain bridges in the L2 agent's place, instances and a public side in
// namespaces, a server on a bus, and the agent as a process of its own that can be killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnixHub } from '../../src/adapters/bus-unix/unix-hub.ts';
import { systemClock } from '../../src/adapters/clock/system-clock.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { FakeServer } from '../../src/agent/l3/fake-server.suite.ts';
import { type Done, run, tryRun } from '../../src/main/sandbox/run.ts';
import { openSandbox, type Sandbox } from '../../src/main/sandbox/sandbox.ts';
import { type Job, startJob } from './job.ts';

export interface Instance {
  readonly name: string;
  readonly bridge: string;
  readonly mac: string;
  readonly addresses: readonly string[];
  readonly gateway?: string;
  readonly mtu?: number;
  /** Takes addresses and routes from router advertisements. */
  readonly slaac?: boolean;
  /** Lines of `ip route`, without the command. */
  readonly routes?: readonly string[];
}

const HOST = 'weft-l3';

export class L3World implements AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly server: FakeServer;
  readonly folder: string;
  private readonly stack: AsyncDisposableStack;
  private readonly hub: UnixHub;
  private agent: { readonly child: ChildProcess; readonly output: () => string } | undefined;
  private readonly jobs = new Set<Job>();

  private constructor(parts: { sandbox: Sandbox; server: FakeServer; folder: string; hub: UnixHub; stack: AsyncDisposableStack }) {
    this.sandbox = parts.sandbox;
    this.server = parts.server;
    this.folder = parts.folder;
    this.hub = parts.hub;
    this.stack = parts.stack;
  }

  static async open(): Promise<L3World> {
    await using stack = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), 'weft-l3-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    const hub = stack.use(await UnixHub.listen(join(folder, 'bus'), { clock: systemClock, log: textLog({ sink: { write() {} } }) }));
    const server = stack.use(await FakeServer.open(hub.bus, HOST));
    const sandbox = stack.use(await openSandbox(HOST));
    return new L3World({ sandbox, server, folder, hub, stack: stack.move() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    for (const job of this.jobs) job.kill();
    await this.stack.disposeAsync();
  }

  /** The host's own namespace. */
  host(...argv: string[]): Promise<string> {
    return run(this.sandbox.enter(argv), { timeoutMs: 60_000 });
  }

  /** A namespace on the host; fails unless the command ends well. */
  inside(ns: string, ...argv: string[]): Promise<string> {
    return this.host('ip', 'netns', 'exec', ns, ...argv);
  }

  attempt(ns: string, ...argv: string[]): Promise<Done> {
    return tryRun(this.sandbox.enter(['ip', 'netns', 'exec', ns, ...argv]), { timeoutMs: 60_000 });
  }

  /** Starts a command that goes on; it ends with the world at the latest. */
  spawn(ns: string, argv: readonly string[]): Job {
    const job = startJob(this.sandbox.enter(['ip', 'netns', 'exec', ns, ...argv]));
    this.jobs.add(job);
    void job.done.then(() => this.jobs.delete(job));
    return job;
  }

  async bridge(name: string): Promise<void> {
    await this.host('ip', 'link', 'add', name, 'type', 'bridge', 'forward_delay', '0', 'mcast_snooping', '0');
    await this.host('ip', 'link', 'set', name, 'up');
  }

  async instance(i: Instance): Promise<void> {
    await this.host('ip', 'netns', 'add', i.name);
    const outer = `o-${i.name}`;
    await this.host(
      'ip',
      'link',
      'add',
      outer,
      'mtu',
      String(i.mtu ?? 1500),
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      i.name,
      'address',
      i.mac,
    );
    await this.host('ip', 'link', 'set', outer, 'master', i.bridge, 'up');
    await this.inside(
      i.name,
      'sysctl',
      '-qw',
      'net.ipv6.conf.default.accept_dad=0',
      'net.ipv6.conf.eth0.accept_dad=0',
      `net.ipv6.conf.eth0.accept_ra=${i.slaac ? 1 : 0}`,
    );
    const batch = [
      'link set lo up',
      `link set eth0 up mtu ${i.mtu ?? 1500}`,
      ...i.addresses.map(a => `addr add ${a} dev eth0${a.includes(':') ? ' nodad' : ''}`),
      ...(i.gateway === undefined ? [] : [`route add default via ${i.gateway}`]),
      ...(i.routes ?? []).map(r => `route add ${r}`),
    ];
    await run(this.sandbox.enter(['ip', '-n', i.name, '-batch', '-']), { input: `${batch.join('\n')}\n` });
  }

  /** As the L2 agent does when it hears of the tap. */
  async plug(portId: string, bridge: string): Promise<void> {
    const tap = `tap${portId.slice(0, 11)}`;
    await this.until(`${tap} is there`, async () => (await tryRun(this.sandbox.enter(['ip', 'link', 'show', tap]))).code === 0);
    await this.host('ip', 'link', 'set', tap, 'master', bridge);
  }

  /** Resolves when the agent is in sync. */
  async start(): Promise<void> {
    const argv = this.sandbox.enter([
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      `${import.meta.dirname}/l3-agent-program.ts`,
      join(this.folder, 'bus'),
      HOST,
      join(this.folder, 'state'),
    ]);
    const [command = '', ...args] = argv;
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    let out = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      out += chunk;
    });
    this.agent = { child, output: () => text };
    await this.until('the agent is in sync', async () => {
      if (child.exitCode !== null) throw new Error(`the agent ended: ${text}`);
      return out.includes('synced');
    });
  }

  /** nsenter execs in place without a pid namespace change, else forks: its child is what is killed. */
  kill(): void {
    const pid = this.agent?.child.pid;
    if (pid === undefined || this.agent?.child.exitCode !== null) return;
    for (const child of childrenOf(pid)) process.kill(child, 'SIGKILL');
    this.agent.child.kill('SIGKILL');
    this.agent = undefined;
  }

  log(): string {
    return this.agent?.output() ?? '';
  }

  /** Polls; fails with what was awaited and the agent's log. */
  async until(what: string, look: () => Promise<boolean>, withinMs = 20_000): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!(await look())) {
      if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}\n${this.log()}`);
      await sleep(50);
    }
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
