// A worker as its parent sees it: a child that is asked, told, and seen to end.
import { type ChildProcess, fork, type StdioOptions } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { launcher, nodeEnv, nodeFlags } from '../supervise/node.ts';
import type { FromWorker, Questions, ToWorker } from './protocol.ts';

export interface WorkerEvents {
  outbox(): void;
  bus(up: boolean): void;
}

export interface WorkerProcess {
  readonly pid: number;
  /** Rejects with what keeps it from working, or with how it ended before it did. */
  readonly ready: Promise<void>;
  readonly isReady: boolean;
  /** Resolves when it takes no more, with how that came: it may be answering still. */
  readonly leaving: Promise<string>;
  /** Resolves when it is gone. */
  readonly gone: Promise<string>;
  tell(message: ToWorker): void;
  ask<Q extends keyof Questions>(question: Q, ask: Questions[Q]['ask']): Promise<Questions[Q]['answer']>;
  kill(): void;
}

/** What is known of a worker before it is known what it is to do. */
export interface WorkerPlace {
  readonly logs: string;
  readonly name: string;
  /** Whether what it prints is printed here. */
  readonly isLoud: boolean;
}

const program = join(import.meta.dirname, 'worker.ts');

/**
 * It loads its program, and begins when it is told to `start`. `socket`: the listening one, for those that accept from it. What it prints (crashes,
 * mostly) is appended to a file beside its log.
 */
export function startWorker(place: WorkerPlace, socket: unknown, events: WorkerEvents): WorkerProcess {
  const child = spawned(place, socket);
  const ready = Promise.withResolvers<void>();
  const leaving = Promise.withResolvers<string>();
  const gone = Promise.withResolvers<string>();
  const asked = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  let lastId = 0;
  let isOver = false;
  let isReady = false;
  child.on('message', (message: FromWorker) => {
    if (message.say === 'ready') {
      isReady = true;
      ready.resolve();
    } else if (message.say === 'failed') ready.reject(new Error(message.why));
    else if (message.say === 'leaving') leaving.resolve('told to end');
    else if (message.say === 'outbox') events.outbox();
    else if (message.say === 'bus') events.bus(message.up);
    else {
      asked.get(message.id)?.resolve(message.answer);
      asked.delete(message.id);
    }
  });
  const ended = (how: string): void => {
    isOver = true;
    ready.reject(new Error(how));
    leaving.resolve(how);
    gone.resolve(how);
    for (const { reject } of asked.values()) reject(new Error(how));
    asked.clear();
  };
  child.once('error', error => ended(`could not start: ${error.message}`));
  child.once('exit', (code, signal) => ended(signal ? `killed by ${signal}` : `status ${code}`));
  // Whoever waits for it hears of it.
  ready.promise.catch(() => {});
  const tell = (message: ToWorker): void => {
    if (child.connected) child.send(message, () => {});
  };
  return {
    ...{ pid: child.pid ?? 0, ready: ready.promise, leaving: leaving.promise, gone: gone.promise, tell },
    get isReady() {
      return isReady;
    },
    ask(say, ask) {
      const id = ++lastId;
      const answer = new Promise<unknown>((resolve, reject) => {
        // The channel of a process that is gone may still look open.
        if (child.connected && !isOver) asked.set(id, { resolve, reject });
        else reject(new Error('it is gone'));
      });
      tell({ say, id, ask } as ToWorker);
      return answer as Promise<Questions[typeof say]['answer']>;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

function spawned({ logs, name, isLoud }: WorkerPlace, socket: unknown): ChildProcess {
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  const output = openSync(join(logs, `server-${name}.out`), 'a', 0o600);
  const files = ['ignore', output, isLoud ? 'inherit' : output, 'ipc', ...(socket === undefined ? [] : [socket])] as StdioOptions;
  try {
    const env = { ...nodeEnv, ...process.env };
    return fork(launcher, [program, name], { stdio: files, serialization: 'advanced', execArgv: [...nodeFlags], env });
  } finally {
    closeSync(output);
  }
}
