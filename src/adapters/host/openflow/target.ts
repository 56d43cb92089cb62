// Where a switch listens, from a bridge's name or a target in ovs-ofctl's words.
import { HostRefusal } from '../../../contracts/host/firewall.ts';

export type Target = { readonly path: string } | { readonly host: string; readonly port: number };

/** A Unix socket's path is limited to 107 bytes by the kernel. */
const LONGEST_PATH = 107;

/** Throws HostRefusal for what is neither a bridge's name nor a target. */
export function targetOf(bridge: string, rundir: string): Target {
  const tcp = /^tcp:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(bridge);
  if (tcp) return { host: tcp[1] ?? tcp[2] ?? '', port: Number(tcp[3]) };
  if (bridge.startsWith('unix:')) return onPath(bridge.slice('unix:'.length));
  if (!/^[A-Za-z0-9_.+=,@-]{1,64}$/.test(bridge) || bridge === '.' || bridge === '..')
    throw new HostRefusal('openflow', `no bridge's name: ${JSON.stringify(bridge)}`);
  return onPath(`${rundir}/${bridge}.mgmt`);
}

function onPath(path: string): Target {
  if (path === '' || path.includes('\0') || Buffer.byteLength(path) > LONGEST_PATH)
    throw new HostRefusal('openflow', `no path of a Unix socket: ${JSON.stringify(path)}`);
  return { path };
}
