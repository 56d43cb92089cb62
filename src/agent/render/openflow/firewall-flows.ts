// The firewall of a host as flows of its integration bridge: the ports with rules, the ports without, and the members of remote groups.
import type { Cidr } from '../../../domain/net/cidr.ts';
import { type IpVersion, ipText } from '../../../domain/net/ip.ts';
import type { Flow } from '../../../domain/openflow/flow.ts';
import { type Match, noVlan, vlan } from '../../../domain/openflow/match.ts';
import { isMac } from '../any-member.ts';
import { isHost } from '../security-port.ts';
import type { Direction } from '../security-rules.ts';
import { baseRows } from './base-flows.ts';
import { CONJUNCTION_PRIORITY, type Conjunction, ConjunctionIds, clause, conjunctionOf, rulesTable } from './conjunctions.ts';
import { directFlows, type OpenPort, tagged } from './direct-flows.ts';
import { KeptFlows } from './kept-flows.ts';
import { accept, type GuardedPort, portFlows } from './port-flows.ts';
import { address, family } from './rule-matches.ts';
import { commit, flowOf, type Row, setConjunction, setNet, setPort, firewallTable as t, taglessRows, to, toMany } from './tables.ts';

export interface FirewallFlowsGiven {
  readonly guarded: readonly GuardedPort[];
  readonly open: readonly OpenPort[];
  /** Local VLAN → the ports of the bridge that lead out of the host. Networks that are not here are left to NORMAL. */
  readonly outward: ReadonlyMap<number, readonly number[]>;
  /** Members of a remote group, or address group, as `flowMembers` has them. */
  members(group: string, version: IpVersion): ReadonlySet<string>;
}

export type FirewallRenderer = (given: FirewallFlowsGiven) => Flow[];

/** Flows that stay the same from one call to the next are the same values. `permitted`: `permitted_ethertypes`. */
export function firewallRenderer(permitted: readonly number[]): FirewallRenderer {
  let ids = new ConjunctionIds();
  const kept = new KeptFlows(flowOf);
  const base = baseRows(permitted).map(flowOf);
  let ofPorts = new WeakMap<GuardedPort['security'], { readonly port: GuardedPort; readonly flows: readonly Flow[] }>();

  const ofPort = (port: GuardedPort): readonly Flow[] => {
    const made = ofPorts.get(port.security);
    if (made && made.port.ofport === port.ofport && made.port.vlan === port.vlan) return made.flows;
    const flows = portFlows(port, ids, permitted);
    ofPorts.set(port.security, { port, flows });
    return flows;
  };

  return given => {
    kept.begin();
    let conjunctions = conjunctionsOf(given.guarded, ids);
    if (ids.isCrowded(conjunctions.size)) {
      // Flows that were kept have the numbers of their time in them.
      ids = new ConjunctionIds();
      ofPorts = new WeakMap();
      conjunctions = conjunctionsOf(given.guarded, ids);
    }
    return [
      ...base,
      ...given.guarded.flatMap(ofPort),
      ...given.open.flatMap(port => kept.of(`open ${port.ofport} ${port.vlan}`, () => opened(port))),
      ...directFlows(given.open, given.outward, kept),
      ...deliveries(given, kept),
      ...strayUnicast(given.guarded, kept),
      ...[...conjunctions].flatMap(([id, conjunction]) => kept.of(`joined ${id}`, () => joined(id, conjunction))),
      ...memberFlows(conjunctions, given, kept),
    ];
  };
}

/** Who has no rules has no tags either: the port's own VLAN is not its to choose. A priority's tag is none. */
function opened({ ofport, vlan: net }: OpenPort): Row[] {
  const on = [setPort(ofport), setNet(net), to(t.acceptOrIngress)];
  return [...taglessRows(t.transient, 101, ofport, [to(t.dropped)]), [t.transient, 100, { in_port: ofport }, on]];
}

/**
 * Frames to a guarded port's MAC come to its rules, from here and from outside. A MAC that two ports may have leads to both, and one that no port
 * here has as its own leads out of the host, too: who has it now (VRRP) may be there.
 */
function deliveries({ guarded, outward }: FirewallFlowsGiven, kept: KeptFlows): Flow[] {
  const owners = new Map<string, { readonly eth_dst: string; readonly net: number; readonly ofports: Set<number> }>();
  const own = new Set<string>();
  for (const { security, ofport, vlan: net } of guarded) {
    own.add(`${net} ${security.mac}`);
    for (const eth_dst of security.macs) {
      const key = `${net} ${eth_dst}`;
      const known = owners.get(key) ?? { eth_dst, net, ofports: new Set() };
      known.ofports.add(ofport);
      owners.set(key, known);
    }
  }
  return [...owners].flatMap(([key, { eth_dst, net, ofports }]) => {
    const to = [...ofports].sort(byNumber);
    const out = own.has(key) ? [] : (outward.get(net)?.toSorted(byNumber) ?? []);
    return kept.of(`delivery ${key} ${to.join()} ${out.join()}`, () => delivery(net, eth_dst, to, out));
  });
}

function delivery(net: number, eth_dst: string, ofports: readonly number[], outward: readonly number[]): Row[] {
  const into = ofports.flatMap(ofport => [setPort(ofport), to(t.baseIngress)]);
  const from = { reg6: net, eth_dst };
  return [
    [t.transient, 90, { vlan_vid: vlan(net), eth_dst }, [{ do: 'pop_vlan' }, setNet(net), ...into]],
    [t.acceptOrIngress, 100, from, into],
    ...alsoOutward(from, into, tagged(net, outward)),
  ];
}

function alsoOutward(from: Match, into: Row[3], out: Row[3]): Row[] {
  if (out.length === 0) return [];
  const plain = { ...from, vlan_vid: noVlan };
  const begun = ([4, 6] as const).map(
    (version): Row => [t.acceptOrIngress, 102, { ...plain, ...family(version), ct_state: '+new-est' }, [...into, commit, ...out]],
  );
  return [[t.acceptOrIngress, 101, plain, [...into, ...out]], ...begun];
}

/** Multicast is flooded past the rules; what is meant for one port alone must not come that way. */
function strayUnicast(guarded: readonly GuardedPort[], kept: KeptFlows): Flow[] {
  const seen = new Map<string, readonly Flow[]>();
  for (const { vlan: net, security } of guarded) {
    for (const { prefix } of security.pairs) {
      if (!isHost(prefix)) continue;
      const key = `stray ${net} ${prefix.version} ${prefix.network}`;
      if (!seen.has(key))
        seen.set(
          key,
          kept.of(key, () => stray(net, prefix)),
        );
    }
  }
  return [...seen.values()].flat();
}

function stray(net: number, prefix: Cidr): Row[] {
  const match: Match = { ...family(prefix.version), eth_dst: toMany, ...address(prefix.version, 'dst', hostText(prefix)) };
  return [
    [t.transient, 95, { vlan_vid: vlan(net), ...match }, [to(t.dropped)]],
    [t.acceptOrIngress, 110, { reg6: net, ...match }, [to(t.dropped)]],
  ];
}

const hostText = ({ version, network }: Cidr): string => ipText(version, network);

/** By number. */
function conjunctionsOf(guarded: readonly GuardedPort[], ids: ConjunctionIds): Map<number, Conjunction> {
  const used = new Map<number, Conjunction>();
  for (const { security } of guarded) {
    for (const rule of security.rules) {
      const conjunction = conjunctionOf(rule, security.stateful);
      if (conjunction) used.set(ids.of(conjunction), conjunction);
    }
  }
  return used;
}

/** Both halves are there: the packet goes on, and remembers by which conjunction. */
function joined(conj_id: number, { direction, family: version, stateful }: Conjunction): Row[] {
  return accept(direction, stateful, CONJUNCTION_PRIORITY, { conj_id, ...family(version) }, [setConjunction(conj_id)]);
}

/** The members' half: one flow for an address, whatever groups it is a member of. */
function memberFlows(conjunctions: ReadonlyMap<number, Conjunction>, { members }: FirewallFlowsGiven, kept: KeptFlows): Flow[] {
  const halves = new Map<string, { readonly conjunction: Conjunction; readonly member: string; readonly ids: number[] }>();
  for (const [id, conjunction] of conjunctions) {
    for (const member of members(conjunction.group, conjunction.family)) {
      const key = `${conjunction.direction} ${conjunction.family} ${member}`;
      const half = halves.get(key) ?? { conjunction, member, ids: [] };
      half.ids.push(id);
      halves.set(key, half);
    }
  }
  return [...halves].flatMap(([key, { conjunction, member, ids }]) => {
    const sorted = ids.sort(byNumber);
    return kept.of(`member ${key} ${sorted.join()}`, () => [memberRow(conjunction, member, sorted)]);
  });
}

function memberRow({ direction, family: version }: Conjunction, member: string, ids: readonly number[]): Row {
  const match = { ...family(version), ...(isMac(member) ? hardware(direction, member) : address(version, sideOf(direction), member)) };
  return [rulesTable(direction), CONJUNCTION_PRIORITY, match, clause(ids, 1)];
}

const sideOf = (direction: Direction): 'src' | 'dst' => (direction === 'egress' ? 'dst' : 'src');
const hardware = (direction: Direction, mac: string): Match => (direction === 'egress' ? { eth_dst: mac } : { eth_src: mac });

const byNumber = (a: number, b: number): number => a - b;
