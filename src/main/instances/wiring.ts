// How the tap of an instance comes to the switch of its host, as Nova sees to it: a Linux bridge agent finds it by its name, one of
// Open vSwitch by what its port of the integration bridge says.
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPatch } from '../../agent/desired/openvswitch/trunk-names.ts';
import { integrationBridge } from '../sandbox/openvswitch.ts';
import { run, tryRun } from '../sandbox/run.ts';
import type { Place } from '../sandbox/sandbox.ts';

export interface TapOwner {
  readonly portId: string;
  readonly mac: string;
  readonly instanceId?: string;
  /** As `binding:vif_details` names it: another than the integration bridge where the port is a trunk's parent. */
  readonly bridge?: string | undefined;
}

/** No frame passes before the agent has wired the port. */
const dead = 4095;

const vsctl = (host: Place, ...argv: readonly string[]): string[] => host.enter(['ovs-vsctl', '--timeout=20', ...argv]);

export async function connectTap(
  host: Place,
  tap: string,
  { portId, mac, instanceId, bridge = integrationBridge }: TapOwner,
): Promise<void> {
  if (!host.openvswitch) return;
  const ids = {
    'iface-id': portId,
    'iface-status': 'active',
    'attached-mac': mac,
    ...(instanceId === undefined ? {} : { 'vm-uuid': instanceId }),
  };
  const words = Object.entries(ids).map(([key, value]) => `external_ids:${key}="${value}"`);
  // On the bridge of a trunk a tap takes all tags: what is dead there is the trunk's other end.
  const settings = bridge === integrationBridge ? [`tag=${dead}`, 'vlan_mode=trunk', `trunks=${dead}`] : [];
  const port = ['add-port', bridge, tap, ...settings];
  // Beside its successor of the same name the switch would take it for the same.
  await run(vsctl(host, '--if-exists', 'del-port', tap));
  if (bridge !== integrationBridge)
    await run(vsctl(host, '--may-exist', 'add-br', bridge, '--', 'set', 'Bridge', bridge, `datapath_type=${host.openvswitch.datapath}`));
  await run(vsctl(host, ...port, '--', 'set', 'Interface', tap, ...words));
}

export async function disconnectTap(host: Place, tap: string): Promise<void> {
  if (host.openvswitch) await tryRun(vsctl(host, '--if-exists', 'del-port', tap));
}

/** What leaves the device towards a switch in user space is complete: there is no hardware behind it that would add checksums. */
export const completeChecksums = (host: Place, device: string): string[] | undefined =>
  host.openvswitch?.datapath === 'netdev' ? ['ethtool', '-K', device, 'tx', 'off'] : undefined;

/** Waits until the L2 agent has given the tap its network: after a restart the API still says ACTIVE when that is not done. */
export async function awaitWired(host: Place, tap: string, withinMs: number): Promise<boolean> {
  const wired = host.openvswitch ? hasTag : hasMaster;
  for (const deadline = performance.now() + withinMs; performance.now() < deadline; await sleep(50))
    if (await wired(host, tap)) return true;
  return false;
}

async function hasMaster(host: Place, tap: string): Promise<boolean> {
  const [link] = JSON.parse(await run(host.enterNetwork(['ip', '-j', 'link', 'show', 'dev', tap]))) as { master?: string }[];
  return link?.master !== undefined;
}

/** Its own tag, or that of the end on the integration bridge where it is a trunk's parent. */
async function hasTag(host: Place, tap: string): Promise<boolean> {
  const end = parentPatch(tap.slice('tap'.length)).int;
  const { stdout } = await tryRun(vsctl(host, ...[tap, end].flatMap(name => ['--', '--if-exists', 'get', 'Port', name, 'tag'])));
  return stdout.split('\n').some(tag => /^\d+$/.test(tag.trim()) && tag.trim() !== String(dead));
}

/** Undefined where the port's bridge is not named. */
export function bridgeOf({ 'binding:vif_details': details }: { readonly 'binding:vif_details'?: unknown }): string | undefined {
  const { bridge_name } = (details ?? {}) as { readonly bridge_name?: unknown };
  return typeof bridge_name === 'string' && /^[a-z0-9][a-z0-9-]{0,14}$/.test(bridge_name) ? bridge_name : undefined;
}
