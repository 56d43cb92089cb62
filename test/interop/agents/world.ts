// A cloud's network for a test: Weft's server on a RabbitMQ, hosts with Neutron's own agents, and instances as namespaces behind taps, plugged as
// Nova plugs them.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../src/contracts/free-port.ts';
import type { Done } from '../../../src/main/sandbox/run.ts';
import { type Job, until } from '../../system/job.ts';
import { Rabbit, rabbitPassword, rabbitUser } from '../rabbit.ts';
import { type Instance, plug, unplug } from './instances.ts';
import { type Kind, Lab, type LabHost } from './lab.ts';
import { patience } from './needs.ts';
import { type Agent, type AgentsOptions, NeutronAgents } from './neutron.ts';
import { relayTo } from './relay.ts';
import { type Made, WeftServer } from './server.ts';

/** What a DHCP client runs: takes the address, the MTU and the routes. */
const onLease = `#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip address flush dev $interface scope global
ip address add $ip/$mask dev $interface
[ -n "$mtu" ] && ip link set $interface mtu $mtu
set -- $staticroutes
while [ $# -gt 1 ]; do
  if [ "$2" = 0.0.0.0 ]; then ip route replace $1 dev $interface; else ip route replace $1 via $2 dev $interface; fi
  shift 2
done
[ -z "$staticroutes" ] && for r in $router; do ip route replace default via $r dev $interface; done
exit 0
`;

export interface WorldOptions {
  readonly kinds: readonly Kind[];
  /** Besides an L2 agent on each host. */
  readonly agents: Readonly<Record<string, readonly Agent[]>>;
  /** More lines of the server's configuration, by section. */
  readonly server?: Readonly<Record<string, readonly string[]>>;
  readonly more?: AgentsOptions['more'];
  readonly weft?: AgentsOptions['weft'];
}

const secret = 'metadata-secret';
const metadataPort = 8775;

export class World implements AsyncDisposable {
  readonly folder: string;
  readonly lab: Lab;
  readonly rabbit: Rabbit;
  readonly server: WeftServer;
  readonly agents: NeutronAgents;
  private readonly options: WorldOptions;
  private readonly stack: AsyncDisposableStack;

  private constructor(
    parts: Pick<World, 'folder' | 'lab' | 'rabbit' | 'server' | 'agents'>,
    options: WorldOptions,
    stack: AsyncDisposableStack,
  ) {
    this.folder = parts.folder;
    this.lab = parts.lab;
    this.rabbit = parts.rabbit;
    this.server = parts.server;
    this.agents = parts.agents;
    this.options = options;
    this.stack = stack;
  }

  static async open(options: WorldOptions): Promise<World> {
    await using stack = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), 'weft-agents-'));
    stack.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    // Daemons that give up their rights read below it.
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'on-lease'), onLease, { mode: 0o755 });
    const rabbit = stack.use(await Rabbit.start({ vhosts: 1 }));
    const url = `rabbit://${rabbitUser}:${encodeURIComponent(rabbitPassword)}@127.0.0.1:${rabbit.port}/v0`;
    const lab = stack.use(await Lab.open('weft-lab', options.kinds));
    await relayTo(lab, folder, rabbit.port, stack);
    writeFileSync(join(folder, 'weft.conf'), serverConfig(url, options.server ?? {}), { mode: 0o600 });
    const server = stack.use(new WeftServer(join(folder, 'weft'), await freePort(), [join(folder, 'weft.conf')]));
    await server.up();
    const agents = new NeutronAgents({
      lab,
      folder,
      transportUrl: url,
      secret,
      metadataPort,
      ...(options.more ? { more: options.more } : {}),
      ...(options.weft ? { weft: options.weft } : {}),
    });
    const world = new World({ folder, lab, rabbit, server, agents }, options, stack.move());
    try {
      for (const host of lab.hosts) for (const agent of world.agentsOf(host)) agents.start(host, agent);
      await world.allAlive();
      return world;
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stack.disposeAsync();
  }

  agentsOf(host: LabHost): readonly Agent[] {
    return [host.kind, ...(this.options.agents[host.name] ?? [])];
  }

  host(name: string): LabHost {
    const found = this.lab.hosts.find(h => h.name === name);
    if (!found) throw new Error(`no host ${name}`);
    return found;
  }

  async allAlive(): Promise<void> {
    const wanted = this.lab.hosts.flatMap(host => this.agentsOf(host)).length;
    await this.until(`${wanted} agents are alive`, async () => (await this.server.list('agents?alive=true')).length === wanted, 200_000);
  }

  async agentId(host: string, agent_type: string): Promise<string> {
    const [found] = await this.server.list(`agents?host=${host}&agent_type=${encodeURIComponent(agent_type)}`);
    if (!found) throw new Error(`no ${agent_type} on ${host}`);
    return found.id;
  }

  async until(what: string, look: () => boolean | Promise<boolean>, withinMs = 90_000): Promise<void> {
    await until(what, look, { withinMs: withinMs * patience, everyMs: 100 * patience, story: () => this.agents.story() });
  }

  async active(...ports: readonly string[]): Promise<void> {
    const statuses = async (): Promise<unknown[]> =>
      (await this.server.list(`ports?${ports.map(id => `id=${id}`).join('&')}&fields=status`)).map(p => p.status);
    await this.until(`${ports.join(', ')} ACTIVE`, async () => (await statuses()).every(s => s === 'ACTIVE'));
  }

  /** A port on a host, and its instance plugged. */
  async instance(host: string, network: string, attributes: Readonly<Record<string, unknown>> = {}): Promise<Instance> {
    const owner = { device_owner: 'compute:nova', device_id: crypto.randomUUID() };
    const port = await this.server.make('ports', 'port', { network_id: network, 'binding:host_id': host, ...owner, ...attributes });
    return this.plug(this.host(host), port);
  }

  plug(host: LabHost, port: Made): Promise<Instance> {
    return plug(this.lab, host, port);
  }

  unplug(vm: Instance): Promise<void> {
    return unplug(this.lab, vm);
  }

  inside(vm: Instance, ...argv: string[]): Promise<string> {
    return this.lab.on(vm.host.name, 'ip', 'netns', 'exec', vm.ns, ...argv);
  }

  tryInside(vm: Instance, ...argv: string[]): Promise<Done> {
    return this.lab.attempt(vm.host.name, 'ip', 'netns', 'exec', vm.ns, ...argv);
  }

  spawnIn(vm: Instance): (argv: readonly string[]) => Job {
    return argv => this.lab.spawn(vm.host.name, ['ip', 'netns', 'exec', vm.ns, ...argv]);
  }

  /** The address that DHCP gives it, on its device then. */
  async lease(vm: Instance): Promise<void> {
    const argv = [
      'udhcpc',
      '-i',
      'eth0',
      '-n',
      '-q',
      '-f',
      '-t',
      '5',
      '-T',
      '2',
      '-O',
      'staticroutes',
      '-s',
      join(this.folder, 'on-lease'),
    ];
    let last = '';
    const leased = async (): Promise<boolean> => {
      const done = await this.tryInside(vm, ...argv);
      last = `${done.stdout}${done.stderr}`;
      return (await this.inside(vm, 'ip', '-4', '-o', 'address', 'show', 'dev', 'eth0')).includes(` ${vm.address}/`);
    };
    try {
      await this.until(`${vm.ns} of ${vm.host.name} has ${vm.address}`, leased);
    } catch (error) {
      throw new Error(`${last}\n${String(error)}`);
    }
  }

  /** What stands for Nova's metadata service there. */
  async metadata(host: string): Promise<void> {
    const program = join(import.meta.dirname, 'programs/metadata.mjs');
    const job = this.lab.spawn(host, [process.execPath, program, String(metadataPort), secret]);
    await this.until('the metadata service listens', () => job.output().includes('ready'));
  }

  async pings(vm: Instance, address: string): Promise<boolean> {
    return (await this.tryInside(vm, 'ping', '-n', '-c1', '-W1', address)).code === 0;
  }

  async reaches(vm: Instance, address: string): Promise<void> {
    await this.until(`${vm.ns} of ${vm.host.name} pings ${address}`, () => this.pings(vm, address));
  }
}

function serverConfig(url: string, more: Readonly<Record<string, readonly string[]>>): string {
  const sections: Readonly<Record<string, readonly string[]>> = {
    DEFAULT: [`transport_url = ${url}`, 'host = controller'],
    oslo_messaging_rabbit: ['amqp_durable_queues = true'],
    ml2: ['mechanism_drivers = openvswitch,linuxbridge,l2population'],
    ml2_type_flat: ['flat_networks = public'],
  };
  const names = [...new Set([...Object.keys(sections), ...Object.keys(more)])];
  return names.map(name => [`[${name}]`, ...(sections[name] ?? []), ...(more[name] ?? []), ''].join('\n')).join('\n');
}
