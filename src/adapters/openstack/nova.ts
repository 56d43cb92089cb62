// Nova's API as far as it is told of ports.
import { randomUUID } from 'node:crypto';
import { CloudUnavailable, type Nova, type NovaAnswer, type NovaEvent, NovaRefused } from '../../contracts/cloud.ts';
import type { Session } from './session.ts';

/** Answers of something that stands before Nova while Nova is away, and of one that is asked too much. */
const passing = new Set([429, 502, 503, 504]);

const longestReason = 300;

export function openNova(session: Session): Nova {
  return {
    async tell(events: readonly NovaEvent[]): Promise<readonly NovaAnswer[]> {
      const headers = { 'x-openstack-nova-api-version': '2.1', 'x-openstack-request-id': `req-${randomUUID()}` };
      const { status, json } = await session.request('/os-server-external-events', { method: 'POST', headers, body: { events } });
      if (passing.has(status)) throw new CloudUnavailable(`Nova answers ${status}`);
      if (status !== 200 && status !== 207) throw new NovaRefused(status, reasonIn(json));
      const answers = (json as { events?: unknown } | undefined)?.events;
      return Array.isArray(answers) ? answers.map(answer => ({ ...answer, code: Number(answer?.code) })) : [];
    },
  };
}

/** `{"badRequest": {"message": …}}` */
function reasonIn(json: unknown): string {
  const [fault] = Object.values((json ?? {}) as Record<string, { message?: unknown }>);
  return typeof fault?.message === 'string' ? fault.message.slice(0, longestReason) : 'no reason given';
}
