// Loopback ports of the machine that lead to addresses on the contained public network, through the relay in the underlay.
import { createConnection, createServer, isIP, type Server, type Socket } from 'node:net';

export interface Publication {
  /** On the machine: a loopback address. */
  readonly address: string;
  readonly port: number;
  /** On the public network. */
  readonly toAddress: string;
  readonly toPort: number;
}

const port = (text: string | undefined): number | undefined => {
  const n = Number(text);
  return text !== undefined && /^\d{1,5}$/.test(text) && n >= 1 && n <= 65535 ? n : undefined;
};

/** `8080=172.24.4.10:80`, `8080=[2001:db8::10]:80`; throws with words for the user. */
export function parsePublication(text: string): Publication {
  const match = /^(\d+)=(?:\[([^\]]+)\]|([^:[\]]+)):(\d+)$/.exec(text);
  const toAddress = match?.[2] ?? match?.[3] ?? '';
  const from = port(match?.[1]);
  const toPort = port(match?.[4]);
  const family = isIP(toAddress);
  if (!from || !toPort || family === 0 || (family === 6) !== (match?.[2] !== undefined))
    throw new Error(`not a publication: ${JSON.stringify(text)}; write PORT=ADDRESS:PORT, such as 8080=172.24.4.10:80`);
  return { address: '127.0.0.1', port: from, toAddress, toPort };
}

export interface Published extends AsyncDisposable {
  readonly publication: Publication;
}

/** Listens until disposed; rejects when the port cannot be had. */
export async function publish(publication: Publication, relaySocket: string): Promise<Published> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, socket => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    join(socket, publication, relaySocket);
  });
  await listen(server, publication);
  return {
    publication,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

function join(inbound: Socket, { toAddress, toPort }: Publication, relaySocket: string): void {
  const outbound = createConnection({ path: relaySocket, allowHalfOpen: true });
  inbound.on('error', () => inbound.destroy());
  outbound.on('error', () => inbound.destroy());
  inbound.on('close', () => outbound.destroy());
  outbound.on('close', () => inbound.destroySoon());
  outbound.write(`${toAddress} ${toPort}\n`);
  inbound.pipe(outbound);
  outbound.pipe(inbound);
}

function listen(server: Server, { address, port: number }: Publication): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(new Error(`cannot publish on ${address}:${number}: ${error.message}`, { cause: error })));
    server.listen(number, address, () => resolve());
  });
}
