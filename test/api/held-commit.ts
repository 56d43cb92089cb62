// A way to a database server on which the next COMMIT can be held up: its transaction then has all its locks, and is not done.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

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
        const held = chunk.includes('COMMIT') ? waiting : undefined;
        if (held) {
          waiting = undefined;
          held.reached();
          await held.released;
        }
        target.write(chunk);
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
