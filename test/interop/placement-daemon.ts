// Debian's Placement for one test, alone: whoever comes with the token `admin` is an administrator. A catalog leads to it.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../src/contracts/free-port.ts';
import type { Body } from '../api/client.ts';
import { NovaListener } from '../api/nova-listener.ts';
import { type Daemon, startDaemon } from '../conformance/daemon.ts';
import { optionFile } from './neutron-server.ts';

const script = '/usr/bin/placement-api';
const uwsgi = '/usr/bin/uwsgi_python3';

/** Why there can be none here, or false. */
export const noPlacement: string | false =
  existsSync(script) && existsSync(uwsgi) ? false : 'no Placement here (Debian: python3-placement, uwsgi-plugin-python3)';

export class PlacementDaemon implements AsyncDisposable {
  /** Gives tokens, and the catalog. */
  readonly cloud: NovaListener;
  private readonly folder: string;
  private readonly port: number;
  private daemon: Daemon | undefined;

  static async start(): Promise<PlacementDaemon> {
    const placement = new PlacementDaemon(await freePort(), await NovaListener.start());
    try {
      await placement.up();
      return placement;
    } catch (error) {
      await placement[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(port: number, cloud: NovaListener) {
    this.port = port;
    this.cloud = cloud;
    this.folder = mkdtempSync(join(tmpdir(), 'weft-placement-'));
    const placement_database = { connection: `sqlite:///${join(this.folder, 'placement.db')}`, sync_on_startup: true };
    writeFileSync(join(this.folder, 'placement.conf'), optionFile({ placement_database, api: { auth_strategy: 'noauth2' } }));
    // Whose name is a token that Placement takes without Keystone.
    cloud.tokenOf = () => 'admin';
    cloud.placement = this.url;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async up(): Promise<void> {
    const http = ['--http-socket', `127.0.0.1:${this.port}`, '--wsgi-file', script, '--need-app', '--buffer-size', '65535'];
    const one = ['--master', '--die-on-term', '--lazy-apps', '--enable-threads', '--processes', '1', '--add-header', 'Connection: close'];
    this.daemon = await startDaemon({
      argv: [uwsgi, ...http, ...one],
      env: { OS_PLACEMENT_CONFIG_DIR: this.folder },
      cwd: this.folder,
      log: join(this.folder, 'placement.log'),
      ready: async () => (await fetch(this.url)).ok,
      withinMs: 120_000,
    });
  }

  async down(): Promise<void> {
    const { daemon } = this;
    this.daemon = undefined;
    await daemon?.[Symbol.asyncDispose]();
  }

  async ask(path: string, method = 'GET', body?: unknown): Promise<Body> {
    const headers = { 'x-auth-token': 'admin', 'content-type': 'application/json', 'openstack-api-version': 'placement 1.37' };
    const reply = await fetch(`${this.url}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const text = await reply.text();
    assert.ok(reply.ok, `${method} ${path} answered ${reply.status}: ${text}`);
    return (text === '' ? {} : JSON.parse(text)) as Body;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
    await this.cloud[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
