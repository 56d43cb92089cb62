// Mariadb for the suites.
import { mariadbMissing, startMariadb } from '../../../contracts/store-suite/servers/mariadb.ts';
import type { Ground } from '../remote/place.suite.ts';
import { mariadbEngine } from './engine.ts';
import { openMariadbStore } from './open.ts';

export const mariadbGround: Ground = {
  name: 'mariadb',
  missing: mariadbMissing(),
  start: startMariadb,
  open: openMariadbStore,
  engine: mariadbEngine({ connectMs: 5000, lockWaitMs: 5000 }, () => {}),
  module: import.meta.resolve('./open.ts'),
  opens: 'openMariadbStore',
};
