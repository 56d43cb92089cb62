// Lets something happen within a decision, at one place of it: what another server may do at any time.
import type { Store } from '../../src/contracts/store.ts';

/** Once, between the reads of the next decision and its commit. */
export function beforeCommit(store: Store, happens: () => Promise<unknown>): void {
  const commit = store.commit.bind(store);
  store.commit = async writeSet => {
    store.commit = commit;
    await happens();
    return commit(writeSet);
  };
}

/** Once, after the next commit of the store, before its answer. */
export function afterCommit(store: Store, happens: () => Promise<unknown>): void {
  const commit = store.commit.bind(store);
  store.commit = async writeSet => {
    store.commit = commit;
    const result = await commit(writeSet);
    await happens();
    return result;
  };
}

/** Once, after the next read of a table. */
export function afterReading(store: Store, table: string, happens: () => Promise<unknown>): void {
  const { select, selectAll, get, count } = store;
  let done = false;
  const after = async <T>(reads: string, answer: Promise<T>): Promise<T> => {
    const read = await answer;
    if (reads !== table || done) return read;
    done = true;
    Object.assign(store, { select, selectAll, get, count });
    await happens();
    return read;
  };
  store.select = query => after(query.table, select.call(store, query));
  store.selectAll = queries => after(queries.some(q => q.table === table) ? table : '', selectAll.call(store, queries));
  store.get = (name, key) => after(name, get.call(store, name, key));
  store.count = (name, where) => after(name, count.call(store, name, where));
}
