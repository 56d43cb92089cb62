// A process in a sandbox or on the machine itself, as a child to supervise.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { childrenOf, isAlive, type ProcessId, processId } from '../sandbox/proc.ts';
import type { Place } from '../sandbox/sandbox.ts';
import type { Child } from './supervisor.ts';

export interface ProcessOptions {
  readonly place: Place;
  readonly argv: readonly string[];
  /** What it prints (crashes, mostly) is appended here; its own log is another file. */
  readonly outputFile: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** How long a process may take to end after SIGTERM. */
const graceMs = 1500;

export async function startProcess(options: ProcessOptions): Promise<Child> {
  const { place, argv } = options;
  // In a sandbox the kernel ends it with us; on the machine itself it has to be asked to.
  const [command = '', ...args] = place.init ? place.enter(argv) : ['setpriv', '--pdeathsig', 'KILL', '--', ...argv];
  mkdirSync(dirname(options.outputFile), { recursive: true, mode: 0o700 });
  const output = openSync(options.outputFile, 'a', 0o600);
  const outer = spawn(command, args, { stdio: ['ignore', output, output], detached: true, env: { ...process.env, ...options.env } });
  closeSync(output);
  const ended = endOf(outer);
  const inner = await findProcess(outer, ended, place.init !== undefined);
  const gone = ended.then(async how => {
    // Somebody may have killed nsenter(1) alone: what it ran must not live on beside its successor.
    await kill(inner, 0);
    return how;
  });
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await kill(inner, graceMs);
    await gone;
  };
  return {
    pid: inner.pid,
    ended: gone,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise(resolve => {
    child.once('error', error => resolve(`could not start: ${error.message}`));
    child.once('exit', (code, signal) => resolve(signal ? `killed by ${signal}` : `status ${code}`));
  });
}

/** nsenter(1) forks into the sandbox's pid namespace: then its child is the process that was meant. */
async function findProcess(outer: ChildProcess, ended: Promise<string>, entered: boolean): Promise<ProcessId> {
  let how: string | undefined;
  void ended.then(text => {
    how = text;
  });
  for (const deadline = performance.now() + 5000; performance.now() < deadline; await sleep(2)) {
    if (how !== undefined) throw new Error(how);
    const pid = entered && outer.pid !== undefined ? childrenOf(outer.pid)[0] : outer.pid;
    const found = pid === undefined ? undefined : processId(pid);
    if (found) return found;
  }
  outer.kill('SIGKILL');
  throw new Error('did not start within 5 s');
}

/** SIGTERM, and SIGKILL when that does not end it in time; at once when no time is given. */
async function kill(id: ProcessId, grace: number): Promise<void> {
  if (grace > 0) signal(id, 'SIGTERM');
  for (const deadline = performance.now() + grace; isAlive(id) && performance.now() < deadline; ) await sleep(10);
  signal(id, 'SIGKILL');
}

function signal(id: ProcessId, name: NodeJS.Signals): void {
  if (!isAlive(id)) return;
  try {
    process.kill(id.pid, name);
  } catch {
    // It ended in between.
  }
}
