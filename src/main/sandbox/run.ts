// Runs a program to its end; argument lists only, never a shell.
import { spawn } from 'node:child_process';

export interface Done {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class CommandFailed extends Error {
  readonly done: Done;
  constructor(argv: readonly string[], done: Done) {
    super(`${argv.join(' ')}: ${done.stderr.trim() || done.stdout.trim() || `status ${done.code}`}`);
    this.name = 'CommandFailed';
    this.done = done;
  }
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Kills the program after this long; its code is then 137. */
  readonly timeoutMs?: number;
}

/** Rejects only when the program cannot be started. */
export function tryRun(argv: readonly string[], options: RunOptions = {}): Promise<Done> {
  const [command = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs, killSignal: 'SIGKILL' }),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code: code ?? (signal === 'SIGKILL' ? 137 : 143), stdout, stderr }));
    // A program that ends without reading its input closes the pipe.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}

/** Rejects with CommandFailed unless the program ends with status 0. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const done = await tryRun(argv, options);
  if (done.code !== 0) throw new CommandFailed(argv, done);
  return done.stdout;
}
