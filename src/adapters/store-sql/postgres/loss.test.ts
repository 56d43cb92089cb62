// Postgres that is lost, or whose connections are.
import { describe } from 'node:test';
import { lossSuite } from '../remote/loss.suite.ts';
import { serverOf, skipOf } from '../remote/place.suite.ts';
import { postgresGround } from './ground.suite.ts';

const sessions = "SELECT pid FROM pg_stat_activity WHERE application_name = 'weft' AND datname = current_database();";

describe('postgres: losses', { skip: skipOf(postgresGround) }, () => {
  lossSuite(postgresGround, serverOf(postgresGround), id => `SELECT pg_terminate_backend(${id});`, sessions);
});
