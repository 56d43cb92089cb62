// The API as a move asks it: by the account in the files, and again while it does not answer, since its way may be what is being moved.
import type { Session } from '../../adapters/openstack/session.ts';
import {
  type Cloud,
  type CloudAgent,
  type CloudNetwork,
  type CloudPort,
  type CloudSegment,
  linuxBridgeAgent,
  openvswitchAgent,
  type Verdict,
} from '../../agent/desired/migrate/situation.ts';
import { type CloudDoor, MoveStopped } from '../../agent/migrate/doors.ts';
import { CloudUnavailable } from '../../contracts/cloud.ts';
import type { Clock, Signal } from '../../engine/clock.ts';

interface Given {
  readonly session: Session;
  readonly host: string;
  readonly clock: Clock;
  readonly signal: Signal;
  /** How long it may stay away, in milliseconds. */
  readonly awayMs: number;
}

type Wire = Readonly<Record<string, unknown>>;

interface Answer {
  readonly status: number;
  readonly json: Wire;
}
type Method = 'GET' | 'PUT' | 'DELETE';

const mostAtOnce = 100;

export function cloudApi(given: Given): CloudDoor {
  const ask = (method: Method, path: string, body?: unknown): Promise<Answer> => patiently(given, method, path, body);
  const get = async (path: string): Promise<Wire> => {
    const { status, json } = await ask('GET', path);
    if (status !== 200) throw new MoveStopped(`the API answers ${status} to GET /v2.0${path.split('?')[0]}`);
    return json;
  };
  const change = async (method: Method, path: string, body: unknown, expected: readonly number[]): Promise<Wire> => {
    const { status, json } = await ask(method, path, body);
    if (!expected.includes(status)) throw new MoveStopped(`the API answers ${status} to ${method} /v2.0${path}: ${messageOf(json)}`);
    return json;
  };
  const here = `host=${encodeURIComponent(given.host)}`;
  const agents = async (): Promise<readonly CloudAgent[]> => (await get(`/agents?${here}`)).agents as CloudAgent[];
  const ports = async (): Promise<readonly CloudPort[]> =>
    ((await get(`/ports?binding:host_id=${encodeURIComponent(given.host)}`)).ports as Wire[]).map(portOf);
  const take = async (to: string, from: string, more: Wire): Promise<readonly Verdict[]> =>
    (await change('PUT', `/agents/${to}/take_ports`, { agent_id: from, ...more }, [200])).ports as Verdict[];

  async function networksOf(all: readonly CloudPort[]): Promise<ReadonlyMap<string, CloudNetwork>> {
    const ids = [...new Set(all.map(p => p.network_id))];
    const found = new Map<string, CloudNetwork>();
    for (let i = 0; i < ids.length; i += mostAtOnce) {
      const some = ids.slice(i, i + mostAtOnce).map(id => `id=${id}`);
      for (const wire of (await get(`/networks?${some.join('&')}`)).networks as Wire[]) found.set(String(wire.id), networkOf(wire));
    }
    return found;
  }

  return {
    agents,
    ports,
    async look(): Promise<Cloud> {
      const [known, bound] = [await agents(), await ports()];
      const old = known.find(a => a.agent_type === linuxBridgeAgent);
      const next = known.find(a => a.agent_type === openvswitchAgent);
      const networks = await networksOf(bound);
      // An agent cannot take from itself, which only an API says that knows what is asked.
      const probe = old && (await ask('PUT', `/agents/${old.id}/take_ports`, { agent_id: old.id, dry_run: true }));
      const rewrites = probe?.status === 400;
      const verdicts = old && next && rewrites ? { verdicts: await take(next.id, old.id, { dry_run: true }) } : {};
      return { agents: known, ports: bound, networks, rewrites, ...verdicts };
    },
    async take(to, from) {
      // What a live migration has prepared is in no list of ports: the server is asked for the rest without naming any.
      const ids = (await ports()).map(p => p.id);
      const said: Verdict[] = [];
      for (let i = 0; i < ids.length; i += mostAtOnce) said.push(...(await take(to, from, { ports: ids.slice(i, i + mostAtOnce) })));
      const named = new Set(ids);
      return [...said, ...(await take(to, from, {})).filter(v => !named.has(v.port_id))];
    },
    async switchAgent(id, admin_state_up) {
      await change('PUT', `/agents/${id}`, { agent: { admin_state_up } }, [200]);
    },
    async removeAgent(id) {
      await change('DELETE', `/agents/${id}`, undefined, [204, 404]);
    },
  };
}

async function patiently({ session, clock, signal, awayMs }: Given, method: Method, path: string, body: unknown): Promise<Answer> {
  const payload = body === undefined ? {} : { body };
  for (const began = clock.now(); ; ) {
    try {
      const { status, json } = await session.request(`/v2.0${path}`, { method, ...payload });
      // A server that ends, or one in front of it that finds none.
      if (status < 500 || clock.now() - began > awayMs) return { status, json: (json ?? {}) as Wire };
    } catch (error) {
      if (!(error instanceof CloudUnavailable)) throw error;
      if (clock.now() - began > awayMs) throw new MoveStopped(error.message);
    }
    await clock.sleep(500, signal);
    if (signal.aborted) throw new MoveStopped('interrupted');
  }
}

function messageOf({ NeutronError: error }: Wire): string {
  return String((error as Wire | undefined)?.message ?? 'it does not say why');
}

function portOf(wire: Wire): CloudPort {
  const text = (key: string): string => String(wire[key] ?? '');
  const details = (wire['binding:vif_details'] ?? {}) as Wire;
  const profile = (wire['binding:profile'] ?? {}) as Wire;
  return {
    id: text('id'),
    network_id: text('network_id'),
    mac_address: text('mac_address'),
    device_owner: text('device_owner'),
    device_id: text('device_id'),
    status: text('status'),
    admin_state_up: wire.admin_state_up === true,
    port_security_enabled: wire.port_security_enabled !== false,
    vif_type: text('binding:vif_type'),
    port_filter: details.port_filter === true,
    migrating: profile.migrating_to !== undefined,
    limited: (wire.qos_policy_id ?? wire.qos_network_policy_id ?? null) !== null,
    trunk: (wire.trunk_details ?? null) !== null || wire.device_owner === 'trunk:subport',
  };
}

function networkOf(wire: Wire): CloudNetwork {
  const segments = Array.isArray(wire.segments) ? (wire.segments as Wire[]) : [wire];
  return {
    id: String(wire.id),
    name: String(wire.name ?? ''),
    segments: segments.map(
      (s): CloudSegment => ({
        network_type: String(s['provider:network_type'] ?? ''),
        physical_network: (s['provider:physical_network'] ?? null) as string | null,
        segmentation_id: (s['provider:segmentation_id'] ?? null) as number | null,
      }),
    ),
  };
}
