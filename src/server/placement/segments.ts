// Keeps Placement and Nova as segments with IPv4 subnets are: a resource provider with the addresses, and an aggregate of the hosts.
import { type Aggregate, type NovaAggregates, NovaRefused, type SegmentPlacement } from '../../contracts/cloud.ts';
import type { Predicate, Row } from '../../contracts/store.ts';
import {
  type AddressInventory,
  addressClass,
  addressDefaults,
  addressInventory,
  type CountedSubnet,
  segmentProviderName,
  unreserved,
} from '../../domain/segment-inventory.ts';
import { hostsOfSegment } from '../commands/routed-networks.ts';
import type { Services } from '../context.ts';
import { type Report, type Told, tellAll, untold } from './reports.ts';

export interface SegmentCloud {
  readonly placement: SegmentPlacement;
  readonly nova: NovaAggregates;
}

/** How often Nova is asked whether it knows hosts by now that it did not know. */
const lookEveryMs = 60_000;

const table = 'segment_inventories';

export class SegmentReports {
  private readonly services: Services;
  private readonly cloud: SegmentCloud;
  private lookAt = 0;

  constructor(services: Services, cloud: SegmentCloud) {
    this.services = services;
    this.cloud = cloud;
  }

  /** Answers whether there is nothing left to tell. */
  async pass(hold?: () => Promise<boolean>): Promise<boolean> {
    await this.lookForHosts();
    const { services, cloud } = this;
    const aggregates = new Aggregates(cloud.nova);
    const report: Report = {
      table,
      key: 'segment_id',
      synced: 'synced',
      what: 'the addresses of a segment',
      about: ({ segment_id }) => ({ segment: String(segment_id) }),
      tell: row => tell(services, cloud, aggregates, String(row.segment_id)),
    };
    return tellAll(services, report, await services.store.select({ table, where: untold(report) }), hold);
  }

  /** Nova says nothing when it gets a host: one whose agent was earlier is looked for. */
  private async lookForHosts(): Promise<void> {
    const { clock, store } = this.services;
    const now = clock.now();
    // A clock that was set back must not keep us from looking.
    if (now < this.lookAt && this.lookAt - now <= lookEveryMs) return;
    this.lookAt = now + lookEveryMs;
    const lacking = (await store.select({ table, where: { eq: ['synced', true] } })).filter(row => unknownIn(row).length > 0);
    if (lacking.length === 0) return;
    const known = await this.cloud.nova.computeHosts();
    const ids = lacking.filter(row => unknownIn(row).some(host => known.has(host))).map(row => String(row.segment_id));
    if (ids.length > 0) await store.commit({ ops: [{ op: 'update', table, where: { in: ['segment_id', ids] }, set: { synced: false } }] });
  }
}

const unknownIn = (row: Row): readonly string[] => (row.unknown_hosts ?? []) as readonly string[];

/** Nova's, listed once for many segments. */
class Aggregates {
  private readonly nova: NovaAggregates;
  private listed: Promise<readonly Aggregate[]> | undefined;

  constructor(nova: NovaAggregates) {
    this.nova = nova;
  }

  /** By its name, which is Nova's for one; or, where somebody has renamed it, as the only one that the provider is in. */
  async find(name: string, uuids: readonly string[]): Promise<Aggregate | undefined> {
    this.listed ??= this.nova.list();
    const all = await this.listed;
    return all.find(a => a.name === name) ?? (uuids.length === 1 ? all.find(a => a.uuid === uuids[0]) : undefined);
  }

  async ensure(name: string, uuids: readonly string[]): Promise<Aggregate> {
    const found = await this.find(name, uuids);
    if (found) return found;
    try {
      return await this.nova.create(name);
    } catch (error) {
      // It was made after the list was.
      if (!(error instanceof NovaRefused) || error.status !== 409) throw error;
      this.listed = undefined;
      const late = await this.find(name, uuids);
      if (!late) throw error;
      return late;
    }
  }
}

async function tell(services: Services, cloud: SegmentCloud, aggregates: Aggregates, id: string): Promise<Told> {
  const inventory = await inventoryOf(services, id);
  if (inventory) return keep(services, cloud, aggregates, { id, inventory });
  await drop(cloud, aggregates, id);
  const ours: Predicate = { and: [{ eq: ['segment_id', id] }, { eq: ['synced', null] }] };
  await services.store.commit({ ops: [{ op: 'delete', table, where: ours }] });
  return {};
}

async function inventoryOf({ store }: Services, id: string): Promise<AddressInventory | undefined> {
  const where: Predicate = { and: [{ eq: ['segment_id', id] }, { eq: ['ip_version', 4] }] };
  const subnets = await store.select({ table: 'subnets', where });
  if (subnets.length === 0) return undefined;
  const { prefix, owner } = unreserved;
  const others: Predicate = { not: { or: [{ startsWith: ['device_owner', prefix] }, { eq: ['device_owner', owner] }] } };
  const ids = subnets.map(s => String(s.id));
  const ofOthers: Predicate = { exists: { table: 'ports', on: [['id', 'port_id']], where: others } };
  const taken = await store.count('ip_allocations', { and: [{ in: ['subnet_id', ids] }, ofOthers] });
  return addressInventory(subnets as unknown as readonly CountedSubnet[], taken);
}

async function keep(
  services: Services,
  { placement, nova }: SegmentCloud,
  aggregates: Aggregates,
  { id, inventory }: { readonly id: string; readonly inventory: AddressInventory },
): Promise<Told> {
  const name = segmentProviderName(id);
  await placement.keepInventory({ uuid: id, name }, { resource_class: addressClass, set: { ...inventory }, defaults: addressDefaults });
  const aggregate = await aggregates.ensure(name, await placement.aggregatesOf(id));
  await placement.addAggregate(id, aggregate.uuid);
  const wanted = await hostsOfSegment(services, id);
  for (const host of aggregate.hosts) if (!wanted.includes(host)) await nova.removeHost(aggregate.id, host);
  const unknown_hosts: string[] = [];
  for (const host of wanted) if (!aggregate.hosts.includes(host) && !(await nova.addHost(aggregate.id, host))) unknown_hosts.push(host);
  return { set: { unknown_hosts } };
}

/** The aggregate first: without the provider it would not be known whose it is, where somebody has renamed it. */
async function drop({ placement, nova }: SegmentCloud, aggregates: Aggregates, id: string): Promise<void> {
  const aggregate = await aggregates.find(segmentProviderName(id), await placement.aggregatesOf(id));
  if (aggregate) {
    for (const host of aggregate.hosts) await nova.removeHost(aggregate.id, host);
    await nova.delete(aggregate.id);
  }
  await placement.removeProvider(id);
}
