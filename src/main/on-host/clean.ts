// Takes away everything of ours from the machine, by comparison with what was there before. May be run again at any time.
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { run, tryRun } from '../sandbox/run.ts';
import { listRuleset, lookAtMachine, type Machine } from './look.ts';
import { notedNamespaces, notedPlugged } from './made.ts';
import { daemonState } from './names.ts';
import { killOurs } from './processes.ts';
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
    const namespaces = notedNamespaces(record.owner.namespaces);
    const now = await lookAtMachine();
    const sweep = planSweep(record.before, now, { mark: record.owner.mark, namespaces });
    await killOurs({ runFolder: record.runFolder, state: daemonState, namespaces: sweep.namespaces });
    if (round > 0 && isClean(sweep)) {
      await giveBackTaps(record, now);
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
  await Promise.all(sweep.namespaces.map(name => attempt(() => run(['ip', 'netns', 'delete', name]))));
  await Promise.all([
    attempt(() => removeLinks(sweep.links)),
    attempt(() => removeFilters(before, sweep)),
    attempt(async () => sweep.sysctls.length > 0 && (await run(['sysctl', '-q', '-w', ...sweep.sysctls]))),
  ]);
  // Last, when no packet goes into them any more.
  await Promise.all(
    sweep.zones.flatMap(zone => ['ipv4', 'ipv6'].map(family => tryRun(['conntrack', '-D', '-f', family, '-w', `${zone}`]))),
  );
  return problems;
}

/** Taps of others have left our bridges with those; they get back the name that they had. */
async function giveBackTaps({ plugged, owner }: Record, { links, aliases }: Machine): Promise<void> {
  const renamed = notedPlugged(plugged).filter(
    ({ tap, was }) => tap !== was && links.includes(tap) && !links.includes(was) && aliases[tap] !== owner.mark,
  );
  const batch = renamed.flatMap(({ tap, was }) => [`link set ${tap} down`, `link set ${tap} name ${was}`, `link set ${was} up`]);
  if (batch.length > 0) await tryRun(['ip', '-force', '-batch', '-'], { input: `${batch.join('\n')}\n` });
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
