// Exponential back-off with a ceiling; randomness is passed in.

export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  readonly factor?: number;
  /** Share of the delay that is random, 0..1. */
  readonly jitter?: number;
}

export class Backoff {
  private readonly options: BackoffOptions;
  private readonly random: () => number;
  private tries = 0;

  constructor(options: BackoffOptions, random: () => number) {
    this.options = options;
    this.random = random;
  }

  get attempts(): number {
    return this.tries;
  }

  reset(): void {
    this.tries = 0;
  }

  /** Milliseconds to wait before the next attempt. */
  next(): number {
    const { firstMs, maxMs, factor = 2, jitter = 0.2 } = this.options;
    const delay = Math.min(maxMs, firstMs * factor ** Math.min(this.tries++, 30));
    return Math.round(delay * (1 - jitter + 2 * jitter * this.random()));
  }
}
