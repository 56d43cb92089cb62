// The agent processes of the contained hosts: configuration, supervision, and their process ids for whoever wants to see or kill them.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../adapters/clock/system-clock.ts';
import type { StateFolder } from '../cli/state.ts';
import type { Log, LogLevel } from '../contracts/log.ts';
import { type AgentPlace, type AgentProcessConfig, agentConfig } from './agent-config.ts';
import type { Sandbox } from './sandbox/sandbox.ts';
import { startProcess } from './supervise/process.ts';
import { type Child, type Supervised, supervise } from './supervise/supervisor.ts';

export interface AgentOptions {
  readonly folder: StateFolder;
  readonly place: AgentPlace;
  readonly log: Log;
  readonly logLevel: LogLevel;
}

const program = join(import.meta.dirname, 'agent.ts');

/** `start` runs the agent's program where the host is. */
function superviseAgent(options: AgentOptions, start: (program: readonly [string, string], output: string) => Promise<Child>): Supervised {
  const { folder, place, log, logLevel } = options;
  const config: AgentProcessConfig = { busSocket: folder.busSocket, logs: folder.logs, logLevel, agent: agentConfig(place) };
  const configFile = join(folder.run, `${place.host}.agent.json`);
  const pidFile = join(folder.run, `${place.host}.agent.pid`);
  writeFileSync(configFile, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 });
  return supervise({
    name: `agents of ${place.host}`,
    clock: systemClock,
    log,
    random: Math.random,
    start: () => start([program, configFile], join(folder.logs, `${place.host}-agent.out`)),
    onChange: state => {
      if (state.pid === undefined) rmSync(pidFile, { force: true });
      else writeFileSync(pidFile, `${state.pid}\n`);
    },
  });
}

export function superviseContained(options: AgentOptions, sandbox: Sandbox): Supervised {
  return superviseAgent(options, (argv, outputFile) => startProcess({ place: sandbox, program: argv, outputFile }));
}
