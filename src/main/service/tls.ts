// The certificate and key of the API, read from their files.
import { readFileSync } from 'node:fs';
import type { TlsOptions } from 'node:tls';
import type { TlsConfig } from '../../server/context.ts';
import { ConfigError } from '../config/ini.ts';

/** Undefined: without TLS. ConfigError says which file is wrong. */
export function readTls({ enabled, certFile, keyFile, caFile, ciphers }: TlsConfig): TlsOptions | undefined {
  if (!enabled) return undefined;
  if (certFile === '' || keyFile === '') throw new ConfigError('use_ssl needs cert_file and key_file in [ssl]');
  const options: TlsOptions = {
    cert: contents(certFile),
    key: contents(keyFile),
    minVersion: 'TLSv1.2',
    ...(ciphers === '' ? {} : { ciphers }),
    ...(caFile === '' ? {} : { ca: contents(caFile), requestCert: true, rejectUnauthorized: true }),
  };
  try {
    process.getBuiltinModule('node:tls').createSecureContext(options);
  } catch (error) {
    const why = (error as Error).message.replace(/^error:[^:]*:/, '');
    throw new ConfigError(
      `${[certFile, keyFile, caFile].filter(file => file !== '').join(', ')}: no certificate and key to use together (${why})`,
    );
  }
  return options;
}

function contents(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ConfigError(`${file} cannot be read: ${(error as Error).message}`);
  }
}
