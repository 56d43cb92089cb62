// One agent process: the L2, DHCP, L3 and metadata parts of one host, each with a log and an agent record of its own.
// Usage: agent.ts CONFIG.json
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { connectUnixBus } from '../adapters/bus-unix/unix-bus.ts';
import { systemClock } from '../adapters/clock/system-clock.ts';
import { openHost } from '../adapters/host/open-host.ts';
import { openLogFile } from '../adapters/log/rotating-file.ts';
import { textLog } from '../adapters/log/text-log.ts';
import type { AgentPart } from '../agent/context.ts';
import type { Host } from '../contracts/host/host.ts';
import type { Log } from '../contracts/log.ts';
import type { PacketLog } from '../contracts/packet-log.ts';
import type { AgentProcessConfig } from './agent-config.ts';
import { serveAgentMetrics } from './agent-metrics.ts';
import { agentStarts } from './agent-parts.ts';
import { containedKinds } from './config/agents/settings.ts';
import { MarkedLinks } from './on-host/marked-links.ts';
import { keepAllocator } from './supervise/node.ts';

async function agentMain(path: string): Promise<void> {
  const config = JSON.parse(readFileSync(path, 'utf8')) as AgentProcessConfig;
  const host = config.agent.host;
  const logOf = (name: string): Log =>
    textLog({ sink: openLogFile(config.logs, `${host}-${name}`), level: config.logLevel, name: `${host}-${name}` });
  const log = logOf('agent');
  process.on('uncaughtException', error => crash(log, error));

  await using stack = new AsyncDisposableStack();
  const bus = stack.use(await connectUnixBus(config.busSocket, { clock: systemClock, log, name: `agents of ${host}` }));
  const common = {
    bus,
    host: hostOf(config),
    clock: systemClock,
    random: Math.random,
    config: config.agent,
    packetLog: lines(logOf('packets')),
  };
  const parts = await Promise.all(
    containedKinds(config.agent.openvswitch ? 'openvswitch' : 'linuxbridge').map(async kind =>
      stack.use(await agentStarts[kind]({ ...common, log: logOf(`${kind}-agent`) })),
    ),
  );
  await tellMetrics(stack, config.metricsSocket, parts, log);
  log.info('all parts run', { pid: process.pid });
  await ended();
  log.info('ends');
}

/** A log of its own, which `weft logs` shows. */
const lines = (log: Log): PacketLog => ({ write: line => log.info(line), async [Symbol.asyncDispose]() {} });

/** For `weft port stats`; a socket that cannot be made keeps no agent from its work. */
async function tellMetrics(stack: AsyncDisposableStack, path: string, parts: readonly AgentPart[], log: Log): Promise<void> {
  rmSync(path, { force: true });
  try {
    stack.use(await serveAgentMetrics({ path }, parts, log));
    chmodSync(path, 0o600);
  } catch (error) {
    log.warning('metrics are told nowhere', { error: String(error) });
  }
}

function hostOf({ owner }: AgentProcessConfig): Host {
  const host = openHost();
  return owner ? { ...host, links: new MarkedLinks(host.links, owner) } : host;
}

function ended(): Promise<void> {
  return new Promise(resolve => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve());
  });
}

/** Nothing is known of the state of this process any more; the supervisor starts a fresh one, which finds the data plane as it is. */
function crash(log: Log, error: unknown): never {
  log.error('crashed', { error });
  process.exit(1);
}

const [path] = process.argv.slice(2);
if (!path) throw new Error('usage: agent.ts CONFIG.json');
keepAllocator();
await agentMain(path);
// Sockets that a part still holds must not keep the process.
process.exit(0);
