// The bus that `transport_url` names, beside the Unix socket that agents on this machine use.
import { hostname } from 'node:os';
import type { AmqpTransport } from '../adapters/bus-amqp/amqp-transport.ts';
import { systemClock as clock } from '../adapters/clock/system-clock.ts';
import type { Bus } from '../contracts/bus.ts';
import type { Log } from '../contracts/log.ts';
import type { MessagingConfig } from '../server/context.ts';
import { amqpOptions } from './config/rabbit.ts';
import type { BusWatch } from './service/health.ts';

/** A broker that is away keeps the API waiting only for so long. */
const connectMs = 2_000;

export interface Messaging {
  readonly bus: Bus;
  /** The connection that the bus is on, which closes it. */
  readonly transport: AmqpTransport;
}

export const hostOf = (config: MessagingConfig): string => config.host || hostname();

/** `stopGraceMs`: how long its end waits for what agents have asked. */
export async function openMessaging(config: MessagingConfig, log: Log, stopGraceMs?: number): Promise<Messaging | undefined> {
  if (config.transportUrl === '') return undefined;
  const { OsloBus } = await import('../adapters/bus-oslo/oslo-bus.ts');
  const transport = await connectAmqp(config, log, 'server');
  const how = { clock, log, ping: config.ping ?? false, ...(stopGraceMs === undefined ? {} : { stopGraceMs }) };
  return { transport, bus: new OsloBus(transport, how) };
}

export async function connectAmqp(config: MessagingConfig, log: Log, what: string): Promise<AmqpTransport> {
  const { openAmqp } = await import('../adapters/bus-amqp/amqp-bus.ts');
  const name = `weft ${what} of ${hostOf(config)}, ${process.pid}`;
  return openAmqp({ amqp: amqpOptions(config), clock, log, name, connectMs });
}

/** Whether there is a connection, kept as it changes. */
export function watchBus(messaging: Messaging | undefined, changed: (up: boolean) => void = () => {}): BusWatch {
  const watch: BusWatch = { up: messaging?.transport.isUp };
  messaging?.transport.onUp(up => {
    watch.up = up;
    changed(up);
  });
  return watch;
}
