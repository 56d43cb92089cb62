// A way to a database server on which the next COMMIT can be held up: its transaction then has all its locks, and is not done.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection } from 'mariadb';

export interface Held {
  /** A COMMIT has come, and is held: what came before it has its locks. */
  readonly reached: Promise<void>;
  release(): void;
}

export interface Way extends AsyncDisposable {
  /** The same database by this way. */
  readonly url: string;
  /** The next COMMIT; `locked`: that of MariaDB within a compound statement, too, when the words before it were carried out. */
  hold(how?: { readonly locked: boolean }): Held;
}

/** What came with the COMMIT has its locks by then. */
const lockedAfterMs = 1000;

/** Where the message with a COMMIT begins: its text is behind five bytes. */
function commitAt(chunk: Buffer): number {
  const word = chunk.indexOf('COMMIT');
  return word < 0 ? -1 : word - 5;
}

const lastWords = 'COMMIT; END';
const headerBytes = 4;

/** MariaDB's messages with a compound statement that is a whole transaction, which does this before its COMMIT; undefined where there is none. */
function beforeCommit(chunk: Buffer, statement: string): Buffer | undefined {
  const word = chunk.lastIndexOf(lastWords);
  if (word < 0) return undefined;
  let at = 0;
  while (at + headerBytes + chunk.readUIntLE(at, 3) < word) at += headerBytes + chunk.readUIntLE(at, 3);
  const more = Buffer.from(`${statement}; `);
  const held = Buffer.concat([chunk.subarray(0, word), more, chunk.subarray(word)]);
  held.writeUIntLE(chunk.readUIntLE(at, 3) + more.length, at, 3);
  return held;
}

/** A lock of MariaDB's by its name, which a transaction can be made to wait for. */
async function userLock(url: string) {
  const { hostname, port, username, password } = new URL(url);
  const session = await createConnection({ host: hostname, port: Number(port), user: username, password: decodeURIComponent(password) });
  const name = `weft-held-${crypto.randomUUID()}`;
  return {
    waiting: `DO GET_LOCK('${name}', 60)`,
    take: () => session.query(`DO GET_LOCK('${name}', 0)`),
    async waitedFor(): Promise<void> {
      for (;;) {
        const [row] = await session.query("SELECT count(*) AS n FROM information_schema.processlist WHERE state = 'User lock'");
        if (Number(row.n) > 0) return;
        await sleep(10);
      }
    },
    release: () => session.query(`DO RELEASE_LOCK('${name}')`),
    end: () => session.end(),
  };
}

export async function wayTo(url: string): Promise<Way> {
  const { hostname, port, protocol } = new URL(url);
  const lock = protocol.startsWith('mysql') || protocol.startsWith('mariadb') ? await userLock(url) : undefined;
  const sockets = new Set<Socket>();
  let waiting: { readonly reached: () => void; readonly released: Promise<void>; readonly locked: boolean } | undefined;
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
        const inOne = waiting?.locked && lock ? beforeCommit(chunk, lock.waiting) : undefined;
        const at = waiting ? commitAt(chunk) : -1;
        if (inOne === undefined && at < 0) return void target.write(chunk);
        const held = waiting!;
        waiting = undefined;
        if (inOne && lock) {
          await lock.take();
          target.write(inOne);
          await lock.waitedFor();
          held.reached();
          await held.released;
          return void (await lock.release());
        }
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
    hold({ locked } = { locked: false }) {
      const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      waiting = { reached: reached.resolve, released: released.promise, locked };
      return { reached: reached.promise, release: released.resolve };
    },
    async [Symbol.asyncDispose]() {
      await lock?.end();
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
