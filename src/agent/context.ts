// What every agent part gets: its doors, its bus, time and its configuration. `main` fills it in; nothing here acts.
import type { Bus } from '../contracts/bus.ts';
import type { Host } from '../contracts/host/host.ts';
import type { Log } from '../contracts/log.ts';
import type { Sample } from '../contracts/metrics.ts';
import type { PacketLog } from '../contracts/packet-log.ts';
import type { Clock } from '../engine/clock.ts';
import type { GroupRange, TunnelPackets } from './desired/linuxbridge.ts';

export interface AgentContext {
  readonly bus: Bus;
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly config: AgentConfig;
  /** Where logged packets are written; left out where none are logged. */
  readonly packetLog?: PacketLog;
}

/** One agent's options; names in comments are Neutron's. */
export interface AgentConfig {
  /** `host`: the identity of every agent of this machine. */
  readonly host: string;
  /** `state_path`, absolute: dhcp/, ns-metadata-proxy/, external/pids/, … below it. */
  readonly statePath: string;
  /** `report_interval`, default 30 000. */
  readonly reportIntervalMs: number;
  /** `availability_zone`, default nova. */
  readonly availabilityZone?: string;
  /** `log_agent_heartbeats`: the server logs each report of these agents. */
  readonly logHeartbeats?: boolean;
  /** `rpc_response_timeout` and `rpc_response_max_timeout`; by default 60 000 and 600 000. */
  readonly answer?: { readonly firstMs: number; readonly longestMs: number };
  /** Whose processes the metadata proxies of the namespaces are, where they can be another's; by default nobody, nogroup. */
  readonly proxyUser?: { readonly user: string; readonly group: string };
  /** `[agent] extensions` of an L2 agent. */
  readonly extensions?: readonly string[];
  /** Of an L2 agent with the extension `log`. */
  readonly packetLog?: PacketLogConfig;
  readonly linuxbridge?: LinuxbridgeConfig;
  readonly openvswitch?: OpenvswitchConfig;
  readonly dhcp?: DhcpConfig;
  readonly l3?: L3Config;
  readonly metadata?: MetadataConfig;
}

export interface PacketLogConfig {
  /** `rate_limit`: packets a second. */
  readonly rate: number;
  /** `burst_limit`. */
  readonly burst: number;
  /** `local_output_log_base`; left out: syslog. */
  readonly file?: string;
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
    /** `multicast_ranges`; as `group`. */
    readonly groups?: readonly GroupRange[];
    /** `ttl`; `tos`, or `dscp_inherit`, or `dscp`; `udp_srcport_min` and `udp_srcport_max`. */
    readonly packets?: TunnelPackets;
  };
  /** `firewall_driver`, by default iptables; `noop`, also where `enable_security_group` is false: every port is as one without port security. */
  readonly firewallDriver?: 'iptables' | 'nftables' | 'noop';
  /** `[QOS] kernel_hz`, default 250, and `tbf_latency`, default 50. */
  readonly qos?: { readonly kernelHz: number; readonly latencyMs: number };
}

/** `allocation_ratio`, `min_unit`, `max_unit`, `reserved`, `step_size`. */
export type Inventory = Readonly<Record<string, number>>;

/** What a host can guarantee, with the keys of the agent's report; a rate that is null is not said. */
export interface ResourceReport {
  /** Bridge → kbit/s by direction. */
  readonly resource_provider_bandwidths: Readonly<Record<string, Readonly<Record<string, number | null>>>>;
  readonly resource_provider_inventory_defaults: Inventory;
  /** Hypervisor → thousands of packets a second. */
  readonly resource_provider_packet_processing_without_direction: Readonly<Record<string, Readonly<Record<string, number | null>>>>;
  readonly resource_provider_packet_processing_with_direction: Readonly<Record<string, Readonly<Record<string, number | null>>>>;
  readonly resource_provider_packet_processing_inventory_defaults: Inventory;
  /** Bridge → hypervisor. */
  readonly resource_provider_hypervisors: Readonly<Record<string, string>>;
}

export interface OpenvswitchConfig {
  /** Without it nothing is guaranteed. */
  readonly resources?: ResourceReport;
  /** `ovsdb_connection`: `unix:PATH`, `tcp:HOST:PORT` or `ssl:HOST:PORT`. */
  readonly connection: string;
  /** `ssl_key_file`, `ssl_cert_file`, `ssl_ca_cert_file`: paths; with `ssl:`. */
  readonly tls?: { readonly keyFile: string; readonly certFile: string; readonly caFile: string };
  /** `ovsdb_timeout`. */
  readonly timeoutMs: number;
  /** `integration_bridge`, `tunnel_bridge`, `int_peer_patch_port`, `tun_peer_patch_port`. */
  readonly integrationBridge: string;
  readonly tunnelBridge: string;
  readonly intPatch: string;
  readonly tunPatch: string;
  /** `bridge_mappings`: physical network → existing bridge. */
  readonly bridgeMappings: Readonly<Record<string, string>>;
  /** `datapath_type`: `system` or `netdev`. */
  readonly datapathType: string;
  /** `vhostuser_socket_dir`. */
  readonly vhostuserDir: string;
  /** `bridge_mac_table_size`. */
  readonly macTableSize: number;
  /** `igmp_snooping_enable`. */
  readonly igmpSnooping: boolean;
  /** `of_inactivity_probe`: silence of a bridge after which it is asked; 0 is never. */
  readonly probeMs?: number;
  readonly tunnels?: {
    /** `tunnel_types`. */
    readonly types: readonly ('gre' | 'vxlan' | 'geneve')[];
    /** `local_ip`. */
    readonly localIp: string;
    readonly l2population: boolean;
    /** `arp_responder`: only with l2population. */
    readonly arpResponder: boolean;
    /** `vxlan_udp_port`. */
    readonly vxlanPort: number;
    /** `dont_fragment`. */
    readonly dontFragment: boolean;
    /** `tunnel_csum`. */
    readonly checksum: boolean;
    /** `dscp_inherit`, or `dscp`. */
    readonly dscp?: 'inherit' | number;
  };
  /** `firewall_driver`; `noop` also where `enable_security_group` is false. */
  readonly firewall: 'openvswitch' | 'iptables_hybrid' | 'noop';
  /** `permitted_ethertypes`: what guarded ports may send and receive beside ARP, IPv4 and IPv6. */
  readonly permittedEthertypes: readonly number[];
}

/** `interface_driver`: how ports of the agents of namespaces get to the switch of the host. */
export type InterfaceDriverConfig =
  | { readonly kind: 'linuxbridge' }
  | { readonly kind: 'null' }
  | ({
      readonly kind: 'openvswitch';
      /** `integration_bridge`. */
      readonly bridge: string;
      /** `ovs_use_veth`. */
      readonly useVeth: boolean;
    } & Pick<OpenvswitchConfig, 'connection' | 'tls' | 'timeoutMs' | 'datapathType'>);

export interface DhcpConfig {
  /** Linux bridges where it is not said. */
  readonly interfaceDriver?: InterfaceDriverConfig;
  /** `dns_domain`. */
  readonly dnsDomain: string;
  /** `dhcp_lease_duration`, seconds. */
  readonly leaseSeconds: number;
  readonly dnsServers: readonly string[];
  /** `dhcp_confs`, absolute; by default dhcp/ below the state path. */
  readonly folder?: string;
  /** `dnsmasq_config_file`: what it is told besides. */
  readonly dnsmasqConfigFile?: string;
  /** `dnsmasq_lease_max`, by default 2 ** 24. */
  readonly leaseMax?: number;
  /** `dnsmasq_local_resolv`: it asks the resolvers of this machine. */
  readonly localResolv?: boolean;
  /** `dhcp_broadcast_reply`. */
  readonly broadcastReply?: boolean;
  /** `dnsmasq_base_log_dir`: a folder per network with what it says of DHCP and DNS. */
  readonly logDir?: string;
  readonly enableIsolatedMetadata: boolean;
  readonly forceMetadata: boolean;
  /** False where daemons cannot change user (no root): dnsmasq then runs as the caller. */
  readonly dropUser: boolean;
}

export interface L3Config {
  /** Linux bridges where it is not said. */
  readonly interfaceDriver?: InterfaceDriverConfig;
  readonly enableMetadataProxy: boolean;
  /** `metadata_port`, default 9697. */
  readonly metadataPort: number;
  readonly handleInternalOnlyRouters: boolean;
  /** `ra_confs`, absolute; by default ra/ below the state path. */
  readonly raFolder?: string;
  /** `min_rtr_adv_interval` and `max_rtr_adv_interval`, seconds; by default 30 and 100. */
  readonly advertise?: { readonly least: number; readonly most: number };
  readonly dropUser: boolean;
}

export interface MetadataConfig {
  /** `metadata_proxy_socket`: the Unix socket that the proxies in the namespaces forward to. */
  readonly socket: string;
  /** `metadata_proxy_socket_mode`: who may connect besides the proxies of this machine's own agents. */
  readonly mode?: 'deduce' | 'user' | 'group' | 'all';
  readonly backend: { readonly kind: 'builtin' } | ({ readonly kind: 'nova' } & NovaMetadata);
}

export interface NovaMetadata {
  /** `http://host:8775`. */
  readonly url: string;
  /** `metadata_proxy_shared_secret`. */
  readonly secret: string;
  readonly tls?: {
    /** `auth_ca_cert`, and `nova_client_cert` with `nova_client_priv_key`: files. */
    readonly caFile?: string;
    readonly certFile?: string;
    readonly keyFile?: string;
    /** `nova_metadata_insecure`: whoever answers is believed. */
    readonly insecure?: boolean;
  };
}

/** A running agent part. `synced` resolves after its first full pass; disposing it leaves the data plane as it is. */
export interface AgentPart extends AsyncDisposable {
  readonly name: string;
  readonly synced: Promise<void>;
  /** What it tells of itself and its ports now, by `agentMetrics`. */
  metrics?(): Promise<readonly Sample[]>;
}
