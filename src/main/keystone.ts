// Weft behind a Keystone: its tokens are asked about there, and Weft's own requests come from the same service user.
import { readFileSync } from 'node:fs';
import { openKeystoneIdentity } from '../adapters/identity-keystone/keystone-identity.ts';
import { openSharedAnswers } from '../adapters/identity-keystone/shared-answers.ts';
import { keystoneUrl } from '../adapters/openstack/service-login.ts';
import { Failure } from '../cli/verb.ts';
import type { KeystoneSettings } from '../cli/verbs/keystone-option.ts';
import type { Log } from '../contracts/log.ts';
import { noAccount } from '../contracts/service-account.ts';
import type { Clock } from '../engine/clock.ts';
import { defaultKeystone, type KeystoneConfig } from './config/server-process.ts';
import type { OpenedIdentity } from './identity.ts';

/** Plain values, for other processes too. */
export type KeystoneAccount = KeystoneConfig;

/** With its password; to be called before anything is started, which would inherit the environment. Failure when there is none. */
export function keystoneAccount(settings: KeystoneSettings): KeystoneAccount {
  const { user: username, project: project_name, domain: default_domain_name } = settings;
  const password = passwordOf(settings);
  return {
    ...defaultKeystone,
    account: { ...noAccount, auth_url: keystoneUrl(settings.url), username, password, project_name, default_domain_name },
  };
}

/** The account is that of the command line where there is one; the rest is what files say. Undefined: the built-in identity. */
export function keystoneOf(said: KeystoneAccount | undefined, fromFiles: KeystoneConfig): KeystoneAccount | undefined {
  if (said) return { ...fromFiles, account: said.account };
  return fromFiles.account.auth_url === '' ? undefined : fromFiles;
}

export function openKeystone(keystone: KeystoneAccount, about: { log: Log; clock: Clock }): OpenedIdentity {
  const { account, authUri, cacheSeconds, serviceRoles, serviceRolesRequired, serviceType, memcached } = keystone;
  const secret = keystone.secret || account.password || account.application_credential_secret;
  const shared = memcached.length > 0 && cacheSeconds > 0 ? openSharedAnswers({ servers: memcached, secret, log: about.log }) : undefined;
  const identity = openKeystoneIdentity({
    ...{ account, serviceRoles, serviceRolesRequired, serviceType, ...about },
    ...(authUri === undefined || authUri === '' ? {} : { authUri }),
    ...(shared ? { shared } : {}),
    ...(account.timeout > 0 ? { timeoutMs: account.timeout * 1000 } : {}),
    maxAgeMs: Math.max(0, cacheSeconds) * 1000,
  });
  return {
    identity: { ...identity, [Symbol.dispose]: () => shared?.[Symbol.dispose]() },
    url: keystoneUrl(account.auth_url),
    admin: adminOf(keystone),
  };
}

/** As the clients that Weft starts log in: by names. */
function adminOf({ account }: KeystoneAccount): OpenedIdentity['admin'] {
  const { auth_url, username, password, project_name, user_domain_name, project_domain_name, default_domain_name } = account;
  return {
    ...{ auth_url: keystoneUrl(auth_url), username, password, project_name },
    user_domain_name: user_domain_name || default_domain_name || 'Default',
    project_domain_name: project_domain_name || default_domain_name || 'Default',
  };
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
