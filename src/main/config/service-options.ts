// How the server runs as a service: processes, their end, their log.
import { option, section } from './option.ts';
import { within } from './server-process.ts';
import { bool, int } from './values.ts';

/** More processes than this on one machine are a slip of the pen. */
const mostWorkers = 256;

export const serviceOptions = section('DEFAULT', [
  option(
    'api_workers',
    int(0, mostWorkers),
    'processes of `weft server` that answer requests, 0: one process does everything; without it one for each core as far as there is memory (2 GiB each), and 0 on SQLite',
    within('service', 'apiWorkers'),
  ),
  option(
    'rpc_workers',
    int(0, mostWorkers),
    'processes that agents talk to, which have the jobs as well; without it half as many, and one at least',
    within('service', 'rpcWorkers'),
  ),
  option(
    'rpc_state_report_workers',
    int(0, mostWorkers),
    'processes for the heartbeats of agents alone',
    within('service', 'rpcStateReportWorkers'),
    { default: '1' },
  ),
  option(
    'graceful_shutdown_timeout',
    int(0, 86_400),
    'seconds that requests may take when `weft server` ends, 0: as long as they do',
    within('service', 'gracefulShutdownTimeout'),
    { default: '60' },
  ),
  option('debug', bool, 'log more; read again at SIGHUP', within('service', 'debug'), { default: 'false' }),
]);
