// Where free segments are taken from: ranges of the project's own, then what is shared. Default ranges are those of the configuration.
import type { Query, Row } from '../../contracts/store.ts';
import { type IdRange, type IdRanges, sizeOf, without } from '../../domain/segment-ranges.ts';
import type { ServerConfig, Services } from '../context.ts';
import type { Draft } from '../draft.ts';

export interface SegmentPool {
  /** Null for tunnels. */
  readonly physical_network: string | null;
  readonly ranges: IdRanges;
  /** The rows that it is made of, besides the configuration. */
  readonly rows: readonly Row[];
}

/** The ranges of the configuration, by physical network; the empty one for tunnels. */
export function configuredRanges(config: ServerConfig, type: string): ReadonlyMap<string, IdRanges> {
  if (type === 'vlan') return new Map(Object.entries(config.vlanRanges));
  const tunnels: Readonly<Record<string, IdRanges>> = { vxlan: config.vniRanges, gre: config.greRanges, geneve: config.geneveRanges };
  return new Map([['', tunnels[type] ?? []]]);
}

const rangeOf = (row: Row): IdRange => [Number(row.minimum), Number(row.maximum)];
const placeOf = (row: Row): string => String(row.physical_network ?? '');

/** The ranges besides those of the configuration; of one type, or of all. */
export function rangeRows({ store }: Services, type?: string): Promise<readonly Row[]> {
  return store.select(rangesQuery(type));
}

export function rangesQuery(type?: string): Query {
  const made = { eq: ['default', false] } as const;
  const where = type === undefined ? made : ({ and: [{ eq: ['network_type', type] }, made] } as const);
  return { table: 'network_segment_ranges', where, order: [['id', 'asc']] };
}

export async function segmentPools(services: Services, type: string, project: string): Promise<SegmentPool[]> {
  return poolsFrom(services.config, await rangeRows(services, type), type, project);
}

export function poolsFrom(config: ServerConfig, all: readonly Row[], type: string, project: string): SegmentPool[] {
  const rows = all.filter(r => r.network_type === type);
  const own = rows.filter(r => r.shared !== true && r.project_id === project);
  const foreign = rows.filter(r => r.shared !== true && r.project_id !== project);
  const shared = rows.filter(r => r.shared === true);
  const configured = configuredRanges(config, type);
  const pool = (place: string, ranges: IdRanges, of: readonly Row[]): SegmentPool => ({
    physical_network: type === 'vlan' ? place : null,
    ranges,
    rows: of.filter(r => placeOf(r) === place),
  });
  const at = (list: readonly Row[], place: string): IdRange[] => list.filter(r => placeOf(r) === place).map(rangeOf);
  const places = [...new Set([...configured.keys(), ...rows.map(placeOf)])];
  const pools = [
    ...places.map(p => pool(p, at(own, p), own)),
    ...places.map(p => pool(p, without([...(configured.get(p) ?? []), ...at(shared, p)], [...at(own, p), ...at(foreign, p)]), shared)),
  ];
  return pools.filter(p => sizeOf(p.ranges) > 0);
}

/** A range that is changed or removed meanwhile is no longer one to take from. */
export function relyOnPool(draft: Draft, { rows }: SegmentPool): void {
  for (const { id, minimum, maximum } of rows) {
    draft.present('network_segment_ranges', {
      and: [{ eq: ['id', String(id)] }, { eq: ['minimum', Number(minimum)] }, { eq: ['maximum', Number(maximum)] }],
    });
  }
}
