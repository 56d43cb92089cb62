// Postgres passes the contract suite.
import { describe } from 'node:test';
import { storeContract } from '../../../contracts/store.suite.ts';
import { remotePlace, serverOf, skipOf } from '../remote/place.suite.ts';
import { postgresGround } from './ground.suite.ts';

describe('postgres', { skip: skipOf(postgresGround) }, () => {
  const server = serverOf(postgresGround);
  storeContract('postgres', async () => remotePlace(postgresGround, await server()));
});
