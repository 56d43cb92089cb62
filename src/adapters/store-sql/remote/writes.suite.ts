// How often a process writes to its sockets.
import { Socket } from 'node:net';
import { mock } from 'node:test';

/** Of all sockets of this process, while the work lasts. */
export async function writesOf(work: () => Promise<unknown>): Promise<number> {
  const sockets = Socket.prototype as Required<Socket>;
  const kinds = [mock.method(sockets, '_write'), mock.method(sockets, '_writev')];
  try {
    await work();
    return kinds.reduce((sum, kind) => sum + kind.mock.callCount(), 0);
  } finally {
    for (const kind of kinds) kind.mock.restore();
  }
}
