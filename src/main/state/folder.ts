// The state directory: where it is, what it may not be, and the paths inside it that programs share.
import { mkdirSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

export interface StateFolder {
  readonly path: string;
  readonly lock: string;
  readonly controlSocket: string;
  readonly busSocket: string;
  readonly relaySocket: string;
  readonly logs: string;
  readonly instances: string;
  /** Configuration of the agents of this run, and their process ids. */
  readonly run: string;
}

/** Kernel limit of a Unix socket's path, less the longest name that we put in the directory. */
const maxPath = 107 - '/control.sock'.length;

export function stateFolder(path: string): StateFolder {
  return {
    path,
    lock: join(path, 'weft.lock'),
    controlSocket: join(path, 'control.sock'),
    busSocket: join(path, 'bus.sock'),
    relaySocket: join(path, 'relay.sock'),
    logs: join(path, 'logs'),
    instances: join(path, 'instances.json'),
    run: join(path, 'run'),
  };
}

/** `$XDG_STATE_HOME/weft`, else `~/.local/state/weft`; on the machine's own network `/var/lib/weft`. */
export function defaultStatePath(env: Readonly<Record<string, string | undefined>>, onHost: boolean): string {
  if (onHost) return '/var/lib/weft';
  const home = env['XDG_STATE_HOME'];
  return home && isAbsolute(home) ? join(home, 'weft') : join(env['HOME'] || homedir(), '.local/state/weft');
}

/** Makes the directory (0700) and answers its real path; throws with words for the user. */
export function openStateFolder(path: string, contained: boolean): StateFolder {
  const wanted = resolve(path);
  mkdirSync(wanted, { recursive: true, mode: 0o700 });
  const real = realpathSync(wanted);
  if (Buffer.byteLength(real) > maxPath)
    throw new Error(`the state directory's path is ${Buffer.byteLength(real)} bytes long; sockets in it allow ${maxPath}: ${real}`);
  // Sandboxes have a /run, /proc and /sys of their own, and their agents must find the bus.
  const hidden = ['/run', '/proc', '/sys', '/dev'].find(folder => real === folder || real.startsWith(`${folder}/`));
  if (contained && hidden)
    throw new Error(`the state directory may not lie below ${hidden}, which contained hosts do not share with the machine: ${real}`);
  const folder = stateFolder(real);
  mkdirSync(folder.run, { recursive: true, mode: 0o700 });
  return folder;
}
