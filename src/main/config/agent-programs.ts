// The agents that configuration files are for.
import { linuxbridgeProgram } from './linuxbridge-options.ts';

export const agentPrograms = [linuxbridgeProgram] as const;
