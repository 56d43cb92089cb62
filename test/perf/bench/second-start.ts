// How long a server takes that starts where another has run before: from the exec of Node.js to its first good answer.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../src/contracts/free-port.ts';
import { untilIt } from '../start/life.ts';
import { Connection } from './connection.ts';
import { endWeft, spawnWeft, startWeft, type WeftShape } from './servers.ts';

/** ms. What the first start makes (state, tables, compiled code) is there for the second, and gone after it. */
export async function secondStart(shape: WeftShape, signal: AbortSignal): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-start-'));
  try {
    const token = await firstStart(shape, folder, signal);
    const port = await freePort();
    using connection = new Connection(`http://127.0.0.1:${port}`, token);
    const began = performance.now();
    const child = spawnWeft(shape, folder, port);
    try {
      await untilIt(child, async () => {
        signal.throwIfAborted();
        return (await connection.ask('GET', '/v2.0/networks')).status === 200;
      });
      return performance.now() - began;
    } finally {
      await endWeft(child);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Answers a token. A server that nobody asks writes nothing, so its folder may be copied. */
async function firstStart(shape: WeftShape, folder: string, signal: AbortSignal): Promise<string> {
  await using first = await startWeft(shape, signal);
  cpSync(first.folder, folder, { recursive: true, filter: path => !/\.(sock|lock)$/.test(path) });
  return first.target.token;
}
