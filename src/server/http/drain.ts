// The end of an HTTP server without a lost request: it takes no more connections, answers what is under way, and says good-bye in each
// answer, so that clients go by themselves.
import type { Server } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface DrainOptions {
  /** So long idle connections are kept: a request that is on its way on one of them is answered. */
  readonly lingerMs: number;
  /** So long requests may take, 0: as long as they do. */
  readonly graceMs: number;
}

export interface Draining {
  /** Answers are to say that the connection ends with them. */
  readonly leaving: boolean;
  drain(options: DrainOptions): Promise<void>;
}

const lookEveryMs = 50;

/** To be made before the server listens, since it knows its connections. */
export function draining(server: Server): Draining {
  const sockets = new Set<Socket>();
  // Over TLS there are two of each connection, and what was said within counts.
  for (const event of ['connection', 'secureConnection'])
    server.on(event, (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
  let leaving = false;
  return {
    get leaving() {
      return leaving;
    },
    async drain({ lingerMs, graceMs }) {
      leaving = true;
      const over = new AbortController();
      const closed = closeListener(server).finally(() => over.abort());
      const patience = graceMs === 0 ? [] : [sleep(graceMs, undefined, { signal: over.signal }).catch(() => {})];
      const ended = Promise.race([closed, ...patience]);
      await Promise.race([ended, sleep(lingerMs, undefined, { signal: over.signal }).catch(() => {})]);
      // Who was about to send a request when the others went has done so by now.
      const timer = setInterval(() => closeIdle(server, sockets), lookEveryMs);
      closeIdle(server, sockets);
      await ended;
      clearInterval(timer);
      over.abort();
      server.closeAllConnections();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Unlike the close of an HTTP server, that of the server below it leaves idle connections alone. */
function closeListener(server: Server): Promise<void> {
  return new Promise(resolve => {
    NetServer.prototype.close.call(server, () => resolve());
  });
}

/** Idle is also who has never sent a byte, whom the HTTP server waits for. */
function closeIdle(server: Server, sockets: ReadonlySet<Socket>): void {
  server.closeIdleConnections();
  for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
}
