// Which segment a network gets: what the request names, or a free one of the project types. Taking a segment is an insert.
import type { TypeDriver } from '../../contracts/drivers.ts';
import type { Row } from '../../contracts/store.ts';
import { apiError, invalidInput } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import type { MtuSegment } from '../../domain/ipam/mtu.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';

export interface Segment {
  readonly network_type: string;
  readonly physical_network: string | null;
  readonly segmentation_id: number | null;
}

/** Reserves a segment in the draft and answers it. */
export async function takeSegment(services: Services, draft: Draft, networkId: string, input: Attributes): Promise<Segment> {
  const type = input['provider:network_type'];
  const physnet = input['provider:physical_network'];
  const id = input['provider:segmentation_id'];
  if (type === undefined) {
    if (physnet !== undefined || id !== undefined) throw invalidInput('network_type required');
    return takeProjectSegment(services, draft, networkId);
  }
  const driver = driverOf(services, String(type));
  validate(services, driver, physnet as string | undefined, id as number | undefined);
  return reserve(services, draft, networkId, driver, (physnet as string | undefined) ?? null, id as number | undefined);
}

function driverOf(services: Services, type: string): TypeDriver {
  const driver = services.config.typeDrivers.includes(type) ? services.drivers.types[type] : undefined;
  if (!driver) throw invalidInput(`network_type value '${type}' not supported`);
  return driver;
}

async function takeProjectSegment(services: Services, draft: Draft, networkId: string): Promise<Segment> {
  for (const type of services.config.tenantNetworkTypes) {
    const driver = services.drivers.types[type];
    if (!driver) continue;
    const physnets = driver.onPhysnet
      ? Object.keys(services.config.vlanRanges).filter(p => (services.config.vlanRanges[p]?.length ?? 0) > 0)
      : [null];
    for (const physnet of physnets) {
      const segment = await free(services, draft, networkId, driver, physnet);
      if (segment) return segment;
    }
  }
  throw apiError('NoNetworkAvailable');
}

function validate(services: Services, driver: TypeDriver, physnet: string | undefined, id: number | undefined): void {
  const { type } = driver;
  if (type === 'local') {
    if (physnet !== undefined) throw invalidInput('physical_network prohibited for local provider network');
    if (id !== undefined) throw invalidInput('segmentation_id prohibited for local provider network');
    return;
  }
  if (type === 'flat') validateFlat(services, physnet, id);
  else if (type === 'vlan') validateVlan(services, physnet, id);
  else if (physnet !== undefined) throw invalidInput(`provider:physical_network specified for ${type} network`);
  else checkBounds(driver, id);
}

function validateFlat(services: Services, physnet: string | undefined, id: number | undefined): void {
  if (!physnet) throw invalidInput('physical_network required for flat provider network');
  const { flatNetworks } = services.config;
  if (!flatNetworks.includes('*') && !flatNetworks.includes(physnet)) {
    throw invalidInput(`physical_network '${physnet}' unknown for flat provider network`);
  }
  if (id !== undefined) throw invalidInput('segmentation_id prohibited for flat provider network');
}

function validateVlan(services: Services, physnet: string | undefined, id: number | undefined): void {
  if (physnet === undefined) {
    if (id !== undefined) throw invalidInput('segmentation_id requires physical_network for VLAN provider network');
    return;
  }
  if (!Object.hasOwn(services.config.vlanRanges, physnet)) {
    throw invalidInput(`physical_network '${physnet}' unknown for VLAN provider network`);
  }
  if (id !== undefined && (id < 1 || id > 4094)) throw invalidInput(`segmentation_id out of range (1 through 4094)`);
}

function checkBounds(driver: TypeDriver, id: number | undefined): void {
  if (id === undefined || !driver.bounds) return;
  const [low, high] = driver.bounds;
  if (id < low || id > high) throw invalidInput(`segmentation_id out of range (${low} through ${high})`);
}

const key = (type: string, physnet: string | null, id: number): string => `segment/${type}/${physnet ?? ''}/${id}`;

async function reserve(
  services: Services,
  draft: Draft,
  networkId: string,
  driver: TypeDriver,
  physnet: string | null,
  id: number | undefined,
): Promise<Segment> {
  if (driver.type === 'local') return { network_type: 'local', physical_network: null, segmentation_id: null };
  if (driver.type === 'flat') {
    if (!(await take(services, draft, networkId, 'flat', physnet, 0)))
      throw apiError('FlatNetworkInUse', { physical_network: String(physnet) });
    return { network_type: 'flat', physical_network: physnet, segmentation_id: null };
  }
  if (id === undefined) {
    const segment = await free(services, draft, networkId, driver, physnet);
    if (!segment) throw apiError('NoNetworkAvailable');
    return segment;
  }
  if (!(await take(services, draft, networkId, driver.type, physnet, id))) throw inUse(driver, physnet, id);
  return { network_type: driver.type, physical_network: physnet, segmentation_id: id };
}

function inUse(driver: TypeDriver, physnet: string | null, id: number): Error {
  return driver.type === 'vlan'
    ? apiError('VlanIdInUse', { vlan_id: id, physical_network: String(physnet) })
    : apiError('TunnelIdInUse', { tunnel_id: id });
}

async function take(
  services: Services,
  draft: Draft,
  networkId: string,
  type: string,
  physnet: string | null,
  id: number,
): Promise<boolean> {
  if (draft.taken.has(key(type, physnet, id))) return false;
  const row = await services.store.get('segment_allocations', { network_type: type, physical_network: physnet ?? '', segmentation_id: id });
  if (row) return false;
  draft.taken.add(key(type, physnet, id));
  draft.insert(
    'segment_allocations',
    { network_type: type, physical_network: physnet ?? '', segmentation_id: id, network_id: networkId },
    { tag: 'segment' },
  );
  return true;
}

function rangesOf(services: Services, driver: TypeDriver, physnet: string | null): readonly (readonly [number, number])[] {
  return driver.type === 'vlan' ? (services.config.vlanRanges[physnet ?? ''] ?? []) : services.config.vniRanges;
}

/** A free id: a few at random first, then the first gap, so that exhaustion is exact. */
async function free(
  services: Services,
  draft: Draft,
  networkId: string,
  driver: TypeDriver,
  physnet: string | null,
): Promise<Segment | undefined> {
  if (driver.type === 'local') return { network_type: 'local', physical_network: null, segmentation_id: null };
  const ranges = rangesOf(services, driver, physnet);
  const total = ranges.reduce((sum, [low, high]) => sum + high - low + 1, 0);
  if (total <= 0) return undefined;
  for (let i = 0; i < 8; i++) {
    const id = nth(ranges, Math.floor(services.random() * total));
    if (await take(services, draft, networkId, driver.type, physnet, id))
      return { network_type: driver.type, physical_network: physnet, segmentation_id: id };
  }
  const id = await gap(services, draft, driver, physnet, ranges);
  if (id === undefined || !(await take(services, draft, networkId, driver.type, physnet, id))) return undefined;
  return { network_type: driver.type, physical_network: physnet, segmentation_id: id };
}

function nth(ranges: readonly (readonly [number, number])[], n: number): number {
  let left = n;
  for (const [low, high] of ranges) {
    if (left <= high - low) return low + left;
    left -= high - low + 1;
  }
  throw new RangeError('past the last range');
}

async function gap(
  services: Services,
  draft: Draft,
  driver: TypeDriver,
  physnet: string | null,
  ranges: readonly (readonly [number, number])[],
): Promise<number | undefined> {
  const rows = await services.store.select({
    table: 'segment_allocations',
    where: { and: [{ eq: ['network_type', driver.type] }, { eq: ['physical_network', physnet ?? ''] }] },
    columns: ['segmentation_id'],
  });
  const used = new Set(rows.map((r: Row) => r.segmentation_id));
  for (const [low, high] of ranges) {
    for (let id = low; id <= high; id++) if (!used.has(id) && !draft.taken.has(key(driver.type, physnet, id))) return id;
  }
  return undefined;
}

/** A segment as the rules of MTUs read it. */
export function mtuSegment(services: Services, { network_type, physical_network }: Segment): MtuSegment {
  const type = services.drivers.types[network_type] ?? { overhead: 0, onPhysnet: false, tunnel: false };
  return { type, physical_network };
}
