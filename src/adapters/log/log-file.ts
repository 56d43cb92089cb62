// A log file that others move away (logrotate): it is written to until it is told to open its path anew.
import { closeSync, constants, fstatSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { LineSink } from './text-log.ts';

/** Writes are synchronous, so the last line before a crash is there. A full disk loses lines, never the process. */
export class LogFile implements LineSink, Disposable {
  private readonly path: string;
  private fd: number | undefined;

  /** Throws when it cannot be opened. */
  constructor(path: string) {
    this.path = path;
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    this.fd = open(path);
  }

  write(line: string): void {
    try {
      if (this.fd !== undefined) writeAll(this.fd, Buffer.from(line, 'utf8'));
    } catch {
      // There is nobody to tell.
    }
  }

  /** As logrotate has it, without a signal: where another file is at the path, or none, that one is written to. */
  follow(): void {
    const { fd, path } = this;
    if (fd === undefined) return;
    const there = statSync(path, { throwIfNoEntry: false });
    const mine = fstatSync(fd);
    if (there?.ino !== mine.ino || there.dev !== mine.dev) this.reopen();
  }

  /** Where that fails, the old file goes on. */
  reopen(): void {
    const fresh = open(this.path);
    this[Symbol.dispose]();
    this.fd = fresh;
  }

  [Symbol.dispose](): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }
}

function open(path: string): number {
  const { O_APPEND, O_CREAT, O_WRONLY } = constants;
  return openSync(path, O_APPEND | O_CREAT | O_WRONLY, 0o640);
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}
