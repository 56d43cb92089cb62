// The upgrade of a database of PostgreSQL.
import { describe } from 'node:test';
import { serverOf, skipOf } from '../remote/place.suite.ts';
import { upgradeSuite } from '../remote/upgrade.suite.ts';
import { postgresGround } from './ground.suite.ts';

describe('postgres: upgrade', { skip: skipOf(postgresGround) }, () => {
  upgradeSuite(postgresGround, serverOf(postgresGround));
});
