// A program for tests: one L2 agent on the real doors of the network it was started in. Argument: a JSON object.
import { dirname, join } from 'node:path';
import { connectUnixBus } from '../../src/adapters/bus-unix/unix-bus.ts';
import { systemClock } from '../../src/adapters/clock/system-clock.ts';
import { openHost } from '../../src/adapters/host/open-host.ts';
import { simHost } from '../../src/adapters/host/sim-host.ts';
import { openPacketLog } from '../../src/adapters/log/packet-log.ts';
import { textLog } from '../../src/adapters/log/text-log.ts';
import type { LinuxbridgeConfig, OpenvswitchConfig, PacketLogConfig } from '../../src/agent/context.ts';
import { startLinuxbridgeAgent } from '../../src/agent/linuxbridge/agent.ts';
import { startOpenvswitchAgent } from '../../src/agent/openvswitch/agent.ts';

export interface L2AgentArguments {
  readonly socket: string;
  readonly host: string;
  /** Filters, sets and connections are a simulator's: for a kernel that has none. */
  readonly unfiltered?: boolean;
  readonly config: ({ readonly linuxbridge: LinuxbridgeConfig } | { readonly openvswitch: OpenvswitchConfig }) & {
    readonly packetLog?: PacketLogConfig;
    readonly extensions?: readonly string[];
  };
}

const given = JSON.parse(process.argv[2] ?? '') as L2AgentArguments;
const log = textLog({ sink: process.stderr, level: 'debug' });
const bus = await connectUnixBus(given.socket, { clock: systemClock, log });
const { packetLog } = given.config;
const spawned: string[] = [];
const start = 'linuxbridge' in given.config ? startLinuxbridgeAgent : startOpenvswitchAgent;
const real = openHost({ onSpawn: argv => spawned.push(argv.slice(0, 3).join(' ')) });
const { nft, iptables, ipsets, conntrack } = simHost();
const part = await start({
  bus,
  host: given.unfiltered ? { ...real, nft, iptables, ipsets, conntrack } : real,
  clock: systemClock,
  log,
  random: Math.random,
  ...(packetLog ? { packetLog: openPacketLog(packetLog.file, { log, tag: 'neutron-l2-agent' }) } : {}),
  config: { host: given.host, statePath: join(dirname(given.socket), given.host), reportIntervalMs: 30_000, ...given.config },
});
await part.synced;
process.stdout.write('synced\n');
// What it cost, on request.
process.on('SIGUSR2', () => process.stdout.write(`spawned ${JSON.stringify(spawned.splice(0))}\n`));
