// Which segment a network gets: what the request names, or a free one of the project types. Taking a segment is an insert.
import type { TypeDriver } from '../../contracts/drivers.ts';
import type { Predicate } from '../../contracts/store.ts';
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

/** What a segment is taken for, and of which type. */
interface Taking {
  readonly services: Services;
  readonly draft: Draft;
  readonly networkId: string;
  readonly driver: TypeDriver;
}

/** Reserves a segment in the draft and answers it. */
export async function takeSegment(services: Services, draft: Draft, networkId: string, input: Attributes): Promise<Segment> {
  const type = input['provider:network_type'] as string | undefined;
  const physnet = input['provider:physical_network'] as string | undefined;
  const id = input['provider:segmentation_id'] as number | undefined;
  if (type === undefined) {
    if (physnet !== undefined || id !== undefined) throw invalidInput('network_type required');
    return takeProjectSegment(services, draft, networkId);
  }
  const driver = services.config.typeDrivers.includes(type) ? services.drivers.types[type] : undefined;
  if (!driver) throw invalidInput(`network_type value '${type}' not supported`);
  validate(services, driver, physnet, id);
  return takeNamed({ services, draft, networkId, driver }, physnet ?? null, id);
}

async function takeProjectSegment(services: Services, draft: Draft, networkId: string): Promise<Segment> {
  for (const type of services.config.tenantNetworkTypes) {
    const driver = services.drivers.types[type];
    const segment = driver && (await takeAnywhere({ services, draft, networkId, driver }));
    if (segment) return segment;
  }
  throw apiError('NoNetworkAvailable');
}

async function takeNamed(taking: Taking, physnet: string | null, id: number | undefined): Promise<Segment> {
  const { type, onPhysnet } = taking.driver;
  if (type === 'local') return local;
  if (type === 'flat') {
    if (!(await take(taking, physnet, 0))) throw apiError('FlatNetworkInUse', { physical_network: String(physnet) });
    return { network_type: type, physical_network: physnet, segmentation_id: null };
  }
  if (id === undefined) {
    const segment = onPhysnet && physnet === null ? await takeAnywhere(taking) : await takeFree(taking, physnet);
    if (!segment) throw apiError('NoNetworkAvailable');
    return segment;
  }
  if (await take(taking, physnet, id)) return { network_type: type, physical_network: physnet, segmentation_id: id };
  throw type === 'vlan'
    ? apiError('VlanIdInUse', { vlan_id: id, physical_network: String(physnet) })
    : apiError('TunnelIdInUse', { tunnel_id: id });
}

const local: Segment = { network_type: 'local', physical_network: null, segmentation_id: null };

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

/** False: it is taken. */
async function take({ services, draft, networkId, driver }: Taking, physnet: string | null, id: number): Promise<boolean> {
  const mark = key(driver.type, physnet, id);
  const row = { network_type: driver.type, physical_network: physnet ?? '', segmentation_id: id };
  if (draft.taken.has(mark) || (await services.store.get('segment_allocations', row))) return false;
  draft.taken.add(mark);
  draft.insert('segment_allocations', { ...row, network_id: networkId }, { tag: 'segment' });
  return true;
}

/** On the first physical network that has a free one, where the type stands on physical networks. */
async function takeAnywhere(taking: Taking): Promise<Segment | undefined> {
  const { vlanRanges } = taking.services.config;
  const physnets = taking.driver.onPhysnet ? Object.keys(vlanRanges).filter(p => (vlanRanges[p]?.length ?? 0) > 0) : [null];
  for (const physnet of physnets) {
    const segment = await takeFree(taking, physnet);
    if (segment) return segment;
  }
  return undefined;
}

type Ranges = readonly (readonly [low: number, high: number])[];

/** A free id: a few at random first, then the first gap, so that exhaustion is exact. */
async function takeFree(taking: Taking, physnet: string | null): Promise<Segment | undefined> {
  const { services, driver } = taking;
  if (driver.type === 'local') return local;
  const ranges: Ranges = driver.type === 'vlan' ? (services.config.vlanRanges[physnet ?? ''] ?? []) : services.config.vniRanges;
  const total = ranges.reduce((sum, [low, high]) => sum + high - low + 1, 0);
  if (total <= 0) return undefined;
  const taken = (id: number): Segment => ({ network_type: driver.type, physical_network: physnet, segmentation_id: id });
  for (let i = 0; i < 8; i++) {
    const id = nth(ranges, Math.floor(services.random() * total));
    if (await take(taking, physnet, id)) return taken(id);
  }
  const id = await gap(taking, physnet, ranges);
  return id !== undefined && (await take(taking, physnet, id)) ? taken(id) : undefined;
}

function nth(ranges: Ranges, n: number): number {
  let left = n;
  for (const [low, high] of ranges) {
    if (left <= high - low) return low + left;
    left -= high - low + 1;
  }
  throw new RangeError('past the last range');
}

async function gap({ services, draft, driver }: Taking, physnet: string | null, ranges: Ranges): Promise<number | undefined> {
  const where: Predicate = { and: [{ eq: ['network_type', driver.type] }, { eq: ['physical_network', physnet ?? ''] }] };
  const rows = await services.store.select({ table: 'segment_allocations', where, columns: ['segmentation_id'] });
  const used = new Set(rows.map(r => r.segmentation_id));
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
