// Notifications over RabbitMQ: for each topic into the queue `TOPIC.info`, which is made, so that they wait for who consumes them.
import type { NotificationDriver } from '../../contracts/notifications.ts';
import { packNotification } from '../bus-oslo/notification.ts';
import { newHexId } from '../bus-oslo/oslo-bus.ts';
import type { AmqpTransport } from './amqp-transport.ts';

export interface AmqpNotificationOptions {
  readonly topics: readonly string[];
  /** 1: without an envelope. */
  readonly version: 1 | 2;
  /** How long one may wait for the broker. */
  readonly waitMs: number;
}

export function amqpNotifications(transport: AmqpTransport, { topics, version, waitMs }: AmqpNotificationOptions): NotificationDriver {
  return async notification => {
    const body = packNotification(notification, version, newHexId());
    for (const topic of topics) await transport.publish({ to: 'queue', queue: `${topic}.info` }, body, { waitMs });
  };
}
