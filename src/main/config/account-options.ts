// Options of an account at another service of the cloud, by their names in keystoneauth: of [nova] and such groups.
import { noAccount, type ServiceAccount } from '../../contracts/service-account.ts';
import { ConfigError } from './ini.ts';
import { idleOption, noEffect, notHere, type Option, option, section, type Type } from './option.ts';
import type { ServerProcess } from './server-process.ts';
import { bool, int, mapped, oneOf, string, urlOrNone } from './values.ts';

type Change = (config: ServerProcess, change: Partial<ServiceAccount>) => ServerProcess;

const authUrl: Type<string> = mapped(urlOrNone, 'URL', url => {
  const { username = '', password = '' } = URL.parse(url) ?? {};
  if (username !== '' || password !== '') throw new ConfigError('a URL without a user and a password is wanted');
  return url;
});

/** They differ in what older versions of Keystone take. */
const authType: Type<ServiceAccount['auth_type']> = mapped(
  oneOf('password', 'v3password', 'v3applicationcredential'),
  'password or v3applicationcredential',
  type => (type === 'v3password' ? 'password' : type),
);

const old = (...names: readonly string[]) => ({ deprecated: names.map(name => ({ name })) });

const ownClient = noEffect('requests are made by a client of its own');

export function accountOptions(group: string, change: Change): readonly Option<ServerProcess>[] {
  const has = <K extends keyof ServiceAccount>(
    name: K,
    type: Type<ServiceAccount[K]>,
    help: string,
    more: Parameters<typeof option>[4] = {},
  ) => option(name, type, help, (config: ServerProcess, value: ServiceAccount[K]) => change(config, { [name]: value }), more);
  return section<ServerProcess>(group, [
    has('auth_url', authUrl, 'the Keystone; without one the service is not asked'),
    has('auth_type', authType, 'how to log in', { default: 'password', ...old('auth_plugin') }),
    has('username', string, 'the user', old('user_name')),
    has('user_id', string, 'or the user’s id'),
    has('password', string, 'the user’s password', { secret: true }),
    has('user_domain_name', string, 'the domain of the user'),
    has('user_domain_id', string, 'or its id'),
    has('project_name', string, 'the project that the token is for', old('tenant_name')),
    has('project_id', string, 'or its id', old('tenant_id')),
    has('project_domain_name', string, 'the domain of the project'),
    has('project_domain_id', string, 'or its id'),
    has('default_domain_name', string, 'the domain of user and project where none is said'),
    has('default_domain_id', string, 'or its id'),
    has('system_scope', oneOf('', 'all'), 'a token for the system, and not for a project', { default: '' }),
    has('application_credential_id', string, 'the application credential'),
    has('application_credential_name', string, 'or its name, with the user whose it is'),
    has('application_credential_secret', string, 'its secret', { secret: true }),
    has('region_name', string, 'the region whose endpoint is asked; without one the first of the catalog'),
    has('endpoint_type', oneOf('public', 'internal', 'admin'), 'which of its endpoints', { default: 'public' }),
    has('cafile', string, 'a file with the authorities that may sign certificates'),
    has('certfile', string, 'a file with a certificate to show'),
    has('keyfile', string, 'a file with its key; without one the certificate’s file'),
    has('insecure', bool, 'whether certificates are not looked at', { default: 'false' }),
    has('timeout', int(0, 3600), 'seconds that an answer may take; 0: 30, and 10 where Keystone is asked about tokens', { default: '0' }),
    idleOption('collect_timing', bool, '', ownClient, { default: 'false' }),
    idleOption('split_loggers', bool, '', ownClient, { default: 'false' }),
    idleOption('trust_id', string, '', notHere('accounts of services have no trusts')),
    idleOption('domain_id', string, '', notHere('a token for a domain is of no use')),
    idleOption('domain_name', string, '', notHere('a token for a domain is of no use')),
  ]);
}

/** What is missing in an account is said at the start, and not when somebody has to be told. */
export function refuseHalfAccount(group: string, account: ServiceAccount): void {
  if (account.auth_url === '') return;
  const needed: readonly (readonly (keyof ServiceAccount)[])[] =
    account.auth_type === 'password'
      ? [['username', 'user_id'], ['password'], ['project_name', 'project_id', 'system_scope']]
      : [['application_credential_id', 'application_credential_name'], ['application_credential_secret']];
  const missing = needed.filter(names => names.every(name => account[name] === noAccount[name])).map(names => names.join(' or '));
  if (missing.length > 0) throw new ConfigError(`auth_type = ${account.auth_type} needs ${missing.join(', ')} in [${group}]`);
}
