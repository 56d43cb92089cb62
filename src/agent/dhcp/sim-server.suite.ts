// A server as the DHCP and metadata agents see one, with state: for tests, on any bus. What an agent changes is there at the next answer.
import type { Bus, BusServer, Json } from '../../contracts/bus.ts';
import { RpcFailure } from '../../contracts/bus.ts';

export type Dict = { [key: string]: Json };
type Subnet = Dict & { id: string; cidr: string; enable_dhcp: boolean };
export type SimPort = Dict & { id: string; network_id: string; fixed_ips: { subnet_id: string; ip_address: string }[] };
export type SimNetwork = Dict & { id: string; subnets: Subnet[]; ports: SimPort[] };

export interface Called {
  readonly method: string;
  readonly args: Dict;
}

export class SimServer {
  readonly networks = new Map<string, SimNetwork>();
  /** Networks of the agent. */
  readonly scheduled = new Set<string>();
  readonly calls: Called[] = [];
  /** Methods that fail, and how. */
  readonly failing = new Map<string, Error>();
  /** Methods whose answer is made at once, but kept back until this resolves. */
  readonly held = new Map<string, Promise<void>>();
  /** Answers of `report_state`. */
  reportAnswer: Json = 'alive';
  private readonly bus: Bus;
  private readonly host: string;
  private serving: AsyncDisposable[] = [];

  constructor(bus: Bus, host: string) {
    this.bus = bus;
    this.host = host;
  }

  async start(): Promise<void> {
    const on = (name: string, does: (args: Dict) => Json) => ({
      [name]: (args: Readonly<Record<string, Json>>) => this.answer(name, args as Dict, does),
    });
    const dhcp = {
      ...on('get_active_networks_info', () => [...this.scheduled].flatMap(id => this.networks.get(id) ?? [])),
      ...on('get_network_info', args => this.info(String(args['network_id']))),
      ...on('create_dhcp_port', args => this.createPort(inner(args))),
      ...on('update_dhcp_port', args => this.updatePort(String(args['port_id']), inner(args))),
      ...on('get_dhcp_port', args => this.findPort(String(args['port_id'])) ?? null),
      ...on('release_dhcp_port', args => this.releasePort(String(args['network_id']), String(args['device_id']))),
      ...on('dhcp_ready_on_ports', () => null),
    };
    const metadata = on('get_ports', args => this.filterPorts(args['filters'] as Dict));
    const report = on('report_state', () => this.reportAnswer);
    const servers: BusServer[] = [
      {
        topic: 'q-plugin',
        server: 'server',
        endpoints: [
          { version: '1.10', methods: dhcp },
          { version: '1.0', methods: metadata },
        ],
      },
      { topic: 'q-reports-plugin', server: 'server', endpoints: [{ version: '1.2', methods: report }] },
    ];
    for (const server of servers) this.serving.push(await this.bus.serve(server));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const s of this.serving.splice(0)) await s[Symbol.asyncDispose]();
  }

  called(method: string): readonly Called[] {
    return this.calls.filter(c => c.method === method);
  }

  /** Ports that the agent has reported as ready, in order. */
  ready(): readonly string[] {
    return this.called('dhcp_ready_on_ports').flatMap(c => c.args['port_ids'] as string[]);
  }

  add(network: SimNetwork): void {
    this.networks.set(network.id, structuredClone(network));
    this.scheduled.add(network.id);
  }

  notify(method: string, payload: Dict): Promise<void> {
    return this.bus.cast({ topic: 'dhcp_agent', server: this.host, version: '1.0' }, method, { payload });
  }

  private async answer(method: string, args: Dict, does: (args: Dict) => Json): Promise<Json> {
    this.calls.push({ method, args });
    const failure = this.failing.get(method);
    if (failure) throw failure;
    const answer = structuredClone(does(args));
    await this.held.get(method);
    return answer;
  }

  private info(id: string): Json {
    const network = this.networks.get(id);
    return network ? { ...network, subnets: network.subnets.filter(s => s.enable_dhcp) } : null;
  }

  private createPort(body: Dict): Json {
    const network = this.networks.get(String(body['network_id']));
    if (!network) throw new RpcFailure('NetworkNotFound', 'no such network');
    const wanted = body['fixed_ips'] as { subnet_id: string }[];
    // The same for the same network: a test can compare what two servers led to.
    const tail = network.id.slice(8);
    const port: SimPort = {
      ...body,
      id: `d4c9${network.id.slice(0, 4)}${tail}`,
      network_id: network.id,
      mac_address: `fa:16:3e:dc:${network.id.slice(0, 2)}:${network.id.slice(2, 4)}`,
      device_owner: 'network:dhcp',
      status: 'DOWN',
      revision_number: 1,
      fixed_ips: wanted.map(f => this.allocate(network, f.subnet_id)),
    };
    network.ports.push(port);
    return port;
  }

  private updatePort(id: string, body: Dict): Json {
    const port = this.findPort(id);
    const network = port && this.networks.get(port.network_id);
    if (!port || !network) throw new RpcFailure('NetworkNotFound', 'no such port');
    const wanted = body['fixed_ips'] as { subnet_id: string; ip_address?: string }[] | undefined;
    if (body['device_id']) port['device_id'] = body['device_id'];
    if (wanted) {
      port.fixed_ips = wanted.map(f =>
        f.ip_address === undefined ? this.allocate(network, f.subnet_id) : { ...f, ip_address: f.ip_address },
      );
    }
    port['revision_number'] = Number(port['revision_number']) + 1;
    return port;
  }

  private releasePort(networkId: string, deviceId: string): Json {
    const network = this.networks.get(networkId);
    if (network) network.ports = network.ports.filter(p => p['device_id'] !== deviceId);
    return null;
  }

  private findPort(id: string): SimPort | undefined {
    return [...this.networks.values()].flatMap(n => n.ports).find(p => p.id === id);
  }

  /** The second address of the subnet, or the next that is free. */
  private allocate(network: SimNetwork, subnetId: string): { subnet_id: string; ip_address: string } {
    const cidr = network.subnets.find(s => s.id === subnetId)?.cidr ?? '';
    const used = new Set(network.ports.flatMap(p => p.fixed_ips.map(f => f.ip_address)));
    const base = cidr.replace(cidr.includes(':') ? /\/\d+$/ : /\.0\/\d+$/, cidr.includes(':') ? '' : '.');
    for (let i = 2; ; i++) {
      const ip_address = base + (cidr.includes(':') ? i.toString(16) : String(i));
      if (!used.has(ip_address)) return { subnet_id: subnetId, ip_address };
    }
  }

  private filterPorts(filters: Dict): Json {
    const all = [...this.networks.values()].flatMap(n => n.ports);
    return all.filter(port =>
      Object.entries(filters).every(([key, wanted]) => {
        if (key !== 'fixed_ips') return (wanted as Json[]).includes(port[key] ?? null);
        const addresses = (wanted as { ip_address: string[] }).ip_address;
        return port.fixed_ips.some(f => addresses.includes(f.ip_address));
      }),
    );
  }
}

const inner = (args: Dict): Dict => (args['port'] as { port: Dict }).port;
