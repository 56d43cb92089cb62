// Which ports may be in a trunk, and in which role.
import type { Row } from '../../contracts/store.ts';
import { apiError, invalidInput } from '../../domain/errors.ts';
import { readSegmentation, type WantedSubPort } from '../../domain/trunks.ts';
import { port } from '../../model/port.ts';
import type { SubPort } from '../../model/trunk.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { findAll } from '../find.ts';
import { byIds, grouped } from './load.ts';
import { ports } from './ports.ts';

/** Ports that the caller sees and may put into a trunk: his own. */
async function ownPorts(ctx: RequestContext, ids: readonly string[]): Promise<Map<string, Row>> {
  const seen = await findAll(ctx, ports, ids);
  if (!ctx.isPrivileged) for (const [id, row] of seen) if (row.project_id !== ctx.caller.project_id) seen.delete(id);
  return seen;
}

const inTrunk = (id: string): string => `trunk-port/${id}`;

/** The parent of a new trunk. */
export async function relyOnParentPort(ctx: RequestContext, draft: Draft, port_id: string): Promise<Row> {
  await refuseSubPort(ctx, draft, port_id);
  const where = { eq: ['port_id', port_id] } as const;
  if (draft.taken.has(inTrunk(port_id)) || (await ctx.store.count('trunks', where)) > 0) throw apiError('ParentPortInUse', { port_id });
  const row = (await ownPorts(ctx, [port_id])).get(port_id);
  if (!row) throw apiError('PortNotFound', { port_id });
  if (!(await isFree(ctx, port_id))) throw apiError('ParentPortInUse', { port_id });
  draft.taken.add(inTrunk(port_id));
  // Its binding changes with its revision.
  draft.relyOn(port, row);
  return row;
}

async function refuseSubPort(services: Services, draft: Draft, port_id: string): Promise<void> {
  const where = { eq: ['port_id', port_id] } as const;
  if ((await services.store.count('sub_ports', where)) > 0) throw apiError('TrunkPortInUse', { port_id });
  draft.absent('sub_ports', where);
}

/** The port is not bound, or by a driver that makes a trunk of a port that is plugged, and a port of a trunk. */
export async function isFree(services: Services, port_id: string): Promise<boolean> {
  const active = { and: [{ eq: ['port_id', port_id] }, { eq: ['status', 'ACTIVE'] }] } as const;
  const [binding] = await services.store.select({ table: 'port_bindings', where: active });
  const host = String(binding?.host ?? '');
  if (host === '') return true;
  const level = await services.store.get('port_binding_levels', { port_id, host, level: 0 });
  return services.drivers.mechanisms.some(m => m.name === level?.driver && m.trunksBoundPorts === true);
}

interface Subject {
  readonly row: Row;
  readonly mtu: number;
  readonly segment: Row | undefined;
}

/** Checks each subport in Neutron's order, and answers them with their tags. */
export async function relyOnSubPorts(
  ctx: RequestContext,
  draft: Draft,
  parentId: string,
  wanted: readonly WantedSubPort[],
): Promise<SubPort[]> {
  if (wanted.length === 0) return [];
  const ids = wanted.map(w => w.port_id);
  const subjects = await subjectsOf(ctx, ids);
  const parentMtu = await mtuOf(ctx, parentId);
  const used = await usedPorts(ctx, ids);
  return wanted.map(sub => {
    const { port_id } = sub;
    const subject = subjects.get(port_id);
    if (port_id === parentId) throw apiError('ParentPortInUse', { port_id });
    if (subject && parentMtu !== undefined && subject.mtu > parentMtu) {
      const mtus = { port_mtu: subject.mtu, trunk_mtu: parentMtu };
      throw apiError('SubPortMtuGreaterThanTrunkPortMtu', { port_id, trunk_id: parentId, ...mtus });
    }
    const segmentation = readSegmentation(sub.segmentation_type === 'inherit' ? inherited(sub, subject) : sub);
    if (draft.taken.has(inTrunk(port_id)) || used.subs.has(port_id)) throw apiError('TrunkPortInUse', { port_id });
    if (used.parents.has(port_id)) throw apiError('ParentPortInUse', { port_id });
    if (!subject) throw apiError('PortNotFound', { port_id });
    holdSubPort(draft, subject.row);
    return { port_id, ...segmentation };
  });
}

/** Tags may be inherited, or written in several ways: only when all are read is it known which are the same. */
export function refuseSameTag(trunk_id: string, now: readonly SubPort[], subs: readonly SubPort[]): void {
  const tagOf = ({ segmentation_type, segmentation_id }: SubPort): string => `${segmentation_type}/${segmentation_id}`;
  const used = new Set(now.map(tagOf));
  for (const sub of subs) {
    const { segmentation_type, segmentation_id } = sub;
    if (used.has(tagOf(sub))) throw apiError('DuplicateSubPort', { segmentation_type, segmentation_id, trunk_id });
    used.add(tagOf(sub));
  }
}

/** A port that something else uses is none to tag frames for. */
function holdSubPort(draft: Draft, row: Row): void {
  const port_id = String(row.id);
  const device_id = String(row.device_id);
  if (device_id !== '') throw apiError('PortInUse', { net_id: String(row.network_id), port_id, device_id });
  draft.taken.add(inTrunk(port_id));
  draft.absent('trunks', { eq: ['port_id', port_id] });
  draft.relyOn(port, row);
}

async function subjectsOf(ctx: RequestContext, ids: readonly string[]): Promise<Map<string, Subject>> {
  const rows = await ownPorts(ctx, ids);
  const networkIds = [...rows.values()].map(r => r.network_id);
  const networks = await byIds(ctx, 'networks', networkIds);
  const segments = await grouped(ctx, 'segments', 'network_id', networkIds, { order: [['segment_index', 'asc']] });
  const of = (row: Row): Subject => {
    const id = String(row.network_id);
    return { row, mtu: Number(networks.get(id)?.mtu ?? 0), segment: segments.get(id)?.[0] };
  };
  return new Map([...rows].map(([id, row]) => [id, of(row)]));
}

function inherited({ port_id }: WantedSubPort, subject: Subject | undefined): WantedSubPort {
  if (!subject) throw apiError('PortNotFound', { port_id });
  const { segment } = subject;
  if (!segment) throw invalidInput('Cannot accept segmentation type inherit');
  return { port_id, segmentation_type: segment.network_type, segmentation_id: segment.segmentation_id ?? 0 };
}

async function mtuOf(services: Services, portId: string): Promise<number | undefined> {
  const row = await services.store.get('ports', { id: portId });
  const net = row && (await services.store.get('networks', { id: String(row.network_id) }));
  return net ? Number(net.mtu) : undefined;
}

async function usedPorts(
  services: Services,
  ids: readonly string[],
): Promise<{ subs: ReadonlySet<unknown>; parents: ReadonlySet<unknown> }> {
  const where = { in: ['port_id', ids] } as const;
  const of = async (table: string): Promise<ReadonlySet<unknown>> =>
    new Set((await services.store.select({ table, where, columns: ['port_id'] })).map(r => r.port_id));
  return { subs: await of('sub_ports'), parents: await of('trunks') };
}
