// How a port comes to be: for a request, or for a router, a floating IP or a DHCP agent. Rights are checked by whoever asks.
import type { Row } from '../../contracts/store.ts';
import { normalizePairs } from '../../domain/allowed-address-pairs.ts';
import { apiError } from '../../domain/errors.ts';
import { normalizeDhcpOpts } from '../../domain/extra-dhcp-opts.ts';
import type { Attributes } from '../../domain/input/body.ts';
import type { NamedBy } from '../../domain/ipam/dns-keywords.ts';
import { isServicePort } from '../../domain/ipam/owners.ts';
import { outside, placeOf } from '../../domain/pvlan.ts';
import { network } from '../../model/network.ts';
import { type FixedIp, port } from '../../model/port.ts';
import { newColumns } from '../columns.ts';
import type { Services } from '../context.ts';
import type { Draft } from '../draft.ts';
import { giveAddresses } from './addresses.ts';
import { bindNew } from './binding.ts';
import { awaitAgents } from './port-blocks.ts';
import { giveGroups } from './port-groups.ts';
import { macFor, macOfDevice } from './port-mac.ts';
import { namesOf } from './port-names.ts';
import type { PortParts } from './port-rows.ts';
import { admitPort } from './qos-use.ts';
import { addTags } from './tags.ts';

export interface CreatedPort {
  readonly row: Row;
  readonly fixedIps: readonly FixedIp[];
  /** The same and the rest, as `partsOf` will load them. */
  readonly parts: PortParts;
  readonly tags: readonly string[];
}

/** Relies on the network as it was read, so that a subnet that comes meanwhile gets its automatic address onto the port. */
export async function createPort(services: Services, draft: Draft, net: Row, input: Attributes): Promise<CreatedPort> {
  draft.relyOn(network, net);
  const id = draft.newId();
  const network_id = String(net.id);
  const owner = String(input.device_owner ?? '');
  const project = String(input.project_id ?? '');
  const plug = {
    host: String(input['binding:host_id'] ?? ''),
    vnic_type: String(input['binding:vnic_type'] ?? 'normal'),
    profile: (input['binding:profile'] as Record<string, unknown> | undefined) ?? {},
  };
  const mac = await macFor(services, draft, network_id, macOfDevice(services, draft, undefined, plug) ?? input.mac_address);
  const security = isSecured(input, net, owner);
  const requested = input.fixed_ips as FixedIp[] | undefined;
  const wish = { port_id: id, network_id, mac, owner, requested, host: plug.host };
  const { fixedIps, withDhcp, waits } = await giveAddresses(services, draft, wish);
  const groups = await giveGroups(services, draft, id, { given: input.security_groups as string[] | undefined, project, owner, security });
  const columns = columnsOf(services, input, { mac, security });
  const ip_allocation = waits ? 'deferred' : requested?.length === 0 ? 'none' : 'immediate';
  const place = placeOf(net.pvlan === true, { id, network_id, owner, secured: security }, input, outside);
  const row = draft.create(port, { ...columns, ...place, ip_allocation, id, network_id, project_id: project });
  const tags = [...((input.tags as string[] | undefined) ?? [])].sort();
  addTags(draft, id, tags);
  const binding = await bindNew(services, draft, { port_id: id, network_id, ...plug, ...place });
  await admitPort(services, draft, row.qos_policy_id ?? net.qos_policy_id, row, binding.row);
  await awaitAgents(services, draft, { port_id: id, network_id, owner, bound: binding.bound, withDhcp });
  return {
    row,
    fixedIps,
    parts: {
      fixedIps: new Map([[id, fixedIps]]),
      groups: new Map([[id, [...groups].sort()]]),
      bindings: new Map([[id, binding.row]]),
    },
    tags,
  };
}

function isSecured(input: Attributes, net: Row, owner: string): boolean {
  if (input.port_security_enabled !== undefined) return input.port_security_enabled === true;
  return !isServicePort(owner) && net.port_security_enabled === true;
}

function columnsOf(services: Services, input: Attributes, { mac, security }: { mac: string; security: boolean }): Row {
  const pairs = normalizePairs(input.allowed_address_pairs, { max: services.config.maxAllowedAddressPair, mac });
  if (pairs.length > 0 && !security) throw apiError('AddressPairAndPortSecurityRequired');
  return {
    ...newColumns(port, input),
    device_profile: (input.device_profile as string | undefined) || null,
    ...namesOf(services, input, input.dns_named_by as NamedBy | undefined),
    mac_address: mac,
    status: (input.status as string | undefined) ?? 'DOWN',
    port_security_enabled: security,
    allowed_address_pairs: pairs,
    extra_dhcp_opts: normalizeDhcpOpts(input.extra_dhcp_opts as readonly unknown[] | undefined, []),
    revision_number: 1,
  };
}
