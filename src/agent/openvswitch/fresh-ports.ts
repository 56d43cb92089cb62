// Ports of the integration bridge that nobody has dealt with yet. One that has no tag is a trunk: whatever is flooded in any network comes to it.
import type { OvsdbSession, OvsPicture, OvsPort, WantedPort } from '../../contracts/host/ovsdb.ts';
import { DEAD_VLAN } from '../desired/openvswitch/tables.ts';

/** What a port is that nothing comes to. */
export const deadPort: WantedPort = { make: false, tag: DEAD_VLAN, vlan_mode: 'trunk', trunks: [DEAD_VLAN] };

/** Names of ports that say whose they are, and that were given no tag. */
export function freshPorts(picture: OvsPicture, bridge: string): string[] {
  return portsOf(picture, bridge).flatMap(p => (isOwned(p) && p.tag === undefined ? [p.name] : []));
}

/** Shuts them in one transaction, those that have no tag when it comes to the database: a tag that a pass gives meanwhile stays. */
export async function shutFresh(session: OvsdbSession, names: readonly string[]): Promise<void> {
  await session.transact([
    ...names.map(name => ({
      op: 'update',
      table: 'Port',
      where: [
        ['name', '==', name],
        ['tag', '==', ['set', []]],
      ],
      row: { tag: DEAD_VLAN, vlan_mode: 'trunk', trunks: DEAD_VLAN },
    })),
    // As ovs-vsctl asks the switch to take it up, and a pass waits until it has.
    { op: 'mutate', table: 'Open_vSwitch', where: [], mutations: [['next_cfg', '+=', 1]] },
  ]);
}

/** Numbers of ports that name no owner and that somebody has placed all the same: patches, and those that were told their VLANs. */
export function placedByOthers(picture: OvsPicture, bridge: string, ours: ReadonlySet<string>): number[] {
  return portsOf(picture, bridge)
    .filter(p => !isOwned(p) && !ours.has(p.name) && isPlaced(p))
    .flatMap(p => p.interfaces.flatMap(({ ofport }) => (ofport !== undefined && ofport > 0 ? [ofport] : [])));
}

/** Names of those that were not placed: nothing of theirs is let in. */
export function leftOut(picture: OvsPicture, bridge: string, ours: ReadonlySet<string>): string[] {
  return portsOf(picture, bridge).flatMap(p => (isOwned(p) || ours.has(p.name) || p.name === bridge || isPlaced(p) ? [] : [p.name]));
}

const portsOf = (picture: OvsPicture, bridge: string): OvsPort[] => [...(picture.bridges.get(bridge)?.ports.values() ?? [])];
const isOwned = ({ interfaces }: OvsPort): boolean => interfaces.some(i => i.external_ids['iface-id'] !== undefined);
/** The tag of the dead is no place: what an agent has shut may have lost its owner since. */
const isPlaced = ({ interfaces, tag, trunks }: OvsPort): boolean =>
  [tag, ...trunks].some(vlan => vlan !== undefined && vlan !== DEAD_VLAN) || interfaces.some(i => i.type === 'patch');
