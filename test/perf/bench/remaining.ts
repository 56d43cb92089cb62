// What a long run is at, and how long it will still take: each step has been announced with a guess, which the first of its name corrects.

interface Steps {
  left: number;
  /** Of one. */
  ms: number;
}

export class Remaining {
  private readonly steps = new Map<string, Steps>();
  private readonly tell: (line: string) => void;
  private readonly now: () => number;
  private readonly began: number;

  constructor(tell: (line: string) => void, now: () => number = () => performance.now()) {
    this.tell = tell;
    this.now = now;
    this.began = now();
  }

  /** `count` steps of that name will come, of so many ms each as far as is known. */
  expect(name: string, ms: number, count = 1): void {
    const known = this.steps.get(name);
    this.steps.set(name, { left: (known?.left ?? 0) + count, ms });
  }

  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.tell(`${clock(this.now() - this.began)}, about ${clock(this.leftMs())} left: ${name}`);
    const since = this.now();
    const done = await work();
    const steps = this.steps.get(name);
    if (steps) {
      steps.left = Math.max(0, steps.left - 1);
      steps.ms = this.now() - since;
    }
    return done;
  }

  leftMs(): number {
    return [...this.steps.values()].reduce((sum, { left, ms }) => sum + left * ms, 0);
  }
}

/** Minutes and seconds. */
export function clock(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
