// Statements that follow one another without waiting are one packet to the server: each write of its own costs a call of the system, and wakes the
// other side up.
import type { Writable } from 'node:stream';

/** What is written to it until whatever runs now has come to its end goes out as one. */
export function sendTogether(socket: Pick<Writable, 'cork' | 'uncork' | 'writableCorked'>): void {
  if (socket.writableCorked > 0) return;
  socket.cork();
  process.nextTick(() => socket.uncork());
}
