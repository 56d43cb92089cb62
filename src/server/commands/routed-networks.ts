// Routed networks as the database knows them: which hosts are connected to which segments, and subnets that are put on segments.
import type { Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import {
  checkNewPlace,
  checkPlaceChange,
  type PeerRoutes,
  type Route,
  type RoutedSubnet,
  withPeers,
} from '../../domain/routed-networks.ts';
import { network } from '../../model/network.ts';
import { subnet } from '../../model/subnet.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { segmentOf } from './segment-allocation.ts';
import { segmentsOf } from './segments.ts';

/** Whether one of these agents, of one host, is connected to the segment. Tunnels connect everybody, so they say nothing. */
export function isConnected({ drivers }: Services, agents: readonly Row[], segment: Row): boolean {
  if (typeof segment.physical_network !== 'string') return false;
  return drivers.mechanisms.some(m =>
    agents.some(
      a => a.agent_type === m.agentType && m.reaches({ configurations: a.configurations as Record<string, unknown> }, segmentOf(segment)),
    ),
  );
}

/** Segments of the network that the host is connected to, by what its agents have said last. */
export async function segmentsOfHost(services: Services, network_id: string, host: string): Promise<string[]> {
  if (host === '') return [];
  const agents = await services.store.select({ table: 'agents', where: { eq: ['host', host] } });
  const segments = await segmentsOf(services, network_id);
  return segments.filter(s => isConnected(services, agents, s)).map(s => String(s.id));
}

/** By segment the hosts that are connected to it. */
export async function hostsOfSegments(services: Services, segments: readonly Row[]): Promise<Map<string, string[]>> {
  if (!segments.some(s => typeof s.physical_network === 'string')) return new Map();
  const agents = Map.groupBy(await services.store.select({ table: 'agents' }), a => String(a.host));
  return new Map(segments.map(s => [String(s.id), [...agents].filter(([, own]) => isConnected(services, own, s)).map(([host]) => host)]));
}

export async function hostsOfSegment(services: Services, id: string): Promise<readonly string[]> {
  const row = await services.store.get('segments', { id });
  return (row && (await hostsOfSegments(services, [row])).get(id)) ?? [];
}

export const routed = (row: Row): RoutedSubnet & Row => ({ ...row, segment_id: row.segment_id ?? null }) as RoutedSubnet & Row;

/** Subnets for the routers of a segment alone, which are on none. */
const forRouters = (row: Row): boolean => ((row.service_types ?? []) as readonly string[]).includes('network:routed');

const peersOf = (row: Row, others: readonly Row[]): string[] =>
  others.filter(o => o.segment_id !== row.segment_id && o.ip_version === row.ip_version).map(o => String(o.cidr));

function routesOf(row: Row, others: readonly Row[], more: Partial<PeerRoutes> = {}): readonly Route[] {
  const routes = (row.host_routes ?? []) as readonly Route[];
  return withPeers({ routes, gateway_ip: (row.gateway_ip ?? null) as string | null, peers: peersOf(row, others), ...more });
}

const differ = (a: readonly Route[], b: readonly Route[]): boolean => JSON.stringify(a) !== JSON.stringify(b);

async function requireSegment(services: Services, draft: Draft, network_id: string, segment_id: string): Promise<void> {
  const row = await services.store.get('segments', { id: segment_id });
  if (!row) throw apiError('SegmentNotFound', { segment_id });
  if (row.network_id !== network_id) throw apiError('NetworkIdsDontMatch', { subnet_network: network_id, segment_id });
  if (row.is_dynamic === true) throw apiError('SubnetCantAssociateToDynamicSegment');
  draft.present('segments', { eq: ['id', segment_id] });
}

/** A new subnet on its segment: refuses what a network cannot have, and answers its host routes. Its network's revision is relied on. */
export async function placeSubnet(services: Services, draft: Draft, row: Row, others: readonly Row[]): Promise<readonly Route[]> {
  const network_id = String(row.network_id);
  const segment_id = (row.segment_id ?? null) as string | null;
  if (segment_id !== null) await requireSegment(services, draft, network_id, segment_id);
  if (!forRouters(row)) checkNewPlace({ network_id, segments: [], others: others.filter(o => !forRouters(o)).map(routed) }, segment_id);
  if (segment_id === null) return row.host_routes as readonly Route[];
  for (const other of others) updateRoutes(draft, other, routesOf(other, [...others.filter(o => o !== other), row]));
  return routesOf(row, others);
}

function updateRoutes(draft: Draft, row: Row, host_routes: readonly Route[]): void {
  if (row.segment_id === null || row.segment_id === undefined || !differ(host_routes, row.host_routes as readonly Route[])) return;
  draft.update(
    subnet,
    row,
    { host_routes: host_routes as never },
    { facts: { network_id: row.network_id ?? '', changed: ['host_routes'] } },
  );
}

/** A subnet that is put on a segment, or whose routes change: answers the columns that follow from it. */
export async function moveSubnet(services: Services, draft: Draft, row: Row, input: Attributes): Promise<Row> {
  const asked = ['segment_id', 'host_routes', 'gateway_ip'].some(k => input[k] !== undefined);
  const segment_id = (input.segment_id === undefined ? (row.segment_id ?? null) : input.segment_id) as string | null;
  if (!asked || (segment_id === null && (row.segment_id ?? null) === null)) return {};
  const network_id = String(row.network_id);
  const all = await services.store.select({ table: 'subnets', where: { eq: ['network_id', network_id] } });
  const others = all.filter(o => o.id !== row.id);
  if (segment_id !== (row.segment_id ?? null)) await checkMove(services, draft, row, { segment_id, others });
  const after = { ...row, ...input, segment_id } as Row;
  if (segment_id === null) return {};
  const host_routes = routesOf(after, others, { gatewayBefore: row.gateway_ip as string | null });
  return differ(host_routes, after.host_routes as readonly Route[]) || input.host_routes !== undefined
    ? { host_routes: host_routes as never }
    : {};
}

async function checkMove(
  services: Services,
  draft: Draft,
  row: Row,
  { segment_id, others }: { segment_id: string | null; others: readonly Row[] },
): Promise<void> {
  const network_id = String(row.network_id);
  const net = await services.store.get('networks', { id: network_id });
  if (!net) throw apiError('NetworkNotFound', { net_id: network_id });
  const rows = await segmentsOf(services, network_id);
  const segments = rows.map(s => ({ id: String(s.id), is_dynamic: s.is_dynamic === true }));
  const place = { network_id, segments, others: others.filter(o => !forRouters(o)).map(routed) };
  checkPlaceChange(place, (row.segment_id ?? null) as string | null, segment_id);
  if (segment_id !== null) await requireSegment(services, draft, network_id, segment_id);
  draft.relyOn(network, net);
  draft.touch(network, network_id);
}

/** A subnet goes: the others have no route to it any more. */
export async function leaveSegment(services: Services, draft: Draft, row: Row): Promise<void> {
  if ((row.segment_id ?? null) === null) return;
  const network_id = String(row.network_id);
  const all = await services.store.select({ table: 'subnets', where: { eq: ['network_id', network_id] } });
  const others = all.filter(o => o.id !== row.id);
  for (const other of others)
    updateRoutes(
      draft,
      other,
      routesOf(
        other,
        others.filter(o => o !== other),
        { gone: String(row.cidr) },
      ),
    );
}
