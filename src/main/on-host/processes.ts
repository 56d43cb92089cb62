// Ends what we started on the machine: by pid files of ours that name a process of the program that they should, and by the
// namespaces that we made. A process that merely mentions our files is none of ours.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { tryRun } from '../sandbox/run.ts';

const daemons = new Set(['dnsmasq', 'haproxy', 'radvd']);

function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

/** Its configuration lies in our folder, and it is a program that agents start. */
export function isDaemon(argv: readonly string[], folder: string): boolean {
  return daemons.has(basename(argv[0] ?? '')) && argv.some(word => word.includes(`${folder}/`));
}

/** `agent.ts CONFIG` of this run. */
export function isAgent(argv: readonly string[], runFolder: string): boolean {
  const at = argv.indexOf(join(import.meta.dirname, '..', 'agent.ts'));
  const config = argv[at + 1];
  return at > 0 && config !== undefined && config.startsWith(`${runFolder}/`) && config.endsWith('.agent.json');
}

export async function killOurs({ runFolder, state, namespaces }: { runFolder: string; state: string; namespaces: readonly string[] }) {
  for (const pid of pidsBelow(runFolder)) if (isAgent(commandLine(pid), runFolder)) kill(pid);
  // Between its start and its pid file a daemon is known by the namespace of ours that it is in.
  const inside = await Promise.all(namespaces.map(async name => (await tryRun(['ip', 'netns', 'pids', name])).stdout.split('\n')));
  for (const pid of new Set([...pidsBelow(state), ...inside.flat().filter(Boolean)])) if (isDaemon(commandLine(pid), state)) kill(pid);
}

/** What the pid files in a folder say: `h1.agent.pid`, `dhcp/ID/pid`, `ID.pid.haproxy`. */
function pidsBelow(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
  return names
    .filter(name => /(^|\.)pid($|\.)/.test(basename(name)))
    .flatMap(name => {
      try {
        return /^\s*([1-9]\d{0,8})\s*$/.exec(readFileSync(join(folder, name), 'utf8'))?.[1] ?? [];
      } catch {
        return [];
      }
    });
}

function kill(pid: string): void {
  try {
    process.kill(Number(pid), 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}
