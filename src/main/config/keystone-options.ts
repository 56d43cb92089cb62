// [keystone_authtoken]: which Keystone says who users are, by the names of keystonemiddleware's options.
import { accountOptions, refuseHalfAccount } from './account-options.ts';
import { ConfigError } from './ini.ts';
import { idleOption, noEffect, notHere, type Option, option, type Row, section, type Type, type Without } from './option.ts';
import type { KeystoneConfig, ServerProcess } from './server-process.ts';
import { bool, int, list, listOf, mapped, oneOf, string, urlOrNone } from './values.ts';

const group = 'keystone_authtoken';

const change = (config: ServerProcess, what: Partial<KeystoneConfig>): ServerProcess => ({
  ...config,
  keystone: { ...config.keystone, ...what },
});

const sets =
  <K extends keyof KeystoneConfig>(key: K) =>
  (config: ServerProcess, value: KeystoneConfig[K]): ServerProcess =>
    change(config, { [key]: value });

/** python-memcached's `inet:` and `inet6:` are understood. */
const memcached: Type<string> = mapped(string, 'host:port', text => {
  const server = text.replace(/^inet6?:/, '');
  if (!/^(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?$/.test(server)) throw new ConfigError('servers such as 192.0.2.1:11211 are wanted');
  return /:\d+$/.test(server.replace(/^\[.*\]/, '')) ? server : `${server}:11211`;
});

const older = (name: string) => [{ name }];
const always = noEffect('answers in memcached are always sealed');
const idle = <V>(name: string, type: Type<V>, why: Without): Row<ServerProcess> => idleOption(name, type, '', why);
const ownPool = noEffect('there is one connection to each memcached');

export const keystoneOptions: readonly Option<ServerProcess>[] = [
  ...accountOptions(group, (config, what) => change(config, { account: { ...config.keystone.account, ...what } })),
  ...section<ServerProcess>(group, [
    option('www_authenticate_uri', urlOrNone, 'the Keystone that users are sent to; without it `auth_url`', sets('authUri'), {
      deprecated: older('auth_uri'),
    }),
    option('memcached_servers', listOf(memcached), 'where servers tell each other what Keystone said about tokens', sets('memcached'), {
      deprecated: older('memcache_servers'),
    }),
    option('memcache_secret_key', string, 'what answers there are sealed with; without it the password', sets('secret'), { secret: true }),
    option(
      'token_cache_time',
      int(-1, 86_400),
      'seconds for which an answer about a token is believed, and a revoked one may still be used; -1: Keystone is asked each time',
      sets('cacheSeconds'),
      { default: '60' },
    ),
    option(
      'service_token_roles',
      list,
      'a service with one of these roles may go on with a token that has ended, or is bound by access rules',
      sets('serviceRoles'),
      {
        default: 'service',
      },
    ),
    option(
      'service_token_roles_required',
      bool,
      'whether other service tokens are refused; if not, they are taken and change nothing',
      sets('serviceRolesRequired'),
      {
        default: 'false',
      },
    ),
    option('service_type', string, 'which access rules of application credentials are meant', sets('serviceType'), { default: 'network' }),
    option(
      'http_connect_timeout',
      int(1, 600),
      'seconds that an answer of Keystone may take; without it 10',
      (config: ServerProcess, timeout: number) => change(config, { account: { ...config.keystone.account, timeout } }),
    ),
    idleOption('delay_auth_decision', bool, 'whether requests without a good token go on', notHere('nothing here is for strangers'), {
      default: 'false',
    }),
    idleOption('auth_section', string, 'another group that has the account', notHere('the account is in this group')),
    idle('memcache_security_strategy', oneOf('None', 'MAC', 'ENCRYPT'), always),
    ...['dead_retry', 'maxsize', 'socket_timeout', 'unused_timeout', 'conn_get_timeout'].map(name =>
      idle(`memcache_pool_${name}`, int(0), ownPool),
    ),
    idle('memcache_use_advanced_pool', bool, ownPool),
    idle('http_request_max_retries', int(0), noEffect('what may be asked again is')),
    idle('include_service_catalog', bool, noEffect('the catalog is not looked at')),
    idle('enforce_token_bind', string, noEffect('Keystone binds tokens no more')),
    idle('interface', string, noEffect('Keystone is asked at `auth_url`')),
    idle('auth_version', string, noEffect('there is v3 alone')),
    idle('cache', string, noEffect('it is for Swift')),
  ]),
];

export function refuseHalfKeystone({ account }: KeystoneConfig): void {
  refuseHalfAccount(group, account);
}
