// Takes a trunk's bridge away with what leads from it to the integration bridge, in one transaction that relies on the bridge as it was seen: a hypervisor
// may be about to plug an instance into it.
import { type OvsBridge, OvsdbRefusal, type OvsdbSession, type OvsOperation, type OvsPicture } from '../../contracts/host/ovsdb.ts';
import { wiresOf } from './trunk-bridges.ts';

const uuids = (rows: Iterable<{ readonly _uuid: string }>): unknown => ['set', [...rows].map(({ _uuid }) => ['uuid', _uuid])];
const is = (row: { readonly _uuid: string }): unknown => [['_uuid', '==', ['uuid', row._uuid]]];

/** Answers whether it went: what was changed meanwhile stays. */
export async function removeTrunkBridge(
  session: OvsdbSession,
  bridge: OvsBridge,
  picture: OvsPicture,
  integrationBridge: string,
): Promise<boolean> {
  const int = picture.bridges.get(integrationBridge);
  const wires = wiresOf(bridge.ports.values(), picture, integrationBridge);
  const operations: OvsOperation[] = [
    {
      op: 'wait',
      timeout: 0,
      table: 'Bridge',
      where: is(bridge),
      columns: ['ports'],
      until: '==',
      rows: [{ ports: uuids(bridge.ports.values()) }],
    },
    {
      op: 'mutate',
      table: 'Open_vSwitch',
      where: is(picture.root),
      mutations: [
        ['bridges', 'delete', uuids([bridge])],
        ['next_cfg', '+=', 1],
      ],
    },
    ...(int ? [{ op: 'mutate', table: 'Bridge', where: is(int), mutations: [['ports', 'delete', uuids(wires)]] }] : []),
  ];
  try {
    await session.transact(operations);
    return true;
  } catch (error) {
    if (error instanceof OvsdbRefusal && error.error === 'timed out') return false;
    throw error;
  }
}
