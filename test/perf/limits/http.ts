// The bare HTTP server, and what it is asked.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Connection } from '../bench/connection.ts';
import type { Server } from '../bench/servers.ts';
import type { Operation } from '../bench/world.ts';

export interface BareHttp extends Server {
  /** `items`: how many objects a body has. */
  ask(path: string, clients: number, items: number): Operation & Disposable;
}

/** `bodies`: what is sent, by path. */
export async function startBareHttp(bodies: Readonly<Record<string, Buffer>>): Promise<BareHttp> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bare-'));
  const words = Object.entries(bodies).map(([path, body], i) => {
    const file = join(folder, String(i));
    writeFileSync(file, body);
    return `${path}=${file}`;
  });
  const program = join(import.meta.dirname, 'bare-http.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), ended])) as [unknown];
  const dispose = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  if (typeof line !== 'string') {
    await dispose();
    throw new Error('the bare server did not start');
  }
  return {
    target: { name: 'bare', url: line, token: '' },
    processes: [child.pid!],
    beside: [],
    ask: (path, clients, items) => asking(line, path, { clients, items }),
    [Symbol.asyncDispose]: dispose,
  };
}

function asking(url: string, path: string, { clients, items }: { clients: number; items: number }): Operation & Disposable {
  const connections = Array.from({ length: clients }, () => new Connection(url, ''));
  const ask: Operation = async (_, client) => {
    const { ms, status } = await connections[client]!.ask('GET', path);
    return { ms, ok: status === 200, items };
  };
  return Object.assign(ask, {
    [Symbol.dispose]: () => {
      for (const connection of connections) connection[Symbol.dispose]();
    },
  });
}
