// Does a move step by step, with a journal: whoever comes after a crash goes on, or back.
import { type Doors, MoveStopped } from './doors.ts';
import { type Journal, readJournal, writeJournal } from './journal.ts';
import { backSteps, forwardSteps, type Step } from './steps.ts';

/** Goes on with what the journal says, to its end. */
export async function goOn(doors: Doors): Promise<void> {
  const journal = await readJournal(doors.host.files, doors.journal);
  if (!journal) throw new MoveStopped(`no move has begun on this host: there is no ${doors.journal}`);
  await walk(doors, journal);
}

/** The way back from wherever it is, and to its end: the journal is gone then. */
export async function goBack(doors: Doors): Promise<void> {
  const journal = await readJournal(doors.host.files, doors.journal);
  if (!journal) throw new MoveStopped(`nothing is to be rolled back: there is no ${doors.journal}`);
  const turned: Journal = journal.way === 'back' ? journal : { ...journal, way: 'back', done: [], finished: false };
  await writeJournal(doors.host.files, doors.journal, turned);
  await walk(doors, turned);
}

async function walk(doors: Doors, from: Journal): Promise<void> {
  const { files } = doors.host;
  const steps: Step[] = from.way === 'forward' ? forwardSteps(doors) : backSteps(doors);
  let journal = from;
  for (const [i, step] of steps.entries()) {
    if (journal.done.includes(step.name)) continue;
    doors.say(`${i + 1}/${steps.length} ${step.words}`);
    if (step.prepare) {
      journal = await step.prepare(journal);
      await writeJournal(files, doors.journal, journal);
    }
    await step.run(journal);
    journal = { ...journal, done: [...journal.done, step.name] };
    await writeJournal(files, doors.journal, journal);
  }
  if (journal.way === 'back') await files.remove(doors.journal);
  else await writeJournal(files, doors.journal, { ...journal, finished: true });
}
