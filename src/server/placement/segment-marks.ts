// The outbox reader that finds out which segments Placement is to be told of again. Telling is another's (segments.ts): what waits is a row per segment.
import type { Op, OutboxRow, Predicate, Row } from '../../contracts/store.ts';
import { physicalNetworksIn } from '../../domain/placement.ts';
import { countsFor } from '../../domain/segment-inventory.ts';
import type { FixedIp } from '../../model/port.ts';
import { byIds, grouped } from '../commands/load.ts';
import type { PortFacts } from '../commands/port-rows.ts';
import type { Services } from '../context.ts';

const table = 'segment_inventories';
const onSegment: Predicate = { and: [{ eq: ['ip_version', 4] }, { not: { eq: ['segment_id', null] } }] };
/** Nothing is told of a segment that is gone, or never was. */
const gone: Predicate = { not: { exists: { table: 'segments', on: [['id', 'segment_id']] } } };

export async function markSegments(services: Services, rows: readonly OutboxRow[]): Promise<void> {
  const told: Predicate[] = [];
  if (rows.some(({ kind, event }) => kind === 'segment' && event === 'deleted')) told.push(gone);
  const physical = new Set(rows.flatMap(networksOfHost));
  if (physical.size > 0) {
    const reached: Predicate = { in: ['physical_network', [...physical]] };
    told.push({ exists: { table: 'segments', on: [['id', 'segment_id']], where: reached } });
  }
  await mark(services, [...(await bySubnets(services, rows)), ...(await byPorts(services, rows))], told);
}

/** Whatever has happened: all that are there, and all of which something was told. */
export async function markAllSegments(services: Services): Promise<void> {
  const subnets = await services.store.select({ table: 'subnets', where: onSegment, columns: ['segment_id'] });
  await mark(services, subnets.map(segmentOf), [{ and: [] }]);
}

const segmentOf = ({ segment_id }: Row): string => String(segment_id);

/** `told`: of segments that something was told of, or is to be. */
async function mark({ store }: Services, ids: readonly string[], told: readonly Predicate[]): Promise<void> {
  const others = told.length === 0 ? [] : await store.select({ table, where: { or: told }, columns: ['segment_id'] });
  if (ids.length === 0 && others.length === 0) return;
  // At once: whoever tells may do away with the row at this moment, as of a segment of which there is nothing to tell.
  const ops: Op[] = [...new Set(ids)].map(segment_id => ({ op: 'upsert', table, row: { segment_id, synced: false, unknown_hosts: [] } }));
  await store.commit({
    ops: [...ops, { op: 'update', table, where: { in: ['segment_id', others.map(segmentOf)] }, set: { synced: false } }],
  });
}

/** Where a subnet was is where it is, but for one that was put on a segment: on none before. */
async function bySubnets(services: Services, rows: readonly OutboxRow[]): Promise<string[]> {
  const facts = rows.filter(({ kind }) => kind === 'subnet');
  const now = await byIds(
    services,
    'subnets',
    facts.map(({ id }) => id),
  );
  const subnets = facts.flatMap(({ id, facts: { last } }): Row[] => (now.has(id) || last ? [now.get(id) ?? (last as Row)] : []));
  return subnets.filter(isOnSegment).map(segmentOf);
}

const isOnSegment = ({ segment_id, ip_version }: Row): boolean => typeof segment_id === 'string' && ip_version === 4;

async function byPorts(services: Services, rows: readonly OutboxRow[]): Promise<string[]> {
  const facts = rows.filter(({ kind }) => kind === 'port');
  const ids = facts.map(({ id }) => id);
  const now = await byIds(services, 'ports', ids);
  const addresses = await grouped(services, 'ip_allocations', 'port_id', ids);
  const counted = facts.flatMap(({ id, facts: { before } }) => {
    const was = before as PortFacts | undefined;
    const owners = [was, now.get(id)].flatMap(port => (port ? [port.device_owner] : []));
    return countsFor(owners) ? [...((was?.fixed_ips ?? []) as readonly FixedIp[]), ...(addresses.get(id) ?? [])].map(a => a.subnet_id) : [];
  });
  const subnets = await byIds(services, 'subnets', counted);
  return [...subnets.values()].filter(isOnSegment).map(segmentOf);
}

/** Physical networks that a host is connected to by now, or not any more. */
function networksOfHost({ kind, facts }: OutboxRow): readonly string[] {
  if (kind !== 'agent') return [];
  const last = facts.last as { configurations?: Readonly<Record<string, unknown>> } | undefined;
  return last ? physicalNetworksIn(last.configurations ?? {}) : ((facts.physical_networks ?? []) as readonly string[]);
}
