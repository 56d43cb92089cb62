// Options of [database], as oslo.db has them.
import { databaseUrl } from '../store.ts';
import { option, section } from './option.ts';
import { within } from './server-process.ts';
import { int } from './values.ts';

const older = (...names: readonly (readonly [group: string, name: string])[]) => names.map(([group, name]) => ({ group, name }));

export const databaseOptions = section('database', [
  option(
    'connection',
    { name: 'URL', read: databaseUrl },
    'the database, as SQLAlchemy writes URLs; without it a SQLite file in the state directory',
    within('database', 'connection'),
    { deprecated: older(['DEFAULT', 'sql_connection'], ['database', 'sql_connection'], ['sql', 'connection']) },
  ),
  option('max_pool_size', int(1, 1000), 'connections that are kept', within('database', 'max_pool_size'), { default: '10' }),
  option('max_overflow', int(0, 1000), 'connections beyond those in a crowd', within('database', 'max_overflow'), {
    default: '20',
    deprecated: older(['DEFAULT', 'sql_max_overflow'], ['database', 'sqlalchemy_max_overflow']),
  }),
  option('pool_timeout', int(1, 3600), 'seconds that a request waits for a connection', within('database', 'pool_timeout'), {
    default: '30',
    deprecated: older(['database', 'sqlalchemy_pool_timeout']),
  }),
  option(
    'connection_recycle_time',
    int(1),
    'seconds after which a connection is made anew',
    within('database', 'connection_recycle_time'),
    {
      default: '3600',
    },
  ),
]);
