// Why a running Weft ends: a signal, the end of the npm that started it, a call of `weft down`, or a part that failed.
import { readFileSync } from 'node:fs';

export interface StopReason {
  readonly why: string;
  /** The exit status. */
  readonly status: number;
}

export interface Stopper extends Disposable {
  /** Resolves once, with the first reason. */
  readonly stopped: Promise<StopReason>;
  readonly signal: AbortSignal;
  stop(why: string, status?: number): void;
}

/** A terminal's Ctrl-C reaches us twice, from the terminal and through npm: only a later one means impatience. */
const impatientAfterMs = 700;
const parentPollMs = 200;

/** `reload`: what a hang-up means to a process that no terminal waits for; without it, and in a terminal, it ends. */
export function untilStopped(reload?: () => void): Stopper {
  const abort = new AbortController();
  const { promise, resolve } = Promise.withResolvers<StopReason>();
  let first: number | undefined;
  const stop = (why: string, status = 0): void => {
    first ??= performance.now();
    resolve({ why, status });
    abort.abort();
  };
  const onSignal = (name: NodeJS.Signals): void => {
    if (name === 'SIGHUP' && reload && !inForeground()) {
      if (first === undefined) reload();
      return;
    }
    if (first !== undefined && performance.now() - first > impatientAfterMs) process.exit(130);
    stop(name);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, onSignal);
  const parent = watchParent(() => stop('npm ended'));
  return {
    stopped: promise,
    signal: abort.signal,
    stop,
    [Symbol.dispose]() {
      clearInterval(parent);
      for (const name of signals) process.off(name, onSignal);
    },
  };
}

/**
 * A service is not ended by being told to read its files again before it has read them at all. Its command line is all that is known of it
 * by then; whoever hears hang-ups later does so in place of this.
 */
export function outliveHangUp([verb = '', program = '']: readonly string[]): void {
  const name = verb === '--called-as' ? program : verb;
  const isServer = /^(neutron-)?(rpc-)?server$/.test(name);
  if (!isServer && !/^(neutron-.*-)?agent$/.test(name)) return;
  process.on('SIGHUP', () => {
    if (isServer && process.listenerCount('SIGHUP') === 1 && inForeground()) process.exit(129);
  });
}

/** Whether we are what a terminal is busy with: then a hang-up says that it is gone. */
function inForeground(): boolean {
  const [, , group, , , foreground] = readFileSync('/proc/self/stat', 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return group === foreground;
}

/** npm passes SIGTERM on, but nobody tells us when it is killed with -9: then our parent becomes another process. */
function watchParent(onGone: () => void): NodeJS.Timeout | undefined {
  if (process.env['npm_lifecycle_event'] === undefined) return undefined;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid !== parent) onGone();
  }, parentPollMs);
  timer.unref();
  return timer;
}
