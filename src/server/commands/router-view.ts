// Routers as the API shows them.
import type { Row } from '../../contracts/store.ts';
import type { FixedIp } from '../../model/port.ts';
import { router } from '../../model/router.ts';
import { shownColumns } from '../columns.ts';
import type { Services } from '../context.ts';
import { zonesOf } from './availability-zones.ts';
import type { ApiObject } from './commands.ts';
import { helpersOf } from './conntrack-helpers.ts';
import { byIds } from './load.ts';
import { partsOf } from './port-rows.ts';
import { networkPolicies } from './qos-view.ts';
import { tagsOf } from './tags.ts';

export async function presentRouters(services: Services, rows: readonly Row[]): Promise<ApiObject[]> {
  const ids = rows.map(r => String(r.id));
  const gateways = await byIds(
    services,
    'ports',
    rows.map(r => r.gw_port_id),
  );
  const parts = await partsOf(services, [...gateways.keys()]);
  const policies = await networkPolicies(
    services,
    [...gateways.values()].map(g => g.network_id),
  );
  const helpers = await helpersOf(services, ids);
  const zones = await zonesOf(services, 'router', ids);
  const tags = await tagsOf(services, ids);
  return rows.map(row => ({
    ...shownColumns(router, row),
    enable_ndp_proxy: row.enable_ndp_proxy === true && gateways.has(String(row.gw_port_id)),
    ha: row.ha === true,
    distributed: row.distributed === true,
    availability_zones: zones.get(String(row.id)) ?? [],
    external_gateway_info: gatewayInfo(row, gateways.get(String(row.gw_port_id)), parts.fixedIps, policies),
    conntrack_helpers: helpers.get(String(row.id)) ?? [],
    tags: tags.get(String(row.id)) ?? [],
  }));
}

function gatewayInfo(
  row: Row,
  gateway: Row | undefined,
  fixedIps: ReadonlyMap<string, readonly FixedIp[]>,
  policies: ReadonlyMap<string, string | null>,
): unknown {
  if (!gateway) return null;
  const { network_id } = gateway;
  const info = { network_id, external_fixed_ips: fixedIps.get(String(gateway.id)) ?? [], enable_snat: row.enable_snat };
  // As in Neutron: told where there is one, the gateway's or its network's.
  const told = row.qos_policy_id !== null || (policies.get(String(network_id)) ?? null) !== null;
  return told ? { ...info, qos_policy_id: row.qos_policy_id } : info;
}
