// Local IPs and their associations with ports. A port that holds the address of one stays for as long as that does.
import type { Predicate, Row } from '../../contracts/store.ts';
import { apiError, badRequest } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { owners } from '../../domain/ipam/owners.ts';
import { localIp, localIpAssociation } from '../../model/local-ip.ts';
import type { FixedIp } from '../../model/port.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { admitVisible, find, relyOnParent } from '../find.ts';
import type { ApiObject, Commands, Created } from './commands.ts';
import { byIds } from './load.ts';
import { announceAssociations } from './local-ip-rows.ts';
import { networks } from './networks.ts';
import { createPort } from './port-create.ts';
import { addressesOf, partsOf, removePortRows } from './port-rows.ts';
import { isShared, sharingOf } from './sharing.ts';

const associations = localIpAssociation.table.name;

interface Place {
  readonly local_port_id: string;
  readonly network_id: string;
  readonly local_ip_address: string;
}

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const id = draft.newId();
  const project_id = String(input.project_id ?? '');
  const place = input.local_port_id
    ? await atPort(ctx, draft, input)
    : input.network_id
      ? await onNetwork(ctx, draft, input, { id, project_id })
      : undefined;
  if (!place) throw apiError('LocalIPPortOrNetworkRequired');
  const row = draft.create(localIp, { ...newColumns(localIp, input), id, project_id, ...place });
  return { id, shown: shownColumns(localIp, row) };
}

async function atPort(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Place> {
  const id = String(input.local_port_id);
  const row = (await byIds(ctx, 'ports', [id])).get(id);
  if (!row || (!ctx.isAdmin && row.project_id !== ctx.caller.project_id)) throw badRequest('local_ip', `Port ${id} not found`);
  const local_ip_address = chosen(id, (await addressesOf(ctx, [id])).get(id) ?? [], input.local_ip_address);
  relyOnAddress(draft, id, local_ip_address);
  return { local_port_id: id, network_id: String(row.network_id), local_ip_address };
}

/** The address that is asked for, or the only one. */
function chosen(port_id: string, fixedIps: readonly FixedIp[], asked: unknown): string {
  const [only, ...others] = fixedIps;
  if (!only) throw apiError('LocalIPNoIP', { port_id });
  if (asked) {
    const found = fixedIps.find(f => f.ip_address === asked);
    if (!found) throw apiError('LocalIPRequestedIPNotFound', { port_id, ip: String(asked) });
    return found.ip_address;
  }
  if (others.length > 0) throw apiError('LocalIPNoRequestedIP', { port_id });
  return only.ip_address;
}

function relyOnAddress(draft: Draft, port_id: string, ip_address: string): void {
  draft.present('ip_allocations', { and: [{ eq: ['port_id', port_id] }, { eq: ['ip_address', ip_address] }] });
}

/** On a network that the caller may use, a port of the local IP's own. */
async function onNetwork(
  ctx: RequestContext,
  draft: Draft,
  input: Attributes,
  { id, project_id }: { readonly id: string; readonly project_id: string },
): Promise<Place> {
  const net = await find(ctx, networks, String(input.network_id));
  const network_id = String(net.id);
  const shared = isShared((await sharingOf(ctx, [network_id])).get(network_id), 'access_as_shared', { project_id: ctx.caller.project_id });
  if (!ctx.isAdmin && net.project_id !== project_id && !shared) throw apiError('NetworkNotFound', { net_id: network_id });
  const isIpv4 = { and: [{ eq: ['network_id', network_id] as const }, { eq: ['ip_version', 4] as const }] };
  if ((await ctx.store.count('subnets', isIpv4)) === 0)
    throw badRequest('local_ip', `Network ${network_id} does not contain any IPv4 subnet`);
  const asked = input.local_ip_address;
  const made = await createPort(ctx, draft, net, {
    project_id,
    device_id: id,
    device_owner: owners.localIp,
    status: 'N/A',
    security_groups: [],
    port_security_enabled: false,
    ...(asked ? { fixed_ips: [{ ip_address: asked }] } : {}),
  });
  const [address] = made.fixedIps;
  const local_port_id = String(made.row.id);
  if (!address) throw apiError('LocalIPNoIP', { port_id: local_port_id });
  return { local_port_id, network_id, local_ip_address: address.ip_address };
}

async function update(_ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  if (Object.keys(input).length > 0) draft.update(localIp, row, changedColumns(localIp, input));
}

async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const id = String(row.id);
  const own: Predicate = { eq: ['local_ip_id', id] };
  if ((await ctx.store.count(associations, own)) > 0) throw apiError('LocalIPInUse', { id });
  draft.absent(associations, own);
  draft.remove(localIp, row);
  const holder = await ctx.store.get('ports', { id: String(row.local_port_id) });
  if (holder?.device_owner === owners.localIp && holder.device_id === id) await removePortRows(ctx, draft, [holder], { localIp: id });
}

async function presentAssociations(services: Services, rows: readonly Row[]): Promise<ApiObject[]> {
  const parents = await byIds(
    services,
    localIp.table.name,
    rows.map(r => r.local_ip_id),
  );
  const { bindings } = await partsOf(
    services,
    rows.map(r => String(r.fixed_port_id)),
  );
  return rows.map(row => ({
    ...shownColumns(localIpAssociation, row),
    local_ip_id: row.local_ip_id,
    local_ip_address: parents.get(String(row.local_ip_id))?.local_ip_address ?? null,
    host: bindings.get(String(row.fixed_port_id))?.host ?? '',
  }));
}

async function associate(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  const { id: local_ip_id } = await relyOnParent(ctx, draft);
  const id = String(input.fixed_port_id);
  const row = (await byIds(ctx, 'ports', [id])).get(id);
  const bad = (msg: string): Error => badRequest('local_ip_port_association', msg);
  if (!row || (!ctx.isAdmin && row.project_id !== ctx.caller.project_id)) throw bad(`Port ${id} not found`);
  const fixed_ip = chosen(id, (await addressesOf(ctx, [id])).get(id) ?? [], input.fixed_ip);
  relyOnAddress(draft, id, fixed_ip);
  if (await ctx.store.get(associations, { local_ip_id: String(local_ip_id), fixed_port_id: id }))
    throw bad(`Local IP ${String(local_ip_id)} association with port ${id} already exists`);
  const association = { local_ip_id: String(local_ip_id), fixed_port_id: id, fixed_ip };
  draft.insert(associations, association, { tag: 'association' });
  announceAssociations(draft, 'created', [association]);
  return { id };
}

async function dissociate(_ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  draft.delete(associations, {
    and: [{ eq: ['local_ip_id', String(row.local_ip_id)] }, { eq: ['fixed_port_id', String(row.fixed_port_id)] }],
  });
  announceAssociations(draft, 'deleted', [row]);
}

export const localIpCommands: readonly Commands[] = [
  {
    resource: localIp,
    present: async (_services, rows) => rows.map(row => shownColumns(localIp, row)),
    admit: async (ctx, inputs) => {
      await admitVisible(
        ctx,
        networks,
        inputs.filter(i => !i.local_port_id).map(i => i.network_id),
      );
      return inputs.map(() => ({}));
    },
    create,
    update,
    delete: remove,
  },
  { resource: localIpAssociation, present: presentAssociations, create: associate, delete: dissociate },
];
