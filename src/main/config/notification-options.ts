// [oslo_messaging_notifications]: whom requests are told to.
import type { ServerConfig } from '../../server/context.ts';
import { tells } from '../../server/notify/notifications.ts';
import { ConfigError } from './ini.ts';
import { multiOption, option, section } from './option.ts';
import { amqpOptions, transportUrl } from './rabbit.ts';
import { within } from './server-process.ts';
import { int, listOf, named, oneOf } from './values.ts';

const older = (name: string) => [{ group: 'DEFAULT', name }];

export const notificationOptions = section('oslo_messaging_notifications', [
  multiOption(
    'driver',
    oneOf('messagingv2', 'messaging', 'log', 'noop'),
    'how requests are told: `messagingv2` over the broker, `messaging` the same without an envelope, `log`, `noop`; without one they are not',
    within('notifications', 'drivers'),
    { deprecated: older('notification_driver') },
  ),
  option(
    'transport_url',
    transportUrl,
    'a broker for notifications; without it that of `[DEFAULT] transport_url`',
    within('notifications', 'transportUrl'),
    { deprecated: older('notification_transport_url') },
  ),
  option('topics', listOf(named), 'each message goes into the queue `TOPIC.info`', within('notifications', 'topics'), {
    default: 'notifications',
    deprecated: [{ group: 'rpc_notifier2' }, ...older('notification_topics')],
  }),
  option(
    'retry',
    int(-1),
    'how often a message that the broker does not take is tried again; -1: until it does',
    within('notifications', 'retry'),
    {
      default: '-1',
    },
  ),
]);

/** Of ours. */
export const keptOptions = section('weft', [
  option(
    'notifications_kept',
    int(0),
    'how many facts may wait for the broker of notifications; of more the oldest are dropped, with a warning; 0: all are kept',
    within('notifications', 'kept'),
    { default: '100000' },
  ),
]);

/** Drivers that send need a broker, and somewhere to send to. */
export function refuseHalfNotifications(server: ServerConfig): void {
  const { notifications, messaging } = server;
  if (!tells(server) || notifications.drivers.every(driver => driver === 'log' || driver === 'noop')) return;
  const url = notifications.transportUrl || messaging.transportUrl;
  if (url === '') throw new ConfigError('[oslo_messaging_notifications] driver = messaging or messagingv2 needs a transport_url');
  if (notifications.topics.length === 0) throw new ConfigError('[oslo_messaging_notifications] topics: at least one is wanted');
  amqpOptions({ ...messaging, transportUrl: url });
}
