// RabbitMQ as a Bus.
import { basename } from 'node:path';
import type { Log } from '../../contracts/log.ts';
import type { Clock } from '../../engine/clock.ts';
import { OsloBus } from '../bus-oslo/oslo-bus.ts';
import { AmqpTransport } from './amqp-transport.ts';
import type { AmqpOptions } from './options.ts';

export interface AmqpBusOptions {
  readonly amqp: AmqpOptions;
  readonly ping?: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** How the broker calls the connection. */
  readonly name?: string;
  /** How long to wait for the first connection, default 10 s. */
  readonly connectMs?: number;
  readonly random?: () => number;
  /** `rpc_response_timeout`, default 60 000. */
  readonly callTimeoutMs?: number;
}

/** Resolves when connected, and without a connection when that takes longer: it is tried for ever, and servers are served once it is there. */
export async function openAmqpBus(options: AmqpBusOptions): Promise<OsloBus> {
  return new OsloBus(await openAmqp(options), options);
}

/** The connection alone, for a bus and whatever else is to share it. */
export async function openAmqp(options: AmqpBusOptions): Promise<AmqpTransport> {
  const { amqp, clock, log, random = Math.random, connectMs = 10_000 } = options;
  const { name = `${basename(process.argv[1] ?? 'weft')}:${process.pid}` } = options;
  const transport = new AmqpTransport({ amqp, clock, log, random, name });
  await transport.connected(connectMs).catch(() => {});
  return transport;
}
