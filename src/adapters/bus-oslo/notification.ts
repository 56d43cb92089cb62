// Notifications as oslo.messaging writes them: version 2 inside an envelope (driver messagingv2), version 1 bare (driver messaging).
import type { Notification } from '../../contracts/notifications.ts';
import { contextToWire } from './context.ts';
import { envelope } from './envelope.ts';
import { wireTime } from './wire-time.ts';

/** No token is in it: a notification's context has none. */
export function notificationMessage(notification: Notification): Record<string, unknown> {
  const { message_id, publisher_id, event_type, payload, at } = notification;
  return { message_id, publisher_id, event_type, priority: 'INFO', payload, timestamp: wireTime(at) };
}

/** Throws TypeError when the payload is not JSON. */
export function packNotification(notification: Notification, version: 1 | 2, uniqueId: string): string {
  const { context, at } = notification;
  const { user_name, project_name } = context;
  const message = {
    ...notificationMessage(notification),
    _unique_id: uniqueId,
    ...contextToWire(context, at),
    _context_user_name: user_name,
    _context_project_name: project_name,
    _context_tenant_name: project_name,
  };
  return version === 2 ? envelope(message) : JSON.stringify(message);
}
