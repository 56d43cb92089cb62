// The segments that messages name: a network has few of them, so that all are read where one is needed, and once for all who ask.
import type { Order, Query, Row } from '../../contracts/store.ts';
import { groupedQuery } from '../commands/load.ts';
import type { Services } from '../context.ts';

const bySegment: Order = [['segment_index', 'asc']];
const byLevel: Order = [['level', 'asc']];

export const segmentsQuery = (networks: readonly string[]): Query => groupedQuery('segments', 'network_id', networks, { order: bySegment });
/** What its drivers bound ports to. */
export const levelsQuery = (ports: readonly string[]): Query => groupedQuery('port_binding_levels', 'port_id', ports, { order: byLevel });

/** Of a network, its first one first. */
export const segmentsOf = ({ store }: Services, network: string): Promise<readonly Row[]> => store.select(segmentsQuery([network]));

/** The segment that a port is bound to on the host, or the first of its network. */
export async function segmentAt(services: Services, port: string, network: string, host: string): Promise<Row | undefined> {
  const levels = await services.store.select(levelsQuery([port]));
  const bound = levels.filter(level => level.host === host).at(-1);
  const segments = await segmentsOf(services, network);
  return bound ? segments.find(segment => segment.id === bound.segment_id) : segments[0];
}
