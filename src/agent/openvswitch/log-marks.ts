// The numbers of logged ports' flows: cookies and meters, made from what they stand for, so that an agent that begins anew finds its flows equal.
import { fingerprint } from '../render/fingerprint.ts';

export interface Logged {
  readonly port: string;
  readonly action: 'ACCEPT' | 'DROP';
}

/** Meters of packet logs; other numbers are others'. */
const FIRST_METER = 40_000;
const METERS = 20_000;
export const isLogMeter = (id: number): boolean => id >= FIRST_METER && id < FIRST_METER + METERS;

export class LogMarks {
  private readonly cookies = new Numbers(0x8000_0000, 0x8000_0000);
  private readonly meters = new Numbers(FIRST_METER, METERS);

  cookie(logged: Logged): number {
    return this.cookies.of(keyOf(logged));
  }

  meter(logged: Logged): number {
    return this.meters.of(keyOf(logged));
  }

  /** Whose flow it was. */
  loggedBy(cookie: number): Logged | undefined {
    const key = this.cookies.keyOf(cookie);
    if (key === undefined) return undefined;
    const [port = '', action] = key.split(' ');
    return { port, action: action === 'ACCEPT' ? 'ACCEPT' : 'DROP' };
  }

  /** What nobody has any more is free. */
  keep(logged: readonly Logged[]): void {
    const keys = new Set(logged.map(keyOf));
    this.cookies.keep(keys);
    this.meters.keep(keys);
  }
}

const keyOf = ({ port, action }: Logged): string => `${port} ${action}`;

/** `count` numbers from `first` on. */
class Numbers {
  private readonly first: number;
  private readonly count: number;
  private readonly numbers = new Map<string, number>();
  private readonly keys = new Map<number, string>();

  constructor(first: number, count: number) {
    this.first = first;
    this.count = count;
  }

  of(key: string): number {
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    let at = Number.parseInt(fingerprint(key).slice(-8), 16) % this.count;
    while (this.keys.has(this.first + at)) at = (at + 1) % this.count;
    this.numbers.set(key, this.first + at);
    this.keys.set(this.first + at, key);
    return this.first + at;
  }

  keyOf(number: number): string | undefined {
    return this.keys.get(number);
  }

  keep(keys: ReadonlySet<string>): void {
    for (const [key, number] of this.numbers) {
      if (keys.has(key)) continue;
      this.numbers.delete(key);
      this.keys.delete(number);
    }
  }
}
