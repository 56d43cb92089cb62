// A RabbitMQ of a test's own: Debian's, on free ports, with a node name, an epmd and folders that nobody else has.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AmqpOptions, defaultAmqpOptions } from '../../src/adapters/bus-amqp/options.ts';
import { freePorts } from '../../src/contracts/free-port.ts';

const bin = '/usr/lib/rabbitmq/bin';
const missing = spawnSync(`${bin}/rabbitmq-server`, ['--version'], { stdio: 'ignore', timeout: 1 }).error;
/** Why there can be no broker here, or false. The scripts want root, or a user of their own. */
export const noRabbit: string | false =
  missing && 'code' in missing && missing.code === 'ENOENT'
    ? 'no rabbitmq-server here (Debian: rabbitmq-server)'
    : process.getuid?.() !== 0
      ? 'rabbitmq-server is started by root only'
      : false;

/** Options of setpriv: what follows ends when this process does, whatever ends it. The script passes TERM on to its Erlang. */
const withUs = (signal: 'TERM' | 'KILL'): string[] => ['--pdeathsig', signal, '--'];

export const rabbitUser = 'weft';
export const rabbitPassword = 'p@ss:w%rd';

export interface Tls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export class Rabbit implements AsyncDisposable {
  readonly port: number;
  readonly tlsPort: number;
  private readonly folder: string;
  private readonly env: NodeJS.ProcessEnv;
  private readonly epmd: ChildProcess;
  private server: ChildProcess | undefined;
  private nextVhost = 0;

  /** `vhosts`: how many virtual hosts there are to be handed out. */
  static async start({ vhosts = 1, tls }: { vhosts?: number; tls?: Tls } = {}): Promise<Rabbit> {
    const ports = await freePorts(4);
    const rabbit = new Rabbit(ports, { vhosts, tls });
    await rabbit.up();
    return rabbit;
  }

  private constructor([port, dist, epmd, tlsPort]: readonly number[], { vhosts, tls }: { vhosts: number; tls: Tls | undefined }) {
    this.port = port!;
    this.tlsPort = tlsPort!;
    this.folder = mkdtempSync(join(tmpdir(), 'weft-rabbit-'));
    const at = (name: string): string => join(this.folder, name);
    for (const name of ['log', 'mnesia']) mkdirSync(at(name));
    writeFileSync(at('plugins'), '[].');
    writeFileSync(at('definitions.json'), JSON.stringify(definitions(vhosts)));
    writeFileSync(at('rabbit.conf'), config({ port: this.port, tlsPort: this.tlsPort, definitions: at('definitions.json'), tls }));
    this.env = {
      PATH: process.env['PATH'],
      LC_ALL: 'C.UTF-8',
      HOME: this.folder,
      ERL_EPMD_PORT: String(epmd),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_NODENAME: `weft-test-${port}@localhost`,
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      RABBITMQ_CONFIG_FILE: at('rabbit'),
      RABBITMQ_ENABLED_PLUGINS_FILE: at('plugins'),
      RABBITMQ_MNESIA_BASE: at('mnesia'),
      RABBITMQ_LOG_BASE: at('log'),
      RABBITMQ_PID_FILE: at('pid'),
      RABBITMQ_DIST_PORT: String(dist),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}',
    };
    this.epmd = spawn('setpriv', [...withUs('KILL'), 'epmd', '-port', String(epmd), '-address', '127.0.0.1'], { stdio: 'ignore' });
  }

  /** Options of a client, by default on a virtual host that nobody else got. */
  client(changes: Partial<AmqpOptions> = {}): AmqpOptions {
    const hosts = [{ host: '127.0.0.1', port: this.port, username: rabbitUser, password: rabbitPassword }];
    const fast = { reconnectDelay: 0.1, retryInterval: 0.2, retryBackoff: 0.2, retryMax: 0.5 };
    return { ...defaultAmqpOptions, ...fast, hosts, virtualHost: `v${this.nextVhost++}`, ...changes };
  }

  async up(): Promise<void> {
    const argv = [...withUs('TERM'), `${bin}/rabbitmq-server`];
    const server = spawn('setpriv', argv, { env: this.env, stdio: 'ignore', detached: true });
    this.server = server;
    for (let i = 0; i < 900; i++) {
      if (server.exitCode !== null) throw new Error(`rabbitmq-server ended with ${server.exitCode}`);
      if (await accepts(this.port)) return;
      await new Promise(resolve => setTimeout(resolve, 100));
    }
    throw new Error('rabbitmq-server did not come up');
  }

  /** The one that all others of it are below. */
  get pid(): number | undefined {
    return this.server?.pid;
  }

  /** All its processes at once, as a machine that loses its power. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  async down(): Promise<void> {
    await this.end('SIGTERM');
  }

  ctl(...args: readonly string[]): string {
    const done = spawnSync(`${bin}/rabbitmqctl`, ['-q', ...args], { env: this.env, encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`rabbitmqctl ${args[0]} failed: ${done.stdout}${done.stderr}`);
    return done.stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    this.epmd.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  private async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (!server?.pid || server.exitCode !== null) return;
    const gone = new Promise(resolve => server.once('exit', resolve));
    process.kill(-server.pid, signal);
    await gone;
  }
}

function definitions(vhosts: number): object {
  const names = Array.from({ length: vhosts }, (_, i) => `v${i}`);
  return {
    users: [{ name: rabbitUser, password: rabbitPassword, tags: ['administrator'] }],
    vhosts: names.map(name => ({ name })),
    permissions: names.map(vhost => ({ user: rabbitUser, vhost, configure: '.*', write: '.*', read: '.*' })),
  };
}

function config(of: { port: number; tlsPort: number; definitions: string; tls: Tls | undefined }): string {
  const { tls } = of;
  const ssl = tls
    ? [
        `listeners.ssl.1 = 127.0.0.1:${of.tlsPort}`,
        `ssl_options.cacertfile = ${tls.ca}`,
        `ssl_options.certfile = ${tls.cert}`,
        `ssl_options.keyfile = ${tls.key}`,
        'ssl_options.verify = verify_none',
      ]
    : [];
  return [
    `listeners.tcp.1 = 127.0.0.1:${of.port}`,
    `load_definitions = ${of.definitions}`,
    'disk_free_limit.absolute = 1MB',
    'vm_memory_high_watermark.relative = 0.9',
    ...ssl,
    '',
  ].join('\n');
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
