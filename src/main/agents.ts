// The agent process of a host: configuration, supervision, and their process ids for whoever wants to see or kill them.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../adapters/clock/system-clock.ts';
import type { StateFolder } from '../cli/state.ts';
import type { Log, LogLevel } from '../contracts/log.ts';
import { type AgentPlace, type AgentProcessConfig, agentConfig } from './agent-config.ts';
import type { Place } from './sandbox/sandbox.ts';
import { nodeArgv } from './supervise/node.ts';
import { startProcess } from './supervise/process.ts';
import { type Supervised, supervise } from './supervise/supervisor.ts';

export interface AgentOptions {
  readonly folder: StateFolder;
  readonly place: Place;
  readonly agent: AgentPlace;
  readonly log: Log;
  readonly logLevel: LogLevel;
}

const agentProgram = join(import.meta.dirname, 'agent.ts');

export function superviseAgent(options: AgentOptions): Supervised {
  const { folder, place, agent, log, logLevel } = options;
  const config: AgentProcessConfig = {
    busSocket: folder.busSocket,
    logs: folder.logs,
    logLevel,
    metricsSocket: join(folder.run, `${agent.host}.metrics.sock`),
    agent: agentConfig(agent),
    ...(agent.owner ? { owner: agent.owner } : {}),
  };
  const configFile = join(folder.run, `${agent.host}.agent.json`);
  const pidFile = join(folder.run, `${agent.host}.agent.pid`);
  writeFileSync(configFile, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 });
  return supervise({
    name: `agents of ${agent.host}`,
    clock: systemClock,
    log,
    random: Math.random,
    start: () =>
      startProcess({ place, argv: nodeArgv([agentProgram, configFile]), outputFile: join(folder.logs, `${agent.host}-agent.out`) }),
    onChange: state => {
      if (state.pid === undefined) rmSync(pidFile, { force: true });
      else writeFileSync(pidFile, `${state.pid}\n`);
    },
  });
}
