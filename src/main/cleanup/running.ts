// Agents that run on this machine, Weft's and Neutron's: as far as they are in its network, whatever started them.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { type AgentKind, agentKinds } from '../config/agents/settings.ts';

export interface RunningAgent {
  readonly pid: number;
  readonly kinds: readonly AgentKind[];
}

export function runningAgents(): RunningAgent[] {
  const network = networkOf('self');
  return readdirSync('/proc').flatMap(name => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid || networkOf(name) !== network) return [];
    const kinds = kindsOf(commandLine(name));
    return kinds.length === 0 ? [] : [{ pid, kinds }];
  });
}

/** Which agents a command line starts. */
export function kindsOf(argv: readonly string[]): AgentKind[] {
  const words = argv.map(word => basename(word)).filter(word => word !== 'run.mjs');
  const at = words.indexOf('weft.ts');
  if (at > 0 && words[at + 1] === 'agent') return agentKinds.filter(kind => kind === words[at + 2]);
  // `weft up` has all of a host in one process, with one of the switches.
  if (words[1]?.startsWith('--') && words[2] === 'agent.ts' && words[3]?.endsWith('.agent.json')) return [...agentKinds];
  // Neutron's write what they are before their command line, all of it in one word.
  const [title = ''] = argv;
  const called = at > 0 && words[at + 1] === '--called-as' ? [words[at + 2]] : [basename(title.split(' ')[0] ?? ''), words[1]];
  return agentKinds.filter(kind => called.includes(`neutron-${kind}-agent`));
}

function networkOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}
