// Ends the connections that a change of rules, members or addresses no longer permits, and no others.
import type { Conntrack, Flow, FlowFilter } from '../../contracts/host/firewall.ts';
import { hostNetns } from '../../contracts/host/netns.ts';
import { memberTest } from '../l2/membership.ts';
import type { View } from '../l2/view.ts';
import { setName } from '../render/ipset.ts';
import type { Cut } from '../render/nft-bridge.ts';
import { type FlowView, judgeFlows } from '../render/security-flows.ts';
import type { Bridged } from './bridged.ts';
import type { FirewallPlan } from './firewall-plan.ts';

/** Who has which address on one bridge. */
export function flowView(bridge: string, view: View, plan: Bridged, firewall: FirewallPlan): FlowView {
  const here = (device: string): boolean => plan.taps.get(device)?.bridge === bridge;
  const addresses = (device: string): readonly string[] => {
    const found = view.devices.get(plan.taps.get(device)?.device ?? '');
    return (found && view.details(found)?.fixed_ips) ?? [];
  };
  const membership = memberTest((group, version) => firewall.sets.get(setName(group, version))?.members);
  return {
    guarded: firewall.input.filtered.filter(p => here(p.device)),
    closed: firewall.input.closed.filter(p => here(p.device)).map(p => ({ device: p.device, addresses: addresses(p.device) })),
    openAddresses: new Set(firewall.input.open.filter(here).flatMap(addresses)),
    isMember: membership,
  };
}

export interface Ended {
  readonly cuts: readonly Cut[];
  readonly filters: readonly FlowFilter[];
}

/** More zones than this are not listed one by one: each listing goes through the kernel's whole table. */
const FEW = 2;

/** Judges every connection of these zones. */
export async function judgeZones(conntrack: Conntrack, views: ReadonlyMap<number, FlowView>): Promise<Ended> {
  const zones = views.size > FEW ? [undefined] : [...views.keys()];
  const listed = await Promise.all(zones.flatMap(zone => ([4, 6] as const).map(family => conntrack.list(hostNetns, family, zone))));
  const byZone = Map.groupBy(listed.flat(), flow => flow.zone ?? 0);
  const ended = [...views].map(([zone, view]): Ended => {
    const flows = byZone.get(zone) ?? [];
    const { end, cut } = judgeFlows(flows, view);
    return { cuts: cut, filters: fewFilters(new Set(end as readonly Flow[]), flows, zone) };
  });
  return { cuts: ended.flatMap(e => e.cuts), filters: ended.flatMap(e => e.filters) };
}

/** One filter for all connections to one service where all of them end; otherwise one for each. */
function fewFilters(end: ReadonlySet<Flow>, all: readonly Flow[], zone: number): FlowFilter[] {
  const key = (f: Flow): string => `${f.family} ${f.protocol} ${f.dst} ${f.dstPort}`;
  const groups = Map.groupBy(all, key);
  return [...Map.groupBy(end, key)].flatMap(([k, ended]) => {
    const [first] = ended;
    const whole = groups.get(k)?.length === ended.length;
    if (whole && first) return [filter(first, zone, ['protocol', 'dst', 'dstPort'])];
    return ended.map(f => filter(f, zone, ['protocol', 'src', 'dst', 'srcPort', 'dstPort']));
  });
}

function filter(flow: Flow, zone: number, fields: readonly ('protocol' | 'src' | 'dst' | 'srcPort' | 'dstPort')[]): FlowFilter {
  const given = Object.fromEntries(fields.filter(f => flow[f] !== undefined).map(f => [f, flow[f]]));
  return { zone, family: flow.family, ...given };
}
