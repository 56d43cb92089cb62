// L2 population: where the addresses of a network are. Rendered from committed state, so a late message is never a stale one.
import type { Predicate, Row } from '../../contracts/store.ts';
import { byIds, grouped } from '../commands/load.ts';
import { type PortFacts, partsOf, portsOn } from '../commands/port-rows.ts';
import type { Services } from '../context.ts';
import { fdb, type Message } from './messages.ts';
import { segmentsOf } from './segments.ts';

const flood = ['00:00:00:00:00:00', '0.0.0.0'] as const;

interface Place {
  readonly host: string;
  readonly ip: string;
}

interface Segment {
  readonly segment_id: number;
  readonly network_type: string;
}

/** Of these hosts those whose L2 agent populates, by host. */
async function places(services: Services, hosts: Iterable<string>): Promise<Map<string, Place>> {
  const out = new Map<string, Place>();
  const agents = await grouped(services, 'agents', 'host', hosts);
  for (const agent of [...agents.values()].flat()) {
    const { l2_population, tunneling_ip } = agent.configurations as { l2_population?: unknown; tunneling_ip?: unknown };
    if (l2_population === true && typeof tunneling_ip === 'string')
      out.set(String(agent.host), { host: String(agent.host), ip: tunneling_ip });
  }
  return out;
}

const tunnelled: readonly unknown[] = ['vxlan', 'gre', 'geneve'];

async function tunnelOf(services: Services, networkId: string): Promise<Segment | undefined> {
  const row = (await segmentsOf(services, networkId)).find(segment => tunnelled.includes(segment.network_type));
  if (!row) return undefined;
  return { segment_id: Number(row.segmentation_id), network_type: String(row.network_type) };
}

interface Placed {
  readonly row: Row;
  readonly host: string;
  readonly entries: readonly (readonly [string, string])[];
}

/** A port that is being wired anew (BUILD) stays in the tables: an agent's restart must not cost a packet. */
const inPlace = (status: unknown): boolean => status === 'ACTIVE' || status === 'BUILD';

/** The plugged ports of a network with their hosts and addresses. */
async function activePorts(services: Services, networkId: string): Promise<Placed[]> {
  const where: Predicate = { and: [{ eq: ['network_id', networkId] }, { in: ['status', ['ACTIVE', 'BUILD']] }] };
  return placed(services, await services.store.select({ table: 'ports', where }));
}

async function placed(services: Services, rows: readonly Row[]): Promise<Placed[]> {
  const parts = await partsOf(
    services,
    rows.map(r => String(r.id)),
  );
  return rows.flatMap(row => {
    const host = String(parts.bindings.get(String(row.id))?.host ?? '');
    const entries = (parts.fixedIps.get(String(row.id)) ?? []).map(f => [String(row.mac_address), f.ip_address] as const);
    return host === '' ? [] : [{ row, host, entries }];
  });
}

/** Whether nothing of the network is plugged on the host any more. */
async function lastOn(services: Services, networkId: string, host: string): Promise<boolean> {
  return (await services.store.count('ports', portsOn(networkId, host, ['ACTIVE', 'BUILD']))) === 0;
}

export interface PortChange {
  readonly id: string;
  readonly before: PortFacts | undefined;
  /** When it became ACTIVE no other port of its network was so on its host: the host knows nothing of the network yet. */
  readonly first: boolean;
}

/** What changes in the tables of the hosts when a port goes from `before` to what is committed now. */
export async function l2popMessages(services: Services, { id, before, first }: PortChange): Promise<Message[]> {
  const now = await services.store.get('ports', { id });
  const networkId = String(now?.network_id ?? before?.network_id ?? '');
  const segment = await tunnelOf(services, networkId);
  if (!segment) return [];
  const [mine] = now && inPlace(now.status) ? await placed(services, [now]) : [];
  const known = await places(services, [...(before ? [before.host] : []), ...(mine ? [mine.host] : [])]);
  const wasAt = before && inPlace(before.status) ? known.get(before.host) : undefined;
  const isAt = mine ? known.get(mine.host) : undefined;
  const table = (ip: string, entries: readonly unknown[]): unknown => ({ [networkId]: { ...segment, ports: { [ip]: entries } } });
  const out: Message[] = [];
  if (wasAt && before && wasAt.host !== isAt?.host) {
    const gone = before.fixed_ips.map(f => [before.mac_address, f.ip_address] as const);
    out.push(fdb('remove_fdb_entries', table(wasAt.ip, (await lastOn(services, networkId, wasAt.host)) ? [flood, ...gone] : gone)));
  }
  if (!isAt || !mine) return out;
  const moved = wasAt?.host === isAt.host && before ? changed(before, mine) : undefined;
  if (moved) out.push(fdb('update_fdb_entries', { chg_ip: { [networkId]: { [isAt.ip]: moved } } }));
  if (now?.status === 'ACTIVE' && (before?.status !== 'ACTIVE' || wasAt?.host !== isAt.host)) {
    if (first) out.push(...(await wholeTable(services, { networkId, segment, active: await activePorts(services, networkId), to: isAt })));
    out.push(fdb('add_fdb_entries', table(isAt.ip, [flood, ...mine.entries])));
  }
  return out;
}

function changed(before: PortFacts, mine: Placed): { before: unknown; after: unknown } | undefined {
  const was = before.fixed_ips.map(f => [before.mac_address, f.ip_address] as const);
  const key = (e: readonly [string, string]): string => e.join();
  const gone = was.filter(w => !mine.entries.some(e => key(e) === key(w)));
  const added = mine.entries.filter(e => !was.some(w => key(e) === key(w)));
  return gone.length + added.length > 0 ? { before: gone, after: added } : undefined;
}

interface Whole {
  readonly networkId: string;
  readonly segment: Segment;
  readonly active: readonly Placed[];
  readonly to: Place;
}

/** Everything about the other hosts, for a host that meets the network for the first time. */
async function wholeTable(services: Services, { networkId, segment, active, to }: Whole): Promise<Message[]> {
  const known = await places(
    services,
    active.map(({ host }) => host),
  );
  const ports: Record<string, unknown[]> = {};
  for (const { host, entries } of active) {
    const place = known.get(host);
    if (!place || host === to.host) continue;
    ports[place.ip] ??= [flood];
    ports[place.ip]!.push(...entries);
  }
  return Object.keys(ports).length > 0 ? [fdb('add_fdb_entries', { [networkId]: { ...segment, ports } }, to.host)] : [];
}

/** Whole tables of every network that the host has ports on: for an agent that starts anew. */
export async function l2popRefresh(services: Services, host: string): Promise<Message[]> {
  const to = (await places(services, [host])).get(host);
  if (!to) return [];
  const bindings = await services.store.select({
    table: 'port_bindings',
    where: { and: [{ eq: ['host', host] }, { eq: ['status', 'ACTIVE'] }] },
  });
  const ports = await byIds(
    services,
    'ports',
    bindings.map(b => b.port_id),
  );
  const networks = [...new Set([...ports.values()].filter(p => inPlace(p.status)).map(p => String(p.network_id)))];
  const segments = await grouped(services, 'segments', 'network_id', networks);
  const out: Message[] = [];
  for (const id of networks) {
    const segment = segments.has(id) ? await tunnelOf(services, id) : undefined;
    if (!segment) continue;
    const active = await activePorts(services, id);
    out.push(...(await wholeTable(services, { networkId: id, segment, active, to })));
    const own = active.filter(p => p.host === host).flatMap(p => p.entries);
    out.push(fdb('add_fdb_entries', { [id]: { ...segment, ports: { [to.ip]: [flood, ...own] } } }));
  }
  return out;
}
