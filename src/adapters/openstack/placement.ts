// Placement's API as far as it is told what hosts have.
import { CloudUnavailable, type Placement, PlacementRefused } from '../../contracts/cloud.ts';
import type { HttpReply, HttpRequest } from './http.ts';
import type { Session } from './session.ts';

/** Providers may get another parent from this version on. */
const version = 'placement 1.37';
const passing = new Set([429, 502, 503, 504]);
/** Others change a provider, too: what relied on its generation is done again. */
const attempts = 10;
const longestReason = 300;

export function openPlacement(session: Session): Placement {
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
  const replace = async (uuid: string, part: 'traits' | 'inventories', value: unknown): Promise<void> => {
    const path = `/resource_providers/${uuid}`;
    for (let attempt = 1; ; attempt++) {
      const { generation } = (await done(path, { method: 'GET' })) as { generation: number };
      const body = { resource_provider_generation: generation, [part]: value };
      const reply = await request(`${path}/${part}`, { method: 'PUT', body });
      if (reply.status < 300) return;
      if (codeOf(reply) !== 'placement.concurrent_update' || attempt >= attempts) throw refusal(reply);
    }
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
  };
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
