// Reasons to skip a system test on a machine that cannot run it.
import { spawnSync } from 'node:child_process';

/** Undefined when contained hosts work here as root; else why not. */
export function noSandbox(): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  const done = spawnSync('unshare', ['--mount', '--net', '--pid', '--fork', '--mount-proc', 'true']);
  return done.status === 0 ? false : 'needs the right to make namespaces';
}

/** Whether an ordinary user may make namespaces here. */
export function noUserNamespaces(): string | false {
  if (process.getuid?.() !== 0) return 'needs root, to become an ordinary user';
  const done = spawnSync('setpriv', [...asNobody, 'unshare', '--user', '--map-root-user', 'unshare', '--net', 'true']);
  if (done.status !== 0) return 'kernel: no unprivileged user namespaces';
  const readable = spawnSync('setpriv', [...asNobody, process.execPath, '--check', import.meta.filename]);
  return readable.status === 0 ? false : 'place: an ordinary user cannot read this checkout';
}

/** Whether Open vSwitch is installed. */
export function noSwitch(): string | false {
  const missing = ['ovsdb-server', 'ovs-vswitchd', 'ovsdb-tool'].filter(program => spawnSync(program, ['--version']).status !== 0);
  return missing.length > 0 && `missing here (Debian: openvswitch-switch): ${missing.join(', ')}`;
}

/** `setpriv` and its options: what follows runs as an ordinary user. */
export const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups'];
