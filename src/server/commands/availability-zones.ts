// Availability zones: the computed collection, hints that must exist, and the zones of the agents that serve an object.
import type { Query, Row } from '../../contracts/store.ts';
import { apiError, invalidInput } from '../../domain/errors.ts';
import { availabilityZone } from '../../model/availability-zone.ts';
import type { Services } from '../context.ts';
import type { Commands } from './commands.ts';
import { byIds, grouped, groupedQuery } from './load.ts';

const agentTypes = { network: 'DHCP agent', router: 'L3 agent' } as const;
type Zoned = keyof typeof agentTypes;

/** A zone is available while one of its agents is not switched off. */
async function computed(services: Services): Promise<Record<string, unknown>[]> {
  const agents = await services.store.select({ table: 'agents', where: { in: ['agent_type', Object.values(agentTypes)] } });
  const zones = new Map<string, Record<string, unknown>>();
  for (const { availability_zone: name, agent_type, admin_state_up } of agents) {
    if (!name) continue;
    const resource = agent_type === agentTypes.network ? 'network' : 'router';
    const key = JSON.stringify([name, resource]);
    if (admin_state_up === true || !zones.has(key)) zones.set(key, { name, resource, state: admin_state_up ? 'available' : 'unavailable' });
  }
  return [...zones.keys()].sort().map(key => zones.get(key) as Record<string, unknown>);
}

export const availabilityZones: Commands = { resource: availabilityZone, present: async () => [], computed };

/** Longest text of all hints together. */
const mostText = 255;

/** Some agent of the kind must be in each of the zones. */
export async function requireZones(services: Services, resource: Zoned, given: unknown): Promise<void> {
  const hints = (given ?? []) as readonly string[];
  if (hints.length === 0) return;
  if (JSON.stringify(hints).length > mostText) throw invalidInput('Too many availability_zone_hints specified');
  const agents = await services.store.select({
    table: 'agents',
    where: { and: [{ eq: ['agent_type', agentTypes[resource]] }, { in: ['availability_zone', hints] }] },
    columns: ['availability_zone'],
  });
  const missing = hints.find(hint => !agents.some(a => a.availability_zone === hint));
  if (missing !== undefined) throw apiError('AvailabilityZoneNotFound', { availability_zone: missing });
}

const bindings = { network: ['dhcp_bindings', 'network_id'], router: ['router_bindings', 'router_id'] } as const;

/** What `zonesOf` asks first. */
export function servingQuery(resource: Zoned, ids: readonly string[]): Query {
  const [table, column] = bindings[resource];
  return groupedQuery(table, column, ids);
}

/** By id the zones of the agents that serve it. */
export async function zonesOf(services: Services, resource: Zoned, ids: readonly string[]): Promise<Map<string, string[]>> {
  const [table, column] = bindings[resource];
  const bound = await grouped(services, table, column, ids);
  const agents = await byIds(
    services,
    'agents',
    [...bound.values()].flat().map(b => b.agent_id),
  );
  const zoneOf = (b: Row): unknown => agents.get(String(b.agent_id))?.availability_zone;
  return new Map(
    [...bound].map(([id, rows]) => [id, [...new Set(rows.map(zoneOf).filter(z => typeof z === 'string' && z !== ''))].sort() as string[]]),
  );
}

/** What the scheduler goes by. */
export function hintsOf(services: Services, row: Row | undefined): readonly string[] {
  const hints = (row?.availability_zone_hints ?? []) as readonly string[];
  return hints.length > 0 ? hints : services.config.defaultAvailabilityZones;
}
