// What the packet filters should hold for the ports that are to be wired: who is guarded, who is open, who is shut because it makes no sense.
import type { Link } from '../../contracts/host/links.ts';
import type { PortDetails } from '../desired/l2-port.ts';
import { isTapName } from '../desired/linuxbridge-names.ts';
import { type Guard, guardOf, shut, unenforceable } from '../l2/guard.ts';
import { hasGlobalAddress } from '../l2/host-address.ts';
import type { View } from '../l2/view.ts';
import { type IpSet, members, setName } from '../render/ipset.ts';
import type { BridgeZone, FirewallInput } from '../render/iptables-bridge.ts';
import type { PortSecurity } from '../render/security-port.ts';
import { BadRule } from '../render/security-rules.ts';
import type { Bridged } from './bridged.ts';

export interface FirewallPlan {
  readonly input: FirewallInput;
  readonly sets: ReadonlyMap<string, IpSet>;
  /** Devices whose frames pass. */
  readonly admitted: ReadonlySet<string>;
  readonly foreign: ReadonlySet<string>;
  readonly nohost: ReadonlySet<string>;
  readonly wires: ReadonlySet<string>;
  /** Bridge → the zone in which its fragments are put together, also where nothing else is tracked. */
  readonly fragmentZones: ReadonlyMap<string, number>;
  /** Device → why nothing passes it. */
  readonly problems: ReadonlyMap<string, string>;
}

export interface PlanInput {
  readonly view: View;
  readonly plan: Bridged;
  readonly links: ReadonlyMap<string, Link>;
  readonly zoneOf: (bridge: string) => number | undefined;
  /** Taps that the tools refused: why. */
  readonly quarantine: ReadonlyMap<string, string>;
  /** False: nobody is guarded. */
  readonly guards: boolean;
  /** Bridges that ports' taps are in; those in others are none of ours. */
  isOurs(bridge: string): boolean;
}

export function planFirewall(given: PlanInput): FirewallPlan {
  const { view, plan, links } = given;
  const filtered: PortSecurity[] = [];
  const closed: { id: string; device: string }[] = [];
  const open: string[] = [];
  const problems = new Map<string, string>();
  const names = new Names();
  for (const tap of plan.taps.values()) {
    const device = view.devices.get(tap.device);
    const details = device && view.details(device);
    if (!details) continue;
    const judged = judgement(given, { name: tap.name, security: device.security }, details, names);
    if (judged.kind === 'open') open.push(tap.name);
    else if (judged.kind === 'guarded') filtered.push(judged.port);
    else {
      closed.push({ id: details.port_id, device: tap.name });
      problems.set(tap.name, judged.why);
    }
  }
  const zones = zonesFor(given, filtered);
  const admitted = new Set([...open, ...filtered.map(p => p.device)]);
  return {
    input: { filtered, closed, open, zones },
    sets: setsFor(view, filtered),
    admitted,
    foreign: foreignTaps(links, given.isOurs),
    nohost: shutOutOfHost(plan, zones, admitted),
    wires: new Set([...plan.bridges.values()].flatMap(b => (b.uplink?.kind === 'physical' ? [b.uplink.name] : []))),
    fragmentZones: zonesOfFragments(zones, given.zoneOf),
    problems,
  };
}

function judgement(
  { view, quarantine, guards }: PlanInput,
  device: Parameters<typeof guardOf>[1],
  details: PortDetails,
  names: Names,
): Guard {
  const why = quarantine.get(device.name);
  if (why !== undefined) return shut(why);
  if (!guards) return { kind: 'open' };
  const guard = guardOf(view, device, details);
  return guard.kind === 'guarded' ? named(guard, names) : guard;
}

function named(guard: Extract<Guard, { kind: 'guarded' }>, names: Names): Guard {
  const { id, rules } = guard.port;
  try {
    names.claim(`chains of ${id.slice(0, 10)}`, id);
    for (const { remoteGroup, family } of rules) if (remoteGroup !== undefined) names.claim(setName(remoteGroup, family), remoteGroup);
    return guard;
  } catch (error) {
    if (error instanceof BadRule) return unenforceable(error);
    throw error;
  }
}

/** Chains and sets are named after the beginning of an id: two ids that begin alike must not share one. */
class Names {
  private readonly owners = new Map<string, string>();

  claim(name: string, id: string): void {
    const owner = this.owners.get(name) ?? id;
    if (owner !== id) throw new BadRule(`${name} is taken by ${owner}`);
    this.owners.set(name, id);
  }
}

function setsFor(view: View, filtered: readonly PortSecurity[]): Map<string, IpSet> {
  const sets = new Map<string, IpSet>();
  for (const port of filtered) {
    for (const { remoteGroup, family } of port.rules) {
      if (remoteGroup === undefined || sets.has(setName(remoteGroup, family))) continue;
      sets.set(setName(remoteGroup, family), { family, members: members(family, view.members.get(remoteGroup) ?? []) });
    }
  }
  return sets;
}

/** A network is tracked in its zone, unless all of its guarded ports are stateless: a stateful neighbour needs its answers tracked. */
function zonesFor({ plan, links, zoneOf }: PlanInput, filtered: readonly PortSecurity[]): BridgeZone[] {
  const guarded = Map.groupBy(filtered, p => plan.taps.get(p.device)?.bridge);
  return [...plan.bridges.values()].map(b => {
    const ports = guarded.get(b.name) ?? [];
    const tracked = ports.length === 0 || ports.some(p => p.stateful);
    return {
      bridge: b.name,
      zone: tracked ? zoneOf(b.name) : undefined,
      hostAddresses: hasHostAddress(b.name, b.uplink?.name, links),
      ...(b.uplink?.kind === 'veth' ? { alias: b.uplink.name } : {}),
    };
  });
}

/** The host's own fragments on a bridge stay in the host's own zone, as its connections do. */
function zonesOfFragments(zones: readonly BridgeZone[], zoneOf: PlanInput['zoneOf']): Map<string, number> {
  return new Map(
    zones.flatMap(({ bridge, hostAddresses }) => {
      const zone = hostAddresses ? undefined : zoneOf(bridge);
      return zone === undefined ? [] : [[bridge, zone] as const];
    }),
  );
}

const hasHostAddress = (bridge: string, uplink: string | undefined, links: ReadonlyMap<string, Link>): boolean =>
  hasGlobalAddress(links.get(bridge)) || (uplink !== undefined && isPhysical(links.get(uplink)) && hasGlobalAddress(links.get(uplink)));

const isPhysical = (link: Link | undefined): boolean => link !== undefined && link.kind !== 'vxlan' && link.kind !== 'vlan';

/** Devices called tap… that no port of ours can be: by their name, or because they are in a bridge that is not ours. */
export function foreignTaps(links: ReadonlyMap<string, Link>, isOurs: PlanInput['isOurs']): Set<string> {
  const ourBridge = (name: string | undefined): boolean => name === undefined || isOurs(name);
  const taps = [...links.values()].filter(l => l.name.startsWith('tap'));
  // A name that nft could not read is left out: it would spoil the whole table.
  const foreign = taps.filter(l => (!isTapName(l.name) || !ourBridge(l.master)) && /^[A-Za-z0-9_.+=,-]+$/.test(l.name));
  return new Set(foreign.map(l => l.name));
}

/** Uplinks that carry nothing but the network's frames. */
const shared: ReadonlySet<string> = new Set(['vxlan', 'veth']);

/** On a bridge where the host has no address it has no business either: neither instances here nor those behind the tunnel reach it. */
function shutOutOfHost(plan: Bridged, zones: readonly BridgeZone[], admitted: ReadonlySet<string>): Set<string> {
  const withHost = new Set(zones.filter(z => z.hostAddresses).map(z => z.bridge));
  const out = new Set<string>();
  for (const tap of plan.taps.values()) if (admitted.has(tap.name) && !withHost.has(tap.bridge)) out.add(tap.name);
  for (const b of plan.bridges.values()) if (b.uplink && shared.has(b.uplink.kind) && !withHost.has(b.name)) out.add(b.uplink.name);
  return out;
}
