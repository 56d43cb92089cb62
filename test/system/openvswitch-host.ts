// Open vSwitch in a sandboxed host of a BridgeWorld, in user space, or with its datapath in the kernel, which each network namespace has its own of.
import type { OpenvswitchConfig } from '../../src/agent/context.ts';
import { hybridNames } from '../../src/agent/desired/openvswitch/hybrid.ts';
import { type FakePort, tapOf } from '../../src/agent/l2/fake-server.suite.ts';
import type { BridgeWorld, Instance } from './linuxbridge-world.ts';

const RUN = '/run/openvswitch';

/** Networks are VLANs of `public`, and local ones. */
export const switchConfig: OpenvswitchConfig = {
  connection: `unix:${RUN}/db.sock`,
  timeoutMs: 10_000,
  integrationBridge: 'br-int',
  tunnelBridge: 'br-tun',
  intPatch: 'patch-tun',
  tunPatch: 'patch-int',
  bridgeMappings: { public: 'br-ex' },
  datapathType: 'netdev',
  vhostuserDir: RUN,
  macTableSize: 50_000,
  igmpSnooping: false,
  firewall: 'openvswitch',
  permittedEthertypes: [],
};

const bridge = ({ datapath }: BridgeWorld, name: string): string[] => [
  ...['--', '--may-exist', 'add-br', name, '--', 'set', 'bridge', name],
  `datapath_type=${datapath}`,
];

/** A switch in user space reads what the kernel would have written on the way out. */
const readable = (device: string): string[] => ['ethtool', '-K', device, 'tx', 'off'];

export async function addSwitch(world: BridgeWorld, host: string): Promise<void> {
  const schema = '/usr/share/openvswitch/vswitch.ovsschema';
  await world.on(host, 'mkdir', '-p', RUN);
  await world.on(host, 'ovsdb-tool', 'create', `${RUN}/conf.db`, schema);
  world.start(host, ['ovsdb-server', `${RUN}/conf.db`, `--remote=punix:${RUN}/db.sock`, '-vconsole:warn']);
  await world.until(`the database of ${host}`, async () => (await world.attempt(host, 'ovs-vsctl', '--no-wait', 'init')).code === 0);
  await startSwitch(world, host);
  if (world.datapath === 'netdev') await world.on(host, ...readable('eth1'));
  await world.on(host, 'ovs-vsctl', '--timeout=20', ...bridge(world, 'br-ex'), '--', 'add-port', 'br-ex', 'eth1');
}

export async function startSwitch(world: BridgeWorld, host: string): Promise<void> {
  const only = world.datapath === 'netdev' ? ['--disable-system'] : [];
  world.start(host, ['ovs-vswitchd', `unix:${RUN}/db.sock`, ...only, '--pidfile', '-vconsole:warn']);
  await world.until(`ovs-vswitchd of ${host}`, async () => (await world.attempt(host, 'ovs-appctl', 'version')).code === 0);
}

/** As Nova plugs it where `ovs_hybrid_plug` is true, and libvirt its tap. */
export async function plugHybrid(world: BridgeWorld, vm: Instance): Promise<void> {
  const { host, port } = vm;
  const { tap, bridge, qvb, qvo } = hybridNames(port.id);
  const batch = [
    `link add ${bridge} type bridge ageing_time 0 mcast_snooping 0`,
    `link add ${qvb} type veth peer name ${qvo}`,
    `link set ${qvb} master ${bridge} up`,
    `link set ${qvo} up`,
    `link set ${bridge} up`,
    `link set ${tap} master ${bridge} up`,
  ];
  if (world.datapath === 'netdev') await world.inside(vm, ...readable('eth0'));
  await world.on(host, 'sh', '-c', batch.map(line => `ip ${line}`).join(' && '));
  await world.on(host, 'sysctl', '-qw', ...[bridge, qvb, qvo].map(device => `net.ipv6.conf.${device}.disable_ipv6=1`));
  await addPort(world, host, port, qvo);
}

export async function unplugHybrid(world: BridgeWorld, { host, port }: Instance): Promise<void> {
  const { bridge, qvo } = hybridNames(port.id);
  await world.on(host, 'ovs-vsctl', '--if-exists', 'del-port', qvo);
  await world.on(host, 'sh', '-c', `ip link del ${qvo} && ip link del ${bridge}`);
}

/** As Nova plugs it. */
export async function plugInto(world: BridgeWorld, vm: Instance): Promise<void> {
  const { host, port } = vm;
  const tap = tapOf(port.id);
  if (world.datapath === 'netdev') await world.inside(vm, ...readable('eth0'));
  await world.on(host, 'ip', 'link', 'set', tap, 'up');
  await addPort(world, host, port, tap);
}

async function addPort(world: BridgeWorld, host: string, port: FakePort, device: string): Promise<void> {
  const ids = [`external_ids:iface-id=${port.id}`, `external_ids:attached-mac=${port.mac}`, 'external_ids:iface-status=active'];
  await world.on(
    host,
    'ovs-vsctl',
    '--timeout=20',
    ...bridge(world, 'br-int'),
    '--',
    'add-port',
    'br-int',
    device,
    '--',
    'set',
    'Interface',
    device,
    ...ids.map(id => id.replace(/=(.*)$/, '="$1"')),
  );
}
