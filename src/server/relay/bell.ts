// Rung for each commit that a reader of the outbox may want to look at; what rings while it looks is not lost.
import type { Clock, Signal } from '../../engine/clock.ts';

export class Bell {
  private readonly clock: Clock;
  private readonly signal: Signal;
  private rings = false;
  private wake: (() => void) | undefined;

  constructor(clock: Clock, signal: Signal) {
    this.clock = clock;
    this.signal = signal;
  }

  ring(): void {
    this.rings = true;
    this.wake?.();
  }

  /** Since `listen`. */
  get rang(): boolean {
    return this.rings;
  }

  /** To be called before a look: what rings from now on may have come too late for it. */
  listen(): void {
    this.rings = false;
  }

  /** Until it rings, or has rung since `listen`; for so many ms at most. */
  async wait(ms: number): Promise<void> {
    if (this.rings) return;
    const rung = new Promise<void>(resolve => {
      this.wake = resolve;
    });
    await Promise.race([rung, this.clock.sleep(ms, this.signal)]);
    this.wake = undefined;
  }
}
