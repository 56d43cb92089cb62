// One long-lived `ip -o monitor link` per watched namespace: restarted with back-off when it dies, ended with its agent.
import type { ChildProcess } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Link, LinkEvent } from '../../../contracts/host/links.ts';
import type { Netns } from '../../../contracts/host/netns.ts';
import { Backoff } from '../../../engine/backoff.ts';
import type { Tools } from '../tools.ts';

export interface MonitorOptions {
  readonly tools: Tools;
  readonly ns: Netns;
  readonly list: () => Promise<readonly Link[]>;
  readonly onEvent: (e: LinkEvent) => void;
  readonly onGap: () => void;
}

export interface MonitorLine {
  readonly index: number;
  readonly name: string;
  readonly deleted: boolean;
}

/** A bridge port's own messages look like its link's, but name no qdisc: their `Deleted` means "left the bridge". */
export function parseMonitorLine(line: string): MonitorLine | undefined {
  const match = /^(Deleted )?(\d+): ([^:@\s]+)(?:@[^:\s]+)?: </.exec(line);
  if (!match?.[3]) return undefined;
  return { index: Number(match[2]), name: match[3], deleted: match[1] !== undefined && / qdisc /.test(line) };
}

/** Turns lines into events; it knows which links there were, since the kernel says "new" for every change. */
export class LinkNews {
  private readonly known = new Map<number, string>();

  constructor(links: readonly Pick<Link, 'index' | 'name'>[]) {
    for (const l of links) this.known.set(l.index, l.name);
  }

  hear(line: MonitorLine): LinkEvent[] {
    const before = this.known.get(line.index);
    if (line.deleted) {
      this.known.delete(line.index);
      return [{ kind: 'removed', name: line.name }];
    }
    this.known.set(line.index, line.name);
    if (before === undefined) return [{ kind: 'added', name: line.name }];
    if (before === line.name) return [{ kind: 'changed', name: line.name }];
    return [
      { kind: 'removed', name: before },
      { kind: 'added', name: line.name },
    ];
  }
}

export class LinkMonitor implements AsyncDisposable {
  private readonly options: MonitorOptions;
  private readonly stop = new AbortController();
  private child: ChildProcess | undefined;
  private readonly loop: Promise<void>;

  constructor(options: MonitorOptions) {
    this.options = options;
    this.loop = this.run();
  }

  /** Ends the process (it would keep a deleted namespace alive); the loop starts the next one. */
  interrupt(): void {
    this.child?.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop.abort();
    this.interrupt();
    await this.loop;
  }

  private async run(): Promise<void> {
    const backoff = new Backoff({ firstMs: 100, maxMs: 5000 }, Math.random);
    while (!this.stop.signal.aborted) {
      const stood = await this.session().catch(() => false);
      if (stood) backoff.reset();
      await pause(backoff.next(), this.stop.signal);
    }
  }

  /** One process's life; answers whether it got as far as telling events. */
  private async session(): Promise<boolean> {
    const { tools, ns, list, onEvent, onGap } = this.options;
    const ip = ns === '' ? ['ip'] : ['ip', '-n', ns];
    // setpriv: the monitor would outlive a killed agent until the next event
    const child = tools.start('', ['setpriv', '--pdeathsig', 'KILL', ...ip, '-o', 'monitor', 'link']);
    this.child = child;
    const ended = new Promise<void>(resolve => child.once('close', () => resolve()).once('error', () => resolve()));
    let early: MonitorLine[] | undefined = [];
    let news: LinkNews | undefined;
    const tell = (line: MonitorLine): void => {
      if (!this.stop.signal.aborted) for (const e of news?.hear(line) ?? []) onEvent(e);
    };
    if (child.stdout)
      createInterface({ input: child.stdout }).on('line', raw => {
        const line = parseMonitorLine(raw);
        if (line && early) early.push(line);
        else if (line) tell(line);
      });
    // "receive error No buffer space available": it goes on, but events are lost
    child.stderr?.on('data', () => news && !this.stop.signal.aborted && onGap());
    try {
      if (!(await listening(child))) return false;
      news = new LinkNews(await list());
      if (!this.stop.signal.aborted) onGap();
      const waiting = early;
      early = undefined;
      for (const line of waiting) tell(line);
      await ended;
      return true;
    } finally {
      child.kill('SIGKILL');
      await ended;
      this.child = undefined;
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, signal.aborted ? 0 : ms);
    signal.addEventListener('abort', end);
  });
}

/** Waits until the process holds a netlink socket that is in the link group: from then on no event is missed. */
async function listening(child: ChildProcess): Promise<boolean> {
  for (let i = 0; i < 1000 && child.exitCode === null && child.signalCode === null; i++) {
    if (child.pid !== undefined && (await hasLinkSocket(child.pid).catch(() => false))) return true;
    await new Promise(resolve => setTimeout(resolve, i < 50 ? 2 : 20));
  }
  return false;
}

async function hasLinkSocket(pid: number): Promise<boolean> {
  const fds = await readdir(`/proc/${pid}/fd`);
  const sockets = new Set(await Promise.all(fds.map(fd => readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''))));
  const table = await readFile(`/proc/${pid}/net/netlink`, 'utf8');
  return table.split('\n').some(row => {
    const [, , , groups = '', , , , , , inode = ''] = row.trim().split(/\s+/);
    return (Number.parseInt(groups, 16) & 1) === 1 && sockets.has(`socket:[${inode}]`);
  });
}
