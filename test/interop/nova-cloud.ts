// Debian's Nova for one test: API, conductor, scheduler and computes with a fake virt driver, with Placement, Glance, a broker and databases of
// its own, behind a Keystone that is given. All on free ports, all files in a folder of ours.
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../src/contracts/free-port.ts';
import { mariadbMissing, startMariadb } from '../../src/contracts/store-suite/servers/mariadb.ts';
import type { DatabaseServer } from '../../src/contracts/store-suite/servers/server.ts';
import { type DaemonOptions, startDaemon } from '../conformance/daemon.ts';
import { type Account, type Admin, ensureAccount } from '../conformance/identity-admin.ts';
import type { RunningKeystone } from '../conformance/keystone.ts';
import { optionFile, type Sections, transportUrlOf } from './neutron-server.ts';
import { noRabbit, Rabbit } from './rabbit.ts';

const python = '/usr/lib/python3/dist-packages';
const scripts = { nova: '/usr/bin/nova-api-wsgi', placement: '/usr/bin/placement-api', glance: '/usr/bin/glance-wsgi-api' };
const needed: Readonly<Record<string, string>> = {
  'nova-api': '/usr/bin/nova-api-wsgi',
  'python3-placement': '/usr/bin/placement-api',
  'glance-api': '/usr/bin/glance-wsgi-api',
  'python3-fixtures': `${python}/fixtures/__init__.py`,
  'uwsgi-plugin-python3': '/usr/bin/uwsgi_python3',
  keystone: '/usr/bin/keystone-manage',
};
const lacking = Object.entries(needed).flatMap(([name, file]) => (existsSync(file) ? [] : [name]));

/** Why there can be none here, or false. */
export const noNova: string | false =
  lacking.length > 0 ? `no Nova here (Debian: ${lacking.join(', ')})` : noRabbit || (mariadbMissing() ?? false);

export const region = 'RegionOne';
const password = 'service-password';

export const accountOf = (username: string): Account => ({ username, password, project: 'service' });

export interface NovaOptions {
  readonly folder: string;
  readonly keystone: RunningKeystone;
  /** Where instances run. */
  readonly hosts: readonly string[];
}

export class NovaCloud implements AsyncDisposable {
  url = '';
  placementUrl = '';
  imageUrl = '';
  private readonly stack = new AsyncDisposableStack();
  private readonly options: NovaOptions;

  static async start(options: NovaOptions): Promise<NovaCloud> {
    const cloud = new NovaCloud(options);
    try {
      await cloud.up();
      return cloud;
    } catch (error) {
      await cloud[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(options: NovaOptions) {
    this.options = options;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stack.disposeAsync();
  }

  private async up(): Promise<void> {
    const { keystone, hosts } = this.options;
    const rabbit = Rabbit.start();
    const database = this.stack.use(await startMariadb());
    const transport = transportUrlOf(this.stack.use(await rabbit));
    const cell = await this.configure(database, transport);
    await Promise.all([this.beginPlacement(), this.beginGlance(), this.prepareNova(cell, transport)]);
    await this.beginApi();
    await this.accounts(keystone.admin);
    for (const name of ['conductor', 'scheduler']) await this.program(name, 'nova.conf');
    for (const host of hosts) await this.program('compute', `compute-${host}.conf`);
  }

  private async accounts(admin: Admin): Promise<void> {
    for (const name of ['nova', 'placement']) await ensureAccount(admin, accountOf(name), ['admin', 'service']);
    const urls = { compute: this.url, placement: this.placementUrl, image: this.imageUrl };
    for (const [type, url] of Object.entries(urls)) {
      const { service } = await admin.call<{ service: { id: string } }>('POST', '/services', { service: { type, name: type } });
      const endpoint = { service_id: service.id, region_id: region, url };
      for (const kind of ['public', 'internal']) await admin.call('POST', '/endpoints', { endpoint: { ...endpoint, interface: kind } });
    }
  }

  private async configure(server: DatabaseServer, transport: string): Promise<readonly [cell0: string, cell1: string]> {
    const url = async (): Promise<string> => `${await server.database()}?charset=utf8`;
    const [cell0, cell1] = [await url(), await url()];
    for (const name of ['state', 'lock', 'images']) mkdirSync(this.file(name), { recursive: true });
    const nova = this.novaSections({ api: await url(), cell: cell1, transport });
    this.write('nova.conf', nova);
    // Computes have no databases.
    const { api_database: _api, database: _cell, ...compute } = nova;
    for (const host of this.options.hosts)
      this.write(`compute-${host}.conf`, { ...compute, DEFAULT: { ...compute['DEFAULT'], host, state_path: this.file(`state-${host}`) } });
    this.write('placement.conf', {
      placement_database: { connection: `sqlite:///${this.file('placement.db')}`, sync_on_startup: true },
      api: { auth_strategy: 'keystone' },
      keystone_authtoken: this.account('placement'),
    });
    this.write('glance-api.conf', {
      database: { connection: `sqlite:///${this.file('glance.db')}` },
      glance_store: { stores: 'file', default_store: 'file', filesystem_store_datadir: this.file('images') },
      oslo_concurrency: { lock_path: this.file('lock') },
    });
    return [cell0, cell1];
  }

  private novaSections({ api, cell, transport }: { api: string; cell: string; transport: string }): Sections {
    const state_path = this.file('state');
    const patience = { vif_plugging_is_fatal: true, vif_plugging_timeout: 90, compute_driver: 'fake.PatientDriver' };
    const quiet = { heal_instance_info_cache_interval: 0, periodic_fuzzy_delay: 0, service_down_time: 3600 };
    return {
      DEFAULT: { host: 'controller', my_ip: '127.0.0.1', state_path, transport_url: transport, ...patience, ...quiet },
      api: { auth_strategy: 'keystone' },
      api_database: { connection: api },
      database: { connection: cell },
      keystone_authtoken: this.account('nova'),
      service_user: { ...this.account('nova'), send_service_user_token: true },
      neutron: this.account('nova'),
      placement: this.account('nova'),
      glance: { region_name: region },
      conductor: { workers: 1 },
      scheduler: { workers: 1, discover_hosts_in_cells_interval: 2 },
      vnc: { enabled: false },
      oslo_concurrency: { lock_path: this.file('lock') },
    };
  }

  /** A compute waits to hear that the instance's ports are plugged. */
  plugs(instance: string): boolean {
    return this.options.hosts.some(host => existsSync(join(this.file(`state-${host}`), instance)));
  }

  private account(username: string): Sections[string] {
    const domains = { user_domain_name: 'Default', project_domain_name: 'Default' };
    const who = { username, password, project_name: 'service', ...domains };
    return { auth_type: 'password', auth_url: this.options.keystone.url, ...who, region_name: region };
  }

  private file(name: string): string {
    return join(this.options.folder, name);
  }

  private write(name: string, sections: Sections): void {
    writeFileSync(this.file(name), optionFile(sections), { mode: 0o600 });
  }

  private async prepareNova([cell0, cell1]: readonly [string, string], transport: string): Promise<void> {
    const manage = (...words: readonly string[]): Promise<void> => run(['nova-manage', '--config-file', this.file('nova.conf'), ...words]);
    await manage('api_db', 'sync');
    await manage('cell_v2', 'map_cell0', '--database_connection', cell0);
    await manage('cell_v2', 'create_cell', '--name', 'cell1', '--database_connection', cell1, '--transport-url', transport);
    await manage('db', 'sync');
  }

  private async beginPlacement(): Promise<void> {
    this.placementUrl = await this.wsgi('placement', { OS_PLACEMENT_CONFIG_DIR: this.options.folder }, '');
  }

  private async beginGlance(): Promise<void> {
    await run(['glance-manage', '--config-file', this.file('glance-api.conf'), 'db_sync']);
    copyFileSync('/usr/share/glance-common/glance-api-paste.ini', this.file('glance-api-paste.ini'));
    this.imageUrl = await this.wsgi('glance', { OS_GLANCE_CONFIG_DIR: this.options.folder }, '/v2/images');
  }

  private async beginApi(): Promise<void> {
    const files = `/usr/share/nova-common/api-paste.ini;${this.file('nova.conf')}`;
    this.url = `${await this.wsgi('nova', { OS_NOVA_CONFIG_FILES: files }, '/')}/v2.1`;
  }

  /** Its URL; `path` answers when it is ready. A port that was free may be somebody's connection a moment later. */
  private async wsgi(name: keyof typeof scripts, env: Record<string, string>, path: string): Promise<string> {
    for (let tries = 3; ; tries--) {
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      const http = ['--http-socket', `127.0.0.1:${port}`, '--wsgi-file', scripts[name], '--need-app', '--buffer-size', '65535'];
      const one = ['--master', '--die-on-term', '--lazy-apps', '--enable-threads', '--processes', '1', '--threads', '4'];
      const argv = ['uwsgi_python3', ...http, ...one, '--add-header', 'Connection: close', '--disable-logging'];
      try {
        await this.daemon(name, { argv, env, ready: async () => (await fetch(`${url}${path}`)).ok });
        return url;
      } catch (error) {
        if (tries === 0 || !String(error).includes('Address already in use')) throw error;
      }
    }
  }

  /** What Debian's nova-conductor and so on do, whose packages bring hypervisors with them. */
  private program(name: string, config: string): Promise<void> {
    const program =
      name === 'compute' ? [join(import.meta.dirname, 'nova_compute.py')] : ['-c', `from nova.cmd.${name} import main; main()`];
    const argv = ['/usr/bin/python3', ...program, '--config-file', this.file(config)];
    // Whether they are up is seen by what they do.
    return this.daemon(config === 'nova.conf' ? name : config, { argv, ready: async () => true });
  }

  private async daemon(name: string, options: Pick<DaemonOptions, 'argv' | 'env' | 'ready'>): Promise<void> {
    const log = this.file(`${name}.log`);
    this.stack.use(await startDaemon({ ...options, cwd: this.options.folder, log, withinMs: 240_000 }));
  }
}

/** Beside others, and to its end. */
function run(argv: readonly string[]): Promise<void> {
  const [program = '', ...args] = argv;
  const child: ChildProcess = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (text: Buffer) => {
      said = (said + text).slice(-2000);
    });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', code => (code === 0 ? resolve() : reject(new Error(`${argv.join(' ')} ended with ${code}:\n${said}`))));
  });
}
