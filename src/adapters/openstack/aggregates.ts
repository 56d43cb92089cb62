// Nova's API as far as its host aggregates go.
import { type Aggregate, CloudUnavailable, type NovaAggregates, NovaRefused } from '../../contracts/cloud.ts';
import type { HttpReply, HttpRequest } from './http.ts';
import { reasonIn } from './nova.ts';
import type { Session } from './session.ts';

/** Answers of something that stands before Nova while Nova is away, and of one that is asked too much. */
const passing = new Set([429, 502, 503, 504]);

/** Aggregates have UUIDs from this version on. */
const headers = { 'x-openstack-nova-api-version': '2.41' };

export function openAggregates(session: Session): NovaAggregates {
  const request = async (path: string, asked: HttpRequest): Promise<HttpReply> => {
    const reply = await session.request(path, { ...asked, headers });
    if (passing.has(reply.status)) throw new CloudUnavailable(`Nova answers ${reply.status}`);
    return reply;
  };
  /** `fine`: statuses that are no refusal. */
  const done = async (path: string, asked: HttpRequest, fine: readonly number[] = []): Promise<HttpReply> => {
    const reply = await request(path, asked);
    if (reply.status >= 300 && !fine.includes(reply.status)) throw new NovaRefused(reply.status, reasonIn(reply));
    return reply;
  };
  const act = (id: number, body: unknown, fine: readonly number[]): Promise<HttpReply> =>
    done(`/os-aggregates/${id}/action`, { method: 'POST', body }, fine);
  return {
    async list() {
      const { json } = await done('/os-aggregates', { method: 'GET' });
      return listIn(json, 'aggregates').map(aggregateOf);
    },
    async create(name) {
      const { json } = await done('/os-aggregates', { method: 'POST', body: { aggregate: { name } } });
      // It says nothing of hosts.
      return aggregateOf({ hosts: [], ...(json as { aggregate?: object } | undefined)?.aggregate });
    },
    async addHost(id, host) {
      const reply = await act(id, { add_host: { host } }, [404, 409]);
      // The aggregate itself may be gone, too.
      if (reply.status === 404) await done(`/os-aggregates/${id}`, { method: 'GET' });
      return reply.status !== 404;
    },
    removeHost: async (id, host) => void (await act(id, { remove_host: { host } }, [404])),
    delete: async id => void (await done(`/os-aggregates/${id}`, { method: 'DELETE' }, [404])),
    async computeHosts() {
      const { json } = await done('/os-services?binary=nova-compute', { method: 'GET' });
      return new Set(listIn(json, 'services').map(service => String((service as { host?: unknown }).host)));
    },
  };
}

function listIn(json: unknown, name: string): readonly unknown[] {
  const list = (json as Readonly<Record<string, unknown>> | undefined)?.[name];
  if (!Array.isArray(list)) throw new NovaRefused(200, `there are no ${name} in it`);
  return list;
}

function aggregateOf(said: unknown): Aggregate {
  const { id, uuid, name, hosts } = (said ?? {}) as Partial<Aggregate>;
  if (typeof id !== 'number' || typeof uuid !== 'string' || typeof name !== 'string' || !Array.isArray(hosts))
    throw new NovaRefused(200, 'an aggregate without a UUID: its API has no microversions');
  return { id, uuid, name, hosts };
}
