// A store whose calls take their time, or are interrupted: something happens just before each read and each commit.
import type { Store } from '../../src/contracts/store.ts';

const calls = ['select', 'selectAll', 'get', 'count', 'countBy', 'commit'];

export function beforeCalls(store: Store, pause: () => Promise<unknown>): Store {
  return new Proxy(store, {
    get: (target, name) => {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== 'function') return member;
      const call = member.bind(target) as (...args: unknown[]) => unknown;
      return calls.includes(String(name)) ? (...args: unknown[]) => pause().then(() => call(...args)) : call;
    },
  });
}

/** A store that does something just before the call of a number, counted from when it is told so. */
export class Interrupted {
  private left = 0;
  private work: () => Promise<unknown> = async () => {};
  readonly store: Store;

  constructor(store: Store) {
    this.store = beforeCalls(store, () => this.pause());
  }

  before(call: number, work: () => Promise<unknown>): void {
    this.left = call;
    this.work = work;
  }

  /** It came to that call. */
  get happened(): boolean {
    return this.left <= 0;
  }

  private async pause(): Promise<void> {
    if (this.left > 0 && --this.left === 0) await this.work();
  }
}
