// A cloud for moves of a host from Linux bridge to Open vSwitch: lb1, which has Open vSwitch beside its Linux bridges, and is moved; lb2 and ovs3,
// which stay what they are. Weft's server, and agents of Weft's or Neutron's.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { control } from '../../src/cli/control.ts';
import { stateFolder } from '../../src/cli/state.ts';
import type { Credentials } from '../../src/client/api.ts';
import type { Done } from '../../src/main/sandbox/run.ts';
import { tryRun } from '../../src/main/sandbox/run.ts';
import type { Job } from '../system/job.ts';
import type { Place } from '../system/traffic.ts';
import type { Instance } from './agents/instances.ts';
import { publicCidr, publicGateway } from './agents/lab.ts';
import type { Agent } from './agents/neutron.ts';
import { relayTo } from './agents/relay.ts';
import type { Made } from './agents/server.ts';
import { World } from './agents/world.ts';

const checkout = join(import.meta.dirname, '../..');
export const moved = 'lb1';

/** What a unit of systemd would do for the L2 agents of the host; agents of Neutron's are called by their own names. */
const service = (folder: string, programs: Readonly<Record<string, string>>): string => `#!/bin/sh
# start|stop neutron-KIND-agent
kind=\${2#neutron-}; kind=\${kind%-agent}
cd ${folder}
case $1 in
start)
  case $kind in linuxbridge) program=${programs.linuxbridge};; *) program=${programs.openvswitch};; esac
  PATH=${join(import.meta.dirname, 'agents/programs')}:$PATH TMPDIR=${folder} HOSTNAME=${moved} setsid sh -c 'echo $$ > "$0.pid"; exec "$@"' $kind $program --config-file ${folder}/$kind.ini --log-file ${folder}/$kind.log </dev/null >$kind.out 2>&1 &
  ;;
stop)
  pid=$(cat $kind.pid)
  kill $pid
  while kill -0 $pid 2>/dev/null; do sleep 0.05; done
  ;;
esac
`;

export class MigrateWorld implements AsyncDisposable {
  readonly world: World;
  readonly folder: string;
  private readonly stack: AsyncDisposableStack;
  private readonly drivers: { dhcpAndL3: 'linuxbridge' | 'openvswitch' };
  net!: Made;
  external!: Made;
  router!: Made;

  private constructor(world: World, folder: string, drivers: MigrateWorld['drivers'], stack: AsyncDisposableStack) {
    this.world = world;
    this.folder = folder;
    this.drivers = drivers;
    this.stack = stack;
  }

  /** `weft`: whose agents run. */
  static async open(weft: (host: string, agent: Agent) => boolean = () => true): Promise<MigrateWorld> {
    await using stack = new AsyncDisposableStack();
    const drivers: MigrateWorld['drivers'] = { dhcpAndL3: 'linuxbridge' };
    const world = stack.use(
      await World.open({
        kinds: ['linuxbridge', 'linuxbridge', 'openvswitch'],
        agents: { [moved]: ['dhcp', 'l3'] },
        server: { DEFAULT: ['agent_down_time = 300'] },
        weft: (host, agent) => weft(host.name, agent),
        more: (host, agent) => {
          if (host.name !== moved || (agent !== 'dhcp' && agent !== 'l3')) return { agent: { extensions: '' } };
          return { DEFAULT: { interface_driver: drivers.dhcpAndL3 }, ovs: { datapath_type: 'netdev', ovsdb_timeout: 60 } };
        },
      }),
    );
    const folder = join(world.folder, moved);
    const made = new MigrateWorld(world, folder, drivers, stack.move());
    try {
      await made.addSwitch();
      await made.addProgram(weft);
      await made.addNetworks();
      return made;
    } catch (error) {
      await made[Symbol.asyncDispose]();
      throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stack.disposeAsync();
  }

  on(...argv: string[]): Promise<string> {
    return this.world.lab.on(moved, ...argv);
  }

  /** Open vSwitch in user space, whose tunnels leave by a bridge of its own; Linux bridges' tunnels leave by it, too. */
  private async addSwitch(): Promise<void> {
    const { lab } = this.world;
    for (const at of ['/etc/openvswitch', '/var/lib/openvswitch', '/var/log/openvswitch'])
      await this.on('sh', '-c', `mkdir -p ${at} && mount -t tmpfs tmpfs ${at}`);
    await this.on('mkdir', '-p', '/run/openvswitch');
    await this.on('ovsdb-tool', 'create', '/etc/openvswitch/conf.db', '/usr/share/openvswitch/vswitch.ovsschema');
    await lab.startSwitch(moved);
    const { address } = this.world.host(moved);
    const bridge = ['--', 'set', 'bridge', 'br-phy', 'datapath_type=netdev'];
    await this.on('ovs-vsctl', '--', 'add-br', 'br-phy', ...bridge, '--', 'add-port', 'br-phy', 'eth0');
    await this.on('ip', 'address', 'del', `${address}/24`, 'dev', 'eth0');
    await this.on('ip', 'address', 'add', `${address}/24`, 'dev', 'br-phy');
    await this.on('ip', 'link', 'set', 'br-phy', 'up', 'mtu', '1600');
    // The host itself is on the public wire, too: its address is to come along.
    await this.on('ip', 'address', 'add', '203.0.113.9/24', 'dev', 'eth1');
  }

  private async addProgram(weft: (host: string, agent: Agent) => boolean): Promise<void> {
    const { world, folder } = this;
    mkdirSync(folder, { recursive: true });
    world.agents.configure(world.host(moved), 'openvswitch');
    const state = stateFolder(join(world.folder, 'weft'));
    const { admin } = await control<{ admin: Credentials }>(state, 'GET', '/credentials');
    const port = Number(new URL(admin.auth_url).port);
    await relayTo(world.lab, world.folder, port, this.stack, 'api');
    const account = Object.entries(admin).map(([key, value]) => `${key} = ${value}`);
    writeFileSync(join(folder, 'account.conf'), ['[keystone_authtoken]', ...account, ''].join('\n'), { mode: 0o600 });
    const programOf = (agent: Agent): string => join(weft(moved, agent) ? join(checkout, 'bin') : '/usr/bin', `neutron-${agent}-agent`);
    const programs = { linuxbridge: programOf('linuxbridge'), openvswitch: programOf('openvswitch') };
    writeFileSync(join(folder, 'service'), service(folder, programs), { mode: 0o755 });
  }

  private async addNetworks(): Promise<void> {
    const { server } = this.world;
    this.net = await server.make('networks', 'network', { name: 'tenant' });
    const subnet = await server.make('subnets', 'subnet', { network_id: this.net.id, ip_version: 4, cidr: '10.9.0.0/24' });
    this.external = await server.make('networks', 'network', {
      ...{ name: 'outside', 'router:external': true },
      ...{ 'provider:network_type': 'flat', 'provider:physical_network': 'public' },
    });
    await server.make('subnets', 'subnet', {
      ...{ network_id: this.external.id, ip_version: 4, cidr: publicCidr, gateway_ip: publicGateway, enable_dhcp: false },
      allocation_pools: [{ start: '203.0.113.100', end: '203.0.113.200' }],
    });
    this.router = await server.make('routers', 'router', { external_gateway_info: { network_id: this.external.id } });
    await server.admin.put(`/routers/${this.router.id}/add_router_interface`, { subnet_id: subnet.id });
  }

  /** With its address, and checksums for a switch in user space. */
  async instance(host: string, network: string, attributes: Readonly<Record<string, unknown>> = {}): Promise<Instance> {
    const vm = await this.world.instance(host, network, attributes);
    await this.world.inside(vm, 'ethtool', '-K', 'eth0', 'tx', 'off');
    return vm;
  }

  async address(vm: Instance, gateway?: string): Promise<void> {
    await this.world.inside(vm, 'ip', 'address', 'add', `${vm.address}/24`, 'dev', 'eth0');
    if (gateway !== undefined) await this.world.inside(vm, 'ip', 'route', 'add', 'default', 'via', gateway);
  }

  /** Of devices in namespaces of agents, as of instances. */
  async checksums(): Promise<void> {
    const script =
      'for ns in $(ip netns list | cut -d" " -f1 | grep ^q); do for dev in $(ip -n $ns -o link | cut -d: -f2 | cut -d@ -f1); do [ $dev = lo ] || ip netns exec $ns ethtool -K $dev tx off >/dev/null; done; done';
    await this.on('sh', '-c', script);
  }

  /** The DHCP and L3 agents of the host begin anew with another interface_driver. */
  async beginAnew(driver: 'linuxbridge' | 'openvswitch'): Promise<void> {
    const { agents } = this.world;
    this.drivers.dhcpAndL3 = driver;
    const host = this.world.host(moved);
    const syncs = (agent: Agent): number => agents.log(moved, agent).split('in sync with the server').length;
    for (const agent of ['dhcp', 'l3'] as const) {
      const before = syncs(agent);
      await agents.kill(host, agent);
      agents.start(host, agent);
      await this.world.until(`the ${agent} agent is in sync`, () => syncs(agent) > before);
    }
  }

  place(vm: Instance): Place {
    return this.world.spawnIn(vm);
  }

  get outside(): Place {
    return argv => this.world.lab.spawn('wire', argv);
  }

  argv(...words: string[]): string[] {
    const files = ['openvswitch.ini', 'account.conf'].flatMap(name => ['--config-file', join(this.folder, name)]);
    return [
      join(checkout, 'bin/weft'),
      'migrate',
      'l2',
      '--to',
      'openvswitch',
      '--service',
      join(this.folder, 'service'),
      ...files,
      ...words,
    ];
  }

  /** The program, to its end. */
  migrate(...words: string[]): Promise<Done> {
    return tryRun(this.world.lab.enter(moved, this.argv(...words)), { timeoutMs: 200_000 });
  }

  start(...words: string[]): Job {
    return this.world.lab.spawn(moved, this.argv(...words));
  }

  /** Everything that the API shows, in lists. */
  async snapshot(): Promise<Readonly<Record<string, readonly Made[]>>> {
    const names = ['networks', 'subnets', 'ports', 'routers', 'floatingips', 'security-groups', 'security-group-rules', 'agents'];
    const lists = await Promise.all(names.map(async name => [name, await this.world.server.list(name)] as const));
    return Object.fromEntries(lists.map(([name, all]) => [name, [...all].sort((a, b) => (a.id < b.id ? -1 : 1))]));
  }
}
