// The options of the API server by the names that Neutron's configuration files give them.
import type { ConfigSource } from '../../cli/verbs/config-option.ts';
import { isPlugin } from '../../model/plugins.ts';
import type { ServerConfig } from '../../server/context.ts';
import { readTls } from '../service/tls.ts';
import { refuseHalfAccount } from './account-options.ts';
import { agentPrograms } from './agent-programs.ts';
import { apiOptions } from './api-options.ts';
import { type ServerCommandLine, serverFlags } from './command-line.ts';
import { databaseOptions } from './database-options.ts';
import { dnsOptions, refuseHalfDns } from './dns-options.ts';
import { healthOptions } from './health-options.ts';
import { idleOptions, idleSections } from './idle-options.ts';
import { keystoneOptions, refuseHalfKeystone } from './keystone-options.ts';
import { messagingOptions } from './messaging-options.ts';
import { metricsOptions } from './metrics-options.ts';
import { ml2Options } from './ml2-options.ts';
import { guardOptions, networkOptions } from './network-options.ts';
import { keptOptions, notificationOptions, refuseHalfNotifications } from './notification-options.ts';
import { novaOptions } from './nova-options.ts';
import type { Option } from './option.ts';
import { processOptions } from './process-options.ts';
import { configOf, type Program, readProgram } from './program.ts';
import { amqpOptions } from './rabbit.ts';
import { defaultServerProcess, type KeystoneConfig, type ProcessConfig, type ServerProcess } from './server-process.ts';
import { serviceOptions } from './service-options.ts';
import { tlsOptions } from './tls-options.ts';

const options: readonly Option<ServerProcess>[] = [
  ...processOptions,
  ...apiOptions,
  ...networkOptions,
  ...guardOptions,
  ...ml2Options,
  ...dnsOptions,
  ...messagingOptions,
  ...notificationOptions,
  ...keptOptions,
  ...databaseOptions,
  ...serviceOptions,
  ...healthOptions,
  ...metricsOptions,
  ...tlsOptions,
  ...idleOptions,
  ...novaOptions,
  ...keystoneOptions,
];

export const serverProgram: Program<ServerProcess> = {
  name: 'server',
  title: 'API server',
  files: ['neutron.conf', 'plugins/ml2/ml2_conf.ini'],
  dirs: ['server.conf.d', 'conf.d/common', 'conf.d/neutron-server'],
  options,
  idleSections,
  defaults: defaultServerProcess,
  whole({ server, keystone }) {
    refuseHalfKeystone(keystone);
    refuseHalfDns(server);
    refuseHalfNotifications(server);
    for (const group of ['nova', 'placement'] as const) refuseHalfAccount(group, server[group].account);
    readTls(server.tls);
    if (server.messaging.transportUrl !== '') amqpOptions(server.messaging);
  },
  doubts: ({ server }) =>
    server.servicePlugins.filter(name => !isPlugin(name)).map(name => `[DEFAULT] service_plugins: ${name} is not known and has no effect`),
};

export interface ServerSettings {
  readonly config: ServerConfig;
  readonly process: ProcessConfig;
  readonly keystone: KeystoneConfig;
  /** What the files set that is not known, or by an older name; and plug-ins. */
  readonly warnings: readonly string[];
  /** What they set that has no effect here, and why. */
  readonly notes: readonly string[];
}

/** What a later file sets counts; what the command line says counts more. ConfigError with everything that is wrong. */
export function readServerOptions(sources: readonly ConfigSource[], said: ServerCommandLine = {}): ServerSettings {
  const reading = readProgram(serverProgram, sources, { flags: serverFlags(said), others: agentPrograms });
  const { server, process, keystone } = configOf(reading);
  // Who names it on the command line means it.
  const config = said.policyFile === undefined ? server : { ...server, policy: { ...server.policy, fileMayBeMissing: false } };
  return { config, process, keystone, warnings: reading.warnings, notes: reading.notes };
}
