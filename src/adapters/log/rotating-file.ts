// A log file with a ceiling: when it is full it becomes `<file>.1`, replacing the one before, and a fresh one is begun.
import { closeSync, constants, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { LineSink } from './text-log.ts';

export interface RotatingFileOptions {
  /** Default 8 MiB; with the `.1` beside it at most twice as much lies on disk. */
  readonly maxBytes?: number;
}

/** Writes are synchronous, so the last line before a crash is there. A full disk loses lines, never the process. */
export class RotatingFile implements LineSink, Disposable {
  readonly path: string;
  private readonly maxBytes: number;
  private fd: number | undefined;
  private size = 0;
  private lost = 0;

  constructor(path: string, options: RotatingFileOptions = {}) {
    this.path = path;
    this.maxBytes = options.maxBytes ?? 8 * 1024 * 1024;
    this.open();
  }

  /** Lines that could not be written. */
  get lostLines(): number {
    return this.lost;
  }

  write(line: string): void {
    try {
      const bytes = Buffer.from(line, 'utf8');
      if (this.fd === undefined || (this.size > 0 && this.size + bytes.length > this.maxBytes)) this.rotate();
      this.append(bytes);
    } catch {
      this.lost++;
    }
  }

  [Symbol.dispose](): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  private append(bytes: Uint8Array): void {
    if (this.fd === undefined) throw new Error('closed');
    // A short write happens on a disk that is just full; the rest of the line is then tried once more or thrown.
    for (let done = 0; done < bytes.length; ) {
      const count = writeSync(this.fd, bytes, done);
      done += count;
      this.size += count;
    }
  }

  private rotate(): void {
    const full = this.fd !== undefined;
    this[Symbol.dispose]();
    if (full) renameSync(this.path, `${this.path}.1`);
    this.open();
  }

  private open(): void {
    // No symbolic link: whoever can write the directory must not redirect what root appends.
    const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW, O_CLOEXEC = 0 } = constants as typeof constants & { O_CLOEXEC?: number };
    const fd = openSync(this.path, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0o600);
    this.size = fstatSync(fd).size;
    this.fd = fd;
  }
}

/** The log file `<directory>/<name>.log`, one per program or agent; the directory is made if need be (0700). */
export function openLogFile(directory: string, name: string, options: RotatingFileOptions = {}): RotatingFile {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) throw new Error(`not a name for a log file: ${JSON.stringify(name)}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return new RotatingFile(join(directory, `${name}.log`), options);
}
