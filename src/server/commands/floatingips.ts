// Floating IPs: an address of an external network, and the fixed address that it stands for.
import type { Row, Value } from '../../contracts/store.ts';
import { apiError, badRequest } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { floatingip } from '../../model/floatingip.ts';
import type { FixedIp } from '../../model/port.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import type { ApiObject, Commands } from './commands.ts';
import { byIds } from './load.ts';
import { partsOf, removePortRows } from './port-rows.ts';
import { createPort } from './ports.ts';
import { routerPorts } from './router-rows.ts';
import { isShared, sharingOf } from './sharing.ts';
import { tagsOf } from './tags.ts';

async function present(services: Services, rows: readonly Row[]): Promise<ApiObject[]> {
  const tags = await tagsOf(
    services,
    rows.map(r => String(r.id)),
  );
  const ports = await byIds(
    services,
    'ports',
    rows.map(r => r.port_id),
  );
  return rows.map(row => ({
    id: row.id,
    project_id: row.project_id,
    floating_ip_address: row.floating_ip_address,
    floating_network_id: row.floating_network_id,
    router_id: row.router_id,
    port_id: row.port_id,
    fixed_ip_address: row.fixed_ip_address,
    status: row.status,
    port_details: detailsOf(ports.get(String(row.port_id))),
    tags: tags.get(String(row.id)) ?? [],
    description: row.description,
    created_at: row.created_at,
    updated_at: row.updated_at,
    revision_number: row.revision_number,
  }));
}

function detailsOf(row: Row | undefined): unknown {
  if (!row) return null;
  const { name, network_id, mac_address, admin_state_up, status, device_id, device_owner } = row;
  return { name, network_id, mac_address, admin_state_up, status, device_id, device_owner };
}

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<string> {
  const networkId = String(input.floating_network_id);
  const net = await externalNetwork(ctx, networkId);
  const id = draft.newId();
  const project = String(input.project_id ?? '');
  const subnets = await ctx.store.select({
    table: 'subnets',
    where: { and: [{ eq: ['network_id', networkId] }, { eq: ['ip_version', 4] }] },
  });
  if (subnets.length === 0) throw badRequest('floatingip', `Network ${networkId} does not contain any IPv4 subnet`);
  const made = await createPort(ctx, draft, net, {
    project_id: '',
    name: '',
    device_id: id,
    device_owner: 'network:floatingip',
    status: 'N/A',
    security_groups: [],
    port_security_enabled: false,
    ...requestedAddress(input, subnets),
  });
  const address = made.fixedIps.find(f => f.ip_address.includes('.'));
  if (!address) throw apiError('ExternalIpAddressExhausted', { net_id: networkId });
  const association = await associate(ctx, draft, {
    project,
    networkId,
    port_id: input.port_id,
    fixed_ip_address: input.fixed_ip_address,
    id,
  });
  draft.create(
    floatingip,
    {
      id,
      project_id: project,
      floating_network_id: networkId,
      floating_ip_address: address.ip_address,
      floating_port_id: made.row.id ?? '',
      status: 'DOWN',
      description: String(input.description ?? ''),
      ...association,
    },
    { router_after: association.router_id },
  );
  return id;
}

function requestedAddress(input: Attributes, subnets: readonly Row[]): Attributes {
  const ip = input.floating_ip_address;
  if (ip) return { fixed_ips: [{ ip_address: ip, ...(input.subnet_id ? { subnet_id: input.subnet_id } : {}) }] };
  if (input.subnet_id) return { fixed_ips: [{ subnet_id: input.subnet_id }] };
  return { fixed_ips: [{ any_of: subnets.map(s => s.id) }] };
}

async function externalNetwork(ctx: RequestContext, id: string): Promise<Row> {
  const row = (await byIds(ctx, 'networks', [id])).get(id);
  const entries = (await sharingOf(ctx, [id])).get(id);
  const seen =
    ctx.isAdmin ||
    row?.project_id === ctx.caller.project_id ||
    isShared(entries, 'access_as_external', { project_id: ctx.caller.project_id, isAdmin: false });
  if (!row || !(entries ?? []).some(e => e.action === 'access_as_external') || !seen)
    throw badRequest('floatingip', `Network ${id} is not a valid external network`);
  return row;
}

interface Association {
  readonly port_id: string | null;
  readonly fixed_ip_address: string | null;
  readonly router_id: string | null;
}

interface Wanted {
  readonly id: string;
  readonly project: string;
  readonly networkId: string;
  readonly port_id: unknown;
  readonly fixed_ip_address: unknown;
}

const none: Association = { port_id: null, fixed_ip_address: null, router_id: null };

async function associate(ctx: RequestContext, draft: Draft, wanted: Wanted): Promise<Association> {
  const { port_id, fixed_ip_address } = wanted;
  if (port_id === null || port_id === undefined) {
    if (fixed_ip_address) throw badRequest('floatingip', 'fixed_ip_address cannot be specified without a port_id');
    return none;
  }
  const id = String(port_id);
  const port = (await byIds(ctx, 'ports', [id])).get(id);
  if (!port || (!ctx.isAdmin && port.project_id !== ctx.caller.project_id)) throw apiError('PortNotFound', { port_id: id });
  if (port.project_id !== wanted.project) {
    throw badRequest(
      'floatingip',
      `Port ${id} is associated with a different tenant than Floating IP ${wanted.id} and therefore cannot be bound`,
    );
  }
  const fixed = await fixedAddress(ctx, id, fixed_ip_address);
  await refuseTaken(ctx, wanted, id, fixed);
  const router_id = await routerFor(ctx, fixed.subnet_id, wanted.networkId, id);
  draft.present('ports', { eq: ['id', id] });
  draft.present('ip_allocations', { and: [{ eq: ['port_id', id] }, { eq: ['ip_address', fixed.ip_address] }] });
  draft.present('routers', { and: [{ eq: ['id', router_id] }, { not: { eq: ['gw_port_id', null] } }] });
  draft.present('router_ports', { eq: ['router_id', router_id] });
  return { port_id: id, fixed_ip_address: fixed.ip_address, router_id };
}

async function fixedAddress(ctx: RequestContext, portId: string, asked: unknown): Promise<FixedIp> {
  const all = ((await partsOf(ctx, [portId])).fixedIps.get(portId) ?? []) as readonly FixedIp[];
  const v4 = all.filter(f => f.ip_address.includes('.'));
  if (asked) {
    const found = all.find(f => f.ip_address === asked);
    if (!found) throw badRequest('floatingip', `Port ${portId} does not have fixed ip ${String(asked)}`);
    if (!v4.includes(found))
      throw badRequest('floatingip', `Cannot process floating IP association with ${String(asked)}, since that is not an IPv4 address`);
    return found;
  }
  if (v4.length === 0) throw badRequest('floatingip', `Cannot add floating IP to port ${portId} that has no fixed IPv4 addresses`);
  if (v4.length > 1) {
    throw badRequest(
      'floatingip',
      `Port ${portId} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning a floating IP`,
    );
  }
  return v4[0] as FixedIp;
}

async function refuseTaken(ctx: RequestContext, wanted: Wanted, port_id: string, fixed: FixedIp): Promise<void> {
  const [other] = await ctx.store.select({
    table: 'floatingips',
    where: {
      and: [
        { eq: ['floating_network_id', wanted.networkId] },
        { eq: ['port_id', port_id] },
        { eq: ['fixed_ip_address', fixed.ip_address] },
        { not: { eq: ['id', wanted.id] } },
      ],
    },
  });
  if (other) {
    throw apiError('FloatingIPPortAlreadyAssociated', {
      floating_ip_address: String(other.floating_ip_address),
      fip_id: String(other.id),
      port_id,
      fixed_ip: fixed.ip_address,
      net_id: wanted.networkId,
    });
  }
}

/** The router between the port's subnet and the external network; the one that is the subnet's gateway is preferred. */
async function routerFor(ctx: RequestContext, subnetId: string, networkId: string, portId: string): Promise<string> {
  const links = await ctx.store.select({
    table: 'router_ports',
    where: { exists: { table: 'ip_allocations', on: [['port_id', 'port_id']], where: { eq: ['subnet_id', subnetId] } } },
  });
  const all = await routerPorts(ctx, [...new Set(links.map(l => String(l.router_id)))]);
  const subnet = await ctx.store.get('subnets', { id: subnetId });
  const reaching = [...all].filter(([, ports]) => ports.some(p => p.type === 'network:router_gateway' && p.port.network_id === networkId));
  const preferred = reaching.find(([, ports]) =>
    ports.some(p => p.fixed_ips.some(f => f.subnet_id === subnetId && f.ip_address === subnet?.gateway_ip)),
  );
  const found = preferred ?? reaching[0];
  if (!found)
    throw apiError('ExternalGatewayForFloatingIPNotFound', { external_network_id: networkId, subnet_id: subnetId, port_id: portId });
  return found[0];
}

/** `port_id` null or an empty object disassociates; other keys alone keep the association. */
async function update(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  const set: Record<string, Value> = {};
  if (input.description !== undefined) set.description = input.description as string;
  const empty = Object.keys(input).length === 0;
  if (empty || input.port_id !== undefined || input.fixed_ip_address !== undefined) {
    const port_id = empty ? null : input.port_id === undefined ? row.port_id : input.port_id;
    const wanted = {
      id: String(row.id),
      project: String(row.project_id),
      networkId: String(row.floating_network_id),
      port_id,
      fixed_ip_address: input.fixed_ip_address,
    };
    Object.assign(set, await associate(ctx, draft, wanted));
  }
  draft.update(floatingip, row, set, {
    facts: {
      router_before: row.router_id,
      router_after: set.router_id === undefined ? row.router_id : set.router_id,
      port_before: row.port_id,
      changed: Object.keys(input),
    },
  });
}

async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  const holder = await ctx.store.get('ports', { id: String(row.floating_port_id) });
  draft.remove(floatingip, row, { router_before: row.router_id, port_before: row.port_id });
  if (holder) await removePortRows(ctx, draft, [holder]);
}

export const floatingips: Commands = { resource: floatingip, present, create, update, delete: remove };
