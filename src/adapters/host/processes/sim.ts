// Simulated daemons: fake pids with command lines, which a test can kill, and commands whose answers a test gives.
import type { Files } from '../../../contracts/host/files.ts';
import { HostRefusal } from '../../../contracts/host/firewall.ts';
import type { Netns } from '../../../contracts/host/netns.ts';
import type { DaemonSpec, Processes, RunResult } from '../../../contracts/host/processes.ts';
import { type FailOptions, Failures } from '../sim-failures.ts';
import { sameCommand, sameProgram } from './proc.ts';
import { Turns } from './turns.ts';

export interface SimProcess {
  readonly pid: number;
  readonly name: string;
  readonly ns: Netns;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Signals that it got and lived through. */
  readonly signals: string[];
}

export type Answer = Partial<RunResult> | undefined;
/** What a command does; undefined leaves it to the next one that was told. */
export type Program = (argv: readonly string[], call: { readonly ns: Netns; readonly input: string }) => Answer;

export class SimProcesses implements Processes {
  /** Those that live. */
  readonly table = new Map<number, SimProcess>();
  /** Every command that ran, for tests that count them. */
  readonly ran: { readonly ns: Netns; readonly argv: readonly string[]; readonly input: string }[] = [];
  private readonly open: (ns: Netns) => void;
  private readonly files: Files;
  private readonly failures = new Failures<'ensure' | 'run' | 'stop' | 'signal'>();
  private readonly programs = new Map<string, Program>();
  private readonly turns = new Turns();
  private nextPid = 1000;

  constructor(files: Files, open: (ns: Netns) => void) {
    this.files = files;
    this.open = open;
  }

  /** `name` is the daemon's or the program's. */
  failNext(what: 'ensure' | 'run' | 'stop' | 'signal', options: FailOptions = {}): void {
    this.failures.failNext(what, options);
  }

  /** Says what a program does in `run`; and in `ensure`, where an answer means that it ended at once. Unknown programs cannot be run. */
  program(name: string, does: Program): void {
    this.programs.set(name, does);
  }

  /** Dies without having been asked to. */
  kill(pid: number): boolean {
    return this.table.delete(pid);
  }

  ensure(spec: DaemonSpec): Promise<number> {
    return this.turns.take(spec.pidFile, () => this.start(spec));
  }

  private async start(spec: DaemonSpec): Promise<number> {
    this.open(spec.netns);
    const failure = this.failures.take('ensure', spec.name);
    if (failure !== undefined) throw new HostRefusal(spec.argv[0] ?? spec.name, failure);
    const before = this.table.get(Number(await this.files.read(spec.pidFile)));
    if (before && before.ns === spec.netns) {
      if (sameCommand(before.argv, spec.argv)) return before.pid;
      if (sameProgram(before.argv, spec.argv)) this.table.delete(before.pid);
    }
    const ended = this.programs.get(spec.argv[0] ?? '')?.(spec.argv, { ns: spec.netns, input: '' });
    if (ended) {
      await this.files.remove(spec.pidFile);
      throw new HostRefusal(spec.argv[0] ?? spec.name, ended.stderr ?? `ended at once (code ${ended.code ?? 0})`);
    }
    const pid = this.nextPid++;
    this.table.set(pid, { pid, name: spec.name, ns: spec.netns, argv: spec.argv, env: spec.env ?? {}, signals: [] });
    await this.files.write(spec.pidFile, `${pid}\n`);
    return pid;
  }

  async alive(pidFile: string, mark: string): Promise<number | undefined> {
    const found = this.table.get(Number(await this.files.read(pidFile)));
    return found?.argv.join(' ').includes(mark) ? found.pid : undefined;
  }

  async signal(pidFile: string, mark: string, signal: 'SIGHUP' | 'SIGTERM' | 'SIGKILL' | 'SIGUSR1'): Promise<boolean> {
    const pid = await this.alive(pidFile, mark);
    const found = pid === undefined ? undefined : this.table.get(pid);
    if (!found || this.failures.take('signal', found.name) !== undefined) return false;
    if (signal === 'SIGTERM' || signal === 'SIGKILL') this.table.delete(found.pid);
    else found.signals.push(signal);
    return true;
  }

  async stop(pidFile: string, mark: string): Promise<void> {
    const pid = await this.alive(pidFile, mark);
    const name = pid === undefined ? undefined : this.table.get(pid)?.name;
    const failure = this.failures.take('stop', name);
    if (failure !== undefined) throw new HostRefusal(name ?? 'stop', failure);
    if (pid !== undefined) this.table.delete(pid);
    await this.files.remove(pidFile);
  }

  async run(
    ns: Netns,
    argv: readonly string[],
    options: { readonly input?: string; readonly timeoutMs?: number } = {},
  ): Promise<RunResult> {
    this.open(ns);
    const [file = ''] = argv;
    const input = options.input ?? '';
    const failure = this.failures.take('run', file);
    if (failure !== undefined) throw new HostRefusal(file, failure);
    this.ran.push({ ns, argv, input });
    const answer = this.programs.get(file)?.(argv, { ns, input });
    if (!answer) throw new HostRefusal(file, `exec of "${file}" failed: No such file or directory`);
    return { code: 0, stdout: '', stderr: '', ...answer };
  }
}
