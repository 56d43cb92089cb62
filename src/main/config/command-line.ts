// What a command line says of the server's options, in the form of the files.
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Flag } from './resolve.ts';

export interface ServerCommandLine {
  readonly listen?: { readonly address: string; readonly port: number } | undefined;
  readonly stateDir?: string | undefined;
  /** Where nobody says. */
  readonly defaultStateDir?: string;
  readonly policyFile?: string | undefined;
}

export function serverFlags({ listen, stateDir, defaultStateDir, policyFile }: ServerCommandLine): Flag[] {
  const flag = (name: string, text: string, said?: string, group = 'DEFAULT'): Flag => ({
    group,
    name,
    text,
    ...(said ? { flag: said } : {}),
  });
  return [
    flag('host', hostname()),
    ...(listen ? [flag('bind_host', listen.address, '--listen'), flag('bind_port', String(listen.port), '--listen')] : []),
    ...(stateDir !== undefined ? [flag('state_path', resolve(stateDir), '--state-dir')] : []),
    ...(stateDir === undefined && defaultStateDir !== undefined ? [flag('state_path', resolve(defaultStateDir))] : []),
    ...(policyFile === undefined ? [] : [flag('policy_file', resolve(policyFile), '--policy-file', 'oslo_policy')]),
  ];
}
