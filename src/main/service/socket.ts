// A listening socket that is nobody's in particular: it is bound here, and workers accept from it. What comes while none of them lives waits in it.
import { lookup } from 'node:dns/promises';
import net, { isIP } from 'node:net';
import { getSystemErrorName } from 'node:util';

/** What net.Server and node:cluster are made of; it is exported without being documented. */
interface Handle {
  close(): void;
  getsockname(out: { address?: string; port?: number; family?: string }): number;
}
type Bind = (address: string, port: number, family: number, fd: null, flags: number) => Handle | number;

/** May be closed more than once. */
export interface BoundSocket extends Disposable {
  /** To be given to a child as one of its files. */
  readonly handle: unknown;
  /** Without the scheme: `127.0.0.1:9696`. */
  readonly place: string;
}

export async function bindSocket(host: string, port: number): Promise<BoundSocket> {
  const { address, family } = isIP(host) ? { address: host, family: isIP(host) } : await lookup(host);
  const bind = (net as unknown as { readonly _createServerHandle: Bind })._createServerHandle;
  const handle = bind(address, port, family, null, 0);
  if (typeof handle === 'number') throw failure(handle, `${host}:${port}`);
  const bound: { port?: number } = {};
  handle.getsockname(bound);
  // An address that is taken is told of only when somebody listens; by then it would be a worker, on any port.
  if (!bound.port) {
    handle.close();
    throw Object.assign(new Error(`listen EADDRINUSE: address already in use ${host}:${port}`), { code: 'EADDRINUSE' });
  }
  let isOpen = true;
  return {
    handle,
    place: `${family === 6 ? `[${address}]` : address}:${bound.port}`,
    [Symbol.dispose]: () => {
      if (isOpen) handle.close();
      isOpen = false;
    },
  };
}

function failure(errno: number, place: string): Error {
  const name = getSystemErrorName(errno);
  return Object.assign(new Error(`bind ${name}: ${place}`), { code: name });
}
