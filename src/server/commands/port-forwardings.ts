// Port forwardings below a floating IP. Every change of one raises the revisions of the floating IP and of the port that it leads to,
// and relies on them: so no two that collide are made at once, and none is left without its way in.
import type { Row } from '../../contracts/store.ts';
import { apiError, badRequest, isApiError } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { pyRepr } from '../../domain/input/python.ts';
import { checkCollisions, checkRanges, checkTwins, type Forwarding, sideOf } from '../../domain/port-forwarding.ts';
import { floatingip } from '../../model/floatingip.ts';
import { type FixedIp, port } from '../../model/port.ts';
import { portForwarding } from '../../model/port-forwarding.ts';
import { notFound } from '../authorize.ts';
import { shownColumns } from '../columns.ts';
import type { RequestContext } from '../context.ts';
import type { Draft } from '../draft.ts';
import { relyOnParent } from '../find.ts';
import type { Commands, Created } from './commands.ts';
import { relyOnPath, wayIn } from './floatingip-association.ts';
import { byIds } from './load.ts';
import { addressesOf } from './port-rows.ts';

const { name, table } = { name: portForwarding.name, table: portForwarding.table.name };

const bad = (msg: string): Error => badRequest(name, msg);

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const fip = await relyOnParent(ctx, draft);
  const wanted = forwardingOf(draft.newId(), String(fip.id), input);
  checkRanges(wanted.internal_port_range, wanted.external_port_range);
  const target = await targetOf(ctx, wanted);
  checkCollisions(wanted, await othersOf(ctx, draft, wanted));
  if (fip.port_id) {
    throw apiError('FloatingIPPortAlreadyAssociated', {
      floating_ip_address: String(fip.floating_ip_address),
      fip_id: String(fip.id),
      port_id: wanted.internal_port_id,
      fixed_ip: wanted.internal_ip_address,
      net_id: String(fip.floating_network_id),
    });
  }
  const router_id = await reach(ctx, draft, { fip, wanted, target });
  const row = draft.create(portForwarding, { ...wanted, description: String(input.description ?? '') }, { router_id });
  draft.update(floatingip, fip, { router_id }, { facts: { router_after: router_id } });
  draft.touch(port, wanted.internal_port_id);
  return { id: wanted.id, shown: shownColumns(portForwarding, row) };
}

function forwardingOf(id: string, floatingip_id: string, input: Attributes): Forwarding {
  const outside = sideOf(input.external_port, input.external_port_range);
  const inside = sideOf(input.internal_port, input.internal_port_range);
  if (!outside) throw bad('Either external_port or external_port_range must be specified');
  if (!inside) throw bad('Either internal_port or internal_port_range must be specified');
  return {
    id,
    floatingip_id,
    protocol: String(input.protocol),
    internal_port_id: String(input.internal_port_id),
    internal_ip_address: String(input.internal_ip_address),
    external_port: outside.port,
    external_port_range: outside.range,
    internal_port: inside.port,
    internal_port_range: inside.range,
  };
}

interface Target {
  readonly row: Row;
  readonly fixedIps: readonly FixedIp[];
}

/** The port that is led to: the caller's own, since what reaches it changes. */
async function targetOf(ctx: RequestContext, { internal_port_id: id }: Pick<Forwarding, 'internal_port_id'>): Promise<Target> {
  const row = (await byIds(ctx, 'ports', [id])).get(id);
  if (!row || (!ctx.isAdmin && row.project_id !== ctx.caller.project_id)) throw apiError('PortNotFound', { port_id: id });
  return { row, fixedIps: ((await addressesOf(ctx, [id])).get(id) ?? []).filter(f => f.ip_address.includes('.')) };
}

/** What might collide, of what is there and of what this draft makes. */
async function othersOf(ctx: RequestContext, draft: Draft, wanted: Forwarding): Promise<Forwarding[]> {
  const rows = await ctx.store.select({
    table,
    where: {
      and: [
        { eq: ['protocol', wanted.protocol] },
        { or: [{ eq: ['floatingip_id', wanted.floatingip_id] }, { eq: ['internal_port_id', wanted.internal_port_id] }] },
        { not: { eq: ['id', wanted.id] } },
      ],
    },
  });
  return [...rows, ...draft.allMade(portForwarding)] as unknown as Forwarding[];
}

interface Way {
  readonly fip: Row;
  readonly wanted: Forwarding;
  readonly target: Target;
}

/** The router between the two, which is that of all forwardings of the floating IP. */
async function reach(ctx: RequestContext, draft: Draft, { fip, wanted, target }: Way): Promise<string> {
  await refuseFloating(ctx, draft, wanted);
  draft.relyOn(port, target.row);
  const fixed = target.fixedIps.find(f => f.ip_address === wanted.internal_ip_address);
  if (!fixed) {
    const why = `is not suitable for internal neutron port ${wanted.internal_port_id}, as its fixed_ips are ${pyRepr(target.fixedIps)}`;
    throw bad(`Requested internal IP address ${wanted.internal_ip_address} ${why}`);
  }
  const networkId = String(fip.floating_network_id);
  const way = await wayIn(ctx, fixed.subnet_id, networkId, wanted.internal_port_id).catch(error => {
    if (!isApiError(error, 'ExternalGatewayForFloatingIPNotFound')) throw error;
    const what = `External network ${networkId} is not reachable from subnet ${fixed.subnet_id}.`;
    throw bad(`${what} Cannot set Port forwarding for port ${wanted.internal_port_id} with Floating IP ${String(fip.id)}`);
  });
  const { router_id } = way;
  const now = fip.router_id ?? draft.setBefore('floatingips', String(fip.id), 'router_id');
  if (now && now !== router_id) {
    const what = `The Floating IP ${String(fip.id)} had been set on router ${String(now)}`;
    throw bad(`${what}, the internal Neutron port ${wanted.internal_port_id} can not reach it`);
  }
  relyOnPath(draft, { way, port_id: wanted.internal_port_id, fixed });
  return router_id;
}

/** A port with a floating IP of its own has all its ports reached through that. */
async function refuseFloating(ctx: RequestContext, draft: Draft, wanted: Forwarding): Promise<void> {
  const where = { eq: ['port_id', wanted.internal_port_id] } as const;
  const [own] = await ctx.store.select({ table: 'floatingips', where, order: [['id', 'asc']], limit: 1 });
  draft.absent('floatingips', where);
  if (!own) return;
  throw apiError('PortHasBindingFloatingIP', {
    floating_ip_address: String(own.floating_ip_address),
    fip_id: String(own.id),
    port_id: wanted.internal_port_id,
    fixed_ip: wanted.internal_ip_address,
  });
}

/** The floating IP, and then the forwarding as it is while that does not change. */
async function relyOnBoth(ctx: RequestContext, draft: Draft, { id }: Row): Promise<{ readonly fip: Row; readonly row: Row }> {
  const fip = await relyOnParent(ctx, draft);
  const row = await ctx.store.get(table, { id: String(id) });
  if (!row) throw notFound(portForwarding, String(id));
  return { fip, row };
}

async function update(ctx: RequestContext, draft: Draft, seen: Row, input: Attributes): Promise<void> {
  if (Object.keys(input).length === 0) return;
  const { fip, row } = await relyOnBoth(ctx, draft, seen);
  const { description, ...rest } = input;
  if (Object.keys(rest).length > 0) {
    const wanted = await changed(ctx, draft, { fip, row, input });
    draft.update(portForwarding, row, { ...wanted });
    for (const id of new Set([row.internal_port_id, wanted.internal_port_id])) draft.touch(port, String(id));
  }
  if (description !== undefined) draft.update(portForwarding, row, { description: description as string });
  draft.update(floatingip, fip, {}, { facts: Object.keys(rest).length > 0 ? {} : { changed: ['description'] } });
}

interface Change {
  readonly fip: Row;
  readonly row: Row;
  readonly input: Attributes;
}

async function changed(ctx: RequestContext, draft: Draft, { fip, row, input }: Change): Promise<Forwarding> {
  const internal_port_id = String(input.internal_port_id ?? row.internal_port_id);
  const target = await targetOf(ctx, { internal_port_id });
  const other = input.internal_port_id !== undefined && input.internal_ip_address === undefined;
  const address = other ? target.fixedIps[0]?.ip_address : (input.internal_ip_address ?? row.internal_ip_address);
  const inside = sideOf(input.internal_port, input.internal_port_range);
  const outside = sideOf(input.external_port, input.external_port_range);
  const wanted = forwardingOf(String(row.id), String(row.floatingip_id), {
    protocol: input.protocol ?? row.protocol,
    internal_port_id,
    internal_ip_address: address,
    internal_port_range: inside?.range ?? row.internal_port_range,
    external_port_range: outside?.range ?? row.external_port_range,
  });
  if (!target.fixedIps.some(f => f.ip_address === wanted.internal_ip_address)) {
    const what = 'The internal IP does not correspond to an address on the internal port';
    throw bad(`${what}, which has fixed_ips ${pyRepr(target.fixedIps)}`);
  }
  const others = await othersOf(ctx, draft, wanted);
  checkTwins(wanted, others, String(fip.floating_ip_address));
  checkRanges(wanted.internal_port_range, wanted.external_port_range);
  checkCollisions(wanted, others);
  await reach(ctx, draft, { fip, wanted, target });
  return wanted;
}

async function remove(ctx: RequestContext, draft: Draft, seen: Row): Promise<void> {
  const { fip, row } = await relyOnBoth(ctx, draft, seen);
  const others = await ctx.store.count(table, {
    and: [{ eq: ['floatingip_id', String(fip.id)] }, { not: { eq: ['id', String(row.id)] } }],
  });
  draft.remove(portForwarding, row, { router_id: fip.router_id });
  draft.update(floatingip, fip, others > 0 ? {} : { router_id: null, status: 'DOWN' }, { facts: { router_before: fip.router_id } });
  draft.touch(port, String(row.internal_port_id));
}

export const portForwardings: Commands = {
  resource: portForwarding,
  present: async (_services, rows) => rows.map(row => shownColumns(portForwarding, row)),
  filters: {
    external_port_range: values => ({ in: ['external_port_range', values.map(v => (v.includes(':') ? v : `${v}:${v}`))] }),
  },
  create,
  update,
  delete: remove,
};
