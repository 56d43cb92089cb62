import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimClock } from '../../engine/clock.ts';
import { Absence } from './absence.ts';

test('a short absence is none, a longer one is told once it has lasted', async () => {
  const clock = new SimClock(0);
  const absence = new Absence(clock, 'the database is away');
  let told = 0;
  const tell = (): void => void told++;
  absence.began('killed', tell);
  await clock.advance(4_000);
  assert.equal(absence.away(), undefined);
  absence.ended();
  await clock.advance(60_000);
  assert.deepEqual([absence.away(), told], [undefined, 0]);
  absence.began('no such file', tell);
  await clock.advance(6_000);
  assert.deepEqual([absence.away(), told], ['the database is away: no such file', 1]);
  absence.ended();
  assert.equal(absence.away(), undefined);
});
