// The upgrade of a database of MariaDB.
import { describe } from 'node:test';
import { serverOf, skipOf } from '../remote/place.suite.ts';
import { upgradeSuite } from '../remote/upgrade.suite.ts';
import { mariadbGround } from './ground.suite.ts';

describe('mariadb: upgrade', { skip: skipOf(mariadbGround) }, () => {
  upgradeSuite(mariadbGround, serverOf(mariadbGround));
});
