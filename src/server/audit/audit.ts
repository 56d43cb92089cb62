// Compares what the database holds with itself: rows that name what is gone, rows that belong together, counts. Others work on it meanwhile and
// tables are read one after another, so only what is found twice is told, and a repair is a commit that fails where the finding is no longer so.
import type { Store } from '../../contracts/store.ts';
import { disagreements } from './agreements.ts';
import { miscounted, segmentIds } from './counts.ts';
import { type Finding, tablesOf } from './finding.ts';
import { dangling, misled, orphans } from './references.ts';

/** All that looks wrong in one look; nothing, in a store that is right and that nobody changes. */
export async function look(store: Store): Promise<Finding[]> {
  const all = tablesOf(store);
  const found: Finding[] = [];
  for (const check of [dangling, orphans, misled, miscounted, segmentIds, disagreements]) found.push(...(await check(all)));
  return found;
}

export const wordsOf = ({ check, what }: Finding): string => `${check}: ${what}`;

/** What two looks find, with a pause between them. */
export async function audit(store: Store, pause: () => Promise<void>): Promise<readonly Finding[]> {
  const first = await look(store);
  if (first.length === 0) return [];
  await pause();
  const before = new Set(first.map(wordsOf));
  return (await look(store)).filter(finding => before.has(wordsOf(finding)));
}

export interface Outcome {
  readonly finding: Finding;
  /** `moved`: somebody changed it meanwhile; the next audit says what it is then. */
  readonly became: 'repaired' | 'moved' | 'left';
}

/** One after another: a row may be found for several reasons, and is deleted once, which repairs all of them. */
export async function repair(store: Store, findings: readonly Finding[]): Promise<readonly Outcome[]> {
  const out: Outcome[] = [];
  const done = new Set<string>();
  for (const finding of findings) {
    const { repair: way } = finding;
    if (!way) {
      out.push({ finding, became: 'left' });
      continue;
    }
    if (!done.has(way.how) && (await store.commit(way.writes)).done) done.add(way.how);
    out.push({ finding, became: done.has(way.how) ? 'repaired' : 'moved' });
  }
  return out;
}
