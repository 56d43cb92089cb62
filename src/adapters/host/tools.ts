// Runs the host's tools: an argument list, never a shell; a bounded number at a time; with the sbin folders in the path.
import { type ChildProcess, spawn } from 'node:child_process';
import { HostRefusal } from '../../contracts/host/firewall.ts';
import type { Netns } from '../../contracts/host/netns.ts';
import type { RunResult } from '../../contracts/host/processes.ts';
import { netns as netnsName, vetted } from './names.ts';

export interface ToolOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
}

export interface ToolsOptions {
  /** Hears of every process that a door starts; for counting them. */
  readonly onSpawn?: (argv: readonly string[]) => void;
  /** How many short-lived tools run at the same time. */
  readonly parallel?: number;
}

const TIMED_OUT = 124;

/** What a started process sees: a path with the sbin folders (an ordinary user's lacks them), untranslated messages, nothing of the agent's own. */
export function toolEnv(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const path = [process.env['PATH'] ?? '/usr/bin:/bin', '/usr/local/sbin:/usr/sbin:/sbin'].join(':');
  return { PATH: path, LC_ALL: 'C', ...extra };
}

/** The argument list that runs `argv` inside the namespace. `ip netns exec` execs in place: the pid stays, /sys and /etc/netns fit. */
function inNetns(ns: Netns, argv: readonly string[]): readonly string[] {
  return ns === '' ? argv : ['ip', 'netns', 'exec', netnsName(ns), ...argv];
}

export class Tools {
  private readonly options: ToolsOptions;
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(options: ToolsOptions = {}) {
    this.options = options;
    this.free = options.parallel ?? 8;
  }

  /** A door's own short-lived tool, one of the bounded number. */
  async tool(ns: Netns, argv: readonly string[], options: ToolOptions = {}): Promise<RunResult> {
    if (this.free > 0) this.free--;
    else await new Promise<void>(resolve => this.waiting.push(resolve));
    try {
      return await this.run(ns, argv, { timeoutMs: 60_000, ...options });
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free++;
    }
  }

  /** Any command to its end. Rejects with HostRefusal when it cannot be started; 124 when it took too long, 128 + n when a signal ended it. */
  async run(ns: Netns, argv: readonly string[], options: ToolOptions = {}): Promise<RunResult> {
    const result = await collect(this.start(ns, argv), argv, options);
    if (ns !== '' && result.code !== 0) refuseUnstarted(ns, argv, result);
    return result;
  }

  /** Starts a process with three pipes; the caller owns it. */
  start(ns: Netns, argv: readonly string[]): ChildProcess {
    const [file, ...args] = command(ns, argv);
    this.noteSpawn([file, ...args]);
    return spawn(file, args, { env: toolEnv(), stdio: ['pipe', 'pipe', 'pipe'] });
  }

  noteSpawn(argv: readonly string[]): void {
    this.options.onSpawn?.(argv);
  }
}

/** The whole argument list; throws HostRefusal for a bad namespace name, an empty list, or a NUL in it. */
export function command(ns: Netns, argv: readonly string[]): [string, ...string[]] {
  const full = vetted('ip netns', () => inNetns(ns, argv));
  const [file, ...args] = full;
  if (!file || argv.length === 0) throw new HostRefusal('run', 'no command');
  if (full.some(a => a.includes('\0'))) throw new HostRefusal(file, 'NUL in an argument');
  return [file, ...args];
}

function collect(child: ChildProcess, argv: readonly string[], options: ToolOptions): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, options.timeoutMs ?? 60_000);
    child.stdout?.on('data', (d: Buffer) => out.push(d));
    child.stderr?.on('data', (d: Buffer) => err.push(d));
    child.stdin?.on('error', () => {}); // the tool may end before it has read all
    child.stdin?.end(options.input ?? '');
    child.once('error', error => {
      clearTimeout(timer);
      reject(new HostRefusal(argv[0] ?? 'run', error.message));
    });
    // A grandchild that stays may hold the pipes open for ever: its parent's end is ours.
    child.once('exit', () => setTimeout(() => closePipes(child), 250).unref());
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const stderr = Buffer.concat(err).toString('utf8');
      resolve({
        code: timedOut ? TIMED_OUT : (code ?? 128 + signalNumber(signal)),
        stdout: Buffer.concat(out).toString('utf8'),
        stderr: timedOut ? `${stderr}took longer than ${options.timeoutMs ?? 60_000} ms` : stderr,
      });
    });
  });
}

function closePipes(child: ChildProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
}

const SIGNALS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGPIPE: 13, SIGTERM: 15 };
const signalNumber = (signal: NodeJS.Signals | null): number => (signal ? (SIGNALS[signal] ?? 0) : 0);

/** `ip netns exec` says so itself when the namespace or the program is missing. */
function refuseUnstarted(ns: Netns, argv: readonly string[], result: RunResult): void {
  const words = result.stderr.trim();
  if (/^exec of ".*" failed: /m.test(words)) throw new HostRefusal(argv[0] ?? 'run', words);
  if (words.startsWith(`Cannot open network namespace "${ns}"`)) throw new HostRefusal('ip netns', words);
}

/** A tool's complaint in one line, without its boilerplate. */
export function complaint(result: RunResult): string {
  const lines = result.stderr
    .split('\n')
    .map(l => l.trim())
    .filter(l => l !== '' && !/^Try `/.test(l));
  return lines.join('; ') || `ended with code ${result.code}`;
}
