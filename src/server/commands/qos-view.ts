// What ports and floating IPs show of the policies of their networks, and what ports ask of Placement.
import type { Row } from '../../contracts/store.ts';
import { resourceRequest } from '../../domain/qos.ts';
import type { ResourceRequest } from '../../model/ext/qos.ts';
import type { Services } from '../context.ts';
import { uuid5 } from '../uuid5.ts';
import { byIds, grouped } from './load.ts';
import { rulesOf } from './qos-rows.ts';

/** The policies of networks, by network. */
export async function networkPolicies(services: Services, networkIds: Iterable<unknown>): Promise<Map<string, string | null>> {
  const rows = await byIds(services, 'networks', networkIds);
  return new Map([...rows].map(([id, row]) => [id, (row.qos_policy_id ?? null) as string | null]));
}

export interface PortQos {
  readonly qos_network_policy_id: string | null;
  readonly resource_request: ResourceRequest | null;
}

/** By port. A constant number of queries, and only one where no policy is in effect; none for the networks where theirs are known. */
export async function portQos(
  services: Services,
  rows: readonly Row[],
  bindings: ReadonlyMap<string, Row>,
  known?: ReadonlyMap<string, string | null>,
): Promise<(row: Row) => PortQos> {
  const networkIds = rows.map(r => r.network_id);
  const ofNetworks = known ?? (await networkPolicies(services, networkIds));
  const effective = (row: Row): unknown => row.qos_policy_id ?? ofNetworks.get(String(row.network_id)) ?? null;
  const policyIds = new Set(rows.map(effective).filter(id => id !== null));
  const rules = policyIds.size === 0 ? new Map() : await rulesOf(services, policyIds, ['minimum_bandwidth', 'minimum_packet_rate']);
  const segments =
    rules.size === 0 ? new Map() : await grouped(services, 'segments', 'network_id', networkIds, { order: [['segment_index', 'asc']] });
  return row => ({
    qos_network_policy_id: ofNetworks.get(String(row.network_id)) ?? null,
    resource_request: resourceRequest({
      rules: rules.get(String(effective(row))) ?? [],
      vnic_type: String(bindings.get(String(row.id))?.vnic_type ?? 'normal'),
      physical_network: segments.get(String(row.network_id))?.[0]?.physical_network ?? null,
      groupId: name => uuid5(String(row.id), name),
    }),
  });
}
