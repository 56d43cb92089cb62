// A program for tests: one L3 agent on the real doors of the network it was started in. Arguments: bus socket, host name, state directory.
import { connectUnixBus } from '../../src/adapters/bus-unix/unix-bus.ts';
import { systemClock } from '../../src/adapters/clock/system-clock.ts';
import { openHost } from '../../src/adapters/host/open-host.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import { startL3Agent } from '../../src/agent/l3/agent.ts';

const [socket = '', host = '', statePath = ''] = process.argv.slice(2);
const log = textLog({ sink: process.stderr, level: 'debug' });
const bus = await connectUnixBus(socket, { clock: systemClock, log });
const part = await startL3Agent({
  bus,
  host: openHost(),
  clock: systemClock,
  log,
  random: Math.random,
  config: {
    host,
    statePath,
    reportIntervalMs: 30_000,
    l3: { enableMetadataProxy: true, metadataPort: 9697, handleInternalOnlyRouters: true, dropUser: false },
  },
});
await part.synced;
process.stdout.write('synced\n');
