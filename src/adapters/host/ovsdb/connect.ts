// A stream to ovsdb-server.
import { readFile } from 'node:fs/promises';
import { connect as connectPlain } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { HostRefusal } from '../../../contracts/host/firewall.ts';
import type { OvsdbOptions } from '../../../contracts/host/ovsdb.ts';
import type { OvsdbAddress } from './address.ts';

const { connect: connectTls } = process.getBuiltinModule('node:tls');

/** Rejects with the words of the system, and when the signal aborts. */
export type Connect = (address: OvsdbAddress, options: OvsdbOptions, signal: AbortSignal) => Promise<Duplex>;

export const connectSocket: Connect = async (address, options, signal) => {
  const secret = address.kind === 'ssl' ? await credentials(options) : undefined;
  return new Promise((resolve, reject) => {
    const to = address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port, noDelay: true };
    const socket = secret ? connectTls({ ...to, ...secret }) : connectPlain(to);
    const stop = (): void => void socket.destroy(new Error('given up'));
    const settle = (error?: Error): void => {
      signal.removeEventListener('abort', stop);
      socket.removeAllListeners('error');
      socket.on('error', () => {}); // until somebody listens
      if (error) reject(error);
      else resolve(socket);
    };
    socket.once(secret ? 'secureConnect' : 'connect', () => settle());
    socket.once('error', settle);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
};

/** What `ssl:` needs; throws HostRefusal without it. */
export function tlsFiles({ tls }: OvsdbOptions): readonly [keyFile: string, certFile: string, caFile: string] {
  const { keyFile = '', certFile = '', caFile = '' } = tls ?? {};
  if ([keyFile, certFile, caFile].includes(''))
    throw new HostRefusal('ovsdb', 'ssl: needs a private key, a certificate and the certificate of an authority');
  return [keyFile, certFile, caFile];
}

/** The server is known by who signed it, as Open vSwitch's own clients do: its certificate need not name its address. */
async function credentials(options: OvsdbOptions): Promise<ConnectionOptions> {
  const [key, cert, ca] = await Promise.all(tlsFiles(options).map(path => readFile(path)));
  return { key, cert, ca, checkServerIdentity: () => undefined, minVersion: 'TLSv1.2' } as ConnectionOptions;
}
