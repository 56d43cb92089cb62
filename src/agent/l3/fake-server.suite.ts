// For tests: router dictionaries as neutron-server answers them, and a server of topic `q-l3-plugin` on a bus.
import type { Bus, Json } from '../../contracts/bus.ts';
import { RpcFailure } from '../../contracts/bus.ts';

/** A UUID that tells what it stands for: kind and number. */
export const uuid = (kind: string, n: number): string =>
  `${Buffer.from(kind).toString('hex').padEnd(6, '0').slice(0, 6)}${n.toString(16).padStart(2, '0')}-${n.toString(16).padStart(4, '0')}-4000-8000-000000000000`;

export interface SubnetOf {
  readonly cidr: string;
  readonly gateway?: string | null;
  readonly ra?: string | null;
  readonly dns?: readonly string[];
}

export interface PortOf {
  readonly id: string;
  readonly network: string;
  readonly mac: string;
  /** `ip/prefixlen`. */
  readonly ips: readonly string[];
  readonly subnets: readonly SubnetOf[];
  readonly extra?: readonly SubnetOf[];
  readonly mtu?: number;
  readonly scope?: string | null;
}

type Dict = Record<string, unknown>;

export const subnetDict = (s: SubnetOf, n: number): Dict => ({
  id: uuid('sub', n),
  cidr: s.cidr,
  gateway_ip: s.gateway ?? null,
  dns_nameservers: s.dns ?? [],
  ipv6_ra_mode: s.ra ?? null,
  subnetpool_id: null,
});

export const portDict = (p: PortOf): Dict => ({
  id: p.id,
  network_id: p.network,
  mac_address: p.mac,
  admin_state_up: true,
  fixed_ips: p.ips.map(ip => ({ subnet_id: uuid('sub', 0), ip_address: ip.split('/')[0], prefixlen: Number(ip.split('/')[1]) })),
  subnets: p.subnets.map(subnetDict),
  extra_subnets: (p.extra ?? []).map(subnetDict),
  address_scopes: { '4': p.scope ?? null, '6': null },
  mtu: p.mtu ?? 1450,
});

export interface FloatingOf {
  readonly id: string;
  readonly floating: string;
  readonly fixed?: string | null;
  readonly status?: string;
  readonly forwardings?: readonly Dict[];
}

export const floatingDict = (f: FloatingOf): Dict => ({
  id: f.id,
  floating_ip_address: f.floating,
  fixed_ip_address: f.fixed ?? null,
  fixed_ip_address_scope: null,
  status: f.status ?? 'DOWN',
  port_forwardings: f.forwardings ?? [],
});

export interface RouterOf {
  readonly id: string;
  readonly gateway?: PortOf;
  readonly snat?: boolean;
  readonly interfaces?: readonly PortOf[];
  readonly floating?: readonly FloatingOf[];
  readonly forwarding?: readonly FloatingOf[];
  readonly routes?: readonly { readonly destination: string; readonly nexthop: string }[];
  readonly more?: Dict;
}

export const routerDict = (r: RouterOf): Dict => ({
  id: r.id,
  name: 'a router',
  admin_state_up: true,
  distributed: false,
  ha: false,
  routes: r.routes ?? [],
  ...(r.gateway ? { gw_port: portDict(r.gateway), gw_port_id: r.gateway.id, enable_snat: r.snat ?? true } : {}),
  ...(r.interfaces ? { _interfaces: r.interfaces.map(portDict) } : {}),
  ...(r.floating ? { _floatingips: r.floating.map(floatingDict) } : {}),
  ...(r.forwarding ? { _pf_floatingips: r.forwarding.map(floatingDict) } : {}),
  ...r.more,
});

/** A server that answers from a map of router dictionaries, and remembers what it was told. */
export class FakeServer implements AsyncDisposable {
  readonly routers = new Map<string, Dict>();
  readonly calls: { readonly method: string; readonly args: Readonly<Record<string, Json>> }[] = [];
  readonly statuses: { readonly router: string; readonly statuses: Readonly<Record<string, string>> }[] = [];
  readonly reports: Dict[] = [];
  /** Routers that the server fails on. */
  readonly broken = new Set<string>();
  /** While true nothing is answered but failures. */
  unwell = false;
  private readonly bus: Bus;
  private readonly host: string;
  private readonly stack = new AsyncDisposableStack();

  private constructor(bus: Bus, host: string) {
    this.bus = bus;
    this.host = host;
  }

  static async open(bus: Bus, host: string): Promise<FakeServer> {
    const server = new FakeServer(bus, host);
    server.stack.use(await bus.serve({ topic: 'q-l3-plugin', server: 'api', endpoints: [server.l3()] }));
    server.stack.use(await bus.serve({ topic: 'q-reports-plugin', server: 'api', endpoints: [server.reporting()] }));
    return server;
  }

  set(...routers: readonly RouterOf[]): void {
    this.routers.clear();
    for (const r of routers) this.routers.set(r.id, routerDict(r));
  }

  async updated(id: string): Promise<void> {
    await this.bus.cast({ topic: 'l3_agent', server: this.host, version: '1.1' }, 'routers_updated', { routers: [id] });
  }

  async deleted(id: string): Promise<void> {
    await this.bus.cast({ topic: 'l3_agent', fanout: true, version: '1.0' }, 'router_deleted', { router_id: id });
  }

  count(method: string): number {
    return this.calls.filter(c => c.method === method).length;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stack.disposeAsync();
  }

  private note(method: string, args: Readonly<Record<string, Json>>): void {
    this.calls.push({ method, args });
    if (this.unwell) throw new RpcFailure('DBConnectionError', 'the database is away', 'oslo_db.exception');
  }

  private l3() {
    return {
      version: '1.13',
      methods: {
        get_host_ha_router_count: (args: Readonly<Record<string, Json>>) => {
          this.note('get_host_ha_router_count', args);
          return 0;
        },
        get_router_ids: (args: Readonly<Record<string, Json>>) => {
          this.note('get_router_ids', args);
          return [...this.routers.keys()];
        },
        sync_routers: (args: Readonly<Record<string, Json>>) => {
          this.note('sync_routers', args);
          const ids = args['router_ids'] as readonly string[];
          if (ids.some(id => this.broken.has(id))) throw new RpcFailure('KeyError', 'subnet');
          return ids.flatMap(id => this.routers.get(id) ?? []);
        },
        update_floatingip_statuses: (args: Readonly<Record<string, Json>>) => {
          this.note('update_floatingip_statuses', args);
          const statuses = args['fip_statuses'] as Readonly<Record<string, string>>;
          this.statuses.push({ router: String(args['router_id']), statuses });
          return null;
        },
      },
    };
  }

  private reporting() {
    return {
      version: '1.2',
      methods: {
        report_state: (args: Readonly<Record<string, Json>>) => {
          this.reports.push((args['agent_state'] as { agent_state: Dict }).agent_state);
          return 'alive';
        },
      },
    };
  }
}
