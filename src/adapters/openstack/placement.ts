// Placement's API as far as it is told what hosts have, and of the addresses of segments.
import {
  type Allocation,
  type Allocations,
  CloudUnavailable,
  type Placement,
  PlacementRefused,
  type SegmentPlacement,
} from '../../contracts/cloud.ts';
import type { HttpReply, HttpRequest } from './http.ts';
import type { Session } from './session.ts';

/** Providers may get another parent from this version on. */
const version = 'placement 1.37';
const passing = new Set([429, 502, 503, 504]);
/** Others change a provider, too: what relied on its generation is done again. */
const attempts = 10;
const longestReason = 300;

export function openPlacement(session: Session): Placement & SegmentPlacement & Allocations {
  const request = async (path: string, asked: HttpRequest): Promise<HttpReply> => {
    const reply = await session.request(path, { ...asked, headers: { 'openstack-api-version': version } });
    if (passing.has(reply.status)) throw new CloudUnavailable(`Placement answers ${reply.status}`);
    return reply;
  };
  const done = async (path: string, asked: HttpRequest): Promise<unknown> => {
    const reply = await request(path, asked);
    if (reply.status >= 300) throw refusal(reply);
    return reply.json;
  };
  /** `read` answers what is written with the generation that it has seen, or undefined where that is there already. */
  const write = async (path: string, read: () => Promise<unknown>): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      const body = await read();
      if (body === undefined) return;
      const reply = await request(path, { method: 'PUT', body });
      if (reply.status < 300) return;
      if (codeOf(reply) !== 'placement.concurrent_update' || attempt >= attempts) throw refusal(reply);
    }
  };
  const replace = (uuid: string, part: 'traits' | 'inventories', value: unknown): Promise<void> =>
    write(`/resource_providers/${uuid}/${part}`, async () => {
      const { generation } = (await done(`/resource_providers/${uuid}`, { method: 'GET' })) as { generation: number };
      return { resource_provider_generation: generation, [part]: value };
    });
  /** Of a provider; undefined where that is not there. */
  const read = async <T>(path: string): Promise<T | undefined> => {
    const reply = await request(path, { method: 'GET' });
    if (reply.status === 404) return undefined;
    if (reply.status >= 300) throw refusal(reply);
    return reply.json as T;
  };
  return {
    async providerNamed(name) {
      const found = (await done(`/resource_providers?name=${encodeURIComponent(name)}`, { method: 'GET' })) as {
        resource_providers?: readonly { uuid: string }[];
      };
      return found.resource_providers?.[0]?.uuid;
    },
    ensureTrait: async name => void (await done(`/traits/${name}`, { method: 'PUT' })),
    async ensureProvider({ uuid, name, parent: parent_provider_uuid }) {
      const body = { name, parent_provider_uuid };
      const reply = await request(`/resource_providers/${uuid}`, { method: 'PUT', body });
      if (reply.status === 404) await done('/resource_providers', { method: 'POST', body: { uuid, ...body } });
      else if (reply.status >= 300) throw refusal(reply);
    },
    setTraits: (uuid, traits) => replace(uuid, 'traits', traits),
    setInventories: (uuid, inventories) => replace(uuid, 'inventories', inventories),
    keepInventory({ uuid, name }, { resource_class, set, defaults }) {
      const path = `/resource_providers/${uuid}/inventories`;
      return write(path, async () => {
        let found = await read<Inventories>(path);
        if (!found) {
          const made = await request('/resource_providers', { method: 'POST', body: { uuid, name } });
          // 409: it is there by now, or something else has its name.
          if (made.status >= 300 && made.status !== 409) throw refusal(made);
          found = await read<Inventories>(path);
          if (!found) throw refusal(made);
        }
        const { inventories, resource_provider_generation } = found;
        const old = inventories[resource_class];
        if (old && Object.entries(set).every(([key, value]) => old[key] === value)) return undefined;
        return { resource_provider_generation, inventories: { ...inventories, [resource_class]: { ...defaults, ...old, ...set } } };
      });
    },
    aggregatesOf: async uuid => (await read<Aggregates>(`/resource_providers/${uuid}/aggregates`))?.aggregates ?? [],
    addAggregate(uuid, aggregate) {
      const path = `/resource_providers/${uuid}/aggregates`;
      return write(path, async () => {
        const { aggregates, resource_provider_generation } = (await done(path, { method: 'GET' })) as Aggregates;
        return aggregates.includes(aggregate) ? undefined : { aggregates: [...aggregates, aggregate], resource_provider_generation };
      });
    },
    async removeProvider(uuid) {
      const reply = await request(`/resource_providers/${uuid}`, { method: 'DELETE' });
      if (reply.status >= 300 && reply.status !== 404) throw refusal(reply);
    },
    async read(consumer) {
      const said = (await done(`/allocations/${consumer}`, { method: 'GET' })) as Consumer;
      const resources = Object.entries(said.allocations).map(([provider, { resources }]) => [provider, resources] as const);
      if (resources.length === 0) return undefined;
      const { consumer_generation: generation, project_id, user_id } = said;
      return { resources: Object.fromEntries(resources), generation, project_id, user_id };
    },
    async write(consumer, { resources, generation, project_id, user_id }) {
      const allocations = Object.fromEntries(Object.entries(resources).map(([provider, own]) => [provider, { resources: own }]));
      const body = { allocations, consumer_generation: generation, project_id, user_id };
      const reply = await request(`/allocations/${consumer}`, { method: 'PUT', body });
      if (reply.status >= 300 && codeOf(reply) !== 'placement.concurrent_update') throw refusal(reply);
      return reply.status < 300;
    },
  };
}

interface Consumer {
  readonly allocations: Readonly<Record<string, { readonly resources: Allocation['resources'][string] }>>;
  readonly consumer_generation: number;
  readonly project_id: string;
  readonly user_id: string;
}

interface Inventories {
  readonly inventories: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly resource_provider_generation: number;
}

interface Aggregates {
  readonly aggregates: readonly string[];
  readonly resource_provider_generation: number;
}

interface Fault {
  readonly code?: string;
  readonly detail?: string;
}

const faultOf = ({ json }: HttpReply): Fault | undefined => (json as { errors?: readonly Fault[] } | undefined)?.errors?.[0];
const codeOf = (reply: HttpReply): string | undefined => faultOf(reply)?.code;

function refusal(reply: HttpReply): PlacementRefused {
  const detail = faultOf(reply)?.detail?.replace(/\s+/g, ' ').trim() ?? 'no reason given';
  return new PlacementRefused(reply.status, detail.slice(0, longestReason));
}
