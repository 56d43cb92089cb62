// Requests that tell of their begin and their end. A body that cannot be has neither; what is refused later has only begun.
import type { OutboxEntry } from '../../contracts/store.ts';
import type { ApiObject, Commands } from '../commands/commands.ts';
import { keep, type Told, tells, told } from '../notify/notifications.ts';
import * as pipeline from '../pipeline.ts';
import type { Reply } from './reply.ts';
import type { ApiRequest } from './request.ts';

/** A create, update or delete of an object; `id` is that of the URL. */
export async function notified(request: ApiRequest, commands: Commands, id: string, work: () => Promise<Reply>): Promise<Reply> {
  const { ctx, method, body } = request;
  if (!tells(ctx.config)) return work();
  pipeline.refuseBody(ctx, commands, request);
  const { bodyName } = commands.resource;
  if (method === 'DELETE') {
    const payload = { [`${bodyName}_id`]: id };
    const before = (await pipeline.asItIs(ctx, commands, id)) ?? {};
    return between(request, `${bodyName}.delete`, payload, work, () => ({ ...payload, [bodyName]: before }));
  }
  const create = method === 'POST';
  const payload = { ...(body as ApiObject), ...(create ? {} : { id }) };
  return between(request, `${bodyName}.${create ? 'create' : 'update'}`, payload, work, reply => reply.json as ApiObject);
}

/** `…start` now, and `…end` with what came of it, when it went well. */
export async function between(
  { ctx }: ApiRequest,
  event: string,
  payload: Told['payload'],
  work: () => Promise<Reply>,
  ended: (reply: Reply) => Told['payload'],
): Promise<Reply> {
  if (!tells(ctx.config)) return work();
  const kept: OutboxEntry[] = [told(ctx, { event_type: `${event}.start`, payload })];
  try {
    const reply = await work();
    kept.push(told(ctx, { event_type: `${event}.end`, payload: ended(reply) }));
    return reply;
  } finally {
    await keep(ctx, kept);
  }
}

/** One notification, of something that is done. */
export async function afterwards({ ctx }: ApiRequest, what: Told): Promise<void> {
  if (tells(ctx.config)) await keep(ctx, [told(ctx, what)]);
}
