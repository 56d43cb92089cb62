// How far a revision number rises in one request is each server's own affair; that it rises with a change, and with a change alone, is not.
import type { Json, RecordedRequest } from '../recorded.ts';
import { type Apart, namesOf } from './apart.ts';
import { canonical, type Members, objectsIn } from './json.ts';

type Course = 'rises' | 'stays' | 'falls';

/** An object as an answer has it: its number, and the rest. */
interface Shown {
  readonly number: number;
  readonly rest: Members;
}

export class Revisions {
  private readonly recorded = new Map<string, Shown>();
  private readonly seen = new Map<string, Shown>();

  /** Where one side broke in the middle, nobody knows what it has changed. */
  forget(request: RecordedRequest): void {
    for (const name of namesOf(request)) for (const side of [this.recorded, this.seen]) side.delete(`<${name}>`);
  }

  /** What the two answers say of objects that both have shown before, where it is not the same. */
  compare(request: RecordedRequest, [recorded, seen]: readonly [Json, Json], apart: Apart): [id: string, recorded: Course, seen: Course][] {
    const [a, b] = [shownIn(recorded), shownIn(seen)];
    return [...a].flatMap(([id, there]) => {
      const here = b.get(id);
      const before = [this.recorded.get(id), this.seen.get(id)] as const;
      if (here === undefined) return [];
      this.recorded.set(id, there);
      this.seen.set(id, here);
      if (before[0] === undefined || before[1] === undefined || apart.has(id)) return [];
      const courses = [courseOf(before[0], there), courseOf(before[1], here)] as const;
      const asBefore = alike(before[0], there) && alike(before[1], here);
      const idle = request.method === 'PUT' && asBefore && !courses.includes('falls');
      // An update that changes nothing is one change for some, none for others.
      return idle || courses[0] === courses[1] ? [] : [[id, ...courses]];
    });
  }
}

function shownIn(value: Json): Map<string, Shown> {
  return new Map(
    [...objectsIn(value)].flatMap(object => {
      const { id, revision_number: number } = object;
      return typeof id === 'string' && id !== '<id>' && typeof number === 'number' ? [[id, { number, rest: object }] as const] : [];
    }),
  );
}

const ownAffairs = new Set(['revision_number', 'updated_at']);

/** As far as both answers show it. */
function alike({ rest: before }: Shown, { rest: after }: Shown): boolean {
  const both = Object.keys(before).filter(key => key in after && !ownAffairs.has(key));
  return both.every(key => canonical(before[key] as Json) === canonical(after[key] as Json));
}

const courseOf = (before: Shown, after: Shown): Course =>
  after.number > before.number ? 'rises' : after.number === before.number ? 'stays' : 'falls';
