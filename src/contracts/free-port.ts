// Ports of the loopback interface for programs that do not bind one of the kernel's choice and say which: nobody else's until this process
// ends. They are below those that the kernel gives to connections, so none takes one between our look and the program's start, and each
// is reserved by a name that the kernel frees with us.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ListenOptions, type Server } from 'node:net';

/** `net.ipv4.ip_local_port_range` begins behind them, unless somebody has changed it. */
const [first, behind] = [20_000, 32_000];

export const freePort = async (): Promise<number> => (await freePorts(1))[0]!;

export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  // What was used a moment ago may not be bound again yet.
  const from = randomInt(first, behind);
  for (let port = from; ports.length < count; ) {
    if (await isReserved(port)) ports.push(port);
    port = port + 1 < behind ? port + 1 : first;
    if (port === from) throw new Error(`no ${count} ports from ${first} to ${behind - 1} are free`);
  }
  return ports;
}

/** Reserves a port that nobody has bound and nobody of us has reserved: an abstract Unix socket is in the network namespace, as ports are. */
async function isReserved(port: number): Promise<boolean> {
  const reservation = await listening({ path: `\0weft-test-port-${port}` });
  if (!reservation) return false;
  reservation.unref();
  const probe = await listening({ port, host: '127.0.0.1' });
  probe?.close();
  if (probe) await once(probe, 'close');
  else reservation.close();
  return probe !== undefined;
}

/** Undefined: somebody else does. */
function listening(where: ListenOptions): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer(socket => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen(where, () => resolve(server));
  });
}
