// Floating IPs: an address of an external network, and the fixed address that it stands for.
import type { Query, Row, Value } from '../../contracts/store.ts';
import { apiError, badRequest } from '../../domain/errors.ts';
import type { Attributes } from '../../domain/input/body.ts';
import { owners } from '../../domain/ipam/owners.ts';
import { floatingip } from '../../model/floatingip.ts';
import { changedColumns, newColumns, shownColumns } from '../columns.ts';
import type { RequestContext, Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { find, seenQuery } from '../find.ts';
import { subnetsQuery } from './addresses.ts';
import type { ApiObject, Commands, Created } from './commands.ts';
import { associate, targetQueries } from './floatingip-association.ts';
import { byIds, groupedQuery, idsQuery } from './load.ts';
import { networks } from './networks.ts';
import { externalNetwork } from './on-network.ts';
import { createPort } from './port-create.ts';
import { forwardingsOf, forwardingsQuery, shownInFip } from './port-forwarding-rows.ts';
import { namerOf } from './port-names.ts';
import { deviceOf, removePortRows } from './port-rows.ts';
import { ports } from './ports.ts';
import { changePolicy, usePolicy } from './qos-use.ts';
import { networkPolicies } from './qos-view.ts';
import { tagsOf, tagsQuery } from './tags.ts';

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
  const forwardings = await forwardingsOf(
    services,
    rows.map(r => String(r.id)),
  );
  const policies = await networkPolicies(
    services,
    rows.map(r => r.floating_network_id),
  );
  return rows.map(row =>
    presentFloatingIp(row, {
      policy: policies.get(String(row.floating_network_id)) ?? null,
      port: ports.get(String(row.port_id)),
      forwardings: forwardings.get(String(row.id)) ?? [],
      tags: tags.get(String(row.id)) ?? [],
    }),
  );
}

function shownQueries(rows: readonly Row[]): Query[] {
  const ids = rows.map(r => String(r.id));
  const named = (column: string): string[] => [...new Set(rows.map(r => r[column]))].filter(id => typeof id === 'string');
  const leads = named('port_id');
  return [
    ...[tagsQuery(ids), forwardingsQuery(ids), idsQuery('networks', named('floating_network_id'))],
    ...(leads.length > 0 ? [idsQuery('ports', leads)] : []),
  ];
}

interface FloatingIpView {
  /** Of its network. */
  readonly policy: string | null;
  readonly port: Row | undefined;
  readonly forwardings: readonly Row[];
  readonly tags: readonly string[];
}

const presentFloatingIp = (row: Row, { policy, port, forwardings, tags }: FloatingIpView): ApiObject => ({
  ...shownColumns(floatingip, row),
  qos_network_policy_id: policy,
  port_details: detailsOf(port),
  port_forwardings: forwardings.map(shownInFip),
  tags,
});

function detailsOf(row: Row | undefined): unknown {
  if (!row) return null;
  const { name, network_id, mac_address, admin_state_up, status, device_id, device_owner } = row;
  return { name, network_id, mac_address, admin_state_up, status, device_id, device_owner };
}

/** A name below a domain, or neither. */
function refuseHalfName({ dns_name, dns_domain }: Attributes): void {
  if (dns_domain && !dns_name) throw badRequest('floatingip', 'dns_domain cannot be specified without a dns_name');
  if (dns_name && !dns_domain) throw badRequest('floatingip', 'dns_name cannot be specified without a dns_domain');
}

function foreseeFloatingIps(ctx: RequestContext, inputs: readonly Attributes[]): readonly Query[] {
  return inputs.flatMap(input => {
    const id = String(input.floating_network_id);
    const ofNetwork = [seenQuery(ctx, networks, [id]), groupedQuery('rbac_entries', 'object_id', [id]), ipv4Query(id), subnetsQuery(id)];
    return [...ofNetwork, ...endQueries(ctx, input)];
  });
}

/** Where it is to lead. */
function endQueries(ctx: RequestContext, { port_id }: Attributes): Query[] {
  return typeof port_id === 'string' ? [...targetQueries(ctx, port_id), idsQuery('ports', [port_id])] : [];
}

const ipv4Query = (network_id: string): Query => ({
  table: 'subnets',
  where: { and: [{ eq: ['network_id', network_id] }, { eq: ['ip_version', 4] }] },
});

async function create(ctx: RequestContext, draft: Draft, input: Attributes): Promise<Created> {
  refuseHalfName(input);
  const networkId = String(input.floating_network_id);
  const net = await externalNetwork(ctx, networkId, { resource: 'floatingip', text: 'is not a valid external network' });
  const id = draft.newId();
  const project = String(input.project_id ?? '');
  const subnets = await ctx.store.select(ipv4Query(networkId));
  if (subnets.length === 0) throw badRequest('floatingip', `Network ${networkId} does not contain any IPv4 subnet`);
  await refuseNoSubnet(ctx, input.subnet_id);
  const made = await createPort(ctx, draft, net, {
    project_id: '',
    device_id: id,
    device_owner: owners.floatingip,
    status: 'N/A',
    security_groups: [],
    port_security_enabled: false,
    ...requestedAddress(input, subnets),
  });
  const address = made.fixedIps.find(f => f.ip_address.includes('.'));
  if (!address) throw apiError('ExternalIpAddressExhausted', { net_id: networkId });
  await usePolicy(ctx, draft, input.qos_policy_id);
  const association = await associate(ctx, draft, {
    project,
    networkId,
    port_id: input.port_id,
    fixed_ip_address: input.fixed_ip_address,
    id,
  });
  const row = draft.create(
    floatingip,
    {
      ...newColumns(floatingip, input),
      id,
      project_id: project,
      floating_ip_address: address.ip_address,
      floating_port_id: made.row.id ?? '',
      dns_named_by: input.dns_name ? { ...namerOf(ctx.caller) } : null,
      status: 'DOWN',
      ...association,
    },
    { router_after: association.router_id, port_after: association.port_id, devices: await devicesOf(ctx, association.port_id) },
  );
  // What is shown of a port may move meanwhile; the network's policy does not.
  if (association.port_id !== null) return { id };
  const policy = (net.qos_policy_id ?? null) as string | null;
  return { id, shown: presentFloatingIp(row, { policy, port: undefined, forwardings: [], tags: [] }) };
}

/** One that is there and on another network is refused with the address. */
async function refuseNoSubnet(ctx: RequestContext, subnet_id: unknown): Promise<void> {
  if (typeof subnet_id === 'string' && !(await ctx.store.get('subnets', { id: subnet_id })))
    throw apiError('SubnetNotFound', { subnet_id });
}

function requestedAddress(input: Attributes, subnets: readonly Row[]): Attributes {
  const ip = input.floating_ip_address;
  if (ip) return { fixed_ips: [{ ip_address: ip, ...(input.subnet_id ? { subnet_id: input.subnet_id } : {}) }] };
  if (input.subnet_id) return { fixed_ips: [{ subnet_id: input.subnet_id }] };
  return { fixed_ips: [{ any_of: subnets.map(s => s.id) }] };
}

/** `port_id` null or an empty object disassociates; other keys alone keep the association. */
async function update(ctx: RequestContext, draft: Draft, row: Row, input: Attributes): Promise<void> {
  const { port_id: _port, fixed_ip_address: _address, ...set } = changedColumns(floatingip, input);
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
    if (forwards(row) && port_id !== null) await refuseForwarding(ctx, row, String(port_id));
    const association = await associate(ctx, draft, wanted);
    if (!forwards(row)) Object.assign(set, association);
  }
  await changePolicy(ctx, draft, row.qos_policy_id, input.qos_policy_id);
  const port_after = set.port_id === undefined ? row.port_id : set.port_id;
  draft.update(floatingip, row, set, {
    facts: {
      router_before: row.router_id,
      router_after: set.router_id === undefined ? row.router_id : set.router_id,
      port_before: row.port_id,
      port_after,
      devices: await devicesOf(ctx, row.port_id, port_after),
      changed: Object.keys(input),
    },
  });
}

/** Whose the ports are that it leads to, before and after: when that is told, the ports may be gone, or somebody else's. */
async function devicesOf(ctx: RequestContext, ...ports: readonly (Value | undefined)[]): Promise<readonly Row[]> {
  const rows = await byIds(ctx, 'ports', ports);
  return [...rows].map(([id, row]) => ({ id, ...deviceOf(row) }));
}

/** With a router and no port: what comes in leads to ports of several. Every change of its forwardings raises its revision. */
const forwards = (row: Row): boolean => row.port_id === null && row.router_id !== null;

/** A port that is not there is said to be so. */
async function refuseForwarding(ctx: RequestContext, row: Row, port_id: string): Promise<never> {
  await find(ctx, ports, port_id);
  throw apiError('FipInUseByPortForwarding', { id: String(row.id) });
}

async function remove(ctx: RequestContext, draft: Draft, row: Row): Promise<void> {
  if (forwards(row)) throw apiError('FipInUseByPortForwarding', { id: String(row.id) });
  const holder = await ctx.store.get('ports', { id: String(row.floating_port_id) });
  const devices = await devicesOf(ctx, row.port_id);
  draft.remove(floatingip, row, { router_before: row.router_id, port_before: row.port_id, devices });
  if (holder) await removePortRows(ctx, draft, [holder]);
}

export const floatingips: Commands = {
  resource: floatingip,
  present,
  derived: [],
  foresee: foreseeFloatingIps,
  foreseeUpdate: (ctx, _id, input) => endQueries(ctx, input),
  foreseeShown: shownQueries,
  create,
  update,
  delete: remove,
};
