// Options of the metadata agent: metadata_agent.ini.
import { idleOption, noEffect, option, section } from '../option.ts';
import { bool, int, oneOf, path, port, string } from '../values.ts';
import { type AgentSettings, tls, within } from './settings.ts';
import { hostAddress } from './types.ts';

export const metadataOptions = section<AgentSettings>('DEFAULT', [
  option('nova_metadata_host', hostAddress, "where Nova's metadata API is", within('metadata', 'host'), { default: '127.0.0.1' }),
  option('nova_metadata_port', port, 'its port', within('metadata', 'port'), { default: '8775' }),
  option('nova_metadata_protocol', oneOf('http', 'https'), 'how it speaks', within('metadata', 'protocol'), { default: 'http' }),
  option('metadata_proxy_shared_secret', string, 'what Nova knows the agent by; the same in Nova', within('metadata', 'secret'), {
    default: '',
    secret: true,
  }),
  option('auth_ca_cert', path, "authorities of Nova's certificate; without it the machine's own", tls('caFile')),
  option('nova_client_cert', path, "the agent's certificate", tls('certFile')),
  option('nova_client_priv_key', path, 'its key', tls('keyFile')),
  option('nova_metadata_insecure', bool, 'whoever answers is believed', tls('insecure'), { default: 'false' }),
  option(
    'metadata_proxy_socket_mode',
    oneOf('deduce', 'user', 'group', 'all'),
    "who may connect: 'deduce' is the proxies of this machine's agents",
    within('metadata', 'mode'),
    { default: 'deduce' },
  ),
  idleOption('metadata_workers', int(0), 'processes', noEffect('one is enough')),
  idleOption('metadata_backlog', int(1), 'connections that wait', noEffect('there is a limit for each instance instead'), {
    default: '4096',
  }),
]);
