// What is known of a host that is to move from Linux bridge to Open vSwitch: by the API, by the new agent's files, and on the host itself.

/** A link, as the door to links tells of it. */
export interface Link {
  readonly name: string;
  readonly kind: string;
  readonly mac: string;
  readonly master?: string;
  readonly addresses: readonly { readonly cidr: string; readonly scope: string }[];
  readonly vxlan?: { readonly port: number; readonly group?: string };
}

/** A route, whole: it is to be made again. */
export interface Route {
  readonly dst: string;
  readonly via?: string;
  readonly dev?: string;
  readonly table?: number | 'main';
  readonly metric?: number;
  readonly family: 4 | 6;
  readonly scope?: string;
  readonly proto?: string;
  readonly onlink?: boolean;
  readonly src?: string;
}

export const linuxBridgeAgent = 'Linux bridge agent';
export const openvswitchAgent = 'Open vSwitch agent';

/** Of ports that no driver could bind: they are plugged in nowhere. */
export const unplugged: readonly string[] = ['unbound', 'binding_failed'];

export interface CloudAgent {
  readonly id: string;
  readonly agent_type: string;
  readonly alive: boolean;
  readonly admin_state_up: boolean;
  readonly configurations: Readonly<Record<string, unknown>>;
}

/** A port that is bound to the host. */
export interface CloudPort {
  readonly id: string;
  readonly network_id: string;
  readonly mac_address: string;
  readonly device_owner: string;
  readonly device_id: string;
  readonly status: string;
  readonly admin_state_up: boolean;
  readonly port_security_enabled: boolean;
  readonly vif_type: string;
  /** `binding:vif_details` says that agents guard it. */
  readonly port_filter: boolean;
  /** `binding:profile` names the host that its instance is on its way to. */
  readonly migrating: boolean;
  /** Its own, or its network's: it has a QoS policy. */
  readonly limited: boolean;
  /** It is the parent of a trunk, or in one. */
  readonly trunk: boolean;
}

export interface CloudSegment {
  readonly network_type: string;
  readonly physical_network: string | null;
  readonly segmentation_id: number | null;
}

export interface CloudNetwork {
  readonly id: string;
  readonly name: string;
  readonly segments: readonly CloudSegment[];
}

/** What the server says of a binding: whether the new agent could take it. */
export interface Verdict {
  readonly port_id: string;
  readonly outcome: 'taken' | 'there' | 'left';
  /** As it is, or would be. */
  readonly vif_type: string;
  readonly reason?: string;
}

export interface Cloud {
  /** Of the host. */
  readonly agents: readonly CloudAgent[];
  readonly ports: readonly CloudPort[];
  readonly networks: ReadonlyMap<string, CloudNetwork>;
  /** False: this API has no way to rewrite bindings. */
  readonly rewrites: boolean;
  /** Undefined while the new agent has never reported. */
  readonly verdicts?: readonly Verdict[];
}

/** What openvswitch_agent.ini says. */
export interface Target {
  readonly integrationBridge: string;
  readonly tunnelBridge: string;
  readonly bridgeMappings: Readonly<Record<string, string>>;
  readonly datapathType: string;
  readonly firewall: string;
  readonly tunnels?: {
    readonly types: readonly string[];
    readonly localIp: string;
    readonly l2population: boolean;
    readonly vxlanPort: number;
  };
}

/** Bridges of Open vSwitch with their ports. */
export type SwitchThere = ReadonlyMap<string, { readonly datapathType: string; readonly ports: ReadonlySet<string> }>;

export interface Situation {
  readonly host: string;
  readonly cloud: Cloud;
  readonly target: Target;
  readonly links: readonly Link[];
  readonly routes: readonly Route[];
  /** A text: why there is no Open vSwitch. */
  readonly openvswitch: SwitchThere | string;
}

/** Of the Linux bridge agent, as it reports them. */
export function mappingsOf({ cloud }: Situation, key: 'interface_mappings' | 'bridge_mappings'): Readonly<Record<string, string>> {
  const value = cloud.agents.find(a => a.agent_type === linuxBridgeAgent)?.configurations[key];
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
