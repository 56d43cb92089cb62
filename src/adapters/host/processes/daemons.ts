// The door to daemons: each in its own session with its own log, so that it outlives the agent, and is found again by pid file.
import { type ChildProcess, spawn } from 'node:child_process';
import { open, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Files } from '../../../contracts/host/files.ts';
import { HostRefusal } from '../../../contracts/host/firewall.ts';
import type { Netns } from '../../../contracts/host/netns.ts';
import type { DaemonSpec, Processes, RunResult } from '../../../contracts/host/processes.ts';
import { command, type ToolOptions, type Tools, toolEnv } from '../tools.ts';
import { commandLine, kill, livesIn, readPid, sameCommand, sameProgram } from './proc.ts';
import { Turns } from './turns.ts';

/** How long a daemon must live to be said to stand, and how long it may take to get there. */
const SETTLE_MS = 100;
const START_MS = 10_000;
const TERM_MS = 2000;

export class Daemons implements Processes {
  private readonly tools: Tools;
  private readonly files: Files;
  private readonly turns = new Turns();

  constructor(tools: Tools, files: Files) {
    this.tools = tools;
    this.files = files;
  }

  ensure(spec: DaemonSpec): Promise<number> {
    return this.turns.take(spec.pidFile, () => this.start(spec));
  }

  private async start(spec: DaemonSpec): Promise<number> {
    const found = await this.adopt(spec);
    if (found !== undefined) return found;
    await this.files.write(spec.pidFile, ''); // makes its folder, and shows that no old pid is meant
    if (spec.selfPid) await rm(spec.pidFile, { force: true });
    const log = join(dirname(spec.pidFile), `${spec.name.replaceAll('/', '_')}.log`);
    const child = await this.launch(spec, log);
    const stands = spec.selfPid ? await this.ownPid(spec, child) : await this.settled(spec, child);
    if (stands !== undefined) return stands;
    if (child.pid !== undefined && running(child)) kill(-child.pid, 'SIGKILL');
    await rm(spec.pidFile, { force: true });
    throw new HostRefusal(spec.argv[0] ?? spec.name, await lastWords(log, child));
  }

  async alive(pidFile: string, mark: string): Promise<number | undefined> {
    const pid = await readPid(pidFile);
    if (pid === undefined) return undefined;
    const line = await commandLine(pid);
    return line?.join(' ').includes(mark) ? pid : undefined;
  }

  async signal(pidFile: string, mark: string, signal: Parameters<Processes['signal']>[2]): Promise<boolean> {
    const pid = await this.alive(pidFile, mark);
    return pid !== undefined && kill(pid, signal);
  }

  stop(pidFile: string, mark: string): Promise<void> {
    return this.turns.take(pidFile, async () => {
      const pid = await this.alive(pidFile, mark);
      if (pid !== undefined) await end(pid);
      await rm(pidFile, { force: true });
    });
  }

  run(ns: Netns, argv: readonly string[], options: ToolOptions = {}): Promise<RunResult> {
    return this.tools.run(ns, argv, options);
  }

  /**
   * The running one with the same argument list. What must make way is ended first: the same one in another namespace (that of an earlier
   * life of the name), and an earlier self with other arguments in this one.
   */
  private async adopt(spec: DaemonSpec): Promise<number | undefined> {
    const pid = await readPid(spec.pidFile);
    const line = pid === undefined ? undefined : await commandLine(pid);
    if (pid === undefined || !line) return undefined;
    const same = sameCommand(line, spec.argv);
    const here = same || sameProgram(line, spec.argv) ? await livesIn(pid, spec.netns) : undefined;
    if (same && here === true) return pid;
    if (here === true || (same && here === false)) await end(pid);
    return undefined;
  }

  /** Nothing of ours stays open in it: its words go to a file, which is cut at each start. */
  private async launch(spec: DaemonSpec, log: string): Promise<ChildProcess> {
    const [file, ...args] = command(spec.netns, spec.argv);
    this.tools.noteSpawn([file, ...args]);
    const out = await open(log, 'w', 0o640);
    try {
      const child = spawn(file, args, { detached: true, stdio: ['ignore', out.fd, out.fd], env: toolEnv(spec.env), cwd: '/' });
      child.unref();
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', error => reject(new HostRefusal(spec.argv[0] ?? spec.name, error.message)));
      });
      return child;
    } finally {
      await out.close();
    }
  }

  /** Stands when it has become the wanted program and then lives for a while. */
  private async settled(spec: DaemonSpec, child: ChildProcess): Promise<number | undefined> {
    const pid = child.pid;
    if (pid === undefined) return undefined;
    await this.files.write(spec.pidFile, `${pid}\n`);
    const until = Date.now() + START_MS;
    while (running(child) && Date.now() < until) {
      if (sameCommand((await commandLine(pid)) ?? [], spec.argv)) {
        await sleep(SETTLE_MS);
        return running(child) ? pid : undefined;
      }
      await sleep(5);
    }
    return undefined;
  }

  /** Stands when its pid file names a living process of the wanted program; what it forked from may have ended well. */
  private async ownPid(spec: DaemonSpec, child: ChildProcess): Promise<number | undefined> {
    const until = Date.now() + START_MS;
    while (Date.now() < until && child.signalCode === null && (child.exitCode ?? 0) === 0) {
      const pid = await readPid(spec.pidFile);
      if (pid !== undefined && sameProgram((await commandLine(pid)) ?? [], spec.argv)) return pid;
      await sleep(10);
    }
    return undefined;
  }
}

const running = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;
const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

async function end(pid: number): Promise<void> {
  kill(pid, 'SIGTERM');
  if (await gone(pid, TERM_MS)) return;
  kill(-pid, 'SIGKILL'); // its children too, where it leads a group
  kill(pid, 'SIGKILL');
  await gone(pid, TERM_MS);
}

async function gone(pid: number, withinMs: number): Promise<boolean> {
  for (let waited = 0; waited < withinMs; waited += 10) {
    if ((await commandLine(pid)) === undefined) return true;
    await sleep(10);
  }
  return (await commandLine(pid)) === undefined;
}

async function lastWords(log: string, child: ChildProcess): Promise<string> {
  const text = await readFile(log, 'utf8').catch(() => '');
  const words = text.trim().split('\n').slice(-5).join('; ');
  return words.slice(-500) || `ended at once (${child.signalCode ?? `code ${child.exitCode ?? 'unknown'}`})`;
}
