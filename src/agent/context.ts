// What every agent part gets: its doors, its bus, time and its configuration. `main` fills it in; nothing here acts.
import type { Bus } from '../contracts/bus.ts';
import type { Host } from '../contracts/host/host.ts';
import type { Log } from '../contracts/log.ts';
import type { Clock } from '../engine/clock.ts';

export interface AgentContext {
  readonly bus: Bus;
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly config: AgentConfig;
}

/** One agent's options; names in comments are Neutron's. */
export interface AgentConfig {
  /** `host`: the identity of every agent of this machine. */
  readonly host: string;
  /** `state_path`, absolute: dhcp/, ns-metadata-proxy/, external/pids/, … below it. */
  readonly statePath: string;
  /** `report_interval`, default 30 000. */
  readonly reportIntervalMs: number;
  readonly linuxbridge?: LinuxbridgeConfig;
  readonly dhcp?: DhcpConfig;
  readonly l3?: L3Config;
  readonly metadata?: MetadataConfig;
}

export interface LinuxbridgeConfig {
  /** `physical_interface_mappings`: physical network → device. */
  readonly interfaceMappings: Readonly<Record<string, string>>;
  /** `bridge_mappings`: physical network → existing bridge. */
  readonly bridgeMappings: Readonly<Record<string, string>>;
  readonly vxlan?: {
    readonly localIp: string;
    /** `vxlan_group`; used when l2population is off. */
    readonly group: string;
    readonly l2population: boolean;
    /**
     * `arp_responder`, default false: the tunnel answers for the addresses that l2population told, and drops every question about
     * others — among them the link-local addresses that DHCPv6 and IPv6 neighbours need.
     */
    readonly arpResponder?: boolean;
    /** `udp_dstport`, default 8472. */
    readonly udpPort: number;
  };
}

export interface DhcpConfig {
  /** `dns_domain`. */
  readonly dnsDomain: string;
  /** `dhcp_lease_duration`, seconds. */
  readonly leaseSeconds: number;
  readonly dnsServers: readonly string[];
  readonly enableIsolatedMetadata: boolean;
  readonly forceMetadata: boolean;
  /** False where daemons cannot change user (no root): dnsmasq then runs as the caller. */
  readonly dropUser: boolean;
}

export interface L3Config {
  readonly enableMetadataProxy: boolean;
  /** `metadata_port`, default 9697. */
  readonly metadataPort: number;
  readonly handleInternalOnlyRouters: boolean;
  readonly dropUser: boolean;
}

export interface MetadataConfig {
  /** `metadata_proxy_socket`: the Unix socket that the proxies in the namespaces forward to. */
  readonly socket: string;
  readonly backend: { readonly kind: 'builtin' } | { readonly kind: 'nova'; readonly url: string; readonly secret: string };
}

/** A running agent part. `synced` resolves after its first full pass; disposing it leaves the data plane as it is. */
export interface AgentPart extends AsyncDisposable {
  readonly name: string;
  readonly synced: Promise<void>;
}
