// A whole server in a process of its own, on a state directory that is given. A program; its parent hears the URL, and may kill it at any moment.
import { textLog } from '../../src/adapters/log/text-log.ts';
import { startServer } from '../../src/main/server.ts';
import { identity } from './people.ts';

const [stateDir = '', config = '{}'] = process.argv.slice(2);
const log = textLog({ sink: { write: line => void process.stderr.write(line) }, level: 'error' });
const { url } = await startServer({
  stateDir,
  host: '127.0.0.1',
  port: 0,
  identity: async () => identity,
  config: JSON.parse(config),
  log,
});
process.send?.({ url });
process.on('disconnect', () => process.exit(0));
