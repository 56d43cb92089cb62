// Which segments a network gets: what the request names, or a free one of the project types. Taking a segment is an insert.
import type { TypeDriver } from '../../contracts/drivers.ts';
import type { Predicate, Row, Scalar } from '../../contracts/store.ts';
import { apiError, invalidInput } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import type { MtuSegment } from '../../domain/ipam/mtu.ts';
import { firstFree, type IdRanges, nth, sizeOf } from '../../domain/segment-ranges.ts';
import { type WantedSegment, wantedSegments } from '../../domain/segments.ts';
import type { ServerConfig, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { relyOnPool, type SegmentPool, segmentPools } from './segment-pools.ts';
import { validateSegment } from './segment-types.ts';

export interface Segment {
  readonly network_type: string;
  readonly physical_network: string | null;
  readonly segmentation_id: number | null;
}

/** Who a segment is taken for. */
export interface Taker {
  readonly services: Services;
  readonly draft: Draft;
  readonly networkId: string;
  readonly project: string;
}

interface Taking extends Taker {
  readonly driver: TypeDriver;
}

/** Reserves the segments of a new network in the draft and answers them. */
export async function takeSegments(taker: Taker, input: Attributes): Promise<Segment[]> {
  const wanted = wantedSegments(input);
  if (!wanted) return [await takeProjectSegment(taker, input['router:external'] === true)];
  const all: Segment[] = [];
  for (const one of wanted) all.push(await takeSegment(taker, one));
  return all;
}

/** One segment, as far as it is named. */
export async function takeSegment(taker: Taker, { network_type, physical_network, segmentation_id }: WantedSegment): Promise<Segment> {
  const driver = validateSegment(taker.services, { network_type, physical_network, segmentation_id });
  return takeNamed({ ...taker, driver }, physical_network ?? null, segmentation_id);
}

/** Gives a segment back. */
export function releaseSegment(draft: Draft, { network_type, physical_network, segmentation_id }: Segment): void {
  if (network_type === 'local') return;
  draft.delete('segment_allocations', {
    and: [
      { eq: ['network_type', network_type] },
      { eq: ['physical_network', physical_network ?? ''] },
      { eq: ['segmentation_id', segmentation_id ?? 0] },
    ],
  });
}

/** The types of a network whose request names none, in order. */
export function typesFor({ externalNetworkType, tenantNetworkTypes }: ServerConfig, external: boolean): readonly string[] {
  return external && externalNetworkType !== undefined ? [externalNetworkType] : tenantNetworkTypes;
}

async function takeProjectSegment(taker: Taker, external: boolean): Promise<Segment> {
  for (const type of typesFor(taker.services.config, external)) {
    const driver = taker.services.drivers.types[type];
    const segment = driver && (await takeAny({ ...taker, driver }, null));
    if (segment) return segment;
  }
  throw apiError('NoNetworkAvailable');
}

async function takeNamed(taking: Taking, physnet: string | null, id: number | undefined): Promise<Segment> {
  const { type } = taking.driver;
  if (type === 'local') return local;
  if (type === 'flat') {
    if (!(await take(taking, physnet, 0))) throw apiError('FlatNetworkInUse', { physical_network: String(physnet) });
    return { network_type: type, physical_network: physnet, segmentation_id: null };
  }
  if (id === undefined) {
    const segment = await takeAny(taking, physnet);
    if (!segment) throw apiError('NoNetworkAvailable');
    return segment;
  }
  if (await take(taking, physnet, id)) return { network_type: type, physical_network: physnet, segmentation_id: id };
  throw type === 'vlan'
    ? apiError('VlanIdInUse', { vlan_id: id, physical_network: String(physnet) })
    : apiError('TunnelIdInUse', { tunnel_id: id });
}

const local: Segment = { network_type: 'local', physical_network: null, segmentation_id: null };

const key = (type: string, physnet: string | null, id: number): string => `segment/${type}/${physnet ?? ''}/${id}`;

/** False: it is taken. `unseen`: nobody looks before the commit, where the unique key decides. */
async function take({ services, draft, networkId, driver }: Taking, physnet: string | null, id: number, unseen = false): Promise<boolean> {
  const mark = key(driver.type, physnet, id);
  const row = { network_type: driver.type, physical_network: physnet ?? '', segmentation_id: id };
  if (draft.taken.has(mark) || (!unseen && (await services.store.get('segment_allocations', row)))) return false;
  draft.taken.add(mark);
  draft.insert('segment_allocations', { ...row, network_id: networkId }, { tag: 'segment' });
  return true;
}

/** A free one of the pools that the project may take from, its own first; of one physical network, where one is named. */
async function takeAny(taking: Taking, physnet: string | null): Promise<Segment | undefined> {
  const { services, driver, project, draft } = taking;
  if (driver.type === 'local') return local;
  for (const pool of await segmentPools(services, driver.type, project)) {
    if (physnet !== null && pool.physical_network !== physnet) continue;
    const segment = await takeFree(taking, pool);
    if (!segment) continue;
    relyOnPool(draft, pool);
    return segment;
  }
  return undefined;
}

/** Ids of which chance hardly ever draws one that is taken: to look first costs more than to decide again now and then. */
const plenty = 1_000_000;

/** A free id: a few at random first, then the first gap, so that exhaustion is exact. */
async function takeFree(taking: Taking, { physical_network, ranges }: SegmentPool): Promise<Segment | undefined> {
  const { services, draft, driver } = taking;
  const total = sizeOf(ranges);
  if (total <= 0) return undefined;
  const taken = (id: number): Segment => ({ network_type: driver.type, physical_network, segmentation_id: id });
  const unseen = total >= plenty && draft.attempt === 1;
  for (let i = 0; i < 8; i++) {
    const id = nth(ranges, Math.floor(services.random() * total));
    if (await take(taking, physical_network, id, unseen)) return taken(id);
  }
  const id = await gap(taking, physical_network, ranges);
  return id !== undefined && (await take(taking, physical_network, id)) ? taken(id) : undefined;
}

async function gap({ services, draft, driver }: Taking, physnet: string | null, ranges: IdRanges): Promise<number | undefined> {
  const where: Predicate = { and: [{ eq: ['network_type', driver.type] }, { eq: ['physical_network', physnet ?? ''] }] };
  const rows = await services.store.select({ table: 'segment_allocations', where, columns: ['segmentation_id'] });
  const used = new Set<Scalar>(rows.map(r => r.segmentation_id as Scalar));
  return firstFree(ranges, id => used.has(id) || draft.taken.has(key(driver.type, physnet, id)));
}

/** A segment as the rules of MTUs read it. */
export function mtuSegment({ config, drivers }: Services, { network_type, physical_network }: Segment): MtuSegment {
  const type = drivers.types[network_type] ?? { overhead: 0, onPhysnet: false, tunnel: false };
  const own = network_type === 'geneve' ? config.geneveHeader : undefined;
  return { type: own === undefined ? type : { ...type, overhead: own }, physical_network };
}

/** Segments of networks, in order; dynamic ones are the server's own. */
export function segmentOf(row: Row): Segment {
  return row as unknown as Segment;
}

/** The change of a VLAN's id, where nothing is plugged into it. Undefined: it stays. */
export async function changeVlanId(taker: Taker, now: Segment, given: unknown): Promise<Segment | undefined> {
  if (given === undefined || given === now.segmentation_id) return undefined;
  if (now.network_type !== 'vlan') throw invalidInput('Only VLAN type networks can be updated');
  if (typeof given !== 'number') throw invalidInput('Only segmentation_id field can be updated in VLAN type networks');
  const physical_network = now.physical_network ?? undefined;
  const segment = await takeSegment(taker, { network_type: 'vlan', physical_network, segmentation_id: given });
  releaseSegment(taker.draft, now);
  return segment;
}
