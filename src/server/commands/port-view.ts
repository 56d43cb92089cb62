// Ports as the API shows them.
import type { Row } from '../../contracts/store.ts';
import type { Services } from '../context.ts';
import type { ApiObject } from './commands.ts';
import { type PortParts, partsOf } from './port-rows.ts';
import { tagsOf } from './tags.ts';

export async function presentPorts(services: Services, rows: readonly Row[]): Promise<ApiObject[]> {
  const ids = rows.map(r => String(r.id));
  const parts = await partsOf(services, ids);
  const tags = await tagsOf(services, ids);
  return rows.map(row => presentPort(row, parts, tags.get(String(row.id)) ?? []));
}

export function presentPort(row: Row, parts: PortParts, tags: readonly string[]): ApiObject {
  const id = String(row.id);
  const binding = parts.bindings.get(id);
  return {
    id,
    name: row.name,
    network_id: row.network_id,
    project_id: row.project_id,
    mac_address: row.mac_address,
    admin_state_up: row.admin_state_up,
    status: row.status,
    device_id: row.device_id,
    device_owner: row.device_owner,
    fixed_ips: parts.fixedIps.get(id) ?? [],
    allowed_address_pairs: row.allowed_address_pairs,
    extra_dhcp_opts: row.extra_dhcp_opts,
    security_groups: parts.groups.get(id) ?? [],
    port_security_enabled: row.port_security_enabled,
    'binding:vnic_type': binding?.vnic_type ?? 'normal',
    'binding:profile': binding?.profile ?? {},
    'binding:host_id': binding?.host ?? '',
    'binding:vif_type': binding?.vif_type ?? 'unbound',
    'binding:vif_details': binding?.vif_details ?? {},
    tags,
    description: row.description,
    created_at: row.created_at,
    updated_at: row.updated_at,
    revision_number: row.revision_number,
  };
}
