// Failure switches of the simulators: a test says what goes wrong next, the simulator asks before it acts.

interface Armed<W> {
  readonly what: W;
  readonly reason: string;
  /** Only for this object (a device, a chain, a path), when given. */
  readonly name: string | undefined;
  left: number;
}

export interface FailOptions {
  readonly reason?: string;
  readonly name?: string;
  /** How often, default once. */
  readonly times?: number;
}

export class Failures<W extends string> {
  private armed: Armed<W>[] = [];

  failNext(what: W, options: FailOptions = {}): void {
    this.armed.push({ what, reason: options.reason ?? `simulated failure of ${what}`, name: options.name, left: options.times ?? 1 });
  }

  /** The reason when this call is to fail. */
  take(what: W, name?: string): string | undefined {
    const found = this.armed.find(a => a.what === what && (a.name === undefined || a.name === name));
    if (!found) return undefined;
    if (--found.left <= 0) this.armed = this.armed.filter(a => a !== found);
    return found.reason;
  }
}
