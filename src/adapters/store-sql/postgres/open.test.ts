// What opening does to a database of Postgres.
import { describe } from 'node:test';
import { openSuite } from '../remote/open.suite.ts';
import { serverOf, skipOf } from '../remote/place.suite.ts';
import { postgresGround } from './ground.suite.ts';

describe('postgres: opening', { skip: skipOf(postgresGround) }, () => {
  openSuite(postgresGround, serverOf(postgresGround));
});
