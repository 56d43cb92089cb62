// Some of an agent's options, for what is done beside or after it.
import { Failure } from '../../../cli/verb.ts';
import type { ConfigSource } from '../../../cli/verbs/config-option.ts';
import { ConfigError } from '../ini.ts';
import { configOf, readProgram } from '../program.ts';
import type { Flag } from '../resolve.ts';
import { agentProgramOf } from './programs.ts';
import type { AgentKind, AgentSettings } from './settings.ts';

/** Those that matter here: what keeps the agent from starting keeps nobody from looking at, or cleaning up, what it has made. */
export function partOf(
  kind: AgentKind,
  names: readonly string[],
  sources: readonly ConfigSource[],
  flags: readonly Flag[] = [],
): AgentSettings {
  const { whole: _, ...program } = agentProgramOf[kind];
  const options = program.options.filter(option => names.includes(option.name));
  try {
    return configOf(readProgram({ ...program, options }, sources, { flags }));
  } catch (error) {
    throw error instanceof ConfigError ? new Failure(error.message) : error;
  }
}
