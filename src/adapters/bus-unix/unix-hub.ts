// The hub: a broker that agents in other network namespaces reach through a Unix socket, and that its own process uses directly.
import { lstatSync, unlinkSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import type { Bus } from '../../contracts/bus.ts';
import type { Log } from '../../contracts/log.ts';
import type { Clock } from '../../engine/clock.ts';
import { Broker, type BrokerLimits } from '../bus-local/broker.ts';
import { localBus } from '../bus-local/local-bus.ts';
import { defaultMaxFrameBytes } from './frames.ts';
import { HubConnection } from './hub-connection.ts';

export interface UnixHubOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<BrokerLimits>;
  readonly maxFrameBytes?: number;
  /** Default 256. */
  readonly maxConnections?: number;
  /** Default 1000 per connection. */
  readonly maxSubscriptions?: number;
}

/** A client that has not said hello after this long is not one. */
const helloMs = 10_000;
/** `sun_path` holds 108 bytes with its end. */
export const maxSocketPath = 107;

export class UnixHub implements AsyncDisposable {
  /** The bus of the hub's own process. */
  readonly bus: Bus;
  readonly path: string;
  private readonly server: Server;
  private readonly connections: ReadonlySet<HubConnection>;

  private constructor(fields: { bus: Bus; path: string; server: Server; connections: ReadonlySet<HubConnection> }) {
    this.bus = fields.bus;
    this.path = fields.path;
    this.server = fields.server;
    this.connections = fields.connections;
  }

  /** The socket is for its owner only (0600). One that a dead process left behind is replaced; a living hub's is not: EADDRINUSE. */
  static async listen(path: string, options: UnixHubOptions): Promise<UnixHub> {
    const { clock, log, maxFrameBytes = defaultMaxFrameBytes, maxConnections = 256, maxSubscriptions = 1000 } = options;
    const broker = new Broker(options);
    const connections = new Set<HubConnection>();
    const server = createServer(socket => {
      const connection = new HubConnection(socket, { broker, log, maxFrameBytes, maxSubscriptions });
      connections.add(connection);
      const gone = new AbortController();
      socket.on('close', () => {
        connections.delete(connection);
        gone.abort();
      });
      void clock.sleep(helloMs, gone.signal).then(() => {
        if (!connection.greeted) connection.drop('no hello');
      });
    });
    server.maxConnections = maxConnections;
    server.on('drop', () => log.warning('bus client refused: too many connections', { limit: maxConnections }));
    server.on('error', error => log.error('bus socket', { error }));
    await bind(server, path);
    return new UnixHub({ bus: localBus({ broker, clock, log }), path, server, connections });
  }

  get clients(): number {
    return this.connections.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Stops listening, which removes the socket file, and only then ends those who might come back at once.
    const stopped = new Promise<void>(resolve => this.server.close(() => resolve()));
    await this.bus[Symbol.asyncDispose]();
    for (const connection of this.connections) connection.close();
    await stopped;
  }
}

async function bind(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > maxSocketPath) throw new Error(`the path of the bus socket is longer than ${maxSocketPath} bytes: ${path}`);
  await removeDead(path);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.removeListener('error', reject);
      resolve();
    });
    // The bind happens inside this call, so nobody ever sees the socket with other permissions.
    const before = process.umask(0o177);
    try {
      server.listen(path);
    } finally {
      process.umask(before);
    }
  });
}

/** Removes a socket that nobody listens on. Anything else at that path stays, and the bind fails. */
async function removeDead(path: string): Promise<void> {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return;
  const probe: Socket = createConnection(path);
  const alive = await new Promise<boolean>(resolve => {
    probe.once('connect', () => resolve(true));
    probe.once('error', error => resolve(!('code' in error) || error.code !== 'ECONNREFUSED'));
  });
  probe.destroy();
  if (!alive) unlinkSync(path);
}
