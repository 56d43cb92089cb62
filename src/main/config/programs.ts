// The programs that configuration files are for.
import { agentPrograms } from './agent-programs.ts';
import type { Option } from './option.ts';
import { serverProgram } from './server-options.ts';

/** As far as it can be looked at without knowing which one it is. */
export interface AnyProgram {
  readonly name: string;
  readonly title: string;
  readonly options: readonly Pick<Option<unknown>, 'group' | 'name' | 'type' | 'default' | 'deprecated' | 'multi' | 'secret' | 'help'>[];
}

export const programs: readonly AnyProgram[] = [serverProgram, ...agentPrograms];
