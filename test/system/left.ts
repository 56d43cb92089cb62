// What a run left behind: processes in network namespaces that were its own, or whose command line names its state directory.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const pids = (): string[] => readdirSync('/proc').filter(name => /^\d+$/.test(name));

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

/** `net:[4026532000]` of a process. */
export function networkOf(pid: number): string | undefined {
  return link(`/proc/${pid}/ns/net`);
}

/** Command lines of processes that are still in one of the networks. */
export function processesIn(networks: ReadonlySet<string>): string[] {
  return pids()
    .filter(pid => networks.has(link(`/proc/${pid}/ns/net`) ?? ''))
    .map(pid => `${pid} ${commandLine(pid)}`);
}

/** Command lines that name the text, our own process and its ancestors left out. */
export function processesNaming(text: string): string[] {
  return pids()
    .filter(pid => Number(pid) !== process.pid && Number(pid) !== process.ppid)
    .map(pid => `${pid} ${commandLine(pid)}`)
    .filter(line => line.includes(text));
}

/** Waits until `look` finds nothing; answers what it finds still when the time is over. */
export async function untilNone(look: () => string[], withinMs: number): Promise<string[]> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = look();
    if (found.length === 0 || performance.now() > deadline) return found;
    await sleep(20);
  }
}
