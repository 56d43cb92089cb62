// Counters of ports as Open vSwitch has them: one question to its database for all interfaces, one to the switch for what the firewall dropped.

import type { FoundFlow } from '../../contracts/host/openflow.ts';
import type { OvsdbSession } from '../../contracts/host/ovsdb.ts';
import type { Vif } from '../desired/openvswitch/plan.ts';
import { countersOf, type Statistics } from '../l2/statistics.ts';

/** ovs-vswitchd writes them every five seconds (`stats-update-interval`). */
export async function interfaceStatistics(
  session: OvsdbSession,
  vifs: ReadonlyMap<string, Vif>,
  dropped: readonly FoundFlow[],
): Promise<Statistics> {
  const [answer] = await session.transact([{ op: 'select', table: 'Interface', where: [], columns: ['_uuid', 'statistics'] }]);
  const rows = Array.isArray(answer?.['rows']) ? (answer['rows'] as readonly Readonly<Record<string, unknown>>[]) : [];
  const byRow = new Map(rows.map(row => [uuidOf(row['_uuid']), row['statistics']]));
  const byPort = new Map<number, number>();
  for (const { match, packets } of dropped)
    if (typeof match.reg5 === 'number') byPort.set(match.reg5, (byPort.get(match.reg5) ?? 0) + Number(packets));
  return new Map(
    [...vifs].map(([device, vif]) => {
      const firewallDropped = vif.ofport === undefined ? undefined : byPort.get(vif.ofport);
      const counters = countersOf(vif.name, numbersOf(byRow.get(vif.row)));
      return [device, { ...counters, ...(firewallDropped === undefined ? {} : { firewallDropped }) }];
    }),
  );
}

/** `["uuid", "…"]` (RFC 7047, section 5.1). */
const uuidOf = (wire: unknown): unknown => (Array.isArray(wire) ? wire[1] : undefined);

/** `["map", [["rx_bytes", 5], …]]`. */
function numbersOf(wire: unknown): Record<string, number> {
  const pairs: unknown = Array.isArray(wire) ? wire[1] : undefined;
  if (!Array.isArray(pairs)) return {};
  return Object.fromEntries(
    pairs.filter((p): p is [string, number] => Array.isArray(p) && typeof p[0] === 'string' && typeof p[1] === 'number'),
  );
}
