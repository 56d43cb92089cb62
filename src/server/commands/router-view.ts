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
import { tagsOf } from './tags.ts';

export async function presentRouters(services: Services, rows: readonly Row[]): Promise<ApiObject[]> {
  const ids = rows.map(r => String(r.id));
  const gateways = await byIds(
    services,
    'ports',
    rows.map(r => r.gw_port_id),
  );
  const parts = await partsOf(services, [...gateways.keys()]);
  const helpers = await helpersOf(services, ids);
  const zones = await zonesOf(services, 'router', ids);
  const tags = await tagsOf(services, ids);
  return rows.map(row => ({
    ...shownColumns(router, row),
    external_gateway_info: gatewayInfo(row, gateways.get(String(row.gw_port_id)), parts.fixedIps.get(String(row.gw_port_id)) ?? []),
    availability_zones: zones.get(String(row.id)) ?? [],
    conntrack_helpers: helpers.get(String(row.id)) ?? [],
    tags: tags.get(String(row.id)) ?? [],
  }));
}

function gatewayInfo(row: Row, gateway: Row | undefined, fixedIps: readonly FixedIp[]): unknown {
  return gateway ? { network_id: gateway.network_id, external_fixed_ips: fixedIps, enable_snat: row.enable_snat } : null;
}
