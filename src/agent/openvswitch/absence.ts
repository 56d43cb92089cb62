// Since when something that the agent needs has been away: a restart of it is no news for the server, a longer absence is.
import type { Clock } from '../../engine/clock.ts';

/** A restart takes less. */
export const GRACE_MS = 5_000;

export class Absence {
  private readonly clock: Clock;
  private readonly what: string;
  private since: number | undefined;
  private why = '';

  constructor(clock: Clock, what: string) {
    this.clock = clock;
    this.what = what;
  }

  /** `tell` when it lasts. */
  began(why: string, tell: () => void): void {
    this.why = why;
    this.since ??= this.clock.now();
    void this.clock.sleep(GRACE_MS).then(() => this.away() !== undefined && tell());
  }

  ended(): void {
    this.since = undefined;
  }

  /** Why, when it has been so for longer than a restart takes. */
  away(): string | undefined {
    const { since, what, why } = this;
    return since === undefined || this.clock.now() - since < GRACE_MS ? undefined : `${what}: ${why}`;
  }
}
