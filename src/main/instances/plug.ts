// Attaches a port to something that exists already on a host: a named network namespace, or a tap.
import type { NewPlug } from '../../cli/control.ts';
import type { ApiClient } from '../../client/api.ts';
import { ControlError } from '../control-server.ts';
import { CommandFailed, run, tryRun } from '../sandbox/run.ts';
import type { Place } from '../sandbox/sandbox.ts';
import { findOne, type Port, updatePort } from './neutron.ts';
import { markLines, tapName } from './vm.ts';
import { bridgeOf, completeChecksums, connectTap, disconnectTap } from './wiring.ts';

const isDeviceName = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/.test(name);
const isNamespaceName = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/.test(name);

export async function plug(
  api: ApiClient,
  hosts: ReadonlyMap<string, Place>,
  wanted: NewPlug,
): Promise<{ port_id: string; tap: string; host: string }> {
  const host = chooseHost(hosts, wanted.host);
  const { netns, tap: existing, device = 'eth0' } = wanted;
  if ((netns === undefined) === (existing === undefined)) throw new ControlError(400, 'name either a namespace or a tap');
  if (netns !== undefined && !isNamespaceName(netns)) throw new ControlError(400, `not a name of a namespace: ${JSON.stringify(netns)}`);
  for (const name of [device, existing ?? device])
    if (!isDeviceName(name)) throw new ControlError(400, `not a name of a device: ${JSON.stringify(name)}`);
  const port = await findOne<Port>(api, 'port', wanted.port);
  const elsewhere = port['binding:host_id'];
  if (elsewhere && elsewhere !== host.name) throw new ControlError(409, `port ${port.id} is bound to ${elsewhere} already`);
  const tap = tapName(port.id);
  // Checked before anything is made: what is taken back after a failure is then ours.
  if (existing !== tap && (await tryRun(host.enter(['ip', 'link', 'show', 'dev', tap]))).code === 0)
    throw new ControlError(409, `${host.name} has a device ${tap} already`);
  await requireThere(host, wanted);
  const bound = await updatePort(api, port.id, {
    'binding:host_id': host.name,
    ...(port.device_owner === '' ? { device_owner: 'compute:nova' } : {}),
  });
  const batch =
    netns === undefined
      ? renameBatch(existing ?? '', tap, port)
      : vethBatch(netns, device, tap, { mac: port.mac_address, mark: host.owned?.mark });
  if (existing !== undefined) host.owned?.notePlugged(tap, existing);
  const complete = netns === undefined ? undefined : completeChecksums(host, device);
  try {
    await run(host.enter(['ip', '-batch', '-']), { input: batch });
    if (complete) await run(host.enter(['ip', 'netns', 'exec', netns ?? '', ...complete]));
    await connectTap(host, tap, { portId: port.id, mac: port.mac_address, bridge: bridgeOf(bound) });
  } catch (error) {
    await disconnectTap(host, tap);
    if (netns !== undefined) await tryRun(host.enter(['ip', 'link', 'delete', tap]));
    if (error instanceof CommandFailed) throw new ControlError(409, `${host.name}: ${error.done.stderr.trim()}`);
    throw error;
  }
  return { port_id: port.id, tap, host: host.name };
}

/** A wrong name binds no port. */
async function requireThere(host: Place, { netns, tap }: NewPlug): Promise<void> {
  const look = netns === undefined ? ['ip', 'link', 'show', 'dev', tap ?? ''] : ['ip', 'netns', 'exec', netns, 'true'];
  if ((await tryRun(host.enter(look))).code === 0) return;
  throw new ControlError(404, netns === undefined ? `${host.name} has no device ${tap}` : `${host.name} has no namespace ${netns}`);
}

function chooseHost(hosts: ReadonlyMap<string, Place>, wanted: string | undefined): Place {
  if (wanted === undefined && hosts.size > 1) throw new ControlError(400, `name a host: ${[...hosts.keys()].join(', ')}`);
  const host = wanted === undefined ? [...hosts.values()][0] : hosts.get(wanted);
  if (!host) throw new ControlError(404, `no host ${wanted ?? ''}; there is ${[...hosts.keys()].join(', ')}`);
  return host;
}

function vethBatch(netns: string, device: string, tap: string, { mac, mark }: { mac: string; mark: string | undefined }): string {
  return [
    `link add ${tap} type veth peer name ${device} address ${mac} netns ${netns}`,
    ...markLines(tap, mark),
    `link set ${tap} addrgenmode none`,
    `link set ${tap} up`,
    `netns exec ${netns} ip link set ${device} up`,
    '',
  ].join('\n');
}

/** Only a device that is down can be renamed. */
export function renameBatch(existing: string, tap: string, _port: Pick<Port, 'mac_address'>): string {
  return [`link set ${existing} down`, ...(existing === tap ? [] : [`link set ${existing} name ${tap}`]), `link set ${tap} up`, ''].join(
    '\n',
  );
}
