// What a network type and a mechanism are to the server. Drivers are small and pure; what they share is written outside them.
import type { QosSupport } from '../domain/qos.ts';

export interface TypeDriver {
  readonly type: string;
  /** Bytes of encapsulation between the underlay's IP header and the tenant's packet; 0 for types that are not tunnels. */
  readonly overhead: number;
  /** Smallest and largest segmentation id; undefined for types without one. */
  readonly bounds?: readonly [number, number];
  readonly onPhysnet: boolean;
  readonly tunnel: boolean;
}

export interface SegmentView {
  readonly id: string;
  readonly network_type: string;
  readonly physical_network: string | null;
  readonly segmentation_id: number | null;
}

export interface AgentView {
  readonly agent_type: string;
  readonly alive: boolean;
  readonly admin_state_up: boolean;
  readonly configurations: Readonly<Record<string, unknown>>;
}

/** A port that is to be bound, as far as drivers decide by it. */
export interface PortView {
  readonly id: string;
  readonly vnic_type: string;
  /** `enable_security_group`: whether agents guard ports. */
  readonly guarded: boolean;
  readonly profile: Readonly<Record<string, unknown>>;
  /** Of the trunk that it is the parent of; only drivers that plug trunks are told. */
  readonly trunk_id?: string;
}

export interface Binding {
  readonly driver: string;
  readonly segment: SegmentView;
  readonly vif_type: string;
  readonly vif_details: Readonly<Record<string, unknown>>;
}

export interface MechanismDriver {
  readonly name: string;
  readonly agentType: string;
  /** A port that is plugged already may become the parent of a trunk, and cease to be one. */
  readonly trunksBoundPorts?: boolean;
  /** The parent of a trunk is plugged elsewhere than other ports are. */
  readonly plugsTrunks?: true;
  /** Carries the VLAN tags of instances. */
  readonly vlanTransparent?: true;
  /** Keeps the isolated ports and the communities of a private VLAN apart. */
  readonly pvlan?: true;
  /** Pure: whether the agent's host is connected to the segment. */
  reaches(agent: Pick<AgentView, 'configurations'>, segment: Omit<SegmentView, 'id'>): boolean;
  /** What rules of QoS policies its agents carry out; absent: none. */
  readonly qos?: QosSupport;
  /** Pure: the binding on the first segment that the agent can reach, or undefined. */
  bind(port: PortView, agent: AgentView, segments: readonly SegmentView[]): Binding | undefined;
}

/** What main hands to the server, in the order in which it is tried. */
export interface Drivers {
  readonly types: Readonly<Record<string, TypeDriver>>;
  readonly mechanisms: readonly MechanismDriver[];
}
