// Tells what requests did to the drivers of `[oslo_messaging_notifications]`. A reader of the outbox: a broker that is away delays and loses
// nothing, unless `retry` or `notifications_kept` bounds it; after a crash the last ones may be told again, with the same `message_id`.
import { amqpNotifications } from '../adapters/bus-amqp/amqp-notifications.ts';
import type { AmqpTransport } from '../adapters/bus-amqp/amqp-transport.ts';
import { notificationMessage } from '../adapters/bus-oslo/notification.ts';
import { BusUnavailable } from '../contracts/bus.ts';
import type { NotificationDriver } from '../contracts/notifications.ts';
import type { OutboxRow } from '../contracts/store.ts';
import type { ServerConfig, Services } from '../server/context.ts';
import { isNotification, notificationOf, tells } from '../server/notify/notifications.ts';
import { forgetUnused } from '../server/relay/catch-up.ts';
import { type RelayOptions, runRelay } from '../server/relay/relay.ts';
import { connectAmqp, hostOf, type Messaging } from './messaging.ts';

const reader = 'notifications';
const waitMs = 3_000;

/** The reader that notifications have, if anybody is told. */
export const notificationReader = (config: ServerConfig): string | undefined => (tells(config) ? reader : undefined);

/** Runs until the signal. `messaging` is what the server has already, and is shared where nothing else is configured. */
export async function runNotifications(
  services: Services,
  messaging: Messaging | undefined,
  { signal, ...own }: Pick<RelayOptions, 'holder' | 'wakers'> & { readonly signal: AbortSignal },
): Promise<void> {
  const { config } = services;
  if (!tells(config)) return forgetUnused(services, reader, own.holder, signal);
  const url = config.notifications.transportUrl;
  const log = services.log.child({ name: reader });
  const transport = url === '' ? messaging?.transport : await connectAmqp({ ...config.messaging, transportUrl: url }, log, reader);
  if (url !== '') signal.addEventListener('abort', () => void transport?.[Symbol.asyncDispose]());
  const tell = bounded(services, driversOf(services, transport));
  const deliver = async (row: OutboxRow): Promise<void> => {
    const notification = notificationOf(row, hostOf(config.messaging));
    if (notification) await tell(notification);
  };
  const bound = { most: config.notifications.kept, counts: isNotification };
  await runRelay(services, { ...own, reader, deliver, bound }, signal);
}

/** Those that may fail come first: what is repeated is not logged twice. */
function driversOf({ config, log }: Services, transport: AmqpTransport | undefined): NotificationDriver[] {
  const { drivers, topics } = config.notifications;
  const has = (driver: (typeof drivers)[number]): boolean => drivers.includes(driver);
  const over = (version: 1 | 2): NotificationDriver => {
    if (!transport) throw new Error('a driver of notifications needs transport_url');
    return amqpNotifications(transport, { topics, version, waitMs });
  };
  const named = log.child({ name: 'oslo.messaging.notification' });
  return [
    ...(has('messagingv2') ? [over(2)] : []),
    ...(has('messaging') ? [over(1)] : []),
    ...(has('log') ? ([async n => named.info(n.event_type, { notification: notificationMessage(n) })] satisfies NotificationDriver[]) : []),
  ];
}

/** After so many attempts as `retry` allows, one that cannot be told is given up. */
function bounded({ config, log }: Services, drivers: readonly NotificationDriver[]): NotificationDriver {
  const { retry } = config.notifications;
  let failed = { id: '', times: 0 };
  return async notification => {
    const { message_id: id, event_type } = notification;
    try {
      for (const drive of drivers) await drive(notification);
    } catch (error) {
      failed = { id, times: failed.id === id ? failed.times + 1 : 1 };
      if (!(error instanceof BusUnavailable) || retry < 0 || failed.times <= retry) throw error;
      log.error('a notification was given up', { event_type, message_id: id, attempts: failed.times, error });
    }
  };
}
