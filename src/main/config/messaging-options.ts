// Options of the message bus: [DEFAULT] transport_url, control_exchange, host; [oslo_messaging_rabbit].
import { option, section } from './option.ts';
import { rabbitOptions, transportUrl } from './rabbit.ts';
import { type ServerProcess, within } from './server-process.ts';
import { bool, checked, named } from './values.ts';

/** Only what differs from the defaults is handed on: what the URL says counts more. */
const rabbit = Object.entries(rabbitOptions).map(([name, { type, help, default: otherwise, deprecated = [] }]) => {
  const effect = (config: ServerProcess, text: string): ServerProcess => {
    const { messaging } = config.server;
    if (text === otherwise) return config;
    return { ...config, server: { ...config.server, messaging: { ...messaging, rabbit: { ...messaging.rabbit, [name]: text } } } };
  };
  return option(name, checked(type), help, effect, { default: otherwise, deprecated });
});

export const messagingOptions = [
  ...section('DEFAULT', [
    option(
      'transport_url',
      transportUrl,
      'the broker, `rabbit://user:password@host:port/vhost`; without it agents of this machine only',
      within('messaging', 'transportUrl'),
    ),
    option('control_exchange', named, 'the exchange of topics', within('messaging', 'controlExchange'), { default: 'neutron' }),
    option('rpc_ping_enabled', bool, 'whether servers answer to `oslo_rpc_server_ping`', within('messaging', 'ping'), { default: 'false' }),
    option('host', named, 'what this process is called on the bus; without it the name of the machine', within('messaging', 'host')),
  ]),
  ...section('oslo_messaging_rabbit', rabbit),
];
