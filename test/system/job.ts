// A program that goes on while a test does other things: what it printed, how it ended, and its end with all that nsenter(1) forked.
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandOf, innermost } from '../../src/main/sandbox/proc.ts';

export interface Job {
  readonly child: ChildProcess;
  /** What it printed until now, both streams. */
  readonly output: () => string;
  /** Its exit status, null when a signal ended it; resolves when its streams are closed, too. */
  readonly done: Promise<number | null>;
  /** Signals what was asked for; SIGKILL, the default, ends an nsenter(1) that it was asked through as well. */
  kill(signal?: NodeJS.Signals): void;
}

export function startJob(argv: readonly string[], options: { env?: NodeJS.ProcessEnv; cwd?: string; detached?: boolean } = {}): Job {
  const [command = '', ...args] = argv;
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let text = '';
  const take = (chunk: string): void => {
    text += chunk;
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  const done = new Promise<number | null>(resolve => {
    child.once('error', error => {
      take(`${command}: ${error.message}\n`);
      resolve(null);
    });
    child.once('close', code => resolve(code));
  });
  return { child, output: () => text, done, kill: signal => killJob(child, signal ?? 'SIGKILL') };
}

function killJob(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  // An nsenter(1) that ends first leaves what it forked to the machine's first process, which need not be one that buries the dead.
  const inner = innermost(child.pid);
  const spare = signal !== 'SIGKILL' && inner !== child.pid && commandOf(child.pid) === 'nsenter';
  for (const pid of spare ? [inner] : new Set([inner, child.pid])) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended in between.
    }
  }
}

/** Polls until `look` says yes; fails with what was awaited, and what `story` knows about it. */
export async function until(
  what: string,
  look: () => boolean | Promise<boolean>,
  { withinMs = 20_000, everyMs = 40, story = () => '' }: { withinMs?: number; everyMs?: number; story?: () => string } = {},
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}\n${story()}`);
    await sleep(everyMs);
  }
}
