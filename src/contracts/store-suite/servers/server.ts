// A database server of a test's own: in a temporary folder, on a free port of the loopback interface, gone with the test.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../free-port.ts';

export interface DatabaseServer extends AsyncDisposable {
  readonly port: number;
  /** A new empty database, as a URL in SQLAlchemy's words. */
  database(): Promise<string>;
  /** Statements of the server's administrator, in that database or in none. */
  admin(sql: string, url?: string): Promise<string>;
  /** As a loss of power for the server: kill -9, and nothing more until `start`. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Undefined while it does not run. */
  readonly pid: number | undefined;
}

export interface Kind {
  readonly name: 'mariadb' | 'postgres';
  readonly scheme: string;
  /** Debian packages and the programs that must be there, by path or name. */
  readonly needs: readonly (readonly [package_: string, programs: readonly string[]])[];
  /** Whose process it is where the test runs as root, which these servers refuse. */
  readonly user: string;
  prepare(folder: string): readonly string[];
  serve(folder: string, port: number): readonly string[];
  client(folder: string, port: number, database: string): readonly string[];
}

/** Servers are often outside an ordinary PATH, and PostgreSQL's lie in a folder of their version. */
function folders(): string[] {
  const versions = '/usr/lib/postgresql';
  const numbers = existsSync(versions) ? readdirSync(versions).sort((a, b) => Number(b) - Number(a)) : [];
  const path = (process.env['PATH'] ?? '').split(':').filter(folder => folder !== '');
  return [...numbers.map(version => join(versions, version, 'bin')), ...path, '/usr/sbin', '/usr/local/sbin'];
}

export function programPath(name: string): string | undefined {
  return folders()
    .map(folder => join(folder, name))
    .find(path => existsSync(path));
}

/** A sentence about what is missing and how to get it, undefined where nothing is. */
export function missing(kind: Kind): string | undefined {
  const lacking = kind.needs.filter(([, programs]) => !programs.every(program => programPath(program)));
  if (lacking.length === 0) return undefined;
  return `needs ${lacking.map(([, programs]) => programs.join(', ')).join(', ')}: apt-get install ${lacking.map(([name]) => name).join(' ')}`;
}

export async function startServer(kind: Kind): Promise<DatabaseServer> {
  const why = missing(kind);
  if (why !== undefined) throw new Error(`${kind.name} ${why}`);
  const folder = await mkdtemp(join(tmpdir(), `weft-${kind.name}-`));
  const server = new Server(kind, folder, await owner(kind.user), await freePort());
  try {
    await server.prepare();
    await server.start();
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return server;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

async function owner(user: string): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find(each => each.startsWith(`${user}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined) throw new Error(`there is no user ${user} to run the server as`);
  return { uid: Number(uid), gid: Number(gid) };
}

class Server implements DatabaseServer {
  readonly port: number;
  private readonly kind: Kind;
  private readonly folder: string;
  private readonly owner: Owner | undefined;
  private process: ChildProcess | undefined;
  private said = '';

  constructor(kind: Kind, folder: string, who: Owner | undefined, port: number) {
    this.kind = kind;
    this.folder = folder;
    this.owner = who;
    this.port = port;
  }

  async prepare(): Promise<void> {
    await chmod(this.folder, 0o755);
    const data = join(this.folder, 'data');
    await mkdir(data, { mode: 0o700 });
    if (this.owner) for (const path of [this.folder, data]) await chown(path, this.owner.uid, this.owner.gid);
    this.run(this.kind.prepare(this.folder));
  }

  /** Ends with its parent, however that ends. */
  private as(argv: readonly string[]): readonly string[] {
    const who = this.owner ? [`--reuid=${this.owner.uid}`, `--regid=${this.owner.gid}`, '--clear-groups'] : [];
    return ['setpriv', ...who, '--pdeathsig=KILL', '--', ...argv];
  }

  private run(argv: readonly string[], input?: string): string {
    const [program, ...args] = this.as(argv);
    const done = spawnSync(program!, args, {
      cwd: this.folder,
      encoding: 'utf8',
      timeout: 120_000,
      ...(input === undefined ? {} : { input }),
    });
    if (done.status !== 0) throw new Error(`${argv[0]} failed: ${done.error?.message ?? ''}${done.stdout}${done.stderr}`);
    return done.stdout;
  }

  async start(): Promise<void> {
    const [program, ...args] = this.as(this.kind.serve(this.folder, this.port));
    this.said = '';
    const child = spawn(program!, args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    this.process = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text: Buffer) => {
        this.said = (this.said + text).slice(-4000);
      });
    for (let tries = 0; tries < 600; tries++) {
      if (child.exitCode !== null) throw new Error(`${this.kind.name} ended at once: ${this.said}`);
      try {
        this.run(this.kind.client(this.folder, this.port, ''), 'SELECT 1;');
        return;
      } catch {
        await sleep(50);
      }
    }
    throw new Error(`${this.kind.name} does not answer: ${this.said}`);
  }

  async admin(sql: string, url?: string): Promise<string> {
    const database = url === undefined ? '' : new URL(url).pathname.slice(1);
    return this.run(this.kind.client(this.folder, this.port, database), sql);
  }

  async database(): Promise<string> {
    const name = `weft_${randomBytes(6).toString('hex')}`;
    await this.admin(`CREATE DATABASE ${name};`);
    return `${this.kind.scheme}://weft:secret@127.0.0.1:${this.port}/${name}`;
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  async kill(): Promise<void> {
    const child = this.process;
    this.process = undefined;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    // What serves a connection may be a process of its own, which would answer for a while.
    const all = [child.pid, ...childrenOf(child.pid)];
    for (const pid of all) kill(pid);
    await exit;
    while (all.some(isThere)) await sleep(5);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended in between.
  }
}

/** One that has ended and that nobody has buried yet is not. */
function isThere(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
