// What a connection to RabbitMQ is told; each field but the first three is an option of [oslo_messaging_rabbit].

export interface AmqpHost {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

export interface AmqpTls {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly verifyHost: boolean;
  /** `ssl_version`: this one alone; undefined: those that Node.js takes. */
  readonly version?: TlsVersion;
}

export interface AmqpOptions {
  readonly hosts: readonly AmqpHost[];
  readonly virtualHost: string;
  /** `control_exchange`: the topic exchange that every topic is on. */
  readonly controlExchange: string;
  readonly durableQueues: boolean;
  readonly autoDelete: boolean;
  readonly haQueues: boolean;
  readonly quorumQueue: boolean;
  readonly transientQuorumQueue: boolean;
  /** Of quorum queues; 0: no limit. */
  readonly quorumDeliveryLimit: number;
  readonly quorumMaxMemoryLength: number;
  readonly quorumMaxMemoryBytes: number;
  /** Seconds after which a fan-out or reply queue without consumers is gone; 0: never. */
  readonly transientQueuesTtl: number;
  /** Messages on their way to one consumer that it has not begun; 0: as many as we hold, which is `defaultWindow`. */
  readonly prefetch: number;
  readonly cancelOnFailover: boolean;
  /** 0: none. A broker that says nothing for two of these is gone. */
  readonly heartbeatSeconds: number;
  /** Seconds: the first wait after all hosts failed, what each further one is longer by, and the longest. */
  readonly retryInterval: number;
  readonly retryBackoff: number;
  readonly retryMax: number;
  /** Seconds before a lost connection or a cancelled consumer is made again. */
  readonly reconnectDelay: number;
  readonly failover: 'round-robin' | 'shuffle';
  readonly loginMethod: 'PLAIN' | 'AMQPLAIN' | 'EXTERNAL';
  /** Seconds for which a reply looks for a reply queue that is not there. */
  readonly missingConsumerRetry: number;
  /** Of what is sent, by kombu's name for it. */
  readonly compression: 'gzip' | '';
  readonly tls: AmqpTls | undefined;
}

export const defaultWindow = 100;

/** oslo.messaging's own, for a broker on this machine. */
export const defaultAmqpOptions: AmqpOptions = {
  hosts: [{ host: 'localhost', port: 5672, username: 'guest', password: 'guest' }],
  virtualHost: '/',
  controlExchange: 'neutron',
  compression: '',
  durableQueues: false,
  autoDelete: false,
  haQueues: false,
  quorumQueue: false,
  transientQuorumQueue: false,
  quorumDeliveryLimit: 0,
  quorumMaxMemoryLength: 0,
  quorumMaxMemoryBytes: 0,
  transientQueuesTtl: 1800,
  prefetch: 0,
  cancelOnFailover: false,
  heartbeatSeconds: 60,
  retryInterval: 1,
  retryBackoff: 2,
  retryMax: 30,
  reconnectDelay: 1,
  failover: 'round-robin',
  loginMethod: 'AMQPLAIN',
  missingConsumerRetry: 60,
  tls: undefined,
};
