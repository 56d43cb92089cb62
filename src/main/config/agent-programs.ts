// The agents that configuration files are for.
import { agentProgramOf } from './agents/programs.ts';

export const agentPrograms = Object.values(agentProgramOf);
