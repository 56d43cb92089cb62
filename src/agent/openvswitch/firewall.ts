// The firewall of the Open vSwitch agent: flows for the ports that are to be alive, and the end of connections that these do not permit any more.
import type { Datapath } from '../../contracts/host/datapath.ts';
import type { IpVersion } from '../../domain/net/ip.ts';
import type { Flow } from '../../domain/openflow/flow.ts';
import type { Guard } from '../l2/guard.ts';
import { memberTest } from '../l2/membership.ts';
import type { View } from '../l2/view.ts';
import { flowMembers } from '../render/any-member.ts';
import { fingerprint } from '../render/fingerprint.ts';
import { members } from '../render/ipset.ts';
import { endedConnections } from '../render/openflow/ended.ts';
import { type FirewallRenderer, firewallRenderer } from '../render/openflow/firewall-flows.ts';
import type { FlowView } from '../render/security-flows.ts';
import type { PortSecurity } from '../render/security-port.ts';

/** A port of a network that has a local VLAN here. */
export interface FirewallPort {
  readonly device: string;
  readonly ofport: number;
  readonly vlan: number;
  readonly addresses: readonly string[];
  /** Its MAC, where no other is behind it, nor it anywhere else. */
  readonly mac?: string;
  /** A closed one has no flows: it is dead. */
  readonly guard: Guard;
}

export interface OvsFirewallGiven {
  readonly datapath: Datapath;
  /** `datapath_type` of the integration bridge. */
  readonly type: string;
  /** `permitted_ethertypes`. */
  readonly permitted: readonly number[];
}

type Members = (group: string, version: IpVersion) => ReadonlySet<string>;

export class OvsFirewall {
  private readonly given: OvsFirewallGiven;
  private readonly render: FirewallRenderer;
  /** VLAN → what its connections were last judged by. */
  private readonly judged = new Map<number, string>();
  /** VLANs whose zones may hold connections of another network. */
  private readonly stale = new Set<number>();

  constructor(given: OvsFirewallGiven) {
    this.given = given;
    this.render = firewallRenderer(given.permitted);
  }

  /** Of the ports that are guarded or open. `outward`: local VLAN → the ports that lead out of the host. */
  flows(ports: readonly FirewallPort[], view: View, outward: ReadonlyMap<number, readonly number[]>): Flow[] {
    return this.render({
      guarded: ports.flatMap(({ guard, ofport, vlan }) => (guard.kind === 'guarded' ? [{ security: guard.port, ofport, vlan }] : [])),
      open: ports.filter(p => p.guard.kind === 'open'),
      outward,
      members: flowMembersOf(view),
    });
  }

  /** Before there are flows for them: zones that no port is known to have had are emptied. `tagged` are the VLANs of ports as they were found. */
  async begin(ports: readonly FirewallPort[], tagged: ReadonlySet<number>): Promise<void> {
    for (const { vlan } of ports) if (!tagged.has(vlan) && !this.judged.has(vlan)) this.stale.add(vlan);
    await this.empty();
  }

  /** When flows stand: what is not permitted any more ends, wherever anything changed since connections were looked at last. */
  async end(ports: readonly FirewallPort[], view: View, freed: readonly number[]): Promise<void> {
    for (const vlan of freed) {
      this.judged.delete(vlan);
      this.stale.add(vlan);
    }
    await this.empty();
    for (const [vlan, here] of byVlan(ports)) {
      const now = picture(here, view);
      if (this.judged.get(vlan) === now) continue;
      const { datapath, type } = this.given;
      const ended = endedConnections(await datapath.connections(type, vlan), flowView(here, view));
      if (ended.length > 0) await datapath.forget(type, ended);
      this.judged.set(vlan, now);
    }
  }

  private async empty(): Promise<void> {
    for (const vlan of this.stale) {
      await this.given.datapath.forgetZone(this.given.type, vlan);
      this.stale.delete(vlan);
      this.judged.set(vlan, '');
    }
  }
}

function byVlan(ports: readonly FirewallPort[]): Map<number, FirewallPort[]> {
  return Map.groupBy(ports, p => p.vlan);
}

function flowView(ports: readonly FirewallPort[], view: View): FlowView {
  return {
    guarded: ports.flatMap(p => (p.guard.kind === 'guarded' ? [p.guard.port] : [])),
    closed: ports.filter(p => p.guard.kind === 'closed'),
    openAddresses: new Set(ports.filter(p => p.guard.kind === 'open').flatMap(p => p.addresses)),
    isMember: memberTestOf(view),
  };
}

export const memberTestOf = (view: View): FlowView['isMember'] => memberTest(membersOf(view));

const nobody: readonly string[] = [];

/** Made once for each word of the server on a group's members. */
function eachGroup(make: (version: IpVersion, told: readonly string[]) => ReadonlySet<string>): (view: View) => Members {
  const made = new WeakMap<readonly string[], Readonly<Record<IpVersion, ReadonlySet<string>>>>();
  return view => (group, version) => {
    const told = view.members.get(group) ?? nobody;
    const known = made.get(told) ?? { 4: make(4, told), 6: make(6, told) };
    made.set(told, known);
    return known[version];
  };
}

/** Who is known by his MAC has any address: connections show no MACs. */
const membersOf = eachGroup(members);
const flowMembersOf = eachGroup(flowMembers);

const numbers = new WeakMap<PortSecurity, number>();
let last = 0;

/** A compiled port is a new value whenever anything of it changes. */
function numberOf(port: PortSecurity): number {
  const number = numbers.get(port) ?? ++last;
  numbers.set(port, number);
  return number;
}

const prints = new WeakMap<readonly string[], string>();

function printOf(told: readonly string[]): string {
  const print = prints.get(told) ?? fingerprint(told.toSorted().join());
  prints.set(told, print);
  return print;
}

/** Equal while the same connections are permitted on a network. */
function picture(ports: readonly FirewallPort[], view: View): string {
  const groups = new Set<string>();
  const words = ports.map(({ device, addresses, guard }) => {
    if (guard.kind !== 'guarded') return `${guard.kind} ${device} ${addresses.join()}`;
    for (const { remoteGroup } of guard.port.rules) if (remoteGroup !== undefined) groups.add(remoteGroup);
    return `${device} ${numberOf(guard.port)}`;
  });
  for (const group of groups) words.push(`${group} ${printOf(view.members.get(group) ?? nobody)}`);
  return words.sort().join('\n');
}
