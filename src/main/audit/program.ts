// What an audit does on a host, as a program that is run there: one line of JSON on stdin, one on stdout.
import { text } from 'node:stream/consumers';
import { systemClock } from '../../adapters/clock/system-clock.ts';
import { openHost } from '../../adapters/host/open-host.ts';
import type { OnHost } from '../../agent/audit/finding.ts';
import { type Settings, takeInventory } from '../../agent/audit/inventory.ts';
import { repair } from '../../agent/audit/repair.ts';
import { runningByType } from './running.ts';

export type Question = { readonly take: Settings } | { readonly repair: readonly OnHost[] };

const question = JSON.parse(await text(process.stdin)) as Question;
const host = openHost();
if ('take' in question) {
  process.stdout.write(JSON.stringify(await takeInventory(host, question.take, runningByType())));
} else {
  const reasons: (string | null)[] = [];
  for (const fix of question.repair) reasons.push((await repair(host, systemClock, fix)) ?? null);
  process.stdout.write(JSON.stringify(reasons));
}
// Doors may hold what keeps the process.
process.exit(0);
