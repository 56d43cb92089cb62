// `[oslo_messaging_rabbit]`, in a file or behind the question mark of `transport_url`, as options of the connection to RabbitMQ.
import { type AmqpOptions, defaultAmqpOptions } from '../../adapters/bus-amqp/options.ts';
import { parseTransportUrl } from '../../adapters/bus-amqp/transport-url.ts';
import type { MessagingConfig } from '../../server/context.ts';
import { ConfigError } from './ini.ts';
import { bool, float, int, oneOf, string } from './values.ts';

type Option = (text: string) => Partial<AmqpOptions>;

const sets =
  <K extends keyof AmqpOptions>(key: K, read: (text: string) => AmqpOptions[K]): Option =>
  text =>
    ({ [key]: read(text) }) as Partial<AmqpOptions>;

/** An option that is a part of `tls`, or that is checked and changes nothing. */
const checked =
  (read: (text: string) => unknown): Option =>
  text => {
    read(text);
    return {};
  };

export const rabbitOptions: Readonly<Record<string, Option>> = {
  amqp_durable_queues: sets('durableQueues', bool),
  amqp_auto_delete: sets('autoDelete', bool),
  rabbit_ha_queues: sets('haQueues', bool),
  rabbit_quorum_queue: sets('quorumQueue', bool),
  rabbit_transient_quorum_queue: sets('transientQuorumQueue', bool),
  rabbit_quorum_delivery_limit: sets('quorumDeliveryLimit', int(0)),
  // As Zed writes them, and as later releases do.
  rabbit_quroum_max_memory_length: sets('quorumMaxMemoryLength', int(0)),
  rabbit_quorum_max_memory_length: sets('quorumMaxMemoryLength', int(0)),
  rabbit_quroum_max_memory_bytes: sets('quorumMaxMemoryBytes', int(0)),
  rabbit_quorum_max_memory_bytes: sets('quorumMaxMemoryBytes', int(0)),
  rabbit_transient_queues_ttl: sets('transientQueuesTtl', int(0, 2_000_000)),
  rabbit_qos_prefetch_count: sets('prefetch', int(0, 65_535)),
  enable_cancel_on_failover: sets('cancelOnFailover', bool),
  heartbeat_timeout_threshold: sets('heartbeatSeconds', int(0, 65_535)),
  heartbeat_rate: checked(int(1)),
  rabbit_retry_interval: sets('retryInterval', int(1, 3600)),
  rabbit_retry_backoff: sets('retryBackoff', int(0, 3600)),
  rabbit_interval_max: sets('retryMax', int(1, 3600)),
  kombu_reconnect_delay: sets('reconnectDelay', float(0, 60)),
  kombu_failover_strategy: sets('failover', oneOf('round-robin', 'shuffle')),
  kombu_missing_consumer_retry_timeout: sets('missingConsumerRetry', int(0, 3600)),
  rabbit_login_method: sets('loginMethod', oneOf('PLAIN', 'AMQPLAIN', 'EXTERNAL')),
  ssl: checked(bool),
  ssl_ca_file: checked(string),
  ssl_cert_file: checked(string),
  ssl_key_file: checked(string),
  ssl_enforce_hostname_verification: checked(bool),
};

/** The value of `transport_url`, or what is wrong with it without a word of what it is. */
export function transportUrl(text: string): string {
  if (text !== '') amqpOptions({ transportUrl: text, controlExchange: '', host: '', rabbit: {} });
  return text;
}

/** What the URL says counts more than the file. */
export function amqpOptions({ transportUrl: url, controlExchange, rabbit }: MessagingConfig): AmqpOptions {
  const { hosts, virtualHost, query } = parsed(url);
  const set = { ...rabbit, ...query };
  let options: AmqpOptions = { ...defaultAmqpOptions, hosts, virtualHost, controlExchange, tls: tlsOf(set) };
  for (const [name, text] of Object.entries(set)) options = { ...options, ...optionOf(name)(text) };
  if (options.quorumQueue && options.haQueues)
    throw new ConfigError('rabbit_quorum_queue or rabbit_ha_queues is wanted: a queue is one or the other');
  return options;
}

function parsed(url: string): ReturnType<typeof parseTransportUrl> {
  try {
    return parseTransportUrl(url);
  } catch (error) {
    throw new ConfigError((error as Error).message);
  }
}

function optionOf(name: string): Option {
  const option = Object.hasOwn(rabbitOptions, name) ? rabbitOptions[name] : undefined;
  if (!option) throw new ConfigError('behind the question mark, options of [oslo_messaging_rabbit] that there are here are wanted');
  return option;
}

function tlsOf(set: Readonly<Record<string, string>>): AmqpOptions['tls'] {
  if (!bool(set['ssl'] ?? 'false')) return undefined;
  return {
    caFile: set['ssl_ca_file'] ?? '',
    certFile: set['ssl_cert_file'] ?? '',
    keyFile: set['ssl_key_file'] ?? '',
    verifyHost: bool(set['ssl_enforce_hostname_verification'] ?? 'true'),
  };
}
