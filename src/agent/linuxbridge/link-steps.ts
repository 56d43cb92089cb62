// The difference between the links that are there and those that are wanted, as batches: bridges and uplinks first, taps after their filters.
import type { Link, LinkChange } from '../../contracts/host/links.ts';
import type { HostPlan, Uplink, WantedBridge } from '../desired/linuxbridge.ts';
import { isBridgeName, isTapName, isVxlanName } from '../desired/linuxbridge-names.ts';
import { hasGlobalAddress } from '../l2/host-address.ts';
import { addressesBack, addressesShared, addressesToBridge, type HostRoutes } from './physical-addresses.ts';

export type LinkMap = ReadonlyMap<string, Link>;

export const byName = (links: readonly Link[]): Map<string, Link> => new Map(links.map(l => [l.name, l]));

/** A change, and the bridge for whose sake it is. */
export interface BridgeChange {
  readonly bridge: string;
  readonly change: LinkChange;
}

const seconds = { ageing: 300 };

/** Links that must be made, still down, so that nothing has spoken on them before their settings are made. */
export function linksToMake(plan: HostPlan, links: LinkMap): BridgeChange[] {
  return [...plan.bridges.values()].flatMap(b => {
    const out: BridgeChange[] = [];
    const add = (change: LinkChange): void => void out.push({ bridge: b.name, change });
    if (b.made && !links.has(b.name))
      add({ do: 'add-link', link: { kind: 'bridge', name: b.name, ageing: seconds.ageing, ...mtu(b), ...mac(b, links) } });
    if (b.uplink) for (const change of makeUplink(b.uplink, b, links)) add(change);
    return out;
  });
}

const mtu = (b: WantedBridge): { mtu?: number } => (b.mtu === null ? {} : { mtu: b.mtu });

/** A bridge takes the lowest MAC of its ports, and so would change it under the host's own addresses: it keeps the physical device's. */
function mac(b: WantedBridge, links: LinkMap): { mac?: string } {
  const device = b.uplink?.kind === 'physical' ? links.get(b.uplink.name) : undefined;
  return device?.mac ? { mac: device.mac } : {};
}

function makeUplink(u: Uplink, b: WantedBridge, links: LinkMap): LinkChange[] {
  const there = links.get(u.name);
  if (u.kind === 'physical') return [];
  if (u.kind === 'vlan') return there ? [] : [{ do: 'add-link', link: { kind: 'vlan', name: u.name, dev: u.dev, id: u.id } }];
  const { kind, name, id, dev, local, port, group, proxy, ...packets } = u;
  if (there && sameTunnel(there, u)) return [];
  const flags = { learning: group !== undefined, proxy };
  return [
    ...(there ? [{ do: 'del-link', name } as const] : []),
    {
      do: 'add-link',
      link: { kind, name, id, dev, local, port, ...flags, ...packets, ...(group === undefined ? {} : { group }), ...mtu(b) },
    },
  ];
}

function sameTunnel(link: Link, u: Extract<Uplink, { kind: 'vxlan' }>): boolean {
  const v = link.vxlan;
  return (
    v?.id === u.id &&
    v.port === u.port &&
    v.local === u.local &&
    v.group === u.group &&
    // One of Neutron's agent learns also where it is told all: to make it anew would lose what is on its way.
    (v.learning || u.group === undefined) &&
    v.proxy === u.proxy &&
    v.ttl === u.ttl &&
    v.tos === u.tos &&
    String(v.sourcePorts) === String(u.sourcePorts)
  );
}

/** Settings of bridges and uplinks that are there by now; `made` are the names of those made in this pass. */
export function linksToSet(plan: HostPlan, links: LinkMap, routes: HostRoutes): BridgeChange[] {
  return [...plan.bridges.values()].flatMap(b =>
    [...setBridge(b, links), ...setUplink(b, links, routes)].map(change => ({ bridge: b.name, change })),
  );
}

function setBridge(b: WantedBridge, links: LinkMap): LinkChange[] {
  const link = links.get(b.name);
  if (!b.made || !link) return [];
  return change(link, { ...(b.mtu === null ? {} : { mtu: b.mtu }), up: true });
}

function setUplink(b: WantedBridge, links: LinkMap, routes: HostRoutes): LinkChange[] {
  const link = b.uplink && links.get(b.uplink.name);
  const bridge = links.get(b.name);
  if (!b.uplink || !link || !bridge) return [];
  // Apart from the rest: an underlay that is too narrow refuses it, and frames that fit still pass.
  const wantedMtu = b.uplink.kind === 'vxlan' && b.mtu !== null ? change(link, { mtu: b.mtu }) : [];
  const set = [...wantedMtu, ...change(link, { up: true, master: b.name })];
  return b.uplink.kind === 'physical' ? [...set, ...addressesToBridge(link, bridge, routes)] : set;
}

/** Taps into their bridges, in the MTU of their networks. Only those of `wired` stand behind finished filters. */
export function tapsToSet(plan: HostPlan, links: LinkMap, wired: ReadonlySet<string>): LinkChange[] {
  return [...plan.taps.values()].flatMap(t => {
    const link = links.get(t.name);
    if (!link || !links.has(t.bridge) || !wired.has(t.name)) return [];
    return change(link, { ...(t.mtu === null ? {} : { mtu: t.mtu }), up: true, master: t.bridge });
  });
}

/** One set-link of what differs, or nothing. */
function change(link: Link, want: { mtu?: number; up?: true; master?: string }): LinkChange[] {
  const diff = {
    ...(want.mtu !== undefined && want.mtu !== link.mtu ? { mtu: want.mtu } : {}),
    ...(want.master !== undefined && want.master !== link.master ? { master: want.master } : {}),
    ...(want.up && !link.up ? { up: true } : {}),
  };
  return Object.keys(diff).length === 0 ? [] : [{ do: 'set-link', name: link.name, ...diff }];
}

/** How this agent's own devices are known. */
export interface OwnDevices {
  /** Devices of `physical_interface_mappings`. */
  readonly physical: ReadonlySet<string>;
  readonly localIp?: string;
  readonly port?: number;
}

export interface Removal {
  readonly changes: readonly LinkChange[];
  /** Bridges that go. */
  readonly bridges: readonly string[];
  /** A bridge that goes in the next round, when its device is seen to have the addresses. */
  readonly again: boolean;
}

/** Bridges of networks that have no tap here any more, with their uplinks; and tunnels of ours that are in no bridge. */
export function linksToRemove(plan: HostPlan, links: LinkMap, own: OwnDevices, routes: HostRoutes): Removal {
  const changes: LinkChange[] = [];
  const bridges: string[] = [];
  let again = false;
  const all = [...links.values()];
  for (const bridge of all.filter(l => l.kind === 'bridge' && isBridgeName(l.name) && !plan.bridges.has(l.name))) {
    const members = all.filter(l => l.master === bridge.name);
    const uplinks = members.filter(l => isUplink(l, own.physical));
    // Something else is plugged in: it is not for us to pull it out.
    if (uplinks.length < members.length) continue;
    const home = uplinks.find(u => own.physical.has(u.name)) ?? all.find(l => own.physical.has(l.name) && l.mac === bridge.mac);
    // The host's addresses are not ours to lose.
    if (hasGlobalAddress(bridge) && !home) continue;
    const back = home ? addressesBack(bridge, home, routes) : [];
    if (home && !back) {
      changes.push(...addressesShared(bridge, home, routes));
      again = true;
      continue;
    }
    bridges.push(bridge.name);
    changes.push(...(back ?? []));
    for (const u of uplinks) if (u !== home) changes.push({ do: 'del-link', name: u.name });
    changes.push({ do: 'del-link', name: bridge.name });
  }
  changes.push(...strayUplinks(plan, all, own));
  return { changes, bridges, again };
}

/** Tunnels of ours that are in no bridge, and uplinks in the bridge of a network that has another segment by now. */
function strayUplinks(plan: HostPlan, all: readonly Link[], own: OwnDevices): LinkChange[] {
  const wanted = new Set([...plan.bridges.values()].map(b => b.uplink?.name));
  const inOurs = (l: Link): boolean => l.master !== undefined && plan.bridges.get(l.master)?.made === true;
  const tunnel = (l: Link): boolean =>
    isVxlanName(l.name) && own.localIp !== undefined && l.vxlan?.local === own.localIp && l.vxlan.port === own.port;
  const vlan = (l: Link): boolean => isVlanUplink(l) && !own.physical.has(l.name);
  return all
    .filter(l => !wanted.has(l.name) && ((tunnel(l) && (!l.master || inOurs(l))) || (vlan(l) && inOurs(l))))
    .map(l => ({ do: 'del-link', name: l.name }));
}

const isUplink = (l: Link, physical: ReadonlySet<string>): boolean => l.kind === 'vxlan' || isVlanUplink(l) || physical.has(l.name);

/** The subport of a trunk is a VLAN, too: on a tap, and called like one. */
const isVlanUplink = ({ kind, name }: Link): boolean => kind === 'vlan' && !isTapName(name);
