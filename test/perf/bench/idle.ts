// What servers hold while nobody asks them anything.
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pssMib } from './processes.ts';
import { startWeft, type WeftShape } from './servers.ts';

/** Until what the start has left behind was collected, or was not. */
export const settleMs = 10_000;

/** MiB (PSS). */
export async function idleOf(shape: WeftShape, signal: AbortSignal): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-idle-'));
  try {
    // A copy of the program: what the benchmark and other servers here share of it with this one would make this one look smaller than it is alone.
    const node = join(folder, 'node');
    copyFileSync(process.execPath, node);
    await using server = await startWeft({ ...shape, node }, signal);
    await sleep(settleMs, undefined, { signal });
    return pssMib(server.processes);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Embedded with one host and its agents, as `weft up` starts them. */
export const withOneHost = (shape: WeftShape): WeftShape => ({ ...shape, verb: ['up', '--hosts', '1'] });

/** Without the workers that a server on a database server starts for each processor. */
export const inOneProcess = (shape: WeftShape): WeftShape => ({ ...shape, config: `${shape.config}[DEFAULT]\napi_workers = 0\n` });
