// The bus that `transport_url` names, beside the Unix socket that agents on this machine use.
import { hostname } from 'node:os';
import { openAmqpBus } from '../adapters/bus-amqp/amqp-bus.ts';
import { systemClock } from '../adapters/clock/system-clock.ts';
import type { Bus } from '../contracts/bus.ts';
import type { Log } from '../contracts/log.ts';
import type { MessagingConfig } from '../server/context.ts';
import { amqpOptions } from './config/rabbit.ts';

/** A broker that is away keeps the API waiting only for so long. */
const connectMs = 2_000;

export async function openMessaging(config: MessagingConfig, log: Log): Promise<{ readonly bus: Bus; readonly host: string } | undefined> {
  if (config.transportUrl === '') return undefined;
  const host = config.host || hostname();
  const name = `weft server of ${host}, ${process.pid}`;
  return { host, bus: await openAmqpBus({ amqp: amqpOptions(config), clock: systemClock, log, name, connectMs }) };
}
