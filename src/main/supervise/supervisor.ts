// Keeps one process running: started again with back-off when it ends, until it is told to stop.
import type { Log } from '../../contracts/log.ts';
import { Backoff } from '../../engine/backoff.ts';
import type { Clock } from '../../engine/clock.ts';

export interface Child {
  /** As seen by us, not inside its sandbox. */
  readonly pid: number;
  /** Resolves when it is gone, with how it ended: `status 1`, `killed by SIGKILL`. */
  readonly ended: Promise<string>;
  /** Asks it to end, and insists after a while. Idempotent; resolves when it is gone. */
  stop(): Promise<void>;
}

export interface SupervisedState {
  readonly name: string;
  readonly state: 'starting' | 'running' | 'waiting' | 'stopped';
  readonly pid?: number;
  /** Milliseconds since the epoch: of the last change of state. */
  readonly since: number;
  readonly restarts: number;
  /** How it ended last, or why it could not be started. */
  readonly lastEnd?: string;
}

export interface Supervised extends AsyncDisposable {
  readonly state: SupervisedState;
}

export interface SupervisorOptions {
  readonly name: string;
  readonly start: () => Promise<Child>;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly onChange?: (state: SupervisedState) => void;
}

/** A process that has run for this long is healthy: when it ends after all, it is started again without a long wait. */
const healthyAfterMs = 20_000;

export function supervise(options: SupervisorOptions): Supervised {
  const { name, clock, log } = options;
  const stop = new AbortController();
  const backoff = new Backoff({ firstMs: 100, maxMs: 15_000 }, options.random);
  let state: SupervisedState = { name, state: 'starting', since: clock.now(), restarts: 0 };
  let child: Child | undefined;

  const change = (next: Pick<SupervisedState, 'state'> & Partial<SupervisedState>): void => {
    const { pid: _, ...kept } = state;
    state = { ...kept, since: clock.now(), ...next };
    try {
      options.onChange?.(state);
    } catch (error) {
      log.warning('a change could not be written down', { process: name, error });
    }
  };

  /** One life: how it ended. */
  const live = async (): Promise<string> => {
    try {
      child = await options.start();
      change({ state: 'running', pid: child.pid });
      if (stop.signal.aborted) await child.stop();
      return await child.ended;
    } catch (error) {
      return `could not start: ${error instanceof Error ? error.message : String(error)}`;
    } finally {
      child = undefined;
    }
  };

  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const began = clock.now();
      const lastEnd = await live();
      if (stop.signal.aborted) break;
      if (clock.now() - began >= healthyAfterMs) backoff.reset();
      const wait = backoff.next();
      change({ state: 'waiting', lastEnd });
      log.warning('ended and will be started again', { process: name, how: lastEnd, wait_ms: wait });
      await clock.sleep(wait, stop.signal);
      if (!stop.signal.aborted) change({ state: 'starting', restarts: state.restarts + 1 });
    }
    change({ state: 'stopped' });
  };
  const finished = run();

  return {
    get state() {
      return state;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await child?.stop();
      await finished;
    },
  };
}
