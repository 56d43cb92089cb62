// Postgres for the suites.
import { postgresMissing, startPostgres } from '../../../contracts/store-suite/servers/postgres.ts';
import type { Ground } from '../remote/place.suite.ts';
import { postgresEngine } from './engine.ts';
import { openPostgresStore } from './open.ts';

export const postgresGround: Ground = {
  name: 'postgres',
  missing: postgresMissing(),
  start: startPostgres,
  open: openPostgresStore,
  engine: postgresEngine({ connectMs: 5000, lockWaitMs: 5000 }, () => {}),
  module: import.meta.resolve('./open.ts'),
  opens: 'openPostgresStore',
};
