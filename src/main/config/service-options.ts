// How the server runs as a service: processes, their end, their log.
import { option, section } from './option.ts';
import { within } from './server-process.ts';
import { bool, int, path, string } from './values.ts';

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
  option(
    'log_file',
    string,
    'where the log is written in place of the state directory, in oslo.log’s form; opened anew at SIGHUP',
    within('log', 'file'),
    {
      default: '',
      deprecated: [{ name: 'logfile' }],
    },
  ),
  option('log_dir', path, 'the folder of `log_file`; alone, of `neutron-server.log`', within('log', 'dir'), {
    deprecated: [{ name: 'logdir' }],
  }),
  option('use_json', bool, 'whether each line of the log is an object of JSON, with the fields of oslo.log', within('log', 'json'), {
    default: 'false',
  }),
  option('use_stderr', bool, 'whether the log is written to the standard error output, too', within('log', 'stderr'), { default: 'false' }),
  option('debug', bool, 'log more; read again at SIGHUP', within('service', 'debug'), { default: 'false' }),
]);
