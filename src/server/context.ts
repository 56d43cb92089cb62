// What the server's parts share: the store, time, chance, configuration, policy. Filled in by main; nothing here acts.
import type { Allocations } from '../contracts/cloud.ts';
import type { Drivers } from '../contracts/drivers.ts';
import type { Caller } from '../contracts/identity.ts';
import type { Log } from '../contracts/log.ts';
import type { Metrics } from '../contracts/metrics.ts';
import { noAccount, type ServiceAccount } from '../contracts/service-account.ts';
import type { Row, Store } from '../contracts/store.ts';
import type { Tracer } from '../contracts/trace.ts';
import type { DnsZones } from '../domain/ipam/dns-zones.ts';
import { defaultMtuConfig, type MtuConfig } from '../domain/ipam/mtu.ts';
import type { Clock } from '../engine/clock.ts';
import type { Resource } from '../model/kit/resource.ts';
import { type CorsConfig, defaultCors } from './http/cors.ts';
import { noProxy, type ProxyConfig } from './http/place.ts';
import type { Policy } from './policy.ts';
import type { PrintedObjects, PrintedPages } from './printed.ts';

/** `[oslo_policy]`. */
export interface PolicyConfig {
  /** `policy_file`; without one what is in the state directory. */
  readonly file?: string;
  /** Where a configuration file names it, as Neutron takes it; otherwise it has to be there. */
  readonly fileMayBeMissing?: boolean;
  readonly dirs?: readonly string[];
  readonly enforceNewDefaults: boolean;
  readonly enforceScope: boolean;
}

/** A name server that takes signed updates (`[rfc2136]`). */
export interface ExternalDnsConfig extends DnsZones {
  /** `external_dns_driver`: a dynamic update server, or none. */
  readonly driver: 'rfc2136' | '';
  readonly host: string;
  readonly port: number;
  readonly keyName: string;
  readonly keyAlgorithm: 'hmac-sha256' | 'hmac-sha384' | 'hmac-sha512';
  /** Base64. */
  readonly keySecret: string;
  readonly ttl: number;
}

/** `[database]`, names as in oslo.db. */
export interface DatabaseConfig {
  /** As SQLAlchemy writes URLs, several hosts separated by commas; empty: a SQLite file in the state directory. */
  readonly connection: string;
  /** Whether a server brings the schema to its version by itself when it starts. */
  readonly upgrade: boolean;
  readonly max_pool_size: number;
  readonly max_overflow: number;
  /** Seconds. */
  readonly pool_timeout: number;
  /** Seconds. */
  readonly connection_recycle_time: number;
}

export interface MessagingConfig {
  /** Empty: the agents of this machine only, over a Unix socket. */
  readonly transportUrl: string;
  readonly controlExchange: string;
  /** `host`: what this server is called on the bus; empty: as the machine. */
  readonly host: string;
  /** `rpc_ping_enabled`. */
  readonly ping?: boolean;
  /** What is set in `[oslo_messaging_rabbit]`, as it is written there. */
  readonly rabbit: Readonly<Record<string, string>>;
}

/** `[oslo_messaging_notifications]`. */
export interface NotificationsConfig {
  readonly drivers: readonly ('messaging' | 'messagingv2' | 'log' | 'noop')[];
  /** Empty: that of the messages. */
  readonly transportUrl: string;
  readonly topics: readonly string[];
  /** Attempts after the first; -1: until it is told. */
  readonly retry: number;
  /** Facts that may wait for the broker; 0: all. */
  readonly kept: number;
}

/** `[nova]`, and what it is told. */
export interface NovaConfig {
  readonly account: ServiceAccount;
  /** `notify_nova_on_port_status_changes`. */
  readonly status: boolean;
  /** `notify_nova_on_port_data_changes`. */
  readonly data: boolean;
  /** `send_events_interval`, seconds. */
  readonly interval: number;
}

/** Processes, and how they end; `weft server` alone goes by the numbers of workers. */
export interface ServiceConfig {
  /** `api_workers`; undefined: as many as the machine is good for, and none on a file; 0: one process does everything. */
  readonly apiWorkers?: number;
  /** `rpc_workers`; undefined: half as many. */
  readonly rpcWorkers?: number;
  /** `rpc_state_report_workers` */
  readonly rpcStateReportWorkers: number;
  /** `graceful_shutdown_timeout`, seconds; 0: as long as it takes. */
  readonly gracefulShutdownTimeout: number;
  /** `debug`: log more; may change while it runs. */
  readonly debug: boolean;
}

/** `use_ssl` and `[ssl]`; a file that is not named is empty. */
export interface TlsConfig {
  readonly enabled: boolean;
  readonly certFile: string;
  readonly keyFile: string;
  /** Of the authorities of clients. */
  readonly caFile: string;
  readonly ciphers: string;
}

/** Of oslo.log's options; where nothing is named, the log is in the state directory. */
export interface LogConfig {
  /** `log_file`, from `log_dir` on. */
  readonly file: string;
  readonly dir: string;
  /** `use_json` */
  readonly json: boolean;
  /** `use_stderr` */
  readonly stderr: boolean;
}

/** `[healthcheck]`. */
export interface HealthConfig {
  readonly backends: readonly ('disable_by_file' | 'disable_by_files_ports' | 'database' | 'messaging')[];
  readonly detailed: boolean;
  readonly disableByFilePath: string;
  /** By port. */
  readonly disableByFilePaths: Readonly<Record<number, string>>;
}

export interface ServerConfig {
  readonly health: HealthConfig;
  readonly tls: TlsConfig;
  readonly log: LogConfig;
  readonly service: ServiceConfig;
  /** `[weft] otlp_endpoint`: where traces are sent. */
  readonly otlpEndpoint?: string;
  /** `[weft] metrics_listen`; undefined: nowhere. */
  readonly metricsListen?: { readonly host: string; readonly port: number };
  /** `auth_strategy`; `noauth`: everybody is an administrator. */
  readonly authStrategy: 'keystone' | 'noauth';
  readonly policy: PolicyConfig;
  /** `dns_domain`. */
  readonly dnsDomain: string;
  /** `base_mac`. */
  readonly baseMac: string;
  readonly mtu: MtuConfig;
  /** `tenant_network_types`, in order. */
  readonly tenantNetworkTypes: readonly string[];
  /** `type_drivers`. */
  readonly typeDrivers: readonly string[];
  /** `vni_ranges` of VXLAN. */
  readonly vniRanges: readonly (readonly [number, number])[];
  /** `tunnel_id_ranges` of GRE, `vni_ranges` of Geneve. */
  readonly greRanges: readonly (readonly [number, number])[];
  readonly geneveRanges: readonly (readonly [number, number])[];
  /** `max_header_size` of Geneve; undefined: what the type itself needs. */
  readonly geneveHeader?: number;
  /** `external_network_type`: of external networks whose request names none; undefined: as any other. */
  readonly externalNetworkType?: string;
  /** `flat_networks`: names, or `*` for any. */
  readonly flatNetworks: readonly string[];
  /** `network_vlan_ranges`: physical network → ranges for project networks (may be none). */
  readonly vlanRanges: Readonly<Record<string, readonly (readonly [number, number])[]>>;
  /** `agent_down_time`, seconds. */
  readonly agentDownTime: number;
  /** `enable_new_agents`. */
  readonly enableNewAgents: boolean;
  /** `network_auto_schedule`, `allow_automatic_dhcp_failover`, `dhcp_agent_notification`. */
  readonly networkAutoSchedule: boolean;
  readonly dhcpFailover: boolean;
  readonly dhcpAgentNotification: boolean;
  /** `router_auto_schedule`. */
  readonly routerAutoSchedule: boolean;
  /** `enable_snat_by_default`. */
  readonly snatByDefault: boolean;
  /** `mechanism_drivers`, in order; `l2population` among them is what tells agents where addresses are. */
  readonly mechanismDrivers: readonly string[];
  /** `dhcp_agents_per_network`. */
  readonly dhcpAgentsPerNetwork: number;
  /** `l3_ha`, `router_distributed`: routers that do not say. */
  readonly l3Ha: boolean;
  readonly routerDistributed: boolean;
  /** `max_l3_agents_per_router`; 0: all. */
  readonly maxL3AgentsPerRouter: number;
  /** `l3_ha_net_cidr`. */
  readonly l3HaNetCidr: string;
  /** `default_availability_zones`: for networks and routers without hints. */
  readonly defaultAvailabilityZones: readonly string[];
  /** `max_request_body_size`, bytes. */
  readonly maxRequestBody: number;
  /** `client_socket_timeout`, seconds. */
  readonly clientSocketTimeout: number;
  readonly proxy: ProxyConfig;
  /** `[cors]`. */
  readonly cors: CorsConfig;
  /** `pagination_max_limit`; 0 means none. */
  readonly paginationMaxLimit: number;
  /** `quota_<resource>`, where it differs from the model's default. */
  readonly quotas: Readonly<Record<string, number>>;
  /** `max_allowed_address_pair`. */
  readonly maxAllowedAddressPair: number;
  readonly externalDns: ExternalDnsConfig;
  readonly nova: NovaConfig;
  /** `[placement]`. */
  readonly placement: { readonly account: ServiceAccount };
  readonly database: DatabaseConfig;
  readonly messaging: MessagingConfig;
  readonly notifications: NotificationsConfig;
  /** `enable_security_group`: whether agents guard ports. */
  readonly guardsPorts: boolean;
  readonly maxDnsNameservers: number;
  readonly maxSubnetHostRoutes: number;
  readonly maxRoutes: number;
  /** `enable_default_route_ecmp`, `enable_default_route_bfd`: of routers that do not say. */
  readonly defaultRouteEcmp: boolean;
  readonly defaultRouteBfd: boolean;
  /** `service_plugins`: what is switched on beside what is always there. */
  readonly servicePlugins: readonly string[];
}

export const defaultConfig: ServerConfig = {
  log: { file: '', dir: '', json: false, stderr: false },
  tls: { enabled: false, certFile: '', keyFile: '', caFile: '', ciphers: '' },
  health: {
    backends: ['disable_by_file'],
    detailed: false,
    disableByFilePath: '/etc/neutron/healthcheck_disable',
    disableByFilePaths: {},
  },
  service: { rpcStateReportWorkers: 1, gracefulShutdownTimeout: 60, debug: false },
  authStrategy: 'keystone',
  policy: { enforceNewDefaults: true, enforceScope: true },
  dnsDomain: 'openstacklocal',
  externalDns: {
    driver: '',
    host: '127.0.0.1',
    port: 53,
    keyName: '',
    keyAlgorithm: 'hmac-sha256',
    keySecret: '',
    ttl: 300,
    zones: [],
    reverse: { ipv4: 24, ipv6: 64 },
  },
  database: { connection: '', upgrade: true, max_pool_size: 10, max_overflow: 20, pool_timeout: 30, connection_recycle_time: 3600 },
  placement: { account: noAccount },
  nova: { account: noAccount, status: true, data: true, interval: 2 },
  messaging: { transportUrl: '', controlExchange: 'neutron', host: '', ping: false, rabbit: {} },
  guardsPorts: true,
  notifications: { drivers: [], transportUrl: '', topics: ['notifications'], retry: -1, kept: 100_000 },
  baseMac: 'fa:16:3e:00:00:00',
  mtu: defaultMtuConfig,
  tenantNetworkTypes: ['vxlan'],
  typeDrivers: ['local', 'flat', 'vlan', 'vxlan', 'gre', 'geneve'],
  vniRanges: [[1, 16_777_215]],
  greRanges: [],
  geneveRanges: [],
  flatNetworks: ['*'],
  vlanRanges: {},
  agentDownTime: 75,
  enableNewAgents: true,
  networkAutoSchedule: true,
  dhcpFailover: true,
  dhcpAgentNotification: true,
  routerAutoSchedule: true,
  snatByDefault: true,
  mechanismDrivers: ['openvswitch', 'linuxbridge', 'l2population'],
  dhcpAgentsPerNetwork: 1,
  l3Ha: false,
  routerDistributed: false,
  maxL3AgentsPerRouter: 3,
  l3HaNetCidr: '169.254.192.0/18',
  defaultAvailabilityZones: [],
  maxRequestBody: 16 * 1024 * 1024,
  clientSocketTimeout: 30,
  proxy: noProxy,
  cors: defaultCors,
  paginationMaxLimit: 0,
  quotas: {},
  maxAllowedAddressPair: 10,
  maxDnsNameservers: 5,
  maxSubnetHostRoutes: 20,
  maxRoutes: 30,
  defaultRouteEcmp: false,
  defaultRouteBfd: false,
  servicePlugins: [],
};

/** What lives as long as the server. */
export interface Services {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly newId: () => string;
  /** As of now; a request keeps the one that it began with. */
  readonly policy: Policy;
  readonly drivers: Drivers;
  readonly config: ServerConfig;
  readonly printed: PrintedObjects;
  readonly pages: PrintedPages;
  /** Where there is an account for Placement. */
  readonly allocations?: Allocations;
  /** Where somebody wants to know. */
  readonly metrics?: Metrics;
  readonly tracer?: Tracer;
}

/** What lives as long as one request. */
export interface RequestContext extends Services {
  readonly caller: Caller;
  /** `req-<uuid>`. */
  readonly requestId: string;
  /** By policy `context_is_admin`. */
  readonly isAdmin: boolean;
  /** May act for projects that are not its own: administrators, and services with a role for it. */
  readonly isPrivileged: boolean;
  /** Of a URL below an object: that object, which the caller sees. Only what belongs to it is found. */
  readonly parent?: { readonly resource: Resource; readonly row: Row };
}

export function timestamp(clock: Clock): string {
  return `${new Date(clock.now()).toISOString().slice(0, 19)}Z`;
}
