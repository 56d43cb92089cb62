// A store whose reads take their time, or are interrupted: something happens just before each.
import type { Store } from '../../src/contracts/store.ts';

const reads = ['select', 'get', 'count', 'countBy'];

export function beforeReads(store: Store, pause: () => Promise<unknown>): Store {
  return new Proxy(store, {
    get: (target, name) => {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== 'function') return member;
      const call = member.bind(target) as (...args: unknown[]) => unknown;
      return reads.includes(String(name)) ? (...args: unknown[]) => pause().then(() => call(...args)) : call;
    },
  });
}
