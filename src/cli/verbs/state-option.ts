// The option by which every verb finds a running Weft.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { defaultStatePath, onHostStatePath, type StateFolder, stateFolder } from '../state.ts';
import { type Call, type OptionSpec, text } from '../verb.ts';

export const stateOption: Readonly<Record<string, OptionSpec>> = {
  'state-dir': {
    type: 'string',
    value: 'DIR',
    help: 'state directory of the Weft that is meant (default: $WEFT_STATE_DIR, or weft in your state folder)',
  },
};

/** The directory that was named, else the user's own, else the machine's where only that one runs. */
export function stateOf(call: Call): StateFolder {
  const named = text(call, 'state-dir');
  if (named !== undefined) return stateFolder(named);
  const own = stateFolder(defaultStatePath(process.env, homedir()));
  const machine = stateFolder(onHostStatePath);
  return !existsSync(own.controlSocket) && existsSync(machine.controlSocket) ? machine : own;
}
