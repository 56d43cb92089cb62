// What one side alone has made, changed or removed: from then on its answers say nothing about the other side, and what follows is not told again.
import type { Answer, Json, RecordedRequest } from '../recorded.ts';
import { idOf, isList, isMembers } from './json.ts';

const nameIn = /\$\{(\w+)\}/g;
const people = new Set(['P1', 'P2']);

export class Apart {
  private readonly names = new Set<string>();
  /** What something apart was made of: a network with a port that one side alone has cannot be removed there. */
  private readonly burdened = new Set<string>();

  /** Whether an answer to this is no news. */
  follows(request: RecordedRequest, recorded: Answer, seen: Answer): boolean {
    const names = namesOf(request);
    if (names.some(name => this.names.has(name))) return true;
    const inUse = recorded.status !== seen.status && (recorded.status === 409 || seen.status === 409);
    return inUse && names.some(name => this.burdened.has(name));
  }

  note(request: RecordedRequest, recorded: Answer, seen: Answer): void {
    const bound = [request.bind ?? []].flat();
    if (recorded.bound !== seen.bound) {
      for (const name of bound) this.names.add(name);
      for (const name of namesOf(request)) this.burdened.add(name);
    }
    if (bound.length > 0 || request.method === 'GET' || done(recorded) === done(seen)) return;
    for (const name of namesOf(request)) this.names.add(name);
  }

  /** Without what is apart: objects of lists, and ids in them. */
  without(value: Json): Json {
    if (this.names.size === 0) return value;
    if (isList(value)) return value.filter(one => !this.has(idOf(one) ?? one)).map(one => this.without(one));
    if (!isMembers(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.without(one)]));
  }

  /** Whether something of that kind is: `trunk`. */
  someOf(kind: string): boolean {
    return [...this.names].some(name => name.replace(/\d+$/, '') === kind);
  }

  has(label: Json | undefined): boolean {
    return typeof label === 'string' && this.names.has(label.replace(/^<(\w+)>$/, '$1'));
  }
}

const done = (answer: Answer): boolean => answer.status < 300;

export function namesOf({ path, body }: RecordedRequest): string[] {
  return [...JSON.stringify([path, body ?? null]).matchAll(nameIn)].map(match => match[1] ?? '').filter(name => !people.has(name));
}
