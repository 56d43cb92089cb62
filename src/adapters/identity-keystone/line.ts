// Questions to a Keystone, so many at a time: one that is slow must not cost a connection for each request that waits for it.
import { IdentityUnavailable } from '../../contracts/identity.ts';

export class Line {
  private readonly most: number;
  private readonly patienceMs: number;
  private readonly waiting = new Set<() => void>();
  private running = 0;

  constructor(most: number, patienceMs: number) {
    this.most = most;
    this.patienceMs = patienceMs;
  }

  /** Rejects with IdentityUnavailable when it is nobody's turn for too long. */
  async inTurn<T>(ask: () => Promise<T>): Promise<T> {
    if (this.running < this.most) this.running++;
    else await this.turn();
    try {
      return await ask();
    } finally {
      const [next] = this.waiting;
      if (next) next();
      else this.running--;
    }
  }

  /** Whoever ends hands his place on. */
  private turn(): Promise<void> {
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        clearTimeout(timer);
        this.waiting.delete(begin);
        resolve();
      };
      const timer = setTimeout(() => {
        this.waiting.delete(begin);
        reject(new IdentityUnavailable('Keystone is too slow for all who ask'));
      }, this.patienceMs);
      this.waiting.add(begin);
    });
  }
}
