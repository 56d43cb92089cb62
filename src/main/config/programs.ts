// The programs that configuration files are for.
import type { ConfigView } from '../../cli/verbs/config.ts';
import type { ConfigSource } from '../../cli/verbs/config-option.ts';
import { agentPrograms } from './agent-programs.ts';
import type { Option } from './option.ts';
import { type Program, readProgram } from './program.ts';
import type { Flag } from './resolve.ts';
import { serverProgram } from './server-options.ts';
import { viewOf } from './view.ts';

/** As far as it can be looked at without knowing which one it is. */
export interface AnyProgram {
  readonly name: string;
  readonly title: string;
  readonly files: readonly string[];
  readonly dirs: readonly string[];
  readonly options: readonly Pick<Option<unknown>, 'group' | 'name' | 'type' | 'default' | 'deprecated' | 'multi' | 'secret' | 'help'>[];
  look(sources: readonly ConfigSource[], flags: readonly Flag[]): ConfigView;
}

function any<C>(program: Program<C>): AnyProgram {
  return { ...program, look: (sources, flags) => viewOf(program, readProgram(program, sources, { flags, others: programs })) };
}

export const programs: readonly AnyProgram[] = [any(serverProgram), ...agentPrograms.map(any)];
