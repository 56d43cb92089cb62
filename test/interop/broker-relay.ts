// A way for TCP from hosts that share no network with this machine: a Unix socket, which paths lead to from every network namespace.
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';

/** Connections to the socket go on to a port of the loopback interface here. */
export async function socketTo(port: number, path: string): Promise<AsyncDisposable> {
  const open = new Set<Socket>();
  const server = createServer(near => {
    const far = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise<void>(resolve => server.listen(path, resolve));
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise(resolve => server.close(resolve));
      rmSync(path, { force: true });
    },
  };
}

const script = `
const [port, path] = process.argv.slice(1);
const { connect, createServer } = require('node:net');
createServer(near => {
  const far = connect(path);
  for (const [one, other] of [[near, far], [far, near]]) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
    one.pipe(other);
  }
}).listen(Number(port), '127.0.0.1');
`;

/** On a host: connections to that port of its loopback interface go on to the socket. `enter` makes the command line that runs there. */
export function portTo(path: string, port: number, enter: (argv: readonly string[]) => readonly string[]): ChildProcess {
  const [command = '', ...args] = enter([process.execPath, '-e', script, String(port), path]);
  return spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}
