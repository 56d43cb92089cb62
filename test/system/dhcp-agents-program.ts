// A program for tests: a DHCP agent and a metadata agent on the real doors of the host it was started in.
// Arguments: bus socket, host name, state directory, and `keep-user` where daemons cannot change theirs.
import { connectUnixBus } from '../../src/adapters/bus-unix/unix-bus.ts';
import { systemClock } from '../../src/adapters/clock/system-clock.ts';
import { openHost } from '../../src/adapters/host/open-host.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import type { AgentContext } from '../../src/agent/context.ts';
import { startDhcpAgent } from '../../src/agent/dhcp/agent.ts';
import { startMetadataAgent } from '../../src/agent/metadata/agent.ts';

const [socket = '', host = '', statePath = '', user = ''] = process.argv.slice(2);
const log = textLog({ sink: process.stderr, level: 'debug' });
const ctx: AgentContext = {
  bus: await connectUnixBus(socket, { clock: systemClock, log }),
  host: openHost(),
  clock: systemClock,
  log,
  random: Math.random,
  config: {
    host,
    statePath,
    reportIntervalMs: 30_000,
    dhcp: {
      dnsDomain: 'openstacklocal',
      leaseSeconds: 86_400,
      dnsServers: [],
      enableIsolatedMetadata: true,
      forceMetadata: false,
      dropUser: user !== 'keep-user',
    },
    metadata: { socket: `${statePath}/metadata_proxy`, backend: { kind: 'builtin' } },
  },
};
const parts = [await startMetadataAgent(ctx), await startDhcpAgent(ctx)];
await Promise.all(parts.map(p => p.synced));
process.stdout.write('synced\n');
