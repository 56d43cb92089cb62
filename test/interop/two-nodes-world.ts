// The two nodes of the guide, as its page has them: Debian's MariaDB, RabbitMQ and Keystone, Weft's server, and two contained hosts with
// Weft's agents. Names and addresses of the page become those that there are.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { freePort } from '../../src/contracts/free-port.ts';
import { startMariadb } from '../../src/contracts/store-suite/servers/mariadb.ts';
import type { DatabaseServer } from '../../src/contracts/store-suite/servers/server.ts';
import { openVm, tapName, type Vm } from '../../src/main/instances/vm.ts';
import { type ContainedHost, openContained } from '../../src/main/sandbox/contained.ts';
import { type Done, run, tryRun } from '../../src/main/sandbox/run.ts';
import { type Api, client, type Made } from '../api/client.ts';
import { ensure } from '../conformance/identity-admin.ts';
import { type RunningKeystone, startKeystone } from '../conformance/keystone.ts';
import { commandsOf, filesOf } from '../guide-page.ts';
import { type Job, startJob, until } from '../system/job.ts';
import { portTo, socketTo } from './broker-relay.ts';
import { Rabbit } from './rabbit.ts';

const checkout = join(import.meta.dirname, '../..');
const weft = join(checkout, 'bin/weft');
const page = readFileSync(join(checkout, 'docs/guide/two-nodes.md'), 'utf8');

export const nodes = { controller: 'h1', 'compute node': 'h2' } as const;
type Node = keyof typeof nodes;

export class TwoNodes implements AsyncDisposable {
  readonly url: string;
  private readonly parts: Parts;
  private readonly stack: AsyncDisposableStack;
  private readonly jobs = new Map<string, Job>();

  static async open(): Promise<TwoNodes> {
    await using stack = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), 'weft-two-nodes-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    const database = stack.use(await startMariadb());
    const rabbit = stack.use(await Rabbit.start());
    const keystone = stack.use(await startKeystone(folder, 'ADMIN_PASS'));
    // As after Keystone's own guide.
    await ensure(keystone.admin, 'project', 'service');
    await ensure(keystone.admin, 'role', 'service');
    const contained = stack.use(await openContained(2));
    const socket = join(folder, 'broker');
    stack.use(await socketTo(rabbit.port, socket));
    for (const { sandbox } of contained.hosts) {
      const relay = portTo(socket, rabbit.port, argv => sandbox.enter(argv));
      stack.defer(() => void relay.kill('SIGKILL'));
    }
    const port = await freePort();
    return new TwoNodes({ folder, database, rabbit, keystone, contained, port }, stack.move());
  }

  private constructor(parts: Parts, stack: AsyncDisposableStack) {
    this.parts = parts;
    this.stack = stack;
    this.url = `http://127.0.0.1:${parts.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { server, ...agents } = Object.fromEntries(this.jobs);
    for (const job of Object.values(agents)) job.kill('SIGKILL');
    server?.kill('SIGTERM');
    await server?.done;
    await this.stack.disposeAsync();
  }

  /** What the page says, of what there is here. */
  private here(text: string): string {
    const { database, rabbit, keystone, contained } = this.parts;
    const changes: Readonly<Record<string, string>> = {
      '@controller/weft': `@127.0.0.1:${database.port}/weft`,
      '@controller': `@127.0.0.1:${rabbit.port}`,
      'http://controller:5000': new URL(keystone.url).origin,
      'http://controller:9696': this.url,
      'nova_metadata_host = controller': 'nova_metadata_host = 127.0.0.1',
      '10.0.0.11': contained.hosts[0]?.localIp ?? '',
      '10.0.0.31': contained.hosts[1]?.localIp ?? '',
      // The network that is on the other side of eth1 here.
      '203.0.113.': '172.24.4.',
      'state_path = /var/lib/weft': `state_path = ${join(this.parts.folder, 'state')}`,
    };
    return Object.entries(changes).reduce((out, [from, to]) => out.replaceAll(from, to), text);
  }

  async makeDatabase(): Promise<void> {
    // Other tests' user has the same name.
    await this.parts.database.admin("DROP USER weft@'%'");
    await this.parts.database.admin(commandsOf(page, 'The database', 'sql').join('\n'));
  }

  makeBrokerUser(): void {
    const { rabbit } = this.parts;
    if (!rabbit.ctl('list_vhosts').split('\n').includes('/')) rabbit.ctl('add_vhost', '/');
    for (const command of commandsOf(page, 'RabbitMQ')) rabbit.ctl(...words(command).slice(1));
  }

  /** The commands of a section, as the administrator, one after the other. */
  async openstack(heading: string): Promise<void> {
    for (const command of commandsOf(page, heading)) await this.cli(...words(this.here(command)).slice(1));
  }

  async cli(...argv: string[]): Promise<string> {
    return run(['openstack', ...argv], { env: this.environment, timeoutMs: 120_000 });
  }

  private get environment(): Record<string, string> {
    const account = { OS_USERNAME: 'admin', OS_PASSWORD: 'ADMIN_PASS', OS_PROJECT_NAME: 'admin', OS_AUTH_URL: this.parts.keystone.url };
    const domains = { OS_USER_DOMAIN_NAME: 'Default', OS_PROJECT_DOMAIN_NAME: 'Default' };
    return { ...account, ...domains, OS_IDENTITY_API_VERSION: '3', OS_REGION_NAME: 'RegionOne' };
  }

  /** The files of a node; agents have their state in a folder that is their host's. */
  private files(node: Node): string {
    const root = join(this.parts.folder, node.replace(' ', '-'));
    for (const { path, text } of filesOf(page).filter(({ where }) => where === node)) {
      const file = join(root, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, this.here(text), { mode: 0o600 });
    }
    return join(root, 'etc/neutron');
  }

  async check(node: Node): Promise<string> {
    return run([weft, 'config', 'check', this.files(node)], { timeoutMs: 60_000 });
  }

  async upgradeDatabase(): Promise<string> {
    return run([weft, 'db', 'upgrade', '--config-file', join(this.files('controller'), 'neutron.conf')], { timeoutMs: 120_000 });
  }

  async serve(): Promise<void> {
    const etc = this.files('controller');
    const named = ['neutron.conf', 'plugins/ml2/ml2_conf.ini'].flatMap(file => ['--config-file', join(etc, file)]);
    const job = startJob([weft, 'server', ...named, '--listen', `127.0.0.1:${this.parts.port}`]);
    this.jobs.set('server', job);
    await this.until('the server is ready', async () => job.output().includes('ready: '));
  }

  /** As the unit of the page starts it. */
  startAgent(node: Node, kind: string, file: string): void {
    const etc = this.files(node);
    const common = join(etc, `${kind}.conf`);
    const text = readFileSync(join(etc, 'neutron.conf'), 'utf8').replace(/^state_path = .*$/m, '');
    writeFileSync(common, `${text}\n[DEFAULT]\nstate_path = /run/weft\n`);
    const argv = [weft, 'agent', kind, '--config-file', common, '--config-file', join(etc, file)];
    this.jobs.set(`${node} ${kind}`, startJob(this.host(node).sandbox.enter(argv)));
  }

  host(node: Node): ContainedHost {
    return this.parts.contained.hosts.find(({ name }) => name === nodes[node]) as ContainedHost;
  }

  /** The API, as the administrator of Keystone. */
  async api(): Promise<Api> {
    const { admin } = this.parts.keystone;
    return client(this.url, await admin.logIn(admin.account));
  }

  /** What Nova does to boot an instance. */
  async instance(node: Node, network: string): Promise<{ readonly vm: Vm; readonly port: Made; readonly address: string }> {
    const api = await this.api();
    const port = await api.make('ports', 'port', { network_id: network, 'binding:host_id': nodes[node] });
    const { sandbox } = this.host(node);
    const vm = this.stack.use(
      await openVm(sandbox, {
        name: `vm-${port.id.slice(0, 8)}`,
        tap: tapName(port.id),
        mac: String(port['mac_address']),
        portId: port.id,
      }),
    );
    await this.until('the port is ACTIVE', async () => (await api.listOnce(`ports?id=${port.id}`))[0]?.['status'] === 'ACTIVE');
    await vm.boot({ dhcp4: true, dhcp6: 'no', fixed: [] });
    const address = (port['fixed_ips'] as { ip_address: string }[])[0]?.ip_address ?? '';
    await this.until('it has its address', async () => (await vm.addresses()).some(cidr => cidr.startsWith(`${address}/`)));
    return { vm, port, address };
  }

  /** Its exit status. */
  async ping(from: Vm, address: string): Promise<number | null> {
    return (await tryRun(from.sandbox.enter(['ping', '-n', '-c1', '-W1', address]), { timeoutMs: 60_000 })).code;
  }

  fromOutside(...argv: string[]): Promise<Done> {
    return tryRun(this.parts.contained.underlay.enter(argv), { timeoutMs: 60_000 });
  }

  until(what: string, look: () => Promise<boolean>): Promise<void> {
    const story = (): string => [...this.jobs].map(([name, job]) => `${name}: ${job.output().slice(-1500)}`).join('\n');
    return until(what, look, { withinMs: 120_000, everyMs: 200, story });
  }
}

interface Parts {
  readonly folder: string;
  readonly database: DatabaseServer;
  readonly rabbit: Rabbit;
  readonly keystone: RunningKeystone;
  readonly contained: Awaited<ReturnType<typeof openContained>>;
  readonly port: number;
}

/** As a shell takes them apart, for what the page has. */
const words = (command: string): string[] => [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
