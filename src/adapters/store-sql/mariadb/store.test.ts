// Mariadb passes the contract suite.
import { describe } from 'node:test';
import { storeContract } from '../../../contracts/store.suite.ts';
import { remotePlace, serverOf, skipOf } from '../remote/place.suite.ts';
import { mariadbGround } from './ground.suite.ts';

describe('mariadb', { skip: skipOf(mariadbGround) }, () => {
  const server = serverOf(mariadbGround);
  storeContract('mariadb', async () => remotePlace(mariadbGround, await server()));
});
