// Ports as the API shows them.
import type { Row } from '../../contracts/store.ts';
import { dnsAssignments } from '../../domain/ipam/dns.ts';
import { port } from '../../model/port.ts';
import { shownColumns } from '../columns.ts';
import type { Services } from '../context.ts';
import type { ApiObject } from './commands.ts';
import { profileOf } from './port-profile.ts';
import { type PortParts, partsOf } from './port-rows.ts';
import { type PortQos, portQos } from './qos-view.ts';
import { tagsOf } from './tags.ts';
import { trunkDetailsOf } from './trunk-rows.ts';

export async function presentPorts(services: Services, rows: readonly Row[]): Promise<ApiObject[]> {
  const ids = rows.map(r => String(r.id));
  const parts = await partsOf(services, ids);
  const tags = await tagsOf(services, ids);
  const qos = await portQos(services, rows, parts.bindings);
  const trunks = await trunkDetailsOf(services, ids);
  return rows.map(row => {
    const trunk_details = trunks.get(String(row.id));
    const shown = presentPort(row, { parts, tags: tags.get(String(row.id)) ?? [], qos: qos(row), dnsDomain: services.config.dnsDomain });
    return trunk_details ? { ...shown, trunk_details } : shown;
  });
}

export interface PortView {
  readonly parts: PortParts;
  readonly tags: readonly string[];
  readonly qos: PortQos;
  /** The cloud's. */
  readonly dnsDomain: string;
}

export function presentPort(row: Row, { parts, tags, qos, dnsDomain }: PortView): ApiObject {
  const id = String(row.id);
  const binding = parts.bindings.get(id);
  return Object.assign(shownColumns(port, row), {
    fixed_ips: parts.fixedIps.get(id) ?? [],
    dns_assignment: dnsAssignments(parts.fixedIps.get(id) ?? [], String(row.dns_name ?? ''), dnsDomain),
    security_groups: parts.groups.get(id) ?? [],
    'binding:vnic_type': binding?.vnic_type ?? 'normal',
    'binding:profile': profileOf(row, binding),
    'binding:host_id': binding?.host ?? '',
    'binding:vif_type': binding?.vif_type ?? 'unbound',
    'binding:vif_details': binding?.vif_details ?? {},
    ...qos,
    tags,
  });
}
