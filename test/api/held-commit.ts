// A way to a database server on which the next COMMIT can be held up: its transaction then has all its locks, and is not done.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Held {
  /** A COMMIT has come, and is held. */
  readonly reached: Promise<void>;
  release(): void;
}

export interface Way extends AsyncDisposable {
  /** The same database by this way. */
  readonly url: string;
  /** The next COMMIT. */
  hold(): Held;
}

/** What came with the COMMIT has its locks by then. */
const lockedAfterMs = 1000;

/** Where the message with a COMMIT begins: its text is behind five bytes, and MariaDB's has more than the word. */
function commitAt(chunk: Buffer): number {
  const word = chunk.indexOf('COMMIT');
  const text = chunk.lastIndexOf('BEGIN NOT ATOMIC IF', word);
  return word < 0 ? -1 : (text >= 0 ? text : word) - 5;
}

export async function wayTo(url: string): Promise<Way> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  let waiting: { readonly reached: () => void; readonly released: Promise<void> } | undefined;
  const server = createServer(client => {
    const target = connect(Number(port), hostname);
    for (const [one, other] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
    target.pipe(client);
    // What is behind a COMMIT waits with it: a connection has one transaction at a time.
    let before: Promise<unknown> = Promise.resolve();
    client.on('data', chunk => {
      before = before.then(async () => {
        const at = waiting ? commitAt(chunk) : -1;
        if (at < 0) return void target.write(chunk);
        const held = waiting!;
        waiting = undefined;
        target.write(chunk.subarray(0, at));
        await sleep(lockedAfterMs);
        held.reached();
        await held.released;
        target.write(chunk.subarray(at));
      });
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const own = new URL(url);
  own.port = String((server.address() as AddressInfo).port);
  return {
    url: own.href,
    hold() {
      const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      waiting = { reached: reached.resolve, released: released.promise };
      return { reached: reached.promise, release: released.resolve };
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
