// One connection to one RabbitMQ host: credentials, TLS, heartbeats. No message of an error holds the password.
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { type ChannelModel, connect, credentials } from 'amqplib';
import type { AmqpHost, AmqpOptions, AmqpTls } from './options.ts';

/** How long a host may take from the first packet until the connection is open. */
const handshakeMs = 10_000;

export function openConnection(host: AmqpHost, options: AmqpOptions, name: string): Promise<ChannelModel> {
  const { tls, heartbeatSeconds, virtualHost } = options;
  const to = {
    protocol: tls ? 'amqps' : 'amqp',
    hostname: host.host,
    port: host.port,
    // The library undoes percent-encoding here.
    vhost: encodeURIComponent(virtualHost),
    heartbeat: heartbeatSeconds,
  };
  return connect(to, {
    credentials: credentialsOf(host, options.loginMethod),
    timeout: handshakeMs,
    noDelay: true,
    keepAlive: true,
    clientProperties: { product: 'weft', connection_name: name },
    ...(tls ? tlsOptions(tls) : {}),
  });
}

function credentialsOf({ username, password }: AmqpHost, method: AmqpOptions['loginMethod']): ReturnType<typeof credentials.external> {
  if (method === 'EXTERNAL') return credentials.external();
  return method === 'PLAIN' ? credentials.plain(username, password) : credentials.amqplain(username, password);
}

function tlsOptions({ caFile, certFile, keyFile, verifyHost, version }: AmqpTls): object {
  return {
    ...(version ? { minVersion: version, maxVersion: version } : {}),
    ...(caFile === '' ? {} : { ca: readFileSync(caFile) }),
    ...(certFile === '' ? {} : { cert: readFileSync(certFile) }),
    ...(keyFile === '' ? {} : { key: readFileSync(keyFile) }),
    // The chain is always verified.
    ...(verifyHost ? {} : { checkServerIdentity: () => undefined }),
  };
}

/** Ends the socket too: of a broker that fell silent, the library would leave it half open for as long as the kernel tries. */
export function cut(model: ChannelModel): void {
  const { stream } = model.connection as unknown as { stream?: Socket };
  stream?.destroy();
}
