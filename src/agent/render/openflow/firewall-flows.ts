// The firewall of a host as flows of its integration bridge: the ports with rules, the ports without, and the members of remote groups.
import type { Cidr } from '../../../domain/net/cidr.ts';
import { type IpVersion, ipText } from '../../../domain/net/ip.ts';
import type { Flow } from '../../../domain/openflow/flow.ts';
import { type Match, noVlan, vlan } from '../../../domain/openflow/match.ts';
import { isHost } from '../security-port.ts';
import { baseRows } from './base-flows.ts';
import { CONJUNCTION_PRIORITY, type Conjunction, ConjunctionIds, clause, conjunctionOf, rulesTable } from './conjunctions.ts';
import { directRows, type OpenPort, tagged } from './direct-flows.ts';
import { accept, type GuardedPort, portFlows } from './port-flows.ts';
import { address, family } from './rule-matches.ts';
import { commit, flowOf, type Row, setConjunction, setNet, setPort, firewallTable as t, to, toMany } from './tables.ts';

export interface FirewallFlowsGiven {
  readonly guarded: readonly GuardedPort[];
  readonly open: readonly OpenPort[];
  /** Local VLAN → the ports of the bridge that lead out of the host. Networks that are not here are left to NORMAL. */
  readonly outward: ReadonlyMap<number, readonly number[]>;
  /** Members of a remote group, or address group: canonical prefixes, none of length 0. */
  members(group: string, version: IpVersion): ReadonlySet<string>;
}

export type FirewallRenderer = (given: FirewallFlowsGiven) => Flow[];

/** Flows that stay the same from one call to the next are the same values. `permitted`: `permitted_ethertypes`. */
export function firewallRenderer(permitted: readonly number[]): FirewallRenderer {
  const ids = new ConjunctionIds();
  const base = baseRows(permitted).map(flowOf);
  const ofPorts = new WeakMap<GuardedPort['security'], { readonly port: GuardedPort; readonly flows: readonly Flow[] }>();
  let memberFlows = new Map<string, Flow>();

  const ofPort = (port: GuardedPort): readonly Flow[] => {
    const made = ofPorts.get(port.security);
    if (made && made.port.ofport === port.ofport && made.port.vlan === port.vlan) return made.flows;
    const flows = portFlows(port, ids, permitted);
    ofPorts.set(port.security, { port, flows });
    return flows;
  };

  return given => {
    const conjunctions = conjunctionsOf(given.guarded, ids);
    const ports = given.guarded.flatMap(ofPort);
    const before = memberFlows;
    memberFlows = new Map();
    for (const [key, row] of memberRows(conjunctions, given)) memberFlows.set(key, before.get(key) ?? flowOf(row));
    const shared = [
      ...given.open.map(opened),
      ...directRows(given.open, given.outward),
      ...deliveries(given),
      ...strayUnicast(given.guarded),
      ...[...conjunctions].flatMap(([id, conjunction]) => joined(id, conjunction)),
    ];
    return [...base, ...ports, ...shared.map(flowOf), ...memberFlows.values()];
  };
}

const opened = ({ ofport, vlan: net }: OpenPort): Row => [
  t.transient,
  100,
  { in_port: ofport },
  [setPort(ofport), setNet(net), to(t.acceptOrIngress)],
];

/**
 * Frames to a guarded port's MAC come to its rules, from here and from outside. A MAC that two ports may have leads to both, and one that no port
 * here has as its own leads out of the host, too: who has it now (VRRP) may be there.
 */
function deliveries({ guarded, outward }: FirewallFlowsGiven): Row[] {
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
  return [...owners].flatMap(([key, { eth_dst, net, ofports }]): Row[] => {
    const into = [...ofports].sort((a, b) => a - b).flatMap(ofport => [setPort(ofport), to(t.baseIngress)]);
    const from = { reg6: net, eth_dst };
    return [
      [t.transient, 90, { vlan_vid: vlan(net), eth_dst }, [{ do: 'pop_vlan' }, setNet(net), ...into]],
      [t.acceptOrIngress, 100, from, into],
      ...(own.has(key) ? [] : alsoOutward(from, into, tagged(net, outward.get(net) ?? []))),
    ];
  });
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
function strayUnicast(guarded: readonly GuardedPort[]): Row[] {
  const seen = new Map<string, Row[]>();
  for (const port of guarded) {
    for (const { prefix } of port.security.pairs) {
      if (!isHost(prefix)) continue;
      const match: Match = { ...family(prefix.version), eth_dst: toMany, ...address(prefix.version, 'dst', hostText(prefix)) };
      seen.set(`${port.vlan} ${prefix.version} ${prefix.network}`, [
        [t.transient, 95, { vlan_vid: vlan(port.vlan), ...match }, [to(t.dropped)]],
        [t.acceptOrIngress, 110, { reg6: port.vlan, ...match }, [to(t.dropped)]],
      ]);
    }
  }
  return [...seen.values()].flat();
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

/** The members' half, by a key that tells the flow from any other: one flow for an address, whatever groups it is a member of. */
function memberRows(conjunctions: ReadonlyMap<number, Conjunction>, { members }: FirewallFlowsGiven): Map<string, Row> {
  const halves = new Map<string, { readonly conjunction: Conjunction; readonly member: string; readonly ids: number[] }>();
  for (const [id, conjunction] of conjunctions) {
    for (const member of members(conjunction.group, conjunction.family)) {
      const key = `${conjunction.direction} ${member}`;
      const half = halves.get(key) ?? { conjunction, member, ids: [] };
      half.ids.push(id);
      halves.set(key, half);
    }
  }
  return new Map(
    [...halves].map(
      ([
        key,
        {
          conjunction: { direction, family: version },
          member,
          ids,
        },
      ]) => {
        const match = { ...family(version), ...address(version, direction === 'egress' ? 'dst' : 'src', member) };
        const sorted = ids.sort((a, b) => a - b);
        return [`${key} ${sorted.join()}`, [rulesTable(direction), CONJUNCTION_PRIORITY, match, clause(sorted, 1)]];
      },
    ),
  );
}
