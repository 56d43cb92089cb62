// A program that runs beside the suites: started in a process group of its own, waited for until it answers, ended with its group.
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface DaemonOptions {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Its output goes there. */
  readonly log: string;
  readonly ready: () => Promise<boolean>;
  readonly withinMs: number;
  /** What it gets when we end without a word, by default TERM. */
  readonly orphaned?: 'TERM' | 'KILL';
  /** How long it may take to end by itself. */
  readonly endMs?: number;
}

export interface Daemon extends AsyncDisposable {
  readonly pid: number;
}

const running = new Set<() => Promise<void>>();
let closed = false;

/** For an end before its time: those too that are being started; no other is started any more. */
export async function endDaemons(): Promise<void> {
  closed = true;
  await Promise.all([...running].map(end => end()));
}

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { argv, cwd, log, ready, withinMs, endMs = 10_000 } = options;
  if (closed) throw new Error(`${argv[0]} is not started any more`);
  const output = openSync(log, 'a', 0o600);
  // Whatever way we end, it ends with us.
  const child = spawn('setpriv', ['--pdeathsig', options.orphaned ?? 'TERM', ...argv], {
    cwd,
    detached: true,
    stdio: ['ignore', output, output],
    env: { ...process.env, ...options.env },
  });
  closeSync(output);
  let gone = false;
  let failed = '';
  const ended = new Promise<void>(resolve => {
    child.on('error', error => {
      failed = error.message;
      gone = true;
      resolve();
    });
    child.on('exit', () => {
      gone = true;
      resolve();
    });
  });
  let ending: Promise<void> | undefined;
  const finish = async (): Promise<void> => {
    if (!gone) child.kill('SIGTERM');
    await Promise.race([ended, sleep(endMs, undefined, { ref: false })]);
    killGroup(child.pid);
  };
  const end = (): Promise<void> => (ending ??= finish());
  running.add(end);
  void ended.then(() => running.delete(end));
  const until = performance.now() + withinMs;
  while (!(await ready().catch(() => false))) {
    if (gone || performance.now() > until) {
      await end();
      throw new Error(`${argv[0]} ${gone ? `ended ${failed}` : 'is not ready'}; its last words:\n${lastWords(log)}`);
    }
    await sleep(100);
  }
  return { pid: child.pid ?? 0, [Symbol.asyncDispose]: end };
}

/** Runs a program to its end; throws with its last words. */
export function runToEnd(argv: readonly string[], options: { cwd: string; env?: Readonly<Record<string, string>> }): void {
  const [program = '', ...args] = argv;
  const done = spawnSync(program, args, { cwd: options.cwd, env: { ...process.env, ...options.env }, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${argv.join(' ')} failed: ${done.error?.message ?? ''}\n${done.stderr.slice(-2000)}`);
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of it is left.
  }
}

const lastWords = (log: string): string => readFileSync(log, 'utf8').trimEnd().split('\n').slice(-20).join('\n');
