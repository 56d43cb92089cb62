// Ports of Open vSwitch that Nova, Neutron's agents or Weft's plugged: what neutron-ovs-cleanup takes away.
import { isTrunkBridge } from '../../agent/desired/openvswitch/trunk-names.ts';
import type { OvsBridge, OvsdbSession, OvsPort } from '../../contracts/host/ovsdb.ts';

export interface SwitchCleaning {
  readonly session: OvsdbSession;
  readonly integrationBridge: string;
  /** Every port of every bridge, whoever plugged it, and the bridges' own. */
  readonly allPorts: boolean;
}

export interface CleanedPorts {
  /** `BRIDGE/PORT`, and `BRIDGE` of trunks. */
  readonly removed: readonly string[];
  /** Those that say whose they are, and are to stay. */
  readonly kept: readonly string[];
}

/** Errors are those of the session. */
export async function cleanSwitch({ session, integrationBridge, allPorts }: SwitchCleaning): Promise<CleanedPorts> {
  const { bridges } = await session.picture();
  const chosen = [...bridges.values()].filter(bridge => allPorts || bridge.name === integrationBridge);
  const goes = (port: OvsPort): boolean => allPorts || port.interfaces.some(isPlugged);
  const removed = named(chosen, goes);
  const wanted = chosen.map(bridge => {
    const ports = [...bridge.ports.values()].filter(goes);
    return [bridge.name, { make: false, ports: Object.fromEntries(ports.map(port => [port.name, null])) }] as const;
  });
  const trunks = [...bridges.values()].filter(bridge => isTrunkBridge(bridge.name) && !isKept(bridge)).map(bridge => bridge.name);
  const gone = Object.fromEntries(trunks.map(name => [name, null]));
  await session.apply({ bridges: { ...Object.fromEntries(wanted), ...gone } }, { comment: 'weft cleanup ovs' });
  return {
    removed: [...removed.filter(name => !trunks.some(trunk => name.startsWith(`${trunk}/`))), ...trunks],
    kept: named(chosen, port => !goes(port) && port.interfaces.some(isMarked)),
  };
}

type Interface = OvsPort['interfaces'][number];

const isMarked = ({ external_ids }: Interface): boolean => external_ids['iface-id'] !== undefined;
const isPlugged = ({ external_ids }: Interface): boolean =>
  external_ids['iface-id'] !== undefined && external_ids['attached-mac'] !== undefined && external_ids['skip_cleanup'] === undefined;

/** Nova made it, and nobody does away with it once the trunk's agent is gone. */
const isKept = ({ ports }: OvsBridge): boolean =>
  [...ports.values()].some(port => port.interfaces.some(({ external_ids }) => external_ids['skip_cleanup'] !== undefined));

const named = (bridges: readonly OvsBridge[], which: (port: OvsPort) => boolean): string[] =>
  bridges.flatMap(bridge => [...bridge.ports.values()].filter(which).map(port => `${bridge.name}/${port.name}`));
