// Nova's API as far as it is told of ports.
import { randomUUID } from 'node:crypto';
import { CloudUnavailable, type Nova, type NovaAnswer, type NovaEvent, NovaRefused } from '../../contracts/cloud.ts';
import type { HttpReply } from './http.ts';
import type { Session } from './session.ts';

const path = '/os-server-external-events';
/** About the events. Any other answer is about the endpoint, the account, or Nova's state, none of which is a reason to lose one. */
const ofEvents = new Set([400, 409, 413, 422]);
const longestReason = 300;

export function openNova(session: Session): Nova {
  return {
    async tell(events: readonly NovaEvent[]): Promise<readonly NovaAnswer[]> {
      const headers = { 'x-openstack-nova-api-version': '2.1', 'x-openstack-request-id': `req-${randomUUID()}` };
      const reply = await session.request(path, { method: 'POST', headers, body: { events } });
      if (isWithoutInstances(reply)) return events.map(event => ({ ...event, code: 404 }));
      const { status, json } = reply;
      if (ofEvents.has(status) || status === 500) throw new NovaRefused(status, reasonIn(reply));
      const answers = (json as { events?: unknown } | undefined)?.events;
      if ((status !== 200 && status !== 207) || !Array.isArray(answers))
        throw new CloudUnavailable(`Nova answers ${status} to POST …${path}: ${reasonIn(reply)}`);
      return answers.map(answer => ({ ...answer, code: Number(answer?.code) }));
    },
  };
}

/** An older Nova: it knows none of the instances. Any other 404 is not its answer to events. */
function isWithoutInstances({ status, json }: HttpReply): boolean {
  const fault = (json as { itemNotFound?: { message?: unknown } } | undefined)?.itemNotFound;
  return status === 404 && typeof fault?.message === 'string' && fault.message.startsWith('No instances found');
}

/** `{"badRequest": {"message": …}}` */
export function reasonIn({ json }: HttpReply): string {
  const [fault] = Object.values((json ?? {}) as Record<string, { message?: unknown } | undefined>);
  return typeof fault?.message === 'string' ? fault.message.slice(0, longestReason) : 'no reason given';
}
