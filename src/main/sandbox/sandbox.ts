// One sandbox: namespaces of its own for network, mounts, processes, hostname and IPC, alive as long as the process that made it.
//
// Process 1 of the sandbox is a `cat` that reads a pipe whose other end only the maker holds. When the maker ends, however it ends,
// the pipe does, so does `cat`, and the kernel kills every process of the sandbox and drops its links, rules and mounts.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandOf, initBelow, isAlive, type ProcessId, processId } from './proc.ts';
import { run } from './run.ts';

/** Where programs run: in a sandbox, or on the machine itself. */
/** Where others have links, too: how what we make there is marked, and who hears of a tap of theirs that gets another name. */
export interface Ownership {
  readonly mark: string;
  notePlugged(tap: string, was: string): void;
}

export interface Place {
  readonly name: string;
  /** Process 1 of the sandbox, as seen from outside; absent for the machine itself. */
  readonly init?: ProcessId;
  /** Of the machine itself. */
  readonly owned?: Ownership;
  /** The switch of its agents, where that is Open vSwitch. */
  readonly openvswitch?: { readonly datapath: 'system' | 'netdev' };
  /** The command line that runs `argv` there; `cwd` defaults to `/`. */
  enter(argv: readonly string[], cwd?: string): string[];
  /** The command line that runs `argv` in the network there, with the caller's files and processes. */
  enterNetwork(argv: readonly string[]): string[];
}

export interface Sandbox extends Place, AsyncDisposable {
  readonly init: ProcessId;
  /** Resolves when the sandbox is gone, whatever ended it. */
  readonly gone: Promise<void>;
}

const hostMounts = join(import.meta.dirname, 'mounts.fstab');
const unshare = ['unshare', '--mount', '--net', '--pid', '--uts', '--ipc', '--fork', '--mount-proc', '--kill-child=KILL', '--'];
/** With SIGCHLD ignored the kernel reaps what is orphaned inside; `cat` would not. */
const init = ['env', '--ignore-signal=SIGCHLD', 'cat'];

export function enterArgv(pid: number, argv: readonly string[], cwd = '/'): string[] {
  return ['nsenter', '-t', String(pid), '-m', '-n', '-p', '-u', '-i', `--wd=${cwd}`, '--', ...argv];
}

export interface NestedOptions {
  /** Where it is inside of, and gone with. */
  readonly within: Place;
  /** The fstab(5) file of what it mounts. Sources that the outer sandbox has mounted already would be passed over. */
  readonly mounts: string;
}

export async function openSandbox(name: string, nested?: NestedOptions): Promise<Sandbox> {
  const holder = [...unshare, ...init];
  const child = spawnHolder(nested ? nested.within.enter(holder) : holder);
  const gone = new Promise<void>(resolve => child.once('close', () => resolve()));
  try {
    const found = await findInit(child, nested?.within.init ? 1 : 0);
    // Its pid may be another's by now, and nobody shall be led into a stranger's namespaces.
    const living = (): number => {
      if (!isAlive(found)) throw new Error(`${name} is gone`);
      return found.pid;
    };
    const enter = (argv: readonly string[], cwd?: string): string[] => enterArgv(living(), argv, cwd);
    const enterNetwork = (argv: readonly string[]): string[] => ['nsenter', '-t', String(living()), '-n', '--', ...argv];
    await run(enter(['mount', '--no-mtab', '--all', '--fstab', nested?.mounts ?? hostMounts]));
    await run(enter(['hostname', name]));
    return { name, init: found, enter, enterNetwork, gone, [Symbol.asyncDispose]: () => close(child, found, gone) };
  } catch (error) {
    child.stdin?.destroy();
    child.kill('SIGKILL');
    throw new Error(`sandbox ${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function spawnHolder(argv: readonly string[]): ChildProcess & { complaint: () => string } {
  const [command = '', ...args] = argv;
  // A session of its own: Ctrl-C in the terminal is for the maker, which then ends things in order.
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'], detached: true });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words += text;
  });
  child.stdin.on('error', () => {});
  return Object.assign(child, { complaint: () => words.trim() });
}

/** Waits until `cat` runs as process 1: before that, namespaces or /proc may not be ready. */
async function findInit(child: ReturnType<typeof spawnHolder>, outer: number): Promise<ProcessId> {
  let failed: Error | undefined;
  child.once('error', error => {
    failed = error;
  });
  for (const deadline = performance.now() + 5000; performance.now() < deadline; await sleep(3)) {
    if (failed) throw failed;
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(child.complaint() || `ended with status ${child.exitCode}`);
    const pid = child.pid === undefined ? undefined : initBelow(child.pid, outer);
    if (pid !== undefined && commandOf(pid) === 'cat') {
      const found = processId(pid);
      if (found) return found;
    }
  }
  throw new Error('process 1 did not start within 5 s');
}

async function close(child: ChildProcess, found: ProcessId, gone: Promise<void>): Promise<void> {
  child.stdin?.destroy();
  const slow = AbortSignal.timeout(1000);
  await Promise.race([gone, new Promise(resolve => slow.addEventListener('abort', resolve, { once: true }))]);
  if (isAlive(found)) process.kill(found.pid, 'SIGKILL');
  await gone;
}
