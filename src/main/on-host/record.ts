// What was on the machine before us, and how what we make is told: kept until everything of ours is gone again.
import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from './look.ts';
import type { Owner } from './made.ts';

export interface Record {
  readonly before: Machine;
  /** The boot and the network that it tells of: it says nothing of another. */
  readonly where: string;
  /** Agents are told to read a file in it, and their pid files are there. */
  readonly runFolder: string;
  readonly owner: Owner;
  /** The file of the taps that others gave us. */
  readonly plugged: string;
}

export const whereWeAre = (): string =>
  `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/net')}`;

/** Undefined when there is none; throws when there is one that cannot be read. One of another boot is set aside: nothing it names is ours now. */
export function readRecord(path: string): Record | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const record = JSON.parse(text) as Record;
  if (record.where === whereWeAre()) return record;
  renameSync(path, `${path}.other-boot`);
  if (record.owner) rmSync(record.owner.namespaces, { force: true });
  return undefined;
}

export function writeRecord(path: string, record: Record): void {
  writeFileSync(path, `${JSON.stringify(record)}\n`, { mode: 0o600, flush: true });
}

export function removeRecord(path: string, record: Record | undefined): void {
  if (record) rmSync(record.owner.namespaces, { force: true });
  rmSync(path, { force: true });
}

/** `weft:` and what no other state directory has; the same at every start. */
export function markOf(stateDir: string): string {
  const path = join(stateDir, 'on-host.id');
  const known = readIfThere(path)?.trim();
  if (known !== undefined && /^[0-9a-f]{16}$/.test(known)) return `weft:${known}`;
  const id = randomBytes(8).toString('hex');
  writeFileSync(path, `${id}\n`, { mode: 0o600, flush: true });
  return `weft:${id}`;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
