// Weft behind a Keystone: its tokens are asked about there, and Weft's own requests come from the same service user.
import { readFileSync } from 'node:fs';
import { keystoneUrl, type ServiceUser } from '../adapters/identity-keystone/keystone-api.ts';
import { openKeystoneIdentity } from '../adapters/identity-keystone/keystone-identity.ts';
import { Failure } from '../cli/verb.ts';
import type { KeystoneSettings } from '../cli/verbs/keystone-option.ts';
import type { Log } from '../contracts/log.ts';
import type { Clock } from '../engine/clock.ts';
import type { OpenedIdentity } from './identity.ts';

export interface KeystoneAccount {
  readonly url: string;
  readonly user: ServiceUser;
}

/** With its password; to be called before anything is started, which would inherit the environment. Failure when there is none. */
export function keystoneAccount(settings: KeystoneSettings): KeystoneAccount {
  const { user: username, project: projectName, domain } = settings;
  const password = passwordOf(settings);
  const user = { username, password, projectName, userDomainName: domain, projectDomainName: domain };
  return { url: keystoneUrl(settings.url), user };
}

export function openKeystone({ url, user }: KeystoneAccount, about: { log: Log; clock: Clock }): OpenedIdentity {
  const { username, password, projectName, userDomainName, projectDomainName } = user;
  const admin = {
    auth_url: url,
    username,
    password,
    project_name: projectName,
    user_domain_name: userDomainName,
    project_domain_name: projectDomainName,
  };
  return { identity: openKeystoneIdentity({ url, user, ...about }), url, admin };
}

function passwordOf({ user, passwordFile }: KeystoneSettings): string {
  const password = passwordFile === undefined ? process.env['WEFT_KEYSTONE_PASSWORD'] : fromFile(passwordFile);
  delete process.env['WEFT_KEYSTONE_PASSWORD'];
  if (password) return password;
  throw new Failure(
    passwordFile === undefined
      ? `the password of ${user} at the Keystone is missing: set WEFT_KEYSTONE_PASSWORD, or name a file with --keystone-password-file`
      : `there is no password in ${passwordFile}`,
  );
}

function fromFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new Failure(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
