// A process in the underlay: whoever connects to its Unix socket and writes `ADDRESS PORT\n` gets a TCP connection to there.
// Usage: relay.ts SOCKET. A Unix socket crosses network namespaces, a TCP connection does not.
import { rmSync } from 'node:fs';
import { createConnection, createServer, isIP, type Socket } from 'node:net';

const maxHeader = 64;

/** Reads the header line; what came behind it is put back. */
function readHeader(socket: Socket, done: (header: string) => void): void {
  let head = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf(10);
    if (end < 0 && head.length <= maxHeader) return;
    socket.off('data', onData);
    socket.pause();
    if (end < 0) socket.destroy();
    else {
      socket.unshift(head.subarray(end + 1));
      done(head.subarray(0, end).toString('latin1'));
    }
  };
  socket.on('data', onData);
}

function relay(inbound: Socket): void {
  inbound.on('error', () => inbound.destroy());
  readHeader(inbound, header => {
    const [host = '', port = ''] = header.split(' ');
    if (isIP(host) === 0 || !/^\d{1,5}$/.test(port)) {
      inbound.destroy();
      return;
    }
    const outbound = createConnection({ host, port: Number(port), allowHalfOpen: true });
    outbound.on('error', () => inbound.destroy());
    inbound.on('close', () => outbound.destroy());
    outbound.on('close', () => inbound.destroySoon());
    outbound.once('connect', () => {
      inbound.pipe(outbound);
      outbound.pipe(inbound);
    });
  });
}

const [socketPath] = process.argv.slice(2);
if (!socketPath) throw new Error('usage: relay.ts SOCKET');
rmSync(socketPath, { force: true });
process.umask(0o077);
createServer({ allowHalfOpen: true }, relay).listen(socketPath);
