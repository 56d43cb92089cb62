// What is told to whoever wants to know what happened in the cloud: usage metering, name services. Shapes are oslo.messaging's.
import type { RpcContext } from './bus.ts';

export interface Notification {
  /** A UUID: a notification that comes twice has the same. */
  readonly message_id: string;
  /** `network.HOST` */
  readonly publisher_id: string;
  /** `port.create.end` */
  readonly event_type: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly context: RpcContext & { readonly user_name: string | null; readonly project_name: string | null };
}

/** Rejects with BusUnavailable where it is to be told later. */
export type NotificationDriver = (notification: Notification) => Promise<void>;
