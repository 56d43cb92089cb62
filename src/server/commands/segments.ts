// Segments of networks as a resource of their own. Every change of a network's segments relies on the network's revision.
import type { Predicate, Query, Row } from '../../contracts/store.ts';
import { apiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { networkMtu } from '../../domain/ipam/mtu.ts';
import { twinOf, type WantedSegment } from '../../domain/segments.ts';
import { network } from '../../model/network.ts';
import { segment } from '../../model/segment.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { Commands, Created } from './commands.ts';
import { mtuSegment, releaseSegment, type Segment, segmentOf, takeSegment } from './segment-allocation.ts';
import { tagsOf } from './tags.ts';

/** In order. Dynamic ones were made for bindings, by the server. */
export async function segmentsOf(services: Services, network_id: string): Promise<Row[]> {
  return services.store.select(segmentsQuery(network_id));
}

export const segmentsQuery = (network_id: string): Query => ({
  table: 'segments',
  where: { eq: ['network_id', network_id] },
  order: [['segment_index', 'asc']],
});

/** A row of a network's segment. */
export function insertSegment(draft: Draft, network_id: string, taken: Segment, index: number, more: Row = {}): Row {
  const id = draft.newId();
  return draft.create(segment, {
    name: null,
    ...more,
    id,
    network_id,
    ...taken,
    segment_index: index,
    is_dynamic: false,
    revision_number: 1,
  });
}

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const network_id = String(input.network_id);
  const net = await ctx.store.get('networks', { id: network_id });
  if (!net) throw apiError('NetworkNotFound', { net_id: network_id });
  draft.relyOn(network, net);
  const present = [...(await segmentsOf(ctx, network_id)), ...draft.allMade(segment).filter(s => s.network_id === network_id)];
  const wanted = input as unknown as WantedSegment;
  refuseTwin(network_id, present, { ...wanted, physical_network: wanted.physical_network ?? null });
  const taken = await takeSegment({ services: ctx, draft, networkId: network_id, project: String(net.project_id) }, wanted);
  refuseTwin(network_id, present, taken);
  networkMtu(
    Number(net.mtu),
    [...present.map(segmentOf), taken].map(s => mtuSegment(ctx, s)),
    ctx.config.mtu,
  );
  const index = Math.max(-1, ...present.map(s => Number(s.segment_index))) + 1;
  const { name, description } = newColumns(segment, input);
  const row = insertSegment(draft, network_id, taken, index, { name: name ?? null, description: description ?? '' });
  draft.touch(network, network_id);
  return { id: String(row.id), shown: { ...shownColumns(segment, row), tags: [] } };
}

function refuseTwin(network_id: string, present: readonly Row[], wanted: Pick<Segment, 'network_type' | 'physical_network'>): void {
  if (!twinOf(present.map(segmentOf), wanted)) return;
  const { network_type, physical_network } = wanted;
  const attributes = "['network_id', 'network_type', 'physical_network']";
  throw apiError('NeutronDbObjectDuplicateEntry', {
    object_type: 'NetworkSegment',
    attributes,
    values: `${network_id}-${network_type}-${physical_network}`,
  });
}

async function update(_ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  const set = changedColumns(segment, input);
  if (Object.keys(set).length > 0) draft.update(segment, row, set);
}

async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const segment_id = String(row.id);
  const onIt: Predicate = { eq: ['segment_id', segment_id] };
  const subnets = await ctx.store.select({ table: 'subnets', where: onIt, order: [['id', 'asc']] });
  if (subnets.length > 0) {
    const reason = `The segment is still associated with subnet(s) ${subnets.map(s => s.id).join(', ')}`;
    throw apiError('SegmentInUse', { segment_id, reason });
  }
  await refuseBound(ctx, segment_id);
  draft.absent('subnets', onIt);
  draft.absent('port_binding_levels', onIt);
  releaseSegment(draft, segmentOf(row));
  draft.remove(segment, row);
  draft.touch(network, String(row.network_id));
}

async function refuseBound(ctx: RequestContext, segment_id: string): Promise<void> {
  const levels = await ctx.store.select({ table: 'port_binding_levels', where: { eq: ['segment_id', segment_id] } });
  const ids = [...new Set(levels.map(l => String(l.port_id)))];
  if (ids.length === 0) return;
  throw apiError('SegmentInUse', { segment_id, reason: `The segment is still bound with ${ids.length} port(s)` });
}

export const segments: Commands = {
  resource: segment,
  present: async (services, rows) => {
    const tags = await tagsOf(
      services,
      rows.map(r => String(r.id)),
    );
    return rows.map(row => ({ ...shownColumns(segment, row), tags: tags.get(String(row.id)) ?? [] }));
  },
  create,
  update,
  delete: remove,
};
