// SQLite passes the contract suite.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type StorePlace, storeContract } from '../../../contracts/store.suite.ts';
import { openSqliteStore } from './open.ts';

storeContract('sqlite', async (): Promise<StorePlace> => {
  const folder = await mkdtemp(join(tmpdir(), 'weft-store-'));
  const path = join(folder, 'state.db');
  return {
    open: tables => openSqliteStore(path, { tables }),
    elsewhere: { module: import.meta.resolve('./open.ts'), opens: 'openSqliteStore', where: path },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
});
