// An instance with VLAN devices on a host with Open vSwitch. The kernel at hand may have no such devices, so a bridge of its own plays the guest's
// network stack: a namespace for each of the trunk's ports behind it, whose frames have the port's tag by the time they come out of the instance.

import { trunkBridgeName } from '../../src/agent/desired/openvswitch/trunk-names.ts';
import { type FakePort, tapOf } from '../../src/agent/l2/fake-server.suite.ts';
import type { FakeTrunk } from '../../src/agent/l2/trunks/fake-trunks.suite.ts';
import type { BridgeWorld, Instance } from './linuxbridge-world.ts';

const head = ({ id }: FakePort): string => id.slice(0, 8);
const guestBridge = (trunk: FakeTrunk): string => `guest-${head(trunk.parent)}`;
/** Inside the instance, what its network card is. */
export const nicOf = (trunk: FakeTrunk): string => `nic-${head(trunk.parent)}`;

const netdev = (bridge: string): string[] => ['--', '--may-exist', 'add-br', bridge, '--', 'set', 'Bridge', bridge, 'datapath_type=netdev'];

/** The namespaces of the parent's port and of its subports', in their order; the parent's tap is plugged in. */
export async function bootTrunk(world: BridgeWorld, host: string, trunk: FakeTrunk): Promise<Instance[]> {
  const tap = tapOf(trunk.parent.id);
  const nic = nicOf(trunk);
  await world.on(host, 'ip', 'link', 'add', tap, 'type', 'veth', 'peer', 'name', nic);
  for (const dev of [tap, nic]) await quiet(world, host, dev);
  await world.on(host, 'ovs-vsctl', '--timeout=20', ...netdev(guestBridge(trunk)), '--', 'add-port', guestBridge(trunk), nic);
  const vms = [await bootInside(world, host, trunk, trunk.parent)];
  for (const [port, tag] of trunk.subs) vms.push(await bootInside(world, host, trunk, port, tag));
  await plugParent(world, host, trunk);
  return vms;
}

export async function bootInside(world: BridgeWorld, host: string, trunk: FakeTrunk, port: FakePort, tag?: number): Promise<Instance> {
  const device = `in-${head(port)}`;
  const vm = await world.boot(host, port, device);
  await world.inside(vm, 'ethtool', '-K', 'eth0', 'tx', 'off');
  await quiet(world, host, device);
  const tagged = tag === undefined ? 'trunks=0' : `tag=${tag}`;
  await world.on(host, 'ovs-vsctl', '--timeout=20', 'add-port', guestBridge(trunk), device, tagged);
  return vm;
}

/** As Nova's plug-in does. */
export async function plugParent(world: BridgeWorld, host: string, trunk: FakeTrunk): Promise<void> {
  const { parent } = trunk;
  const [bridge, tap] = [trunkBridgeName(trunk.id), tapOf(parent.id)];
  const ids = [`iface-id="${parent.id}"`, `attached-mac="${parent.mac}"`, 'iface-status=active'].map(id => `external_ids:${id}`);
  await world.on(
    host,
    'ovs-vsctl',
    '--timeout=20',
    ...netdev(bridge),
    '--',
    'add-port',
    bridge,
    tap,
    '--',
    'set',
    'Interface',
    tap,
    ...ids,
  );
}

async function quiet(world: BridgeWorld, host: string, dev: string): Promise<void> {
  await world.on(host, 'ethtool', '-K', dev, 'tx', 'off');
  await world.on(host, 'ip', 'link', 'set', dev, 'up', 'mtu', '1600');
}
