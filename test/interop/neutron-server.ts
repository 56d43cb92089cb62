// Debian's real neutron-server (Zed) for one test: on a free port, with its own database and all its files in a folder of ours, on a broker
// that is given. Its agents, or ours, find it there.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../src/contracts/free-port.ts';
import { mariadbMissing, startMariadb } from '../../src/contracts/store-suite/servers/mariadb.ts';
import type { DatabaseServer } from '../../src/contracts/store-suite/servers/server.ts';
import { type Api, client } from '../api/client.ts';
import { type Daemon, runToEnd, startDaemon } from '../conformance/daemon.ts';
import { type Rabbit, rabbitPassword, rabbitUser } from './rabbit.ts';

const programs = { server: '/usr/bin/neutron-server', manage: '/usr/bin/neutron-db-manage' };
const paste = '/usr/share/neutron-common/api-paste.ini';

/** Why there can be none here, or false. */
export const noNeutronServer: string | false = [...Object.values(programs), paste].every(path => existsSync(path))
  ? (mariadbMissing() ?? false)
  : 'no neutron-server here (Debian: neutron-common)';

/** Sections of an option file. */
export type Sections = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;

export interface NeutronOptions {
  /** As `transportUrlOf` says it. */
  readonly transportUrl: string;
  /** Of a database that is there, in SQLAlchemy's words; by default a MariaDB of its own, with the newest tables. */
  readonly databaseUrl?: string;
  readonly mechanismDrivers?: readonly string[];
  readonly servicePlugins?: readonly string[];
  readonly extensionDrivers?: readonly string[];
  /** What else its files say; counts more than what is said here. With `DEFAULT.auth_strategy = keystone` its own API client is of no use. */
  readonly settings?: Sections;
}

const plugins = ['router', 'metering', 'qos', 'trunk', 'segments', 'port_forwarding', 'conntrack_helper', 'flavors', 'auto_allocate'];
const small = ['network_ip_availability', 'revisions', 'tag', 'timestamp'];

/** The broker's URL as a client on this machine's loopback interface has it. */
export const transportUrlOf = (rabbit: Rabbit, vhost = 'v0'): string =>
  `rabbit://${rabbitUser}:${encodeURIComponent(rabbitPassword)}@127.0.0.1:${rabbit.port}/${vhost}`;

/** An option file as oslo.config reads it; `%` and `$` stand for themselves only where oslo.config lets them. */
export const optionFile = (sections: Sections): string =>
  Object.entries(sections)
    .map(([name, options]) => [`[${name}]`, ...Object.entries(options).map(([option, value]) => `${option} = ${value}`), ''].join('\n'))
    .join('\n');

export class NeutronServer implements AsyncDisposable {
  readonly url: string;
  /** As an administrator: noauth, where every project is `fake_project_id`. */
  readonly api: Api;
  readonly databaseUrl: string;
  /** What to say as `--config-file`, in this order. */
  readonly configFiles: readonly string[];
  readonly logFile: string;
  private readonly folder: string;
  private readonly database: DatabaseServer | undefined;
  private daemon: Daemon | undefined;

  static async start(options: NeutronOptions): Promise<NeutronServer> {
    const port = await freePort();
    const database = options.databaseUrl === undefined ? await startMariadb() : undefined;
    let server: NeutronServer | undefined;
    try {
      server = new NeutronServer(options, { port, database, databaseUrl: options.databaseUrl ?? (await database!.database()) });
      if (database) server.manage('upgrade', 'head');
      await server.up();
      return server;
    } catch (error) {
      await server?.[Symbol.asyncDispose]();
      await database?.[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(options: NeutronOptions, at: { port: number; database: DatabaseServer | undefined; databaseUrl: string }) {
    this.url = `http://127.0.0.1:${at.port}`;
    this.api = client(this.url, '');
    this.database = at.database;
    this.databaseUrl = at.databaseUrl;
    this.folder = mkdtempSync(join(tmpdir(), 'weft-neutron-server-'));
    this.logFile = join(this.folder, 'neutron-server.log');
    for (const name of ['state', 'lock']) mkdirSync(join(this.folder, name));
    const neutron = join(this.folder, 'neutron.conf');
    const ml2 = join(this.folder, 'ml2_conf.ini');
    writeFileSync(neutron, optionFile(merged(neutronSections(options, this.folder, at), options.settings)), { mode: 0o600 });
    writeFileSync(ml2, optionFile(ml2Sections(options)));
    this.configFiles = [neutron, ml2];
  }

  async up(): Promise<void> {
    this.daemon = await startDaemon({
      argv: [programs.server, ...this.configArguments()],
      cwd: this.folder,
      log: this.logFile,
      // Other threads answer `/` long before.
      ready: async () => [200, 401].includes((await fetch(`${this.url}/v2.0/networks`)).status),
      withinMs: 240_000,
      // It waits for its broker otherwise, which may have gone with us; its workers see that it is gone.
      orphaned: 'KILL',
    });
  }

  async down(): Promise<void> {
    const { daemon } = this;
    this.daemon = undefined;
    await daemon?.[Symbol.asyncDispose]();
  }

  /** neutron-db-manage, to its end. */
  manage(...words: readonly string[]): void {
    runToEnd([programs.manage, ...this.configArguments(), ...words], { cwd: this.folder });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
    await this.database?.[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  private configArguments(): string[] {
    return this.configFiles.flatMap(file => ['--config-file', file]);
  }
}

function neutronSections(options: NeutronOptions, folder: string, at: { port: number; databaseUrl: string }): Sections {
  return {
    DEFAULT: {
      bind_host: '127.0.0.1',
      bind_port: at.port,
      host: 'neutron-server',
      auth_strategy: 'noauth',
      core_plugin: 'ml2',
      service_plugins: (options.servicePlugins ?? [...plugins, ...small]).join(','),
      api_workers: 1,
      rpc_workers: 1,
      rpc_state_report_workers: 0,
      transport_url: options.transportUrl,
      api_paste_config: paste,
      state_path: join(folder, 'state'),
      notify_nova_on_port_status_changes: false,
      notify_nova_on_port_data_changes: false,
      rpc_response_timeout: 20,
    },
    database: { connection: at.databaseUrl },
    experimental: { linuxbridge: true },
    oslo_concurrency: { lock_path: join(folder, 'lock') },
  };
}

function ml2Sections(options: NeutronOptions): Sections {
  return {
    ml2: {
      type_drivers: 'local,flat,vlan,vxlan',
      tenant_network_types: 'vxlan',
      mechanism_drivers: (options.mechanismDrivers ?? ['openvswitch', 'linuxbridge', 'l2population']).join(','),
      extension_drivers: (options.extensionDrivers ?? ['port_security', 'qos']).join(','),
    },
    ml2_type_flat: { flat_networks: '*' },
    ml2_type_vlan: { network_vlan_ranges: 'physnet1:100:1999' },
    ml2_type_vxlan: { vni_ranges: '1001:20000' },
    securitygroup: { enable_security_group: true },
  };
}

function merged(sections: Sections, more: Sections = {}): Sections {
  const names = new Set([...Object.keys(sections), ...Object.keys(more)]);
  return Object.fromEntries([...names].map(name => [name, { ...sections[name], ...more[name] }]));
}
