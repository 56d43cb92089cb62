// A router as the server described it, after strict parsing: every string here is safe to use as an address, a name or a path.

export type Family = 4 | 6;

export interface FixedIp {
  readonly family: Family;
  readonly ip: string;
  /** `ip/prefixlen`. */
  readonly cidr: string;
}

export type RaMode = 'slaac' | 'dhcpv6-stateless' | 'dhcpv6-stateful';

export interface SubnetView {
  readonly family: Family;
  readonly cidr: string;
  readonly gatewayIp?: string;
  /** Only the IPv6 ones: what a router advertisement can carry. */
  readonly dnsServers: readonly string[];
  readonly raMode?: RaMode;
}

export interface RouterPort {
  readonly id: string;
  readonly networkId: string;
  readonly mac: string;
  readonly mtu: number;
  readonly fixedIps: readonly FixedIp[];
  readonly subnets: readonly SubnetView[];
  readonly extraSubnets: readonly SubnetView[];
  /** Address scope ids, null where the network has none. */
  readonly scopes: Readonly<Record<Family, string | null>>;
}

export interface PortForwarding {
  readonly id: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly internalIp: string;
  readonly internalPorts: string;
  readonly externalPorts: string;
}

export interface FloatingIp {
  readonly id: string;
  readonly floating: string;
  /** Absent for one that only forwards ports. */
  readonly fixed?: string;
  readonly fixedScope: string | null;
  readonly forwardings: readonly PortForwarding[];
  /** As the server knows it. */
  readonly status: string;
}

export interface ExtraRoute {
  readonly family: Family;
  readonly destination: string;
  readonly nexthop: string;
}

export interface ConntrackHelper {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly helper: string;
}

export interface RouterView {
  readonly id: string;
  readonly gateway?: RouterPort;
  readonly enableSnat: boolean;
  readonly interfaces: readonly RouterPort[];
  readonly floatingIps: readonly FloatingIp[];
  readonly routes: readonly ExtraRoute[];
  readonly conntrackHelpers: readonly ConntrackHelper[];
  /** Ids of floating IPs whose description was refused: reported as ERROR. */
  readonly refusedFloatingIps: readonly string[];
}

/** What came of one router of the reply. `complaints` name parts that were left out; the rest goes on without them. */
export type Parsed =
  | { readonly kind: 'router'; readonly router: RouterView; readonly complaints: readonly string[] }
  /** Not for this agent to touch in any way: an HA or distributed router. */
  | { readonly kind: 'unsupported'; readonly id: string; readonly why: string }
  /** Administratively down. */
  | { readonly kind: 'down'; readonly id: string }
  | { readonly kind: 'invalid'; readonly id: string | undefined; readonly why: string };
