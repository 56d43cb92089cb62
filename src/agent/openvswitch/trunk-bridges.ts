// What the database says of trunks, and what it should say: the parent and each subport of a trunk is a patch from the trunk's bridge to the integration
// bridge, and a subport's end on the trunk's bridge has its VLAN tag.
import type { OvsBridge, OvsPicture, OvsPort, OvsWanted, WantedBridge, WantedPort } from '../../contracts/host/ovsdb.ts';
import { DEAD_VLAN } from '../desired/openvswitch/tables.ts';
import {
  isIntegrationEnd,
  isSubPortEnd,
  isTrunkBridge,
  isTrunkEnd,
  type PatchNames,
  parentPatch,
  subPortPatch,
  trunkBridgeName,
} from '../desired/openvswitch/trunk-names.ts';
import type { Trunk } from '../desired/trunk.ts';
import { isUuid } from '../l2/wire.ts';

/** The port of the instance on a trunk's bridge, which says whose it is. */
export interface ParentVif {
  readonly bridge: OvsBridge;
  /** The parent port's id. */
  readonly device: string;
  readonly port: OvsPort;
  readonly mac: string | undefined;
  readonly externalIds: Readonly<Record<string, string>>;
  /** Of its interface in the database. */
  readonly row: string;
}

export const trunkBridges = (picture: OvsPicture): OvsBridge[] => [...picture.bridges.values()].filter(b => isTrunkBridge(b.name));

/** What is neither the bridge's own port nor a patch of the trunk: the instance's, whoever plugged it. */
export const instancePorts = (bridge: OvsBridge): OvsPort[] =>
  [...bridge.ports.values()].filter(p => p.name !== bridge.name && !isTrunkEnd(p.name));

/** Parents that are plugged in, one for each bridge. */
export function parentVifs(picture: OvsPicture): ParentVif[] {
  return trunkBridges(picture).flatMap(bridge => {
    for (const port of instancePorts(bridge)) {
      const [named] = port.interfaces;
      const device = named?.external_ids['iface-id'];
      if (named && isUuid(device))
        return [{ bridge, device, port, mac: named.external_ids['attached-mac'], externalIds: named.external_ids, row: named._uuid }];
    }
    return [];
  });
}

export interface TrunkGiven {
  readonly integrationBridge: string;
  readonly picture: OvsPicture;
  readonly parent: ParentVif;
  readonly trunk: Trunk;
  /** Subports that are bound here, with their MACs. */
  readonly macs: ReadonlyMap<string, string>;
}

/** A subport that is not bound stays as it is. */
export function wantedTrunk({ integrationBridge, picture, parent, trunk, macs }: TrunkGiven): OvsWanted {
  const wires = new Map<string, WantedPort>();
  const ends = new Map<string, WantedPort | null>();
  const add = (names: PatchNames, ids: Readonly<Record<string, string>>, end: WantedPort): void => {
    wires.set(names.int, { ...patchTo(names.trunk, ids), ...(picture.port(names.int) ? {} : dead) });
    ends.set(names.trunk, { ...patchTo(names.int, ids), ...end });
  };
  add(parentPatch(trunk.port_id), idsOf(trunk.port_id, parent.mac), untagged);
  for (const { port_id, segmentation_id } of trunk.sub_ports) {
    const mac = macs.get(port_id);
    if (mac !== undefined) add(subPortPatch(port_id), idsOf(port_id, mac), { tag: segmentation_id });
  }
  const device = { external_ids: metadata(trunk, parent, macs) };
  return {
    bridges: {
      [parent.bridge.name]: {
        make: false,
        ports: { ...Object.fromEntries(ends), [parent.port.name]: { make: false, interface: device } },
      },
      [integrationBridge]: { make: false, ports: Object.fromEntries(wires) },
    },
  };
}

/** Nobody answers for it yet: what the integration bridge's next pass does for every new port, from its first moment. */
const dead: WantedPort = { tag: DEAD_VLAN, vlan_mode: 'trunk', trunks: [DEAD_VLAN] };
/** Tags are for subports: under a foreign one nothing comes to the parent's network, nor from there. */
const untagged: WantedPort = { tag: null, trunks: [0] };

const patchTo = (peer: string, external_ids: Readonly<Record<string, string>>): WantedPort => ({
  interface: { type: 'patch', options: { peer }, external_ids },
});

const idsOf = (portId: string, mac: string | undefined): Record<string, string> => ({
  'iface-id': portId,
  ...(mac === undefined ? {} : { 'attached-mac': mac }),
});

/** By which Neutron's agent finds what was wired when the instance goes. */
function metadata(trunk: Trunk, { bridge, externalIds }: ParentVif, macs: ReadonlyMap<string, string>): Record<string, string> {
  const ids = trunk.sub_ports.map(s => s.port_id).filter(id => macs.has(id));
  const told = externalIds['subport_ids'];
  const subport_ids =
    told !== undefined && sameIds(told, ids)
      ? told
      : `[${ids
          .sort()
          .map(id => JSON.stringify(id))
          .join(', ')}]`;
  return { bridge_name: bridge.name, trunk_id: trunk.id, subport_ids };
}

function sameIds(told: string, ids: readonly string[]): boolean {
  try {
    const found: unknown = JSON.parse(told);
    return Array.isArray(found) && found.toSorted().join() === ids.toSorted().join();
  } catch {
    return false;
  }
}

const none = (ports: Iterable<string>): Record<string, null> => Object.fromEntries([...ports].map(name => [name, null]));

/** Both ends of subports that are on the bridges of these parents, and in no trunk there; undefined where there are none. Null: the parent has no trunk. */
export function staleSubPorts(
  integrationBridge: string,
  picture: OvsPicture,
  trunks: Iterable<readonly [ParentVif, Trunk | null]>,
): OvsWanted | undefined {
  const bridges: Record<string, WantedBridge> = {};
  const wires: string[] = [];
  for (const [{ bridge }, trunk] of trunks) {
    const wanted = new Set(trunk?.sub_ports.map(s => subPortPatch(s.port_id).trunk));
    const stale = [...bridge.ports.values()].filter(p => isSubPortEnd(p.name) && !wanted.has(p.name));
    if (stale.length === 0) continue;
    bridges[bridge.name] = { make: false, ports: none(stale.map(p => p.name)) };
    wires.push(...wiresOf(stale, picture, integrationBridge).map(p => p.name));
  }
  if (Object.keys(bridges).length === 0) return undefined;
  return { bridges: { ...bridges, [integrationBridge]: { make: false, ports: none(wires) } } };
}

/** The ends on the integration bridge of ends on a trunk's. */
export function wiresOf(ends: Iterable<OvsPort>, picture: OvsPicture, integrationBridge: string): OvsPort[] {
  const there = picture.bridges.get(integrationBridge)?.ports;
  return [...ends].flatMap(end => {
    const peer = isTrunkEnd(end.name) ? end.interfaces[0]?.options['peer'] : undefined;
    const wire = peer !== undefined && isIntegrationEnd(peer) ? there?.get(peer) : undefined;
    return wire ? [wire] : [];
  });
}

/** Ends on the integration bridge whose trunk's bridge is gone, as Nova's plug-in takes it away; undefined where there are none. */
export function orphans(integrationBridge: string, picture: OvsPicture): OvsWanted | undefined {
  const ports = [...(picture.bridges.get(integrationBridge)?.ports.values() ?? [])].filter(p => isIntegrationEnd(p.name));
  const alone = ports.filter(({ interfaces: [device] }) => {
    const peer = device?.options['peer'];
    return device?.type === 'patch' && peer !== undefined && isTrunkEnd(peer) && !isTrunkBridge(picture.port(peer)?.bridge ?? '');
  });
  return alone.length === 0 ? undefined : { bridges: { [integrationBridge]: { make: false, ports: none(alone.map(p => p.name)) } } };
}

/** Whether the parent is plugged into the bridge of that trunk. */
export const isIn = ({ bridge }: ParentVif, trunk: Trunk): boolean => bridge.name === trunkBridgeName(trunk.id);
