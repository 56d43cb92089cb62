// Takes away everything of ours from the machine, by comparison with what was there before. May be run again at any time.
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, tryRun } from '../sandbox/run.ts';
import { listRuleset, lookAtMachine, type Machine } from './look.ts';
import { daemonState } from './names.ts';
import type { Record } from './record.ts';
import { isClean, planEmptied, planSweep, type Sweep } from './sweep.ts';

/** A command that an agent had started may go on for a moment after the agent was killed, and add what was just removed. */
const rounds = 8;
const roundMs = 100;

/** Answers what could not be done; empty when the machine is as it was. */
export async function cleanMachine(record: Record): Promise<string[]> {
  let problems: string[] = [];
  for (let round = 0; round <= rounds; round++) {
    if (round > 0) await sleep(roundMs);
    killOurs([`${record.runFolder}/`, `${daemonState}/`]);
    const sweep = planSweep(record.before, await lookAtMachine());
    if (round > 0 && isClean(sweep)) {
      rmSync(daemonState, { recursive: true, force: true });
      return [];
    }
    problems = await sweepOnce(record.before, sweep);
  }
  return problems.length > 0 ? problems : ['something keeps making what was removed'];
}

/** What cannot be done does not keep the rest from being done. */
async function sweepOnce(before: Machine, sweep: Sweep): Promise<string[]> {
  const problems: string[] = [];
  const attempt = async (work: () => Promise<unknown>): Promise<void> => {
    await work().catch((error: unknown) => problems.push(error instanceof Error ? error.message : String(error)));
  };
  await Promise.all(sweep.namespaces.map(name => attempt(() => removeNamespace(name))));
  await Promise.all([
    attempt(() => removeLinks(sweep.links)),
    attempt(() => removeFilters(before, sweep)),
    attempt(async () => sweep.sysctls.length > 0 && (await run(['sysctl', '-q', '-w', ...sweep.sysctls]))),
  ]);
  return problems;
}

/** Agents and daemons by the files of ours that their command lines name. A contained host's are in another pid namespace. */
function killOurs(marks: readonly string[]): void {
  const here = readlinkSync('/proc/self/ns/pid');
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (marks.some(mark => command.includes(mark)) && readlinkSync(`/proc/${pid}/ns/pid`) === here) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}

async function removeNamespace(name: string): Promise<void> {
  const inside = (await tryRun(['ip', 'netns', 'pids', name])).stdout.split('\n').filter(Boolean);
  if (inside.length > 0) await tryRun(['kill', '-KILL', ...inside]);
  await run(['ip', 'netns', 'delete', name]);
}

/** A veth goes with its other end, so some are gone when their turn comes. */
async function removeLinks(links: readonly string[]): Promise<void> {
  if (links.length > 0) await tryRun(['ip', '-force', '-batch', '-'], { input: links.map(name => `link delete ${name}\n`).join('') });
}

async function removeFilters(before: Machine, { rules, sets, tables }: Sweep): Promise<void> {
  for (const tool of ['iptables', 'ip6tables'] as const) {
    if (rules[tool] !== '') await run([`${tool}-restore`, '--noflush'], { input: rules[tool] });
  }
  // Sets only after the rules that refer to them.
  if (sets.length > 0) await run(['ipset', '-exist', 'restore'], { input: sets.map(name => `destroy ${name}\n`).join('') });
  await nft(tables.map(table => `delete table ${table}\n`).join(''));
  await nft(planEmptied(before, await listRuleset()));
}

async function nft(script: string): Promise<void> {
  if (script !== '') await run(['nft', '-f', '-'], { input: script });
}
