// What configuration files say of a server: the API server's own configuration, and where and how its process runs.
import { noAccount, type ServiceAccount } from '../../contracts/service-account.ts';
import { defaultConfig, type ServerConfig } from '../../server/context.ts';

/** `[keystone_authtoken]`. */
export interface KeystoneConfig {
  /** Without `auth_url`: the built-in identity. */
  readonly account: ServiceAccount;
  /** `www_authenticate_uri`; undefined: `auth_url`. */
  readonly authUri?: string;
  readonly memcached: readonly string[];
  /** `memcache_secret_key`; empty: the account's. */
  readonly secret: string;
  /** `token_cache_time`; below 0: none. */
  readonly cacheSeconds: number;
  readonly serviceRoles: readonly string[];
  readonly serviceRolesRequired: boolean;
  readonly serviceType: string;
}

export const defaultKeystone: KeystoneConfig = {
  account: noAccount,
  memcached: [],
  secret: '',
  cacheSeconds: 60,
  serviceRoles: ['service'],
  serviceRolesRequired: false,
  serviceType: 'network',
};

export interface ServerProcess {
  readonly server: ServerConfig;
  readonly keystone: KeystoneConfig;
  readonly process: ProcessConfig;
}

export interface ProcessConfig {
  readonly bindHost: string;
  /** 0: any free port. */
  readonly bindPort: number;
  /** Absolute; undefined: nobody says. */
  readonly statePath?: string;
}

export const defaultServerProcess: ServerProcess = {
  server: defaultConfig,
  keystone: defaultKeystone,
  process: { bindHost: '127.0.0.1', bindPort: 9696 },
};

/** Effect of an option that is one value of the server's configuration. */
export const sets =
  <K extends keyof ServerConfig>(key: K) =>
  (config: ServerProcess, value: ServerConfig[K]): ServerProcess => ({ ...config, server: { ...config.server, [key]: value } });

type Parts =
  | 'proxy'
  | 'cors'
  | 'mtu'
  | 'policy'
  | 'externalDns'
  | 'database'
  | 'messaging'
  | 'notifications'
  | 'nova'
  | 'placement'
  | 'service'
  | 'health'
  | 'tls'
  | 'log';

/** Effect of an option that is a part of one. */
export const within =
  <K extends Parts, P extends keyof ServerConfig[K]>(key: K, part: P) =>
  (config: ServerProcess, value: ServerConfig[K][P]): ServerProcess => ({
    ...config,
    server: { ...config.server, [key]: { ...config.server[key], [part]: value } },
  });

/** Effect of an option that is one value of the process. */
export const setsProcess =
  <K extends keyof ProcessConfig>(key: K) =>
  (config: ServerProcess, value: NonNullable<ProcessConfig[K]>): ServerProcess => ({
    ...config,
    process: { ...config.process, [key]: value },
  });
