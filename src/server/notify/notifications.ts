// What a request tells of itself (`port.create.start`, `port.create.end`), kept in the outbox until it is told. Nothing is kept where
// no driver is configured.
import type { Notification } from '../../contracts/notifications.ts';
import type { OutboxEntry, OutboxRow } from '../../contracts/store.ts';
import type { RequestContext, ServerConfig } from '../context.ts';

const kind = 'notification';

export interface Told {
  readonly event_type: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** By default `network`. */
  readonly publisher?: string;
}

export const tells = ({ notifications }: ServerConfig): boolean => notifications.drivers.some(driver => driver !== 'noop');

/** As of now: the outbox has it when `keep` has resolved. */
export function told(ctx: RequestContext, { event_type, payload, publisher = 'network' }: Told): OutboxEntry {
  const { user_id, user_name, project_id, project_name, roles } = ctx.caller;
  const request = { request_id: ctx.requestId, is_admin: ctx.isAdmin };
  const context: Notification['context'] = { ...request, user_id, user_name, project_id, project_name, roles };
  return { kind, id: ctx.newId(), event: 'created', revision: 0, facts: { event_type, publisher, payload, at: ctx.clock.now(), context } };
}

/**
 * The request is answered as it ended, whatever becomes of this: what it did is done. A server that is killed between the two has not
 * answered.
 */
export async function keep(ctx: RequestContext, outbox: readonly OutboxEntry[]): Promise<void> {
  try {
    const result = await ctx.store.commit({ ops: [], outbox });
    if (!result.done) throw new Error(`refused: ${result.why}`);
  } catch (error) {
    ctx.log.error('notifications were lost', { event_types: outbox.map(entry => entry.facts['event_type']), error });
  }
}

export const isNotification = (row: OutboxRow): boolean => row.kind === kind;

/** Undefined: another fact. `host` is that of the server that tells it. */
export function notificationOf(row: OutboxRow, host: string): Notification | undefined {
  if (!isNotification(row)) return undefined;
  const { id, facts } = row;
  const { event_type, publisher, payload, at, context } = facts as unknown as Omit<Notification, 'message_id'> & {
    readonly publisher: string;
  };
  return { message_id: id, publisher_id: `${publisher}.${host}`, event_type, payload, at, context };
}
