// Postgres passes the contract suite.
import { after, describe } from 'node:test';
import { type StorePlace, storeContract } from '../../../contracts/store.suite.ts';
import { postgresMissing, startPostgres } from '../../../contracts/store-suite/servers/postgres.ts';
import type { DatabaseServer } from '../../../contracts/store-suite/servers/server.ts';
import { openPostgresStore } from './open.ts';

const missing = postgresMissing();

describe('postgres', { skip: process.env['CI'] ? false : (missing ?? false) }, () => {
  let server: Promise<DatabaseServer> | undefined;
  after(async () => (await server)?.[Symbol.asyncDispose]());
  storeContract('postgres', async (): Promise<StorePlace> => {
    server ??= startPostgres();
    const where = await (await server).database();
    return {
      open: tables => openPostgresStore(where, { tables }),
      elsewhere: { module: import.meta.resolve('./open.ts'), opens: 'openPostgresStore', where },
      [Symbol.asyncDispose]: async () => {},
    };
  });
});
