// Mariadb passes the contract suite.
import { after, describe } from 'node:test';
import { type StorePlace, storeContract } from '../../../contracts/store.suite.ts';
import { mariadbMissing, startMariadb } from '../../../contracts/store-suite/servers/mariadb.ts';
import type { DatabaseServer } from '../../../contracts/store-suite/servers/server.ts';
import { openMariadbStore } from './open.ts';

const missing = mariadbMissing();

describe('mariadb', { skip: process.env['CI'] ? false : (missing ?? false) }, () => {
  let server: Promise<DatabaseServer> | undefined;
  after(async () => (await server)?.[Symbol.asyncDispose]());
  storeContract('mariadb', async (): Promise<StorePlace> => {
    server ??= startMariadb();
    const where = await (await server).database();
    return {
      open: tables => openMariadbStore(where, { tables }),
      elsewhere: { module: import.meta.resolve('./open.ts'), opens: 'openMariadbStore', where },
      [Symbol.asyncDispose]: async () => {},
    };
  });
});
