// TLS of the API, as oslo.service has it: [DEFAULT] use_ssl and [ssl].
import { idleOption, noEffect, option, section } from './option.ts';
import { type ServerProcess, within } from './server-process.ts';
import { bool, path, string } from './values.ts';

const older = (name: string) => [{ group: 'DEFAULT', name }];

export const tlsOptions = [
  ...section('DEFAULT', [
    option('use_ssl', bool, 'whether the API is served over TLS; for `weft server`', within('tls', 'enabled'), { default: 'false' }),
  ]),
  ...section<ServerProcess>('ssl', [
    option('cert_file', path, 'the certificate, with those that lead to an authority; read again at SIGHUP', within('tls', 'certFile'), {
      deprecated: older('ssl_cert_file'),
    }),
    option('key_file', path, 'its private key', within('tls', 'keyFile'), { deprecated: older('ssl_key_file') }),
    option('ca_file', path, 'authorities of clients: with it, who has no certificate of theirs is refused', within('tls', 'caFile'), {
      deprecated: older('ssl_ca_file'),
    }),
    option('ciphers', string, 'ciphers as OpenSSL lists them', within('tls', 'ciphers')),
    idleOption('version', string, '', noEffect('it is TLS 1.2 or 1.3')),
  ]),
];
