// The options of the API server by the names that Neutron's configuration files give them.

import { resolve } from 'node:path';
import type { ConfigSource } from '../../cli/verbs/config-option.ts';
import { isPlugin } from '../../model/plugins.ts';
import type { ServerConfig } from '../../server/context.ts';
import { apiOptions } from './api-options.ts';
import { databaseOptions } from './database-options.ts';
import { dnsOptions, refuseHalfDns } from './dns-options.ts';
import { messagingOptions } from './messaging-options.ts';
import { ml2Options } from './ml2-options.ts';
import { networkOptions } from './network-options.ts';
import { notificationOptions, refuseHalfNotifications } from './notification-options.ts';
import type { Option } from './option.ts';
import { configOf, type Program, readProgram } from './program.ts';
import { amqpOptions } from './rabbit.ts';
import type { Flag } from './resolve.ts';
import { defaultServerProcess, type ServerProcess } from './server-process.ts';

const options: readonly Option<ServerProcess>[] = [
  ...apiOptions,
  ...networkOptions,
  ...ml2Options,
  ...dnsOptions,
  ...messagingOptions,
  ...notificationOptions,
  ...databaseOptions,
];

export const serverProgram: Program<ServerProcess> = {
  name: 'server',
  title: 'API server',
  options,
  defaults: defaultServerProcess,
  whole({ server }) {
    refuseHalfDns(server);
    refuseHalfNotifications(server);
    if (server.messaging.transportUrl !== '') amqpOptions(server.messaging);
  },
};

export interface ServerSettings {
  readonly config: ServerConfig;
  /** What the files set that is not known, or by an older name; and plug-ins. */
  readonly warnings: readonly string[];
  /** What they set that has no effect here, and why. */
  readonly notes: readonly string[];
}

/** What a later file sets counts; what the command line says counts more. ConfigError with everything that is wrong. */
export function readServerOptions(sources: readonly ConfigSource[], policyFile?: string): ServerSettings {
  const flags: Flag[] = [];
  if (policyFile !== undefined) flags.push({ group: 'oslo_policy', name: 'policy_file', text: resolve(policyFile), flag: '--policy-file' });
  const reading = readProgram(serverProgram, sources, flags);
  const { server } = configOf(reading);
  const plugins = server.servicePlugins
    .filter(name => !isPlugin(name))
    .map(name => `[DEFAULT] service_plugins: ${name} is not known and has no effect`);
  return { config: server, warnings: [...reading.warnings, ...plugins], notes: reading.notes };
}
