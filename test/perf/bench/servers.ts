// The servers that are measured: Weft in its shapes, and the real one where its script is beside the project.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { passwordsInCloudsYaml } from '../../../src/adapters/identity-builtin/clouds-yaml.ts';
import { freePort } from '../../../src/contracts/free-port.ts';
import { programPath } from '../../../src/contracts/store-suite/servers/server.ts';
import { logIn, type Target } from './client.ts';

export interface Server extends AsyncDisposable {
  readonly target: Target;
  /** Of the server itself. */
  readonly processes: readonly number[];
  /** Of its database, broker and identity service. */
  readonly beside: readonly number[];
}

interface Account {
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
}

/** A server as `weft server` starts it, with its state in a temporary folder. */
export async function startWeft({ name, config, account, beside, nodeOptions }: WeftShape): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const file = join(folder, 'weft.conf');
  writeFileSync(file, config, { mode: 0o600 });
  const program = join(import.meta.dirname, '../../../src/main/weft.ts');
  const argv = ['--disable-warning=ExperimentalWarning', ...nodeOptions, program, 'server', '--state-dir', folder];
  const child = spawn(process.execPath, [...argv, '--listen', `127.0.0.1:${port}`, '--config-file', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const dispose = async (): Promise<void> => {
    const ended = new Promise(resolve => child.once('exit', resolve));
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await ready(child);
    const token = account ? await logIn(account.auth, account) : await builtIn(url, folder);
    return { target: { name, url, token }, processes: [child.pid!], beside, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function builtIn(url: string, folder: string): Promise<string> {
  const password = passwordsInCloudsYaml(readFileSync(join(folder, 'clouds.yaml'), 'utf8'))?.admin ?? '';
  return logIn(`${url}/identity/v3`, { name: 'admin', password, project: 'admin', domain: 'Default' });
}

async function ready(child: ChildProcess): Promise<void> {
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  for (let waited = 0; !/^ready/m.test(output); waited += 50) {
    if (child.exitCode !== null || waited > 60_000) throw new Error(`the server did not start: ${output}`);
    await sleep(50);
  }
}

const script = join(import.meta.dirname, '../../../../shared/peer/peer.sh');

export interface Peer extends Server {
  readonly account: Account;
  /** Of its database server. */
  readonly database: readonly number[];
  /** What Weft is told to share with it: its identity service, and a database of its own at its database server. */
  readonly shared: { readonly identity: string; readonly database: string };
}

/** Where there is no real server to start, none. */
export async function startPeer(progress: (line: string) => void): Promise<Peer | undefined> {
  if (!existsSync(script)) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'weft-peer-'));
  // Below the ports that connections are given.
  const shift = String(1000 + Math.floor(Math.random() * 400));
  const env = { ...process.env, PEER_DIR: folder, PEER_SHIFT: shift };
  const peer = (...argv: string[]): string => execFileSync(script, argv, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const dispose = async (): Promise<void> => {
    peer('wipe');
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    progress('peer: its packages, and its start');
    peer('install');
    peer('up');
    const account = accountOf(peer('rc', 'admin'));
    const config = readFileSync(join(folder, 'etc/neutron.conf'), 'utf8');
    const pid = (name: string): number => Number(readFileSync(join(folder, 'run', `${name}.pid`), 'utf8').split(' ')[0]);
    return {
      target: { name: 'peer', url: `http://127.0.0.1:${19_696 + Number(shift)}`, token: await logIn(account.auth, account) },
      processes: [pid('neutron')],
      beside: ['mariadb', 'rabbitmq', 'keystone', 'memcached'].map(pid),
      database: [pid('mariadb')],
      account,
      shared: { identity: sectionOf(config, 'keystone_authtoken'), database: databaseFor(folder, config) },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
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
function databaseFor(folder: string, config: string): string {
  const url = /^connection *= *(\S+)$/m.exec(sectionOf(config, 'database'))?.[1] ?? '';
  const { username } = new URL(url.replace(/^[^:]+/, 'http'));
  const users = ['127.0.0.1', 'localhost'].map(host => `'${username}'@'${host}'`);
  const sql = ['CREATE DATABASE weft_bench', ...users.map(user => `GRANT ALL ON weft_bench.* TO ${user}`)].join('; ');
  execFileSync(programPath('mariadb')!, ['--no-defaults', `--socket=${join(folder, 'run/mysql.sock')}`, '--user=root', '-e', sql], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return url.replace(/\/[^/?]+(\?.*)?$/, '/weft_bench');
}
