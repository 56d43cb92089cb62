// Two maps and their difference: what should be there, and what is.

export class Delta<V> {
  readonly desired = new Map<string, V>();
  readonly actual = new Map<string, V>();
  private readonly same: (a: V, b: V) => boolean;

  constructor(same: (a: V, b: V) => boolean) {
    this.same = same;
  }

  *creates(): Generator<readonly [string, V]> {
    for (const [k, v] of this.desired) if (!this.actual.has(k)) yield [k, v] as const;
  }

  *updates(): Generator<readonly [string, V, V]> {
    for (const [k, v] of this.desired) {
      const was = this.actual.get(k);
      if (was !== undefined && !this.same(was, v)) yield [k, was, v] as const;
    }
  }

  *deletes(): Generator<readonly [string, V]> {
    for (const [k, v] of this.actual) if (!this.desired.has(k)) yield [k, v] as const;
  }

  get inSync(): boolean {
    for (const _ of this.creates()) return false;
    for (const _ of this.updates()) return false;
    for (const _ of this.deletes()) return false;
    return true;
  }

  /** Replaces what is believed to be there by what was found. */
  resync(found: ReadonlyMap<string, V>): void {
    this.actual.clear();
    for (const [k, v] of found) this.actual.set(k, v);
  }

  want(desired: ReadonlyMap<string, V>): void {
    this.desired.clear();
    for (const [k, v] of desired) this.desired.set(k, v);
  }
}
