// Waits until the process that started it ends, in whatever way, and then takes away all that it left on the machine.
// Usage: reaper.ts RECORD, with a pipe as standard input that nobody but the starter holds.
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Locked, takeLock } from '../state/lock.ts';
import { cleanMachine } from './clean.ts';
import { machineLock, reaperListen } from './names.ts';
import { readRecord, removeRecord } from './record.ts';

const [recordPath, logPath] = process.argv.slice(2);
if (!recordPath || !logPath) throw new Error('usage: reaper.ts RECORD LOG');
const starter = process.ppid;
const dyingMs = 5000;
// What ends the starter must not end us.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {});

process.stdin.resume();
process.stdin.on('end', () => void clean(recordPath, logPath));
process.stdin.on('error', () => void clean(recordPath, logPath));

let begun = false;
async function clean(record: string, log: string): Promise<void> {
  if (begun) return;
  begun = true;
  // Who holds the machine by now has found the record, too, and cleans up before he begins.
  using _lock = await takeUnlessHeld();
  if (!_lock) process.exit(0);
  const known = readRecord(record);
  const problems = known ? await cleanMachine(known) : [];
  // What is left for a later try keeps its record.
  if (problems.length === 0) removeRecord(record, known);
  else writeSync(openSync(log, 'a', 0o600), problems.map(problem => `${new Date().toISOString()} ERROR reaper ${problem}\n`).join(''));
  process.exitCode = problems.length === 0 ? 0 : 1;
  process.stdin.destroy();
}

/** A process that is killed closes its pipes a moment before it counts as dead: until then the lock is still the starter's. */
async function takeUnlessHeld(): Promise<Disposable | undefined> {
  for (const deadline = performance.now() + dyingMs; ; await sleep(5)) {
    try {
      return takeLock(machineLock, reaperListen, new Date());
    } catch (error) {
      if (!(error instanceof Locked)) throw error;
      if (error.holder.pid !== starter || performance.now() > deadline) return undefined;
    }
  }
}
