// Syslog by logger(1), one process for all lines: Node has no datagrams of Unix sockets, which /dev/log is.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { Log } from '../../contracts/log.ts';
import type { PacketLog } from '../../contracts/packet-log.ts';
import { oneLine } from './text-log.ts';

export interface SyslogOptions {
  readonly tag: string;
  readonly log: Log;
  /** Default /dev/log. */
  readonly socket?: string;
}

/** What waits for the process; more is lost. */
const MOST_BYTES = 1 << 20;
/** Between two attempts at least. */
const AGAIN_MS = 5_000;
/** How often it is told that nothing is taken. */
const TELL_MS = 60_000;
/** Longer lines are cut by logger(1). */
const LONGEST = 8_192;

export class Syslog implements PacketLog {
  private readonly options: SyslogOptions;
  private child: ChildProcessWithoutNullStreams | undefined;
  private startedAt = Number.NEGATIVE_INFINITY;
  private toldAt = Number.NEGATIVE_INFINITY;
  private lost = 0;
  private closed = false;

  constructor(options: SyslogOptions) {
    this.options = options;
    this.start();
  }

  write(line: string): void {
    const to = this.child ?? this.start();
    if (!to || to.stdin.writableLength > MOST_BYTES) this.lost++;
    else to.stdin.write(`${oneLine(line)}\n`);
  }

  private start(): ChildProcessWithoutNullStreams | undefined {
    const now = performance.now();
    if (this.closed || now - this.startedAt < AGAIN_MS) return undefined;
    this.startedAt = now;
    const { tag, socket = '/dev/log' } = this.options;
    const where = ['--socket', socket, '--socket-errors=on', '--size', String(LONGEST)];
    const child = spawn('logger', ['--tag', tag, `--id=${process.pid}`, '--priority', 'user.info', ...where]);
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (words = `${words}${text}`.slice(-1000)));
    child.stdin.on('error', () => {});
    child.on('error', error => (words += error.message));
    child.on('close', () => this.ended(child, words));
    this.child = child;
    return child;
  }

  private ended(child: ChildProcessWithoutNullStreams, words: string): void {
    if (this.child === child) this.child = undefined;
    const now = performance.now();
    if (this.closed || now - this.toldAt < TELL_MS) return;
    this.toldAt = now;
    const hint = 'without syslog here, [network_log] local_output_log_base names a file';
    this.options.log.error('packets are not logged: syslog does not take them', { why: words.trim(), lost: this.lost, hint });
    this.lost = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed = true;
    const { child } = this;
    if (!child) return;
    const gone = new Promise(resolve => child.once('close', resolve));
    child.stdin.end();
    await gone;
  }
}
