// What opening does to a database of Mariadb.
import { describe } from 'node:test';
import { openSuite } from '../remote/open.suite.ts';
import { serverOf, skipOf } from '../remote/place.suite.ts';
import { mariadbGround } from './ground.suite.ts';

describe('mariadb: opening', { skip: skipOf(mariadbGround) }, () => {
  openSuite(mariadbGround, serverOf(mariadbGround));
});
