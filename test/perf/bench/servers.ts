// Weft's servers that are measured, in their shapes.
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { passwordsInCloudsYaml } from '../../../src/adapters/identity-builtin/clouds-yaml.ts';
import { freePort } from '../../../src/contracts/free-port.ts';
import { launcher, nodeEnv, nodeFlags } from '../../../src/main/supervise/node.ts';
import { logIn, type Target } from './client.ts';

export interface Server extends AsyncDisposable {
  readonly target: Target;
  /** Of the server itself. */
  readonly processes: readonly number[];
  /** Of its database, broker and identity service. */
  readonly beside: readonly number[];
}

export interface Account {
  readonly auth: string;
  readonly name: string;
  readonly password: string;
  readonly project: string;
  readonly domain: string;
}

export interface WeftShape {
  readonly name: string;
  /** Lines of a configuration file; none where everything is embedded. */
  readonly config: string;
  /** Whose token is used; the built-in administrator's where there is none. */
  readonly account?: Account;
  readonly beside: readonly number[];
  readonly nodeOptions: readonly string[];
  /** A folder with the state of another, which it goes on with a copy of. */
  readonly from?: string;
  /** Words behind `weft`; those of the server alone where there are none. */
  readonly verb?: readonly string[];
  /** The program of Node's; the one that runs here where there is none. */
  readonly node?: string;
}

export interface WeftServer extends Server {
  /** Its state. */
  readonly folder: string;
}

/** Weft in a process, with its state in that folder. */
export function spawnWeft(shape: WeftShape, folder: string, port: number): ChildProcess {
  const { config, nodeOptions, verb = ['server'], node = process.execPath } = shape;
  const file = join(folder, 'weft.conf');
  writeFileSync(file, config, { mode: 0o600 });
  const program = join(import.meta.dirname, '../../../src/main/weft.ts');
  const argv = [...nodeFlags, launcher, program, ...verb, '--state-dir', folder];
  // By the environment, so that its workers have them too.
  const env = { ...nodeEnv, ...process.env, NODE_OPTIONS: [process.env['NODE_OPTIONS'] ?? '', ...nodeOptions].join(' ').trim() };
  return spawn(node, [...argv, '--listen', `127.0.0.1:${port}`, '--config-file', file], { env, stdio: ['ignore', 'pipe', 'inherit'] });
}

export async function endWeft(child: ChildProcess): Promise<void> {
  const ended = new Promise(resolve => child.once('exit', resolve));
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await ended;
}

/** A server as `weft server` starts it, with its state in a temporary folder. */
export async function startWeft(shape: WeftShape, signal?: AbortSignal): Promise<WeftServer> {
  const { name, account, beside, from } = shape;
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  if (from !== undefined) cpSync(from, folder, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawnWeft(shape, folder, port);
  const dispose = async (): Promise<void> => {
    await endWeft(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await ready(child, signal);
    const token = account ? await logIn(account.auth, account) : await builtIn(url, folder);
    return { target: { name, url, token }, processes: [child.pid!], beside, folder, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function builtIn(url: string, folder: string): Promise<string> {
  const password = passwordsInCloudsYaml(readFileSync(join(folder, 'clouds.yaml'), 'utf8'))?.admin ?? '';
  return logIn(`${url}/identity/v3`, { name: 'admin', password, project: 'admin', domain: 'Default' });
}

async function ready(child: ChildProcess, signal: AbortSignal | undefined): Promise<void> {
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  for (let waited = 0; !/^ready/m.test(output); waited += 50) {
    signal?.throwIfAborted();
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    if (hasEnded || waited > 60_000) throw new Error(`the server did not start: ${output}`);
    await sleep(50);
  }
}
