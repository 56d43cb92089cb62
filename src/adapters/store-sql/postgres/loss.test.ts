// PostgreSQL that is lost, or whose connections are.
import { describe } from 'node:test';
import { type Ends, lossSuite } from '../remote/loss.suite.ts';
import { serverOf, skipOf } from '../remote/place.suite.ts';
import { postgresGround } from './ground.suite.ts';

const ends: Ends = {
  kill: id => `SELECT pg_terminate_backend(${id});`,
  sessions: "SELECT pid FROM pg_stat_activity WHERE application_name = 'weft' AND datname = current_database();",
  demote: only =>
    `SET default_transaction_read_only = off; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = ${only ? 'on' : 'off'}', current_database()); END $$; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'weft';`,
};

describe('postgres: losses', { skip: skipOf(postgresGround) }, () => {
  lossSuite(postgresGround, serverOf(postgresGround), ends);
});
