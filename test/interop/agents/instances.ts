// Instances as namespaces behind taps, plugged as Nova plugs them.
import { hybridNames } from '../../../src/agent/desired/openvswitch/hybrid.ts';
import type { Lab, LabHost } from './lab.ts';
import type { Made } from './server.ts';

export interface Instance {
  readonly host: LabHost;
  readonly ns: string;
  readonly port: Made;
  readonly address: string;
  readonly tap: string;
}

export async function plug(lab: Lab, host: LabHost, port: Made, mtu = 1450): Promise<Instance> {
  const [first] = port.fixed_ips as readonly { ip_address: string }[];
  const vm = { host, port, ns: `vm-${port.id.slice(0, 8)}`, address: first?.ip_address ?? '', tap: `tap${port.id.slice(0, 11)}` };
  const on = (...argv: string[]): Promise<string> => lab.on(host.name, ...argv);
  await on('ip', 'netns', 'add', vm.ns);
  const mac = String(port.mac_address);
  await on('ip', 'link', 'add', vm.tap, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', vm.ns, 'address', mac);
  await on('ip', '-n', vm.ns, 'link', 'set', 'lo', 'up');
  await on('ip', '-n', vm.ns, 'link', 'set', 'eth0', 'up', 'mtu', String(mtu));
  if (host.kind === 'openvswitch') await intoSwitch(lab, vm, isHybrid(port) ? await throughBridge(lab, vm) : vm.tap);
  else await intoBridge(lab, vm);
  await on('ip', 'link', 'set', vm.tap, 'up');
  return vm;
}

/** The bridge of a trunk is made by Nova, too: the agent finds it there. */
async function intoSwitch(lab: Lab, { host, ns, port }: Instance, device: string): Promise<void> {
  const on = (...argv: string[]): Promise<string> => lab.on(host.name, ...argv);
  await on('ip', 'netns', 'exec', ns, 'ethtool', '-K', 'eth0', 'tx', 'off');
  const { bridge_name: bridge } = port['binding:vif_details'] as { readonly bridge_name: string };
  if (bridge !== 'br-int') await on('ovs-vsctl', '--may-exist', 'add-br', bridge, '--', 'set', 'Bridge', bridge, 'datapath_type=netdev');
  const ids = [
    `iface-id=${port.id}`,
    `attached-mac="${String(port.mac_address)}"`,
    'iface-status=active',
    `vm-uuid=${String(port.device_id)}`,
  ];
  const set = ids.map(id => `external_ids:${id}`);
  await on('ovs-vsctl', '--', 'add-port', bridge, device, '--', 'set', 'Interface', device, ...set);
}

const isHybrid = (port: Made): boolean =>
  (port['binding:vif_details'] as { readonly ovs_hybrid_plug?: boolean } | null)?.ovs_hybrid_plug === true;

/** A Linux bridge of its own, and a pair of devices from there to the switch, of which the end is the answer. */
async function throughBridge(lab: Lab, { host, port, tap }: Instance): Promise<string> {
  const { bridge, qvb, qvo } = hybridNames(port.id);
  const lines = [
    `link add ${bridge} type bridge ageing_time 0 mcast_snooping 0`,
    `link add ${qvb} type veth peer name ${qvo}`,
    `link set ${qvb} master ${bridge} up`,
    `link set ${qvo} up`,
    `link set ${bridge} up`,
    `link set ${tap} master ${bridge}`,
  ];
  await lab.on(host.name, 'sh', '-c', lines.map(line => `ip ${line}`).join(' && '));
  await lab.on(host.name, 'sysctl', '-qw', ...[bridge, qvb, qvo].map(device => `net.ipv6.conf.${device}.disable_ipv6=1`));
  return qvo;
}

/** Nova makes the bridge where the agent has not yet. */
async function intoBridge(lab: Lab, { host, port, tap }: Instance): Promise<void> {
  const bridge = `brq${String(port.network_id).slice(0, 11)}`;
  await lab.attempt(host.name, 'ip', 'link', 'add', bridge, 'type', 'bridge');
  await lab.on(host.name, 'ip', 'link', 'set', bridge, 'up');
  await lab.on(host.name, 'ip', 'link', 'set', tap, 'master', bridge);
}

export async function unplug(lab: Lab, { host, ns, tap, port }: Instance): Promise<void> {
  if (host.kind === 'openvswitch')
    await lab.on(host.name, 'ovs-vsctl', '--if-exists', 'del-port', isHybrid(port) ? hybridNames(port.id).qvo : tap);
  if (isHybrid(port))
    for (const device of [hybridNames(port.id).qvo, hybridNames(port.id).bridge]) await lab.on(host.name, 'ip', 'link', 'del', device);
  await lab.on(host.name, 'ip', 'netns', 'del', ns);
}
