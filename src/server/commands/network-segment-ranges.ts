// Ranges of segmentation ids. What is used of them is counted from the segments themselves; default ones are the configuration's.
import { createHash } from 'node:crypto';
import type { Predicate, Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { checkPhysicalNetwork, checkRange, type IdRange, overlaps } from '../../domain/segment-ranges.ts';
import { networkSegmentRange } from '../../model/network-segment-range.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import { type RequestContext, type Services, timestamp } from '../context.ts';
import type { Draft } from '../draft.ts';
import { commitDecision } from '../retry.ts';
import type { ApiObject, Commands, Created } from './commands.ts';
import { byIds } from './load.ts';
import { configuredRanges } from './segment-pools.ts';
import { tagsOf } from './tags.ts';

const table = networkSegmentRange.table.name;
const rangeOf = (row: Row | Attributes): IdRange => [Number(row.minimum), Number(row.maximum)];

/** Segments in use within a range. */
function within(row: Row | Attributes, [low, high]: IdRange = rangeOf(row)): Predicate {
  return {
    and: [
      { eq: ['network_type', String(row.network_type)] },
      { eq: ['physical_network', String(row.physical_network ?? '')] },
      { gte: ['segmentation_id', low] },
      { lte: ['segmentation_id', high] },
    ],
  };
}

/** Of each range so many free ids are shown, the lowest. */
const mostShown = 10_000;

async function present(services: Services, rows: readonly Row[]): Promise<ApiObject[]> {
  const tags = await tagsOf(
    services,
    rows.map(r => String(r.id)),
  );
  const taken =
    rows.length === 0
      ? []
      : await services.store.select({
          table: 'segment_allocations',
          where: { or: rows.map(r => within(r)) },
          order: [['segmentation_id', 'asc']],
        });
  const networks = await byIds(
    services,
    'networks',
    taken.map(a => a.network_id),
  );
  return rows.map(row => {
    const own = taken.filter(a => belongs(a, row));
    const used = new Map(own.map(a => [Number(a.segmentation_id), String(networks.get(String(a.network_id))?.project_id ?? '')]));
    return {
      ...shownColumns(networkSegmentRange, row),
      used: Object.fromEntries(used),
      available: freeOf(rangeOf(row), used),
      tags: tags.get(String(row.id)) ?? [],
    };
  });
}

function belongs(allocation: Row, row: Row): boolean {
  const id = Number(allocation.segmentation_id);
  const [low, high] = rangeOf(row);
  const same = allocation.network_type === row.network_type && allocation.physical_network === (row.physical_network ?? '');
  return same && id >= low && id <= high;
}

function freeOf([low, high]: IdRange, used: ReadonlyMap<number, string>): number[] {
  const out: number[] = [];
  for (let id = low; id <= high && out.length < mostShown; id++) if (!used.has(id)) out.push(id);
  return out;
}

function checkEligible(services: Services, type: string, range: IdRange): void {
  const driver = services.config.typeDrivers.includes(type) ? services.drivers.types[type] : undefined;
  if (!driver?.bounds) throw apiError('NetworkSegmentRangeNetTypeNotSupported', { type });
  checkRange(type, range, driver.bounds);
}

/** Default ranges may be overlapped: they are where a project's own ranges are cut from. */
async function refuseOverlap(services: Services, draft: Draft, row: Row | Attributes, but = ''): Promise<void> {
  const [low, high] = rangeOf(row);
  const physnet = (row.physical_network as string | null | undefined) ?? null;
  const others: Predicate = {
    and: [
      { eq: ['network_type', String(row.network_type)] },
      { eq: ['physical_network', physnet] },
      { eq: ['default', false] },
      { not: { eq: ['id', but] } },
      { lte: ['minimum', high] },
      { gte: ['maximum', low] },
    ],
  };
  const found = await services.store.select({ table, where: others, order: [['id', 'asc']] });
  const pending = draft.ops.flatMap(op => (op.op === 'insert' && op.table === table ? [op.row] : []));
  const same = pending.filter(p => p.network_type === row.network_type && (p.physical_network ?? null) === physnet);
  const met = [...found, ...same.filter(p => overlaps(rangeOf(p), [low, high]))];
  if (met.length > 0) throw apiError('NetworkSegmentRangeOverlaps', { range_id: met.map(r => r.id).join(', ') });
  draft.absent(table, others);
}

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const type = String(input.network_type ?? 'None');
  checkPhysicalNetwork(type, input.physical_network);
  checkEligible(ctx, type, rangeOf(input));
  const physical_network = type === 'vlan' ? String(input.physical_network) : null;
  await refuseOverlap(ctx, draft, { ...input, physical_network });
  const row = draft.create(networkSegmentRange, {
    ...newColumns(networkSegmentRange, input),
    id: draft.newId(),
    project_id: input.shared === true ? null : String(input.project_id ?? ''),
    physical_network,
    default: false,
    revision_number: 1,
  });
  return { id: String(row.id) };
}

function refuseDefault(row: Row): void {
  if (row.default === true) throw apiError('NetworkSegmentRangeDefaultReadOnly', { range_id: String(row.id) });
}

/** Ids that are used stay within the range; none is taken of what leaves it meanwhile. */
async function refuseUsed(ctx: RequestContext, draft: Draft, row: Row, leaving: readonly IdRange[]): Promise<void> {
  for (const range of leaving.filter(([low, high]) => low <= high)) {
    const used = within(row, range);
    if ((await ctx.store.count('segment_allocations', used)) > 0)
      throw apiError('NetworkSegmentRangeReferencedByProject', { range_id: String(row.id) });
    draft.absent('segment_allocations', used);
  }
}

async function update(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  refuseDefault(row);
  const set = changedColumns(networkSegmentRange, input);
  if (Object.keys(set).length === 0) return;
  const after = { ...row, ...set };
  const [low, high] = rangeOf(after);
  if (set.minimum !== undefined || set.maximum !== undefined) {
    const [from, to] = rangeOf(row);
    checkEligible(ctx, String(row.network_type), [low, high]);
    // As in Neutron, an id in use may not become the edge either.
    const below: IdRange[] = low > from ? [[from, Math.min(to, low)]] : [];
    const above: IdRange[] = high < to ? [[Math.max(from, high), to]] : [];
    await refuseUsed(ctx, draft, row, [...below, ...above]);
    await refuseOverlap(ctx, draft, after, String(row.id));
  }
  draft.update(networkSegmentRange, row, set);
}

async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  refuseDefault(row);
  await refuseUsed(ctx, draft, row, [rangeOf(row)]);
  draft.remove(networkSegmentRange, row);
}

export const networkSegmentRanges: Commands = { resource: networkSegmentRange, present, create, update, delete: remove };

/** An id that every server gives to the same default range. */
function idOf(parts: readonly unknown[]): string {
  const hex = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Shows the configuration's ranges as default ones; those of an earlier configuration go. Several servers may do so at once. */
export async function showDefaultRanges(services: Services): Promise<void> {
  const now = timestamp(services.clock);
  const rows: Row[] = [];
  for (const network_type of ['vlan', 'vxlan', 'gre', 'geneve'].filter(type => services.config.typeDrivers.includes(type))) {
    for (const [place, ranges] of configuredRanges(services.config, network_type)) {
      for (const [minimum, maximum] of ranges) {
        const what = { network_type, physical_network: place === '' ? null : place, minimum, maximum };
        const times = { created_at: now, updated_at: now };
        const rest = { name: '', description: '', project_id: null, default: true, shared: true, revision_number: 0 };
        rows.push({ id: idOf(Object.values(what)), ...what, ...rest, ...times });
      }
    }
  }
  const ids = rows.map(r => String(r.id));
  await commitDecision(services, {
    decide: async draft => {
      const there = await services.store.select({ table, where: { eq: ['default', true] } });
      const stale = there.filter(r => !ids.includes(String(r.id)));
      if (stale.length > 0) draft.delete(table, { in: ['id', stale.map(r => String(r.id))] });
      for (const row of rows) if (!there.some(r => r.id === row.id)) draft.insert(table, row, { onConflict: 'ignore' });
    },
  });
}
