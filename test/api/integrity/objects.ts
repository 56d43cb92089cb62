// The last few objects of each kind, which everybody wants at once.
import { randomUUID } from 'node:crypto';
import type { Chance } from './chance.ts';

interface Known {
  readonly id: string;
  readonly path: string;
}

const kept = 4;

export class Objects {
  private readonly byKind = new Map<string, readonly Known[]>();

  add(kind: string, id: string, path: string): void {
    this.byKind.set(kind, [...(this.byKind.get(kind) ?? []), { id, path }].slice(-kept));
  }

  /** One of a kind; where there is none, the id of nothing. */
  id(kind: string, by: Chance): string {
    return by.pick(this.byKind.get(kind) ?? [])?.id ?? randomUUID();
  }

  any(by: Chance): string | undefined {
    return by.pick(by.pick([...this.byKind.values()]) ?? [])?.path;
  }
}
