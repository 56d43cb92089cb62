// The built-in identity of an all-in-one Weft: made at the first start, with a clouds.yaml that holds its passwords.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBuiltinIdentity } from '../adapters/identity-builtin/builtin-identity.ts';
import { makeCloudsYaml, passwordsInCloudsYaml } from '../adapters/identity-builtin/clouds-yaml.ts';
import { createIdentityFile, newPasswords, type Passwords } from '../adapters/identity-builtin/state-file.ts';
import type { StateFolder } from '../cli/state.ts';
import type { Credentials } from '../client/api.ts';
import type { Identity, IdentityApi } from '../contracts/identity.ts';
import type { Log } from '../contracts/log.ts';
import type { Clock } from '../engine/clock.ts';

export interface OpenedIdentity {
  readonly identity: Identity & Partial<Pick<IdentityApi, 'handle'>> & Partial<Disposable>;
  /** With the version. */
  readonly url: string;
  /** Who Weft's own requests come from: an administrator. */
  readonly admin: Credentials;
  /** Where the users are ours. */
  readonly people?: Readonly<Record<keyof Passwords, Credentials>>;
  readonly cloudsYaml?: string;
}

export const identityFile = (stateDir: string): string => join(stateDir, 'identity.json');

export async function openIdentity(folder: StateFolder, options: { baseUrl: string; log: Log; clock: Clock }): Promise<OpenedIdentity> {
  const { baseUrl } = options;
  const url = `${baseUrl}/identity/v3`;
  const path = identityFile(folder.path);
  const cloudsYaml = join(folder.path, 'clouds.yaml');
  const textFor = (passwords: Passwords): string => makeCloudsYaml({ baseUrl, passwords });
  const passwords = existsSync(path)
    ? knownPasswords(path, cloudsYaml)
    : await firstUsers(path, made => replace(cloudsYaml, textFor(made)));
  // Somebody may have added to it: it is written anew only when it is for another address.
  if (!readFileSync(cloudsYaml, 'utf8').includes(`"${baseUrl}/identity"`)) replace(cloudsYaml, textFor(passwords));
  const identity = await openBuiltinIdentity({ path, ...options });
  const credentials = (user: keyof Passwords): Credentials => ({
    auth_url: url,
    username: user,
    password: passwords[user],
    project_name: user,
    user_domain_name: 'Default',
    project_domain_name: 'Default',
  });
  const people = { weft: credentials('weft'), admin: credentials('admin'), other: credentials('other') };
  return { identity, url, admin: people.admin, people, cloudsYaml };
}

function knownPasswords(path: string, cloudsYaml: string): Passwords {
  const found = existsSync(cloudsYaml) ? passwordsInCloudsYaml(readFileSync(cloudsYaml, 'utf8')) : undefined;
  if (found) return found;
  throw new Error(
    `${cloudsYaml} is gone or has lost its passwords, and they are nowhere else. Put it back, or remove ${path} as well to get new users and passwords.`,
  );
}

/** Passwords are nowhere but in clouds.yaml, so they are there first: where that is all there is, the next start makes new ones. */
async function firstUsers(path: string, tell: (passwords: Passwords) => void): Promise<Passwords> {
  const passwords = newPasswords();
  tell(passwords);
  return createIdentityFile(path, passwords);
}

function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
}
