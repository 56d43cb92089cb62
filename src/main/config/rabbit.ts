// `[oslo_messaging_rabbit]`, in a file or behind the question mark of `transport_url`, as options of the connection to RabbitMQ.
import { type AmqpOptions, defaultAmqpOptions } from '../../adapters/bus-amqp/options.ts';
import { parseTransportUrl } from '../../adapters/bus-amqp/transport-url.ts';
import type { MessagingConfig } from '../../server/context.ts';
import { ConfigError } from './ini.ts';
import type { OldName, Type } from './option.ts';
import { bool, float, int, mapped, oneOf, string } from './values.ts';

export interface RabbitOption {
  readonly type: Type<unknown>;
  readonly help: string;
  readonly default: string;
  readonly deprecated?: readonly OldName[];
  /** What it changes; of what is a part of `tls`, or is looked at elsewhere, nothing. */
  readonly key?: keyof AmqpOptions;
}

function rabbit<K extends keyof AmqpOptions>(
  key: K,
  type: Type<AmqpOptions[K]>,
  help: string,
  ...deprecated: readonly OldName[]
): RabbitOption {
  return { key, type: type as Type<unknown>, help, default: String(defaultAmqpOptions[key]), deprecated };
}

const inDefault: OldName = { group: 'DEFAULT' };
const older = (name: string): OldName => ({ name });
const quorum = 'the same for all that use one broker';

/** By kombu's names; what it calls zlib is the same. */
const compression: Type<unknown> = mapped(oneOf('', 'gzip', 'zlib'), 'gzip', (name): unknown => (name === '' ? '' : 'gzip'));

/** As Python names them, and as Node.js does. */
const tlsVersions = { TLSv1_2: 'TLSv1.2', 'TLSv1.2': 'TLSv1.2', 'TLSv1.3': 'TLSv1.3', TLSv1_3: 'TLSv1.3' } as const;
const tlsNames = Object.keys(tlsVersions) as (keyof typeof tlsVersions)[];

/** What the broker and all that use it would have to agree on, and what is not there. */
const onlyFalse = (because: string): Type<unknown> =>
  mapped(bool, 'boolean', (value): unknown => {
    if (value) throw new ConfigError(`false is wanted: ${because}`);
    return value;
  });

export const rabbitOptions: Readonly<Record<string, RabbitOption>> = {
  amqp_durable_queues: rabbit('durableQueues', bool, `queues that outlive the broker; ${quorum}`),
  amqp_auto_delete: rabbit('autoDelete', bool, `queues that go with their last consumer; ${quorum}`, inDefault),
  rabbit_ha_queues: rabbit('haQueues', bool, `mirrored queues; ${quorum}`, inDefault),
  rabbit_quorum_queue: rabbit('quorumQueue', bool, `quorum queues; ${quorum}`),
  rabbit_transient_quorum_queue: rabbit('transientQuorumQueue', bool, `quorum queues for replies and fan-outs, too; ${quorum}`),
  rabbit_quorum_delivery_limit: rabbit('quorumDeliveryLimit', int(0), 'deliveries of a message of a quorum queue; 0: any number'),
  // Zed writes them with a slip.
  rabbit_quorum_max_memory_length: rabbit(
    'quorumMaxMemoryLength',
    int(0),
    'messages of a quorum queue in memory; 0: any number',
    older('rabbit_quroum_max_memory_length'),
  ),
  rabbit_quorum_max_memory_bytes: rabbit(
    'quorumMaxMemoryBytes',
    int(0),
    'bytes of a quorum queue in memory; 0: any number',
    older('rabbit_quroum_max_memory_bytes'),
  ),
  rabbit_transient_queues_ttl: rabbit(
    'transientQueuesTtl',
    int(0, 2_000_000),
    'seconds that a reply or fan-out queue outlives its consumers',
  ),
  rabbit_qos_prefetch_count: rabbit('prefetch', int(0, 65_535), 'messages on their way to a consumer; 0: as many as it holds'),
  enable_cancel_on_failover: rabbit('cancelOnFailover', bool, 'consumers are told when their queue moves'),
  heartbeat_timeout_threshold: rabbit('heartbeatSeconds', int(0, 65_535), 'seconds after which a silent broker counts as gone; 0: never'),
  heartbeat_rate: { type: int(1) as Type<unknown>, help: 'accepted; how often is known from the threshold', default: '2' },
  rabbit_retry_interval: rabbit('retryInterval', int(1, 3600), 'seconds until the first further attempt to connect'),
  rabbit_retry_backoff: rabbit('retryBackoff', int(0, 3600), 'seconds that each further wait is longer', inDefault),
  rabbit_interval_max: rabbit('retryMax', int(1, 3600), 'seconds of the longest wait'),
  kombu_reconnect_delay: rabbit('reconnectDelay', float(0, 60), 'seconds before a lost connection is made again', inDefault),
  kombu_failover_strategy: rabbit('failover', oneOf('round-robin', 'shuffle'), 'which host is tried next'),
  kombu_missing_consumer_retry_timeout: rabbit(
    'missingConsumerRetry',
    int(0, 3600),
    'seconds for which a reply looks for its queue',
    older('kombu_reconnect_timeout'),
  ),
  rabbit_login_method: rabbit('loginMethod', oneOf('PLAIN', 'AMQPLAIN', 'EXTERNAL'), 'how the client says who it is', inDefault),
  kombu_compression: {
    key: 'compression',
    type: compression,
    help: 'how messages are compressed: `gzip`; without it they are not',
    default: '',
  },
  ssl: { type: bool as Type<unknown>, help: 'TLS', default: 'false', deprecated: [older('rabbit_use_ssl')] },
  ssl_ca_file: {
    type: string as Type<unknown>,
    help: "authorities of the broker's certificate; without it the machine's own",
    default: '',
    deprecated: [older('kombu_ssl_ca_certs')],
  },
  ssl_cert_file: {
    type: string as Type<unknown>,
    help: "the client's certificate",
    default: '',
    deprecated: [older('kombu_ssl_certfile')],
  },
  ssl_key_file: { type: string as Type<unknown>, help: 'its key', default: '', deprecated: [older('kombu_ssl_keyfile')] },
  ssl_enforce_hostname_verification: {
    type: bool as Type<unknown>,
    help: "whether the broker's certificate has to be of its name",
    default: 'true',
  },
  ssl_version: {
    type: oneOf('', ...tlsNames) as Type<unknown>,
    help: 'the one version of TLS; without it 1.2 and 1.3',
    default: '',
    deprecated: [older('kombu_ssl_version')],
  },
  ssl_enforce_fips_mode: { type: onlyFalse('FIPS mode is that of the whole process here'), help: 'refused', default: 'false' },
  rabbit_stream_fanout: { type: onlyFalse('fan-outs have queues of their own here'), help: 'refused', default: 'false' },
  use_queue_manager: { type: onlyFalse('names of queues are random here'), help: 'refused', default: 'false' },
  heartbeat_in_pthread: { type: bool as Type<unknown>, help: 'no effect: heartbeats do not wait for threads here', default: 'false' },
  direct_mandatory_flag: {
    type: bool as Type<unknown>,
    help: 'no effect: a reply for which there is no queue is always found out',
    default: 'true',
  },
};

const nowhere = { file: '', line: 0 };
const isTrue = (text: string): boolean => bool.read(text, nowhere);

/** The value of `transport_url`, or what is wrong with it without a word of what it is. */
export const transportUrl: Type<string> = {
  name: 'URL',
  read(text) {
    if (text !== '') amqpOptions({ transportUrl: text, controlExchange: '', host: '', rabbit: {} });
    return text;
  },
};

/** What the URL says counts more than the file. */
export function amqpOptions({ transportUrl: url, controlExchange, rabbit: fromFile }: MessagingConfig): AmqpOptions {
  const { hosts, virtualHost, query } = parsed(url);
  const set = { ...fromFile, ...query };
  let options: AmqpOptions = { ...defaultAmqpOptions, hosts, virtualHost, controlExchange, tls: tlsOf(set) };
  for (const [name, text] of Object.entries(set)) {
    const { key, type } = optionOf(name);
    const value = type.read(text, nowhere);
    if (key) options = { ...options, [key]: value };
  }
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

function optionOf(name: string): RabbitOption {
  const current = Object.keys(rabbitOptions).find(
    known => known === name || rabbitOptions[known]?.deprecated?.some(old => old.name === name),
  );
  const option = current === undefined ? undefined : rabbitOptions[current];
  if (!option) throw new ConfigError('behind the question mark, options of [oslo_messaging_rabbit] that there are here are wanted');
  return option;
}

function tlsOf(set: Readonly<Record<string, string>>): AmqpOptions['tls'] {
  if (!isTrue(set['ssl'] ?? 'false')) return undefined;
  const version = tlsNames.find(name => name === (set['ssl_version'] ?? set['kombu_ssl_version']));
  return {
    caFile: set['ssl_ca_file'] ?? '',
    certFile: set['ssl_cert_file'] ?? '',
    keyFile: set['ssl_key_file'] ?? '',
    ...(version ? { version: tlsVersions[version] } : {}),
    verifyHost: isTrue(set['ssl_enforce_hostname_verification'] ?? 'true'),
  };
}
