// The real server, where its script is beside the project: a Neutron of Debian's with all that it stands on.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logIn } from './client.ts';
import { pidsOf } from './processes.ts';
import type { Account, Server } from './servers.ts';

const script = join(import.meta.dirname, '../../../../shared/peer/peer.sh');

export interface Peer extends Server {
  readonly account: Account;
  /** Of its database server. */
  readonly database: readonly number[];
  /** Of Keystone and its cache. */
  readonly identity: readonly number[];
  /** What Weft is told to share with it: its identity service, and a database of its own at its database server. */
  readonly shared: { readonly identity: string; readonly database: string };
  /** Starts its API server again; ms from its exec to the first good answer. */
  again(): Promise<number>;
}

export const hasPeer = (): boolean => existsSync(script);

/** Where there is no real server to start, none. */
export async function startPeer(progress: (line: string) => void, signal?: AbortSignal): Promise<Peer | undefined> {
  if (!hasPeer()) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'weft-peer-'));
  // Below the ports that connections are given.
  const shift = String(1000 + Math.floor(Math.random() * 400));
  const peer = runner({ PEER_DIR: folder, PEER_SHIFT: shift });
  const dispose = async (): Promise<void> => {
    await peer(['wipe']);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    progress('peer: its packages');
    // Not to be interrupted: packages would be left half installed.
    await peer(['install']);
    progress('peer: its start');
    await peer(['up'], signal);
    const account = accountOf((await peer(['rc', 'admin'])).stdout);
    const config = readFileSync(join(folder, 'etc/neutron.conf'), 'utf8');
    const pid = (name: string): number => Number(readFileSync(join(folder, 'run', `${name}.pid`), 'utf8').split(' ')[0]);
    return {
      target: { name: 'peer', url: `http://127.0.0.1:${19_696 + Number(shift)}`, token: await logIn(account.auth, account) },
      get processes() {
        return [pid('neutron')];
      },
      beside: ['mariadb', 'rabbitmq', 'keystone', 'memcached'].map(pid),
      database: [pid('mariadb')],
      identity: ['keystone', 'memcached'].map(pid),
      account,
      shared: { identity: sectionOf(config, 'keystone_authtoken'), database: await databaseFor(folder, config) },
      again: async () => toAnswer((await peer(['restart', 'neutron'], signal)).stderr),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

type Run = (argv: readonly string[], signal?: AbortSignal) => Promise<Output>;

/** Of the script. What it says is told where it fails. */
const runner =
  (env: NodeJS.ProcessEnv): Run =>
  (argv, signal) =>
    run(script, argv, { env: { ...process.env, ...env }, ...(signal ? { signal } : {}) });

function run(program: string, argv: readonly string[], options: { env?: NodeJS.ProcessEnv; signal?: AbortSignal }): Promise<Output> {
  options.signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    // A session of its own, so that what a terminal interrupts is us alone, who end it.
    const child = spawn(program, argv, { env: options.env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
    // What it started and what it waits for are below it, daemons in sessions of their own.
    const stop = (): void => {
      for (const pid of pidsOf([child.pid!])) end(pid);
    };
    options.signal?.addEventListener('abort', stop, { once: true });
    child.on('error', reject);
    child.on('close', (status, by) => {
      options.signal?.removeEventListener('abort', stop);
      if (options.signal?.aborted) reject(options.signal.reason);
      else if (status === 0) resolve(said);
      else reject(new Error(`${program} ${argv[0]} ended with ${status ?? by}: ${lastLines(said.stderr || said.stdout)}`));
    });
  });
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // It ended in between.
  }
}

const lastLines = (text: string): string => text.trim().split('\n').slice(-8).join('\n');

/** What the script says when a server that it has begun answers for the first time. */
function toAnswer(stderr: string): number {
  const seconds = /first good GET \S+ after ([\d.]+) s/.exec(stderr)?.[1];
  if (seconds === undefined) throw new Error(`peer: its start says no time: ${lastLines(stderr)}`);
  return Number(seconds) * 1000;
}

function accountOf(rc: string): Account {
  const said = (name: string): string => new RegExp(`^export OS_${name}=(.*)$`, 'm').exec(rc)?.[1] ?? '';
  return { auth: said('AUTH_URL'), name: said('USERNAME'), password: said('PASSWORD'), project: said('PROJECT_NAME'), domain: 'Default' };
}

const sectionOf = (config: string, name: string): string => {
  const at = config.indexOf(`[${name}]`);
  const end = config.indexOf('\n[', at + 1);
  return config.slice(at, end < 0 ? undefined : end).trim();
};

/** A database of Weft's own at the peer's server; answers its URL, by the peer's user. */
async function databaseFor(folder: string, config: string): Promise<string> {
  const url = /^connection *= *(\S+)$/m.exec(sectionOf(config, 'database'))?.[1] ?? '';
  const { username } = new URL(url.replace(/^[^:]+/, 'http'));
  const users = ['127.0.0.1', 'localhost'].map(host => `'${username}'@'${host}'`);
  const sql = ['CREATE DATABASE weft_bench', ...users.map(user => `GRANT ALL ON weft_bench.* TO ${user}`)].join('; ');
  await run('mariadb', ['--no-defaults', `--socket=${join(folder, 'run/mysql.sock')}`, '--user=root', '-e', sql], {});
  return url.replace(/\/[^/?]+(\?.*)?$/, '/weft_bench');
}
