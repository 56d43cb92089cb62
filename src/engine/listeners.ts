// Who wants to hear of something. One that fails harms neither the others nor what they are told of.

export class Listeners<Args extends readonly unknown[] = []> {
  private readonly entries = new Set<(...args: Args) => void>();
  private readonly failed: (error: unknown) => void;

  /** `failed`: is told what a listener threw. */
  constructor(failed: (error: unknown) => void) {
    this.failed = failed;
  }

  add(listener: (...args: Args) => void): Disposable {
    // A wrapper, so that a function that listens twice is heard twice and stops once.
    const entry = (...args: Args): void => listener(...args);
    this.entries.add(entry);
    return { [Symbol.dispose]: () => void this.entries.delete(entry) };
  }

  tell(...args: Args): void {
    for (const entry of [...this.entries]) {
      try {
        entry(...args);
      } catch (error) {
        this.failed(error);
      }
    }
  }

  clear(): void {
    this.entries.clear();
  }
}
