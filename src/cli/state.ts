// Where the state of a running Weft is, and the paths in it that the command line and the main process share.
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

export function stateFolder(path: string): StateFolder {
  const absolute = resolve(path);
  return {
    path: absolute,
    lock: join(absolute, 'weft.lock'),
    controlSocket: join(absolute, 'control.sock'),
    busSocket: join(absolute, 'bus.sock'),
    relaySocket: join(absolute, 'relay.sock'),
    logs: join(absolute, 'logs'),
    instances: join(absolute, 'instances.json'),
    run: join(absolute, 'run'),
  };
}

export const onHostStatePath = '/var/lib/weft';

type Environment = Readonly<Record<string, string | undefined>>;

/** `$WEFT_STATE_DIR`, else `$XDG_STATE_HOME/weft`, else `~/.local/state/weft`. */
export function defaultStatePath(env: Environment, home: string): string {
  if (env['WEFT_STATE_DIR']) return env['WEFT_STATE_DIR'];
  const xdg = env['XDG_STATE_HOME'];
  return xdg && isAbsolute(xdg) ? join(xdg, 'weft') : join(env['HOME'] || home, '.local/state/weft');
}
