// What every verb is told that starts a server: "up", "server", "rpc-server".
import { homedir } from 'node:os';
import { defaultStatePath } from '../state.ts';
import { type Call, flag, text } from '../verb.ts';
import { type ConfigFiles, configFilesOf } from './config-option.ts';

export interface ServiceOptions extends ConfigFiles {
  readonly stateDir: string | undefined;
  /** Where neither the command line nor the configuration says. */
  readonly defaultStateDir: string;
  readonly upgradesDatabase: boolean;
  readonly debug: boolean;
}

export const serviceOptionsOf = (call: Call): ServiceOptions => ({
  stateDir: text(call, 'state-dir'),
  defaultStateDir: defaultStatePath(process.env, homedir()),
  ...configFilesOf(call),
  upgradesDatabase: !flag(call, 'no-db-upgrade'),
  debug: flag(call, 'debug'),
});
