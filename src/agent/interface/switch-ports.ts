// Ports of Open vSwitch whose devices are in a namespace that somebody is to remove: for who has no session with its database.
import type { Link } from '../../contracts/host/links.ts';
import type { RunResult } from '../../contracts/host/processes.ts';

/** Kinds of the devices that Open vSwitch makes for ports of its own, in user space and in the kernel. */
export const madeBySwitch: ReadonlySet<string> = new Set(['tun', 'openvswitch']);

/**
 * Those whose device goes with the namespace would stay in the database, with an error, for ever. `run`: of a command, and undefined where it cannot be
 * started, for then there is no Open vSwitch.
 */
export async function removeSwitchPorts(
  inside: readonly Link[],
  run: (argv: readonly string[]) => Promise<RunResult | undefined>,
): Promise<void> {
  const devices = inside.filter(link => madeBySwitch.has(link.kind));
  if (devices.length === 0) return;
  const done = await run(['ovs-vsctl', '--timeout=10', ...devices.flatMap(({ name }) => ['--', '--if-exists', 'del-port', name])]);
  if (done && done.code !== 0)
    throw new Error(`its ports would stay in Open vSwitch's database: ${done.stderr.trim() || `status ${done.code}`}`);
}
