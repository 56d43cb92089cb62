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

/** Once, after the next read of a table. */
export function afterReading(store: Store, table: string, happens: () => Promise<unknown>): void {
  const select = store.select.bind(store);
  store.select = async query => {
    const rows = await select(query);
    if (query.table === table && store.select !== select) {
      store.select = select;
      await happens();
    }
    return rows;
  };
}
